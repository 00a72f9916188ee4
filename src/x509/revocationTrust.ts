/**
 * Which revocation lists count, and for which certificates (RFC 5280 §5.2.5, §6.3.3). This code alone judges revocation:
 * OpenSSL, as Node sets it up, refuses every chain as soon as a list has an issuing distribution point.
 */
import { constants, type KeyObject, verify, type X509Certificate } from 'node:crypto';
import { RSA_PSS, signatureAlgorithmOf } from './algorithms';
import { decodeCertificate, fullNamesOf, type RevocationSubject } from './certificate';
import { bitsOf, type DerValue, decodeDer, explicitTag, implicitTag, isTrue, itemsOf, oidOf } from './der';
import { criticalExtensionsOf, decodeExtensions, type Extensions, extensionOid } from './extensions';
import { decodeGeneralName, formatName } from './names';
import { isRevoked, type RevocationListParts } from './revocationList';

/** A CA whose clock is ahead of ours by so much may have written the list a moment ago. */
const MAX_CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Each is a reason of policy/reasons.ts. */
export interface RevocationRefusal {
  readonly reason: 'certificate-revoked' | 'crl-missing' | 'crl-expired' | 'crl-scope' | 'crl-invalid';
  readonly detail?: string;
}

/** A list, and its file where it has one. */
export type NamedList = RevocationListParts & { readonly file?: string };

/**
 * Why a list cannot be used with these CAs; undefined where it can. What lasts for a time is for the caller. Throws
 * RangeError where the list is malformed.
 */
export function listProblem(
  list: RevocationListParts,
  authorities: readonly X509Certificate[],
): string | undefined {
  const issuer = formatName(list.issuer);
  const named = authorities.filter(({ raw }) =>
    decodeCertificate(raw).subject.encoded.equals(list.issuer.encoded),
  );
  if (named.length === 0) {
    return `is of the CA ${issuer}, which trustedCertificates does not name; name that CA there (an intermediate one too), or leave the list out`;
  }
  if (!named.some(({ publicKey }) => isSignedBy(list, publicKey))) {
    return `is not signed by the key of the CA ${issuer}; get the list of that very CA, or trust the certificate of the key that signed it`;
  }
  const extensions = extensionsOf(list);
  if (extensions.has(extensionOid.deltaCrlIndicator)) {
    return 'is a delta list, which holds changes only; get the complete list of the CA';
  }
  const unknown = criticalExtensionsOf(extensionSequence(list)).find((oid) => !KNOWN_EXTENSIONS.has(oid));
  if (unknown !== undefined) {
    return `has the critical extension ${unknown}, which is not supported; get a list of the CA without it`;
  }
  return scopeProblem(list);
}

const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([
  extensionOid.crlNumber,
  extensionOid.authorityKeyIdentifier,
  extensionOid.issuingDistributionPoint,
]);

/** Whether the list has begun; it may come from a clock that is a little ahead. */
export function hasBegun({ thisUpdate }: RevocationListParts, now: Date): boolean {
  return thisUpdate.getTime() <= now.getTime() + MAX_CLOCK_SKEW_MS;
}

/** Why the certificate may not be used; undefined where it may. A trust anchor is judged without regard to scopes. */
export function revocationRefusal(
  subject: RevocationSubject,
  lists: readonly NamedList[],
  now: Date,
  isAnchor: boolean,
): RevocationRefusal | undefined {
  const ofIssuer = lists.filter(({ issuer }) => issuer.encoded.equals(subject.issuer));
  if (ofIssuer.length === 0) return { reason: 'crl-missing' };
  const covering = isAnchor ? ofIssuer : ofIssuer.filter((list) => covers(scopeOf(list), subject));
  if (covering.length === 0) return { reason: 'crl-scope', detail: ofIssuer.map(describeScope).join(', ') };
  const begun = covering.filter((list) => hasBegun(list, now));
  if (begun.length === 0) return { reason: 'crl-invalid', detail: 'the list is not valid yet' };
  const current = begun.filter(({ nextUpdate }) => nextUpdate === undefined || nextUpdate > now);
  if (current.length === 0) return { reason: 'crl-expired', detail: begun.map(describeEnd).join(', ') };
  return current.some((list) => isRevoked(list, subject.serialNumber))
    ? { reason: 'certificate-revoked' }
    : undefined;
}

function describeEnd({ file = 'the list', nextUpdate }: NamedList): string {
  return `${file} ended at ${nextUpdate?.toISOString()}`;
}

/** The certificates that a list is for; all of its issuer where nothing is set. */
export interface RevocationScope {
  readonly only?: 'user' | 'ca';
  /** Certificates that name one of these distribution points. */
  readonly names?: readonly Buffer[];
}

const scopeByList = new WeakMap<RevocationListParts, RevocationScope>();

/** Of a list without a problem. Read once for each list. */
export function scopeOf(list: RevocationListParts): RevocationScope {
  const known = scopeByList.get(list);
  if (known !== undefined) return known;
  const fields = scopeFieldsOf(list);
  const names = fields.get(POINT);
  const scope: RevocationScope = {
    ...(isSet(fields, ONLY_USER) ? { only: 'user' } : isSet(fields, ONLY_CA) ? { only: 'ca' } : {}),
    ...(names === undefined ? {} : { names: fullNamesOf(names) }),
  };
  scopeByList.set(list, scope);
  return scope;
}

