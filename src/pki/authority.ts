/**
 * A small CA in memory: which keys, lifetimes, usages and names the certificates of a DICOM network get.
 * Keeps nothing and touches no disk; folder.ts does. The bytes are certificate.ts and revocationList.ts.
 */
import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { ExitCode, OperatorError } from '../errors';
import { type ExtendedKeyUsage, identityOf, issueCertificate, KeyUsage } from './certificate';
import { issueRevocationList, type RevokedCertificate } from './revocationList';
import { isDnsName, parseClientName, parseSubjectNames } from './subjectNames';

const generateKeys = promisify(generateKeyPair);

const dayMs = 86_400_000;
/** Modalities without NTP, or with the wrong time zone, are hours behind; they would refuse what is "not yet valid". */
const backdatedMs = dayMs;
/** A CA outlives the modalities that trust it: replacing it means touching every one of them. */
const authorityDays = 3650;
/** Apple's platforms refuse anything longer, even from a CA that the user added; others follow. */
const defaultLeafDays = 825;

/** RSA because every modality understands it; ECDSA P-256 because it costs the gateway far less per handshake. */
export type KeyType = 'rsa' | 'ecdsa';

export interface CertificateAuthority {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
}

export interface IssuedCertificate {
  readonly certificate: X509Certificate;
  /** DNS names and IP addresses that it covers. */
  readonly names: readonly string[];
  readonly certificatePem: string;
  /** PKCS#8, not encrypted: modalities and listeners read it unattended. */
  readonly privateKeyPem: string;
}

interface Validity {
  /** Default: a day ago. */
  readonly notBefore?: Date | undefined;
  /** Never beyond the CA's own. Default: 825 days after `notBefore`. */
  readonly notAfter?: Date | undefined;
}

export interface ServerCertificateOptions extends Validity {
  /** DNS names and IP addresses that modalities dial; at least one. */
  readonly names: readonly string[];
  readonly keyType?: KeyType;
}

export interface ClientCertificateOptions extends Validity {
  /** Name of the modality: the common name and, when it can be one, a DNS name. */
  readonly name: string;
  /** Further DNS names and IP addresses, for a modality that is dialled over TLS itself. */
  readonly names?: readonly string[] | undefined;
  readonly keyType?: KeyType;
}

/**
 * Makes a CA with an RSA key of 3072 bits (128-bit strength, for ten years). The default common name ends in
 * random digits, so that people and peers can tell two CAs apart.
 */
export async function createCertificateAuthority(
  options: { readonly commonName?: string | undefined } = {},
): Promise<CertificateAuthority> {
  const commonName = options.commonName ?? `Aegis CA ${randomBytes(3).toString('hex')}`;
  // 64: ub-common-name of RFC 5280, appendix A.1.
  if (!/^[^\p{Cc}]{1,64}$/u.test(commonName) || commonName.trim() !== commonName) {
    throw new OperatorError(
      `"${commonName}" cannot name a CA; accepted are 1 to 64 printable characters without surrounding spaces`,
    );
  }
  const { publicKey, privateKey } = await generateKeys('rsa', { modulusLength: 3072 });
  const notBefore = backdated();
  const certificatePem = issueCertificate(
    {
      commonName,
      publicKey,
      notBefore,
      notAfter: daysAfter(notBefore, authorityDays),
      isAuthority: true,
      keyUsage: KeyUsage.keyCertSign | KeyUsage.cRLSign,
      extendedKeyUsage: [],
      subjectNames: [],
    },
    privateKey,
  );
  return { certificate: new X509Certificate(certificatePem), certificatePem, privateKey };
}

/**
 * Takes up a CA that was stored as PEM. Throws OperatorError when the passphrase is missing or wrong, when key and
 * certificate do not belong together, or when this is no CA that we can issue with.
 */
export function openCertificateAuthority(
  certificatePem: string,
  privateKeyPem: string,
  passphrase?: string,
): CertificateAuthority {
  const isEncrypted = isEncryptedKey(privateKeyPem);
  if (isEncrypted && passphrase === undefined) {
    throw new OperatorError(
      'the CA key is encrypted; give its passphrase with --passphrase-file or AEGIS_CA_PASSPHRASE',
    );
  }
  const refuse = (problem: string) => new OperatorError(problem, ExitCode.Failed);
  let certificate: X509Certificate;
  let privateKey: KeyObject;
  try {
    certificate = new X509Certificate(certificatePem);
  } catch (cause) {
    throw refuse(`the CA certificate is unreadable: ${(cause as Error).message}`);
  }
  try {
    privateKey = createPrivateKey({
      key: privateKeyPem,
      ...(passphrase === undefined ? {} : { passphrase }),
    });
  } catch (cause) {
    throw refuse(
      isEncrypted
        ? 'the passphrase does not open the CA key'
        : `the CA key is unreadable: ${(cause as Error).message}`,
    );
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw refuse('the CA key does not belong to the CA certificate');
  }
  if (!certificate.ca || privateKey.asymmetricKeyType !== 'rsa') {
    throw refuse('the CA certificate is not that of a CA with an RSA key; make one with aegis pki init');
  }
  return { certificate, certificatePem, privateKey };
}

