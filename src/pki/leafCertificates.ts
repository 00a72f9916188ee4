/**
 * The certificates of a DICOM network: which keys, lifetimes, usages and names they get. Touches no disk:
 * folderCertificates.ts, folderRequests.ts and folderRenewal.ts write the files.
 */
import { generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { ExitCode, OperatorError } from '../errors';
import type { KeyType } from '../x509/algorithms';
import { type Validity, validityOf } from '../x509/certificate';
import { type ExtendedKeyUsage, KeyUsage } from '../x509/extensions';
import { identityOf, issueCertificate, subjectIdentity } from '../x509/issuing';
import { backdated, type CertificateAuthority, DEFAULT_LEAF_DAYS, daysAfter } from './authority';
import { isDnsName, parseClientName, parseSubjectNames } from './subjectNames';

const generateKeys = promisify(generateKeyPair);

/**
 * What a certificate is for. A modality may act as TLS server too, because it also answers associations (C-STORE
 * sub-operations of a C-MOVE, storage commitment) and DICOM nodes have one certificate for both. The certificate of
 * the gateway may not act as client.
 */
export type Purpose = 'server' | 'client';

const extendedKeyUsages: Readonly<Record<Purpose, readonly ExtendedKeyUsage[]>> = {
  server: ['serverAuth'],
  client: ['clientAuth', 'serverAuth'],
};

export interface CertifiedKey {
  readonly certificate: X509Certificate;
  /** DNS names and IP addresses that it covers. */
  readonly names: readonly string[];
  readonly certificatePem: string;
}

export interface IssuedCertificate extends CertifiedKey {
  /** PKCS#8, not encrypted: modalities and listeners read it unattended. */
  readonly privateKeyPem: string;
}

/** When the certificate begins and ends. */
interface ValidityOptions {
  /** Default: a day ago. */
  readonly notBefore?: Date | undefined;
  /** Never beyond the CA's own. Default: 825 days after `notBefore`. */
  readonly notAfter?: Date | undefined;
}

export interface ServerCertificateOptions extends ValidityOptions {
  /** DNS names and IP addresses that modalities dial; at least one. */
  readonly names: readonly string[];
  readonly keyType?: KeyType;
}

export interface ClientCertificateOptions extends ValidityOptions {
  /** Name of the modality: the common name and, when it can be one, a DNS name. */
  readonly name: string;
  /** Further DNS names and IP addresses, for a modality that is dialled over TLS itself. */
  readonly names?: readonly string[] | undefined;
  readonly keyType?: KeyType;
}

/** Issues the certificate of a TLS listener, with its key. */
export async function issueServerCertificate(
  authority: CertificateAuthority,
  options: ServerCertificateOptions,
): Promise<IssuedCertificate> {
  const names = parseSubjectNames(options.names);
  // Peers look at the subject alternative names; a common name has room for 64 characters only.
  const commonName = names.find((name) => name.length <= 64) ?? 'server';
  return withNewKey(options.keyType, (publicKey) =>
    certify(authority, { ...options, purpose: 'server', commonName, publicKey }),
  );
}

/** Issues the certificate of a modality, with its key. */
export async function issueClientCertificate(
  authority: CertificateAuthority,
  options: ClientCertificateOptions,
): Promise<IssuedCertificate> {
  const commonName = parseClientName(options.name);
  const names = clientNames(commonName, options.names);
  return withNewKey(options.keyType, (publicKey) =>
    certify(authority, { ...options, purpose: 'client', commonName, names, publicKey }),
  );
}

/** The names that a modality's certificate covers: its own first, when it can be a DNS name. */
export function clientNames(name: string, further: readonly string[] = []): string[] {
  return parseSubjectNames([...(isDnsName(name) ? [name] : []), ...further]);
}

/** Makes a key pair of this type and has it certified. */
export async function withNewKey(
  keyType: KeyType | undefined,
  certifyKey: (publicKey: KeyObject) => CertifiedKey,
): Promise<IssuedCertificate> {
  const { publicKey, privateKey } =
    keyType === 'ecdsa'
      ? await generateKeys('ec', { namedCurve: 'P-256' })
      : await generateKeys('rsa', { modulusLength: 2048 });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return { ...certifyKey(publicKey), privateKeyPem };
}

export interface CertifyOptions extends ValidityOptions {
  readonly purpose: Purpose;
  readonly commonName: string;
  /** DNS names and IP addresses; a server needs at least one. */
  readonly names: readonly string[];
  readonly publicKey: KeyObject;
}

/** Issues a certificate for a key that its owner has already. */
export function certify(authority: CertificateAuthority, options: CertifyOptions): CertifiedKey {
  const names = parseSubjectNames(options.names);
  if (names.length === 0 && options.purpose === 'server') {
    throw new OperatorError(
      'a server certificate needs at least one name: the DNS name or IP address that modalities dial',
    );
  }
  const certificatePem = issueCertificate(
    {
      ...validityWithin(authority, options),
      subject: subjectIdentity(options.commonName, options.publicKey),
      issuer: identityOf(authority.certificate),
      publicKey: options.publicKey,
      isAuthority: false,
      keyUsage: keyUsageFor(options.publicKey),
      extendedKeyUsage: extendedKeyUsages[options.purpose],
      subjectNames: names,
    },
    authority.privateKey,
  );
  return { certificate: new X509Certificate(certificatePem), names, certificatePem };
}

/** keyEncipherment: the RSA key exchange of PS3.15 B.3, the only one that some modalities have. */
export function keyUsageFor({ asymmetricKeyType }: KeyObject): number {
  return KeyUsage.digitalSignature | (asymmetricKeyType === 'rsa' ? KeyUsage.keyEncipherment : 0);
}

function validityWithin({ certificate }: CertificateAuthority, options: ValidityOptions): Validity {
  const { notAfter: authorityNotAfter } = validityOf(certificate);
  if (authorityNotAfter.getTime() <= Date.now()) {
    throw new OperatorError(
      `the CA expired on ${authorityNotAfter.toISOString()}; renew it with aegis pki renew ca, and give it to every modality`,
      ExitCode.Failed,
    );
  }
  const notBefore = options.notBefore ?? backdated();
  const wanted = options.notAfter ?? daysAfter(notBefore, DEFAULT_LEAF_DAYS);
  const notAfter = new Date(Math.min(wanted.getTime(), authorityNotAfter.getTime()));
  if (notAfter <= notBefore) {
    throw new OperatorError(
      `the certificate would end (${notAfter.toISOString()}) before it begins (${notBefore.toISOString()}); the CA is valid until ${authorityNotAfter.toISOString()}`,
    );
  }
  return { notBefore, notAfter };
}
