/**
 * The parts that the reports of `aegis pki` are made of. Plain text that fits a log, whatever a device wrote into its
 * request.
 */
import { dirname } from 'node:path';
import { configuredPath } from '../../files/paths';
import type { CertificateSummary } from '../../pki/folder';
import type { WrittenCertificates, WrittenPkcs12 } from '../../pki/folderCertificates';
import { formatDay } from '../../text/moments';
import { shellQuoted } from '../../text/quote';

export function row(label: string, value: string): string {
  return `  ${label.padEnd(14)}${value}`;
}

/** Nothing where there is no value. */
export function rows(label: string, values: readonly string[]): string[] {
  return values.length === 0 ? [] : [row(label, values.join(', '))];
}

export function describe(title: string, summary: CertificateSummary): string[] {
  return [
    title,
    ...rows('names', summary.names),
    row('certificate', summary.certificateFile),
    ...(summary.privateKeyFile === undefined ? [] : [row('private key', summary.privateKeyFile)]),
    row('fingerprint', summary.fingerprint),
    row('public key', summary.spkiFingerprint),
    row('serial number', summary.serialNumber),
    row('expires', formatDay(summary.notAfter)),
  ];
}

/** With an empty line between them. */
export function describeAll(
  summaries: readonly CertificateSummary[],
  titleOf: (summary: CertificateSummary) => string,
): string[] {
  return summaries.flatMap((summary, index) => [
    ...(index === 0 ? [] : ['']),
    ...describe(titleOf(summary), summary),
  ]);
}

export function describePkcs12({ pkcs12File, pkcs12PasswordFile }: Partial<WrittenPkcs12>): string[] {
  return [
    ...(pkcs12File === undefined ? [] : [row('PKCS#12', pkcs12File)]),
    ...(pkcs12PasswordFile === undefined ? [] : [row('password', `generated, in ${pkcs12PasswordFile}`)]),
  ];
}

/** What to write into the entry of the modality. */
export function entryLines(configuration: string, { spkiFingerprint }: CertificateSummary): string[] {
  return [
    `  in the entry of the modality in ${configuration}`,
    `    "certificate": ${JSON.stringify(spkiFingerprint)}`,
  ];
}

/** What to do with a CA that has issued nothing yet. */
export function firstSteps(directory: string): string[] {
  return [
    `  aegis pki server${folderOption(directory)} --name <DNS name or IP address that modalities dial>`,
    `  aegis pki client${folderOption(directory)} <name of a modality>`,
  ];
}

export function stillAccepted(
  directory: string,
  { stillAccepted: entries }: Pick<WrittenCertificates, 'stillAccepted'>,
): string[] {
  return entries.flatMap((entry) => [
    '',
    `the earlier certificate ${entry.serialNumber} is accepted until ${formatDay(entry.notAfter)}; once it is out of use:`,
    `  aegis pki revoke${folderOption(directory)} ${entry.name} --serial ${entry.serialNumber} --reason superseded`,
  ]);
}

/** For a command that is to be copied. */
export function folderOption(directory: string): string {
  return directory === 'certs' ? '' : ` --dir ${shellQuoted(directory)}`;
}

/** Paths in the configuration are relative to its file. */
export function fromConfiguration(configuration: string, path: string): string {
  return configuredPath(dirname(configuration), path);
}