function covers({ only, names }: RevocationScope, { isCa, distributionPoints }: RevocationSubject): boolean {
  if (only !== undefined && isCa !== (only === 'ca')) return false;
  return names === undefined || names.some((name) => distributionPoints.some((point) => point.equals(name)));
}

/** The scope in words, for an operator. */
export function describeScope(list: NamedList): string {
  const { only, names } = scopeOf(list);
  const whose =
    only === undefined ? 'certificates' : only === 'ca' ? 'CA certificates' : 'certificates of devices';
  const places = (names ?? []).map((name) => decodeGeneralName(decodeDer(name)).text);
  const where = names === undefined ? '' : ` with the distribution point ${places.join(' or ')}`;
  return `${list.file ?? 'the list'} is only for ${whose}${where}`;
}

const POINT = explicitTag(0);
const ONLY_USER = implicitTag(1);
const ONLY_CA = implicitTag(2);
const ONLY_SOME_REASONS = implicitTag(3);
const INDIRECT = implicitTag(4);
const ONLY_ATTRIBUTE = implicitTag(5);
const SCOPE_FIELDS: readonly number[] = [
  POINT,
  ONLY_USER,
  ONLY_CA,
  ONLY_SOME_REASONS,
  INDIRECT,
  ONLY_ATTRIBUTE,
];

/** What its issuing distribution point holds that would leave certificates unjudged. */
function scopeProblem(list: RevocationListParts): string | undefined {
  const fields = scopeFieldsOf(list);
  const instead = 'get the complete list of the CA';
  if (fields.has(ONLY_SOME_REASONS)) {
    return `is only for some reasons of revocation (issuing distribution point); ${instead}`;
  }
  if (isSet(fields, INDIRECT)) {
    return `is an indirect list, for certificates of several CAs (issuing distribution point); ${instead}`;
  }
  if (isSet(fields, ONLY_ATTRIBUTE)) {
    return `is only for attribute certificates (issuing distribution point); ${instead}`;
  }
  const point = fields.get(POINT);
  const isReadable = [...fields.keys()].every((tag) => SCOPE_FIELDS.includes(tag));
  if (!isReadable || (point !== undefined && fullNamesOf(point).length === 0)) {
    return `has an issuing distribution point that is not supported; ${instead}`;
  }
  return isSet(fields, ONLY_USER) && isSet(fields, ONLY_CA)
    ? `is for no certificate at all (issuing distribution point); ${instead}`
    : undefined;
}

function isSet(fields: ReadonlyMap<number, DerValue>, tag: number): boolean {
  const value = fields.get(tag);
  return value !== undefined && isTrue(value);
}

function scopeFieldsOf(list: RevocationListParts): ReadonlyMap<number, DerValue> {
  const value = extensionsOf(list).get(extensionOid.issuingDistributionPoint);
  const fields = value === undefined ? [] : itemsOf(decodeDer(value));
  return new Map(fields.map((field) => [field.tag, field]));
}

function extensionSequence({ extensions }: RevocationListParts): DerValue | undefined {
  return extensions && itemsOf(extensions)[0];
}

function extensionsOf(list: RevocationListParts): Extensions {
  return decodeExtensions(extensionSequence(list));
}

/** Any error is a signature that is not good. */
function isSignedBy(list: RevocationListParts, publicKey: KeyObject): boolean {
  try {
    return verifiesWith(list, publicKey);
  } catch {
    return false;
  }
}

function verifiesWith(list: RevocationListParts, publicKey: KeyObject): boolean {
  const { toBeSigned, algorithm, signature, signatureAlgorithm } = list;
  const [oid, parameters] = itemsOf(algorithm);
  // RFC 5280 §5.1.1.2: the signed part names the same algorithm.
  if (oidOf(oid) !== signatureAlgorithm) return false;
  const { bytes } = bitsOf(signature);
  const type = publicKey.asymmetricKeyType;
  if (signatureAlgorithm === RSA_PSS) {
    if (type !== 'rsa' && type !== 'rsa-pss') return false;
    const { digest, saltLength } = pssParametersOf(parameters);
    const key = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    return verify(digest, toBeSigned, key, bytes);
  }
  if (type === 'ed25519' || type === 'ed448') {
    const { name } = signatureAlgorithmOf(signatureAlgorithm);
    return name.toLowerCase() === type && verify(null, toBeSigned, publicKey, bytes);
  }
  const { digest, keyType } = signatureAlgorithmOf(signatureAlgorithm);
  return digest !== undefined && keyType === type && verify(digest, toBeSigned, publicKey, bytes);
}

const PSS_DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** RSASSA-PSS-params (RFC 4055 §3.1): without any, SHA-1 and 20 bytes of salt. */
function pssParametersOf(parameters: DerValue | undefined) {
  const fields = new Map(
    (parameters === undefined ? [] : itemsOf(parameters)).map((field) => [field.tag, field]),
  );
  const hash = fields.get(explicitTag(0));
  const salt = fields.get(explicitTag(2));
  const digest = hash === undefined ? 'sha1' : PSS_DIGESTS[oidOf(itemsOf(itemsOf(hash)[0])[0])];
  if (digest === undefined) throw new RangeError('the digest of RSA-PSS is not known');
  return { digest, saltLength: salt === undefined ? 20 : (itemsOf(salt)[0]?.content.at(-1) ?? 20) };
}
