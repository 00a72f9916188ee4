/**
 * What `aegis pki` says after it issued or revoked: names covered, paths, fingerprints, expiry, and the next step.
 * Knows nothing of how certificates are made.
 */
import { authorityFiles, type CreatedFolder } from '../../pki/folder';
import type { WrittenClientCertificate } from '../../pki/folderCertificates';
import type { WrittenCertificates } from '../../pki/folderRecord';
import type { Revocation } from '../../pki/folderRevocation';
import {
  day,
  describe,
  folderOption,
  fromConfiguration,
  replaced,
  row,
  stillAccepted,
  text,
} from './reportText';

export function reportInit(directory: string, created: CreatedFolder): string {
  return text([
    ...describe(`CA "${created.authority.commonName}"`, created.authority),
    row('CRL', `${created.revocationListFile}, empty`),
    ...replaced(created.replacedFiles),
    '',
    created.isKeyEncrypted
      ? `${created.authority.privateKeyFile} is encrypted; without its passphrase nothing more can be issued`
      : `${created.authority.privateKeyFile} is not encrypted: whoever reads it can let anybody in; keep it where nobody else gets at it, or start anew with --encrypt --force`,
    '',
    'next:',
    `  aegis pki server${folderOption(directory)} --name <DNS name or IP address that modalities dial>`,
    `  aegis pki client${folderOption(directory)} <name of a modality>`,
  ]);
}

export function reportServer(directory: string, configuration: string, written: WrittenCertificates): string {
  const seen = (path: string) => fromConfiguration(configuration, path);
  const { certificate, revocationList } = authorityFiles(directory);
  const tls = {
    certificate: written.certificates.map((summary) => seen(summary.certificateFile)),
    privateKey: written.certificates.flatMap(({ privateKeyFile }) =>
      privateKeyFile === undefined ? [] : [seen(privateKeyFile)],
    ),
    trustedCertificates: seen(certificate),
    crl: seen(revocationList),
  };
  return text([
    ...written.certificates.flatMap((summary, index) => [
      ...(index === 0 ? [] : ['']),
      ...describe(`server certificate, ${keyNames[summary.keyType]}`, summary),
    ]),
    ...replaced(written.replacedFiles),
    ...stillAccepted(directory, written),
    '',
    `next: in a listener of ${configuration}`,
    ...`"tls": ${JSON.stringify(tls, null, 2)}`.split('\n').map((line) => `  ${line}`),
    `  and copy ${certificate} to each modality, as the CA that it trusts`,
  ]);
}

export function reportClient(
  directory: string,
  configuration: string,
  name: string,
  written: WrittenClientCertificate,
): string {
  const [summary] = written.certificates;
  const { pkcs12File, pkcs12PasswordFile } = written;
  return text([
    ...describe(`client certificate "${name}"`, summary!),
    row('PKCS#12', pkcs12File),
    ...(pkcs12PasswordFile === undefined ? [] : [row('password', `generated, in ${pkcs12PasswordFile}`)]),
    ...replaced(written.replacedFiles),
    ...stillAccepted(directory, written),
    '',
    'next:',
    `  copy ${pkcs12File} (or the .crt and .key files) to the modality, and ${authorityFiles(directory).certificate} as the CA that it trusts`,
    ...(pkcs12PasswordFile === undefined ? [] : [`  then delete ${pkcs12PasswordFile}`]),
    `  in the entry of the modality in ${configuration}`,
    `    "certificate": ${JSON.stringify(summary!.spkiFingerprint)}`,
  ]);
}

const keyNames = { rsa: 'RSA', ecdsa: 'ECDSA' } as const;

export function reportRevocation(name: string, { revoked, revocationListFile }: Revocation): string {
  return text([
    ...(revoked.length === 0
      ? [`nothing left to revoke for "${name}": all of it is revoked or expired`]
      : revoked.map((entry) => `revoked ${entry.serialNumber} (${entry.file}, issued ${day(entry.time)})`)),
    row('CRL', revocationListFile),
    '',
    'next: reload the gateway (SIGHUP), and copy the CRL to whatever else checks it',
  ]);
}
