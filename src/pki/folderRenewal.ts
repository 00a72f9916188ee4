/**
 * Renews certificates in the folder of a CA: the same name, names and purpose with a new serial number and new dates,
 * for the same key or for another of its kind. What was there is kept, under its serial number.
 */
import { type FileToWrite, PUBLIC_MODE, SECRET_MODE } from '../files/write';
import { decodeCertificate } from '../x509/certificate';
import { commonNamesOf } from '../x509/distinguishedName';
import { certificateFingerprint } from '../x509/fingerprints';
import type { CertificateAuthority } from './authority';
import type { KeyFile } from './folderKey';
import { type Pkcs12Choice, pkcs12Files, removeStalePassword, type WrittenPkcs12 } from './folderPkcs12';
import { recordAndWrite, type WrittenCertificates } from './folderRecord';
import { formerPaths, makeFormerFolder } from './formerFiles';
import {
  type CertifiedKey,
  type CertifyOptions,
  certify,
  type IssuedCertificate,
  withNewKey,
} from './leafCertificates';
import type { Renewable, RenewalPlan } from './renewalPlan';

export interface RenewedCertificates
  extends Omit<WrittenCertificates, 'replacedFiles'>,
    Partial<WrittenPkcs12> {
  /** Copies of what the new files replaced. */
  readonly keptFiles: readonly string[];
  /** `sha256:…` of the certificates that were renewed. */
  readonly formerFingerprints: readonly string[];
  readonly isKeyNew: boolean;
}

export interface RenewalOptions {
  readonly notAfter?: Date | undefined;
  /** Needed where the plan says so. */
  readonly pkcs12?: Pkcs12Choice | undefined;
}

/** Issues as planned and writes everything at once. */
export async function renewAsPlanned(
  directory: string,
  authority: CertificateAuthority,
  plan: RenewalPlan,
  options: RenewalOptions,
): Promise<RenewedCertificates> {
  const { name, kind, isKeyNew } = plan;
  const kept = plan.certificates.flatMap((renewable) => copiesOf(directory, renewable, isKeyNew));
  const issued = await Promise.all(
    plan.certificates.map(async (renewable) => ({
      fileName: renewable.fileName,
      hasKeyFile: renewable.keyFile !== 'missing',
      certificate: await issueAnew(authority, renewable, isKeyNew, options.notAfter),
    })),
  );
  const { certificate } = issued[0]!;
  const privateKeyPem = privateKeyPemOf(certificate, plan.certificates[0]!.keyFile);
  const pkcs12 =
    options.pkcs12 === undefined || privateKeyPem === undefined
      ? undefined
      : pkcs12Files(directory, name, options.pkcs12, {
          privateKeyPem,
          certificatePem: certificate.certificatePem,
          authorityCertificatePem: authority.certificatePem,
        });
  const files = [...kept, ...(pkcs12?.files ?? [])];
  await makeFormerFolder(directory);
  const written = await recordAndWrite(directory, { name, kind }, issued, files);
  if (options.pkcs12 !== undefined) await removeStalePassword(directory, name, options.pkcs12);
  return {
    ...written,
    ...pkcs12?.written,
    keptFiles: kept.map(({ path }) => path),
    formerFingerprints: plan.certificates.map(({ certificate: former }) => certificateFingerprint(former)),
    isKeyNew,
  };
}

/** The new key, else the one that is there; undefined where the device keeps it. */
function privateKeyPemOf(
  certificate: CertifiedKey | IssuedCertificate,
  keyFile: KeyFile,
): string | undefined {
  if ('privateKeyPem' in certificate) return certificate.privateKeyPem;
  return typeof keyFile === 'object' ? keyFile.pem : undefined;
}

function copiesOf(directory: string, renewable: Renewable, isKeyNew: boolean): FileToWrite[] {
  const { fileName, certificate, certificatePem, keyFile } = renewable;
  const [certificateCopy, keyCopy] = formerPaths(directory, fileName, certificate.serialNumber);
  const copies: FileToWrite[] = [{ path: certificateCopy, content: certificatePem, mode: PUBLIC_MODE }];
  // A device goes on with the old key until it gets the new one.
  if (isKeyNew && typeof keyFile === 'object') {
    copies.push({ path: keyCopy, content: keyFile.pem, mode: SECRET_MODE });
  }
  return copies;
}

function issueAnew(
  authority: CertificateAuthority,
  { certificate, entry }: Renewable,
  isKeyNew: boolean,
  notAfter: Date | undefined,
) {
  const [commonName = entry.name] = commonNamesOf(decodeCertificate(certificate).subject);
  const options: Omit<CertifyOptions, 'publicKey'> = {
    purpose: entry.kind,
    commonName,
    names: entry.names,
    notAfter,
  };
  const { publicKey } = certificate;
  if (!isKeyNew) return certify(authority, { ...options, publicKey });
  const keyType = publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ecdsa';
  return withNewKey(keyType, (newKey) => certify(authority, { ...options, publicKey: newKey }));
}