/** Whether a passphrase is needed to read this key. */
export function isEncryptedKey(privateKeyPem: string): boolean {
  return privateKeyPem.includes('ENCRYPTED');
}

/** Issues the certificate of a TLS listener. */
export async function issueServerCertificate(
  authority: CertificateAuthority,
  options: ServerCertificateOptions,
): Promise<IssuedCertificate> {
  const subjectNames = parseSubjectNames(options.names);
  if (subjectNames.length === 0) {
    throw new OperatorError(
      'a server certificate needs at least one name: the DNS name or IP address that modalities dial',
    );
  }
  // Peers look at the subject alternative names; a common name has room for 64 characters only.
  const commonName = subjectNames.find((name) => name.length <= 64) ?? 'server';
  return issueLeaf(authority, { ...options, commonName, subjectNames, extendedKeyUsage: ['serverAuth'] });
}

/**
 * Issues the certificate of a modality. It may act as TLS server too, because a modality also answers associations
 * (C-STORE sub-operations of a C-MOVE, storage commitment) and DICOM nodes have one certificate for both. The
 * certificate of the gateway may not act as client.
 */
export async function issueClientCertificate(
  authority: CertificateAuthority,
  options: ClientCertificateOptions,
): Promise<IssuedCertificate> {
  const commonName = parseClientName(options.name);
  const ownName = isDnsName(commonName) ? [commonName] : [];
  return issueLeaf(authority, {
    ...options,
    commonName,
    subjectNames: parseSubjectNames([...ownName, ...(options.names ?? [])]),
    extendedKeyUsage: ['clientAuth', 'serverAuth'],
  });
}

/**
 * Issues the CRL. It stays valid as long as the CA: the file is renewed by hand, with each revocation, and a list past
 * its nextUpdate makes TLS refuse every client.
 */
export function issueAuthorityRevocationList(
  authority: CertificateAuthority,
  number: number,
  revoked: readonly RevokedCertificate[],
): string {
  const fields = {
    issuer: identityOf(authority.certificate),
    number,
    thisUpdate: backdated(),
    nextUpdate: new Date(authority.certificate.validTo),
    revoked,
  };
  return issueRevocationList(fields, authority.privateKey);
}

interface LeafOptions extends Validity {
  readonly commonName: string;
  readonly subjectNames: readonly string[];
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly keyType?: KeyType;
}

async function issueLeaf(authority: CertificateAuthority, options: LeafOptions): Promise<IssuedCertificate> {
  const authorityNotAfter = new Date(authority.certificate.validTo);
  if (authorityNotAfter.getTime() <= Date.now()) {
    throw new OperatorError(
      `the CA expired on ${authorityNotAfter.toISOString()}; make another one with aegis pki init and give it to every modality`,
      ExitCode.Failed,
    );
  }
  const notBefore = options.notBefore ?? backdated();
  const wanted = options.notAfter ?? daysAfter(notBefore, defaultLeafDays);
  const notAfter = wanted < authorityNotAfter ? wanted : authorityNotAfter;
  if (notAfter <= notBefore) {
    throw new OperatorError(
      `the certificate would end (${notAfter.toISOString()}) before it begins (${notBefore.toISOString()}); the CA is valid until ${authorityNotAfter.toISOString()}`,
    );
  }
  const isRsa = options.keyType !== 'ecdsa';
  const { publicKey, privateKey } = isRsa
    ? await generateKeys('rsa', { modulusLength: 2048 })
    : await generateKeys('ec', { namedCurve: 'P-256' });
  const certificatePem = issueCertificate(
    {
      ...options,
      issuer: identityOf(authority.certificate),
      publicKey,
      notBefore,
      notAfter,
      isAuthority: false,
      // keyEncipherment: the RSA key exchange of PS3.15 B.3, the only one that some modalities have.
      keyUsage: KeyUsage.digitalSignature | (isRsa ? KeyUsage.keyEncipherment : 0),
    },
    authority.privateKey,
  );
  return {
    certificate: new X509Certificate(certificatePem),
    names: options.subjectNames,
    certificatePem,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** The past moment from which something issued now is valid, on whole seconds as certificates count. */
function backdated(): Date {
  return new Date(Math.floor((Date.now() - backdatedMs) / 1000) * 1000);
}

/** RFC 5280 §4.1.2.5: the last second is part of the period, so it lasts one second less. */
export function daysAfter(notBefore: Date, days: number): Date {
  return new Date(notBefore.getTime() + days * dayMs - 1000);
}
