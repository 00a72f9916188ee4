/**
 * What of a peer's certificate counts as its identity, and how an entry names it. TLS decides before whether the
 * certificate is trusted, current and not revoked.
 */
import type { X509Certificate } from 'node:crypto';
import { describeKey } from '../x509/algorithms';
import { spkiSha256, withColons } from '../x509/fingerprints';
import { oneLine } from '../x509/names';

/** The facts of a peer's certificate. Fingerprints are upper-case hex with colons. */
export interface PeerCertificate {
  /** SHA-256 of the whole certificate (DER). */
  readonly fingerprint256: string;
  /** SHA-256 of its subjectPublicKeyInfo (DER): stays when a certificate is renewed with the same key. */
  readonly spkiSha256: string;
  /** DNS names of the subjectAltName extension, as they are. */
  readonly dnsNames: readonly string[];
  /** Absent where the subject has none, or more than one: readers disagree which of several counts. */
  readonly commonName?: string;
  /** Names in one line, most significant part as in the certificate, for logs. */
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  /** As node:crypto prints it, e.g. `Nov 23 18:33:00 2026 GMT`. */
  readonly validTo: string;
  /** No trusted CA stands behind it: only an entry that names it, or its key, takes it. Absent: one does. */
  readonly untrusted?: Untrusted;
}

/** What an operator needs to know of such a certificate before naming it. */
export interface Untrusted {
  /** Why it is not trusted, in words: `it signed itself`. */
  readonly why: string;
  /** `RSA 2048`. */
  readonly key: string;
  /** As `validTo`. */
  readonly validFrom: string;
}

/** Reads the facts out of a parsed certificate that a trusted CA stands behind. */
export function peerCertificate(certificate: X509Certificate): PeerCertificate {
  const [commonName, ...otherCommonNames] = commonNames(certificate.subject);
  return {
    fingerprint256: certificate.fingerprint256,
    spkiSha256: spkiSha256(certificate.publicKey),
    dnsNames: dnsNames(certificate.subjectAltName ?? ''),
    ...(commonName === undefined || otherCommonNames.length > 0 ? {} : { commonName }),
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serialNumber: certificate.serialNumber,
    validTo: certificate.validTo,
  };
}

/** The same of one that no trusted CA stands behind. */
export function untrustedCertificate(certificate: X509Certificate): PeerCertificate {
  const { subject, issuer, publicKey, validFrom } = certificate;
  const why = subject === issuer ? 'it signed itself' : 'no trusted CA signed it';
  return { ...peerCertificate(certificate), untrusted: { why, key: describeKey(publicKey), validFrom } };
}

/** For `aegis explain`; nothing where a trusted CA stands behind it. */
export function untrustedWords({ untrusted }: PeerCertificate): string {
  return untrusted === undefined
    ? ''
    : `; not trusted (${untrusted.why}): only an entry that names it takes it`;
}

/**
 * The common names of a subject as Node prints it: a line for each part, ` + ` within a part of several, both
 * escaped where they are in a name. Not from toLegacyObject(): called before node:tls is loaded, it leaves that
 * without createSecureContext for the rest of the process (Node 20.20; test "can be read before node:tls is loaded").
 */
function commonNames(subject: string | undefined): string[] {
  return (subject ?? '')
    .split(/\n| \+ /)
    .filter((part) => part.startsWith('CN='))
    .map((part) => unescapeName(part.slice('CN='.length)));
}

/** Undoes RFC 2253 §2.4: `\,` is a comma, `\0A` a line feed. */
function unescapeName(text: string): string {
  return text.replace(/\\([0-9A-F]{2}|.)/g, (_match, escaped: string) =>
    escaped.length === 2 ? String.fromCharCode(Number.parseInt(escaped, 16)) : escaped,
  );
}

/**
 * DNS names out of `DNS:a.example, IP Address:10.0.0.1`. Node quotes as a JSON string every name that could be
 * taken for a separator or another kind (CVE-2021-44532); no DNS name needs that, so quoted ones are skipped.
 */
function dnsNames(subjectAltName: string): string[] {
  const entries = subjectAltName.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? [];
  return entries
    .map((entry) => entry.trim())
    .filter((entry) => entry.startsWith('DNS:') && !entry.includes('"'))
    .map((entry) => entry.slice('DNS:'.length));
}

type MatcherKind = 'sha256' | 'spki-sha256' | 'dns' | 'cn';

/** The certificates that one entry names, by kind. One of them must match, so an empty list allows nobody. */
export interface CertificateMatchers {
  /** As in the configuration, for messages. */
  readonly texts: readonly string[];
  readonly valuesByKind: Readonly<Partial<Record<MatcherKind, readonly string[]>>>;
}

