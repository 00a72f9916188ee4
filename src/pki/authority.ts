/**
 * A small CA in memory: making it, opening it, renewing it, its CRL, and how long what it issues is valid. Keeps nothing
 * and touches no disk; folder.ts does. x509/issuing.ts makes the bytes, leafCertificates.ts decides what is issued.
 */
import { createPrivateKey, generateKeyPair, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { ExitCode, OperatorError } from '../errors';
import { DAY_MS } from '../text/moments';
import { KeyUsage } from '../x509/extensions';
import {
  type CertificateIdentity,
  identityOf,
  issueCertificate,
  issueRevocationList,
  type RevokedCertificate,
  subjectIdentity,
} from '../x509/issuing';

/** Modalities without NTP, or with the wrong time zone, are hours behind; they would refuse what is "not yet valid". */
const BACKDATED_MS = DAY_MS;
/** A CA outlives the modalities that trust it: replacing it means touching every one of them. */
const AUTHORITY_DAYS = 3650;
/** Apple's platforms refuse anything longer, even from a CA that the user added; others follow. */
export const DEFAULT_LEAF_DAYS = 825;

/** The past moment from which something issued now is valid, on whole seconds as certificates count. */
export function backdated(): Date {
  return new Date(Math.floor((Date.now() - BACKDATED_MS) / 1000) * 1000);
}

/** RFC 5280 §4.1.2.5: the last second is part of the period, so it lasts one second less. */
export function daysAfter(notBefore: Date, days: number): Date {
  return new Date(notBefore.getTime() + days * DAY_MS - 1000);
}

const generateKeys = promisify(generateKeyPair);

export interface CertificateAuthority {
  readonly certificate: X509Certificate;
  readonly certificatePem: string;
  readonly privateKey: KeyObject;
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
  return selfSigned(subjectIdentity(commonName, publicKey), publicKey, privateKey);
}

/**
 * The same CA (same key, name and key identifier) with a new certificate: everything that it issued stays valid, with
 * peers that have the new certificate and, until that ends, with those that have the old one.
 */
export function renewCertificateAuthority(
  { certificate, privateKey }: CertificateAuthority,
  options: { readonly notAfter?: Date | undefined } = {},
): CertificateAuthority {
  return selfSigned(identityOf(certificate), certificate.publicKey, privateKey, options.notAfter);
}

function selfSigned(
  subject: CertificateIdentity,
  publicKey: KeyObject,
  privateKey: KeyObject,
  notAfter?: Date,
): CertificateAuthority {
  const notBefore = backdated();
  const certificatePem = issueCertificate(
    {
      subject,
      publicKey,
      notBefore,
      notAfter: notAfter ?? daysAfter(notBefore, AUTHORITY_DAYS),
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
 * Opens a CA that was stored as PEM. Throws OperatorError when the passphrase is missing or wrong, when key and
 * certificate do not belong together, or when it is not a CA that we can issue with.
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

/**
 * Issues the CRL. It stays valid as long as the CA: the file is renewed by hand, with each revocation, and a list past
 * its nextUpdate makes TLS refuse every client.
 */
export function issueAuthorityRevocationList(
  authority: CertificateAuthority,
  revoked: readonly RevokedCertificate[],
): string {
  const fields = {
    issuer: identityOf(authority.certificate),
    // Milliseconds: greater than that of every earlier list, without a counter that could be lost.
    number: Date.now(),
    thisUpdate: backdated(),
    nextUpdate: new Date(authority.certificate.validTo),
    revoked,
  };
  return issueRevocationList(fields, authority.privateKey);
}
