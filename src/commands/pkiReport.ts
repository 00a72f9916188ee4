/**
 * What `aegis pki` says after its work: names covered, paths, fingerprints, expiry, and the next step.
 * Plain text that fits a log; knows nothing of how certificates are made.
 */
import { dirname, relative } from 'node:path';
import type { CertificateSummary, CreatedFolder } from '../pki/folder';
import { authorityFiles } from '../pki/folder';
import type { WrittenCertificates, WrittenClientCertificate } from '../pki/folderCertificates';
import type { ListedCertificate, Revocation } from '../pki/folderRevocation';
import { textTable } from './textTable';

export function reportInit(directory: string, created: CreatedFolder): string {
  return text([
    ...describe(`CA "${created.authority.commonName}"`, created.authority),
    row('CRL', `${created.revocationListFile}, empty`),
    ...replaced(created.replacedFiles),
    '',
    created.isKeyEncrypted
      ? `${created.authority.privateKeyFile} is encrypted; without its passphrase nothing more can be issued`
      : `${created.authority.privateKeyFile} is not encrypted: whoever reads it can let anybody in; keep it where nobody else gets at it, or start anew with --passphrase-file`,
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
    privateKey: written.certificates.map((summary) => seen(summary.privateKeyFile)),
    trustedCertificates: seen(certificate),
    crl: seen(revocationList),
  };
  return text([
    ...written.certificates.flatMap((summary, index) => [
      ...(index === 0 ? [] : ['']),
      ...describe(`server certificate, ${keyName(summary)}`, summary),
    ]),
    ...replaced(written.replacedFiles),
    ...stillAccepted(directory, written),
    '',
    `next: in a listener of ${configuration}`,
    `  "tls": ${JSON.stringify(tls, null, 2).replaceAll('\n', '\n  ')}`,
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

export function reportList(certificates: readonly ListedCertificate[]): string {
  if (certificates.length === 0) return 'nothing was issued yet\n';
  const rows = certificates.map((entry) => [
    entry.file,
    entry.revokedAt === undefined ? entry.state : `revoked ${day(entry.revokedAt)}`,
    day(entry.notAfter),
    entry.serialNumber,
    entry.names.join(', '),
  ]);
  return text(textTable([['CERTIFICATE', 'STATE', 'EXPIRES', 'SERIAL NUMBER', 'NAMES'], ...rows]));
}

function describe(title: string, summary: CertificateSummary): string[] {
  return [
    title,
    ...(summary.names.length === 0 ? [] : [row('names', summary.names.join(', '))]),
    row('certificate', summary.certificateFile),
    row('private key', summary.privateKeyFile),
    row('fingerprint', summary.fingerprint),
    row('public key', summary.spkiFingerprint),
    row('serial number', summary.serialNumber),
    row('expires', day(summary.notAfter.toISOString())),
  ];
}

const keyName = ({ keyType }: CertificateSummary): string => (keyType === 'rsa' ? 'RSA' : 'ECDSA');

const row = (label: string, value: string): string => `  ${label.padEnd(14)}${value}`;

const replaced = (files: readonly string[]): string[] =>
  files.length === 0 ? [] : [row('replaced', files.join(', '))];

function stillAccepted(directory: string, { stillAccepted: entries }: WrittenCertificates): string[] {
  return entries.flatMap((entry) => [
    '',
    `the earlier certificate ${entry.serialNumber} is accepted until ${day(entry.notAfter)}; once it is out of use:`,
    `  aegis pki revoke${folderOption(directory)} ${entry.name} --serial ${entry.serialNumber} --reason superseded`,
  ]);
}

/** The calendar day of an ISO time. */
const day = (time: string): string => time.slice(0, 10);

const folderOption = (directory: string): string => (directory === 'certs' ? '' : ` --dir ${directory}`);

/** Paths in the configuration are relative to its file. */
const fromConfiguration = (configuration: string, path: string): string =>
  relative(dirname(configuration), path);

const text = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