const PIN_KINDS = ['sha256', 'spki-sha256'] as const;

/** Those that name one certificate or one key, each written in one way. */
export function pinsOf(matchers: Pick<CertificateMatchers, 'valuesByKind'> | undefined): string[] {
  return PIN_KINDS.flatMap((kind) => (matchers?.valuesByKind[kind] ?? []).map((value) => `${kind}:${value}`));
}

/** Takes texts as the configuration schema accepts them: `sha256:…`, `spki-sha256:…`, `dns:…`, `cn:…`. */
export function compileCertificateMatchers(texts: readonly string[]): CertificateMatchers {
  const valuesByKind: Partial<Record<MatcherKind, string[]>> = {};
  for (const text of texts) {
    const colon = text.indexOf(':');
    const kind = text.slice(0, colon) as MatcherKind;
    const value = normaliseValue(kind, text.slice(colon + 1));
    const values = valuesByKind[kind];
    if (values === undefined) valuesByKind[kind] = [value];
    else values.push(value);
  }
  return { texts, valuesByKind };
}

/** A certificate of which nothing is known but what this text says of it: `cn:ct1`, `sha256:…`. */
export function certificateNamedBy(text: string): PeerCertificate {
  const { valuesByKind } = compileCertificateMatchers([text]);
  const [commonName] = valuesByKind.cn ?? [];
  return {
    fingerprint256: valuesByKind.sha256?.[0] ?? '',
    spkiSha256: valuesByKind['spki-sha256']?.[0] ?? '',
    dnsNames: valuesByKind.dns ?? [],
    ...(commonName === undefined ? {} : { commonName }),
    subject: text,
    issuer: '',
    serialNumber: '',
    validTo: '',
  };
}

function normaliseValue(kind: MatcherKind, value: string): string {
  if (kind === 'dns') return lowerCase(value);
  return kind === 'cn' ? value : withColons(value);
}

/** ASCII only, as DNS compares (RFC 4343); toLowerCase would fold a Kelvin sign to a plain k. */
function lowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether the certificate itself, or its key, is named: nobody else can show it. */
function isPinned(
  { valuesByKind }: Pick<CertificateMatchers, 'valuesByKind'>,
  { fingerprint256, spkiSha256 }: Pick<PeerCertificate, 'fingerprint256' | 'spkiSha256'>,
): boolean {
  return (
    valuesByKind.sha256?.includes(fingerprint256) === true ||
    valuesByKind['spki-sha256']?.includes(spkiSha256) === true
  );
}

/**
 * Whether the certificate is one of those that the entry names. A wildcard name in the certificate matches
 * nothing: it stands for every host of a domain, so it says which hospital a peer belongs to, not which
 * modality it is.
 */
export function matchesCertificate(matchers: CertificateMatchers, certificate: PeerCertificate): boolean {
  const { valuesByKind } = matchers;
  if (isPinned(matchers, certificate)) return true;
  // Anybody can write any name into a certificate of their own.
  if (certificate.untrusted !== undefined) return false;
  return (
    (certificate.commonName !== undefined && valuesByKind.cn?.includes(certificate.commonName) === true) ||
    certificate.dnsNames.some(
      (name) => !name.includes('*') && valuesByKind.dns?.includes(lowerCase(name)) === true,
    )
  );
}

/** A certificate has one value of each of these kinds, so different values mean different certificates. */
const SINGLE_VALUED_KINDS: readonly MatcherKind[] = ['sha256', 'spki-sha256', 'cn'];

/**
 * Whether one certificate could match both lists; an absent list takes every certificate. Lists of one and the
 * same single-valued kind without a common value cannot meet. Everything else may: a certificate can have many
 * DNS names, and a fingerprint says nothing about the names inside.
 */
export function certificatesMayOverlap(
  one: CertificateMatchers | undefined,
  other: CertificateMatchers | undefined,
): boolean {
  if (one?.texts.length === 0 || other?.texts.length === 0) return false;
  if (one === undefined || other === undefined) return true;
  const kinds = new Set([...kindsOf(one), ...kindsOf(other)]);
  const [kind, ...otherKinds] = kinds;
  if (kind === undefined || otherKinds.length > 0 || !SINGLE_VALUED_KINDS.includes(kind)) return true;
  const otherValues = other.valuesByKind[kind];
  return one.valuesByKind[kind]?.some((value) => otherValues?.includes(value) === true) === true;
}

function kindsOf({ valuesByKind }: CertificateMatchers): MatcherKind[] {
  return Object.keys(valuesByKind) as MatcherKind[];
}
