/**
 * The parts that the reports of `aegis pki` are made of. Plain text that fits a log, whatever a device wrote into its
 * request.
 */
import { dirname, relative } from 'node:path';
import type { CertificateSummary } from '../../pki/folder';
import type { WrittenCertificates } from '../../pki/folderRecord';
import { escapeUnsafe, shellQuoted } from '../../text/quote';

export const text = (lines: readonly string[]): string => `${lines.map(escapeUnsafe).join('\n')}\n`;

export const row = (label: string, value: string): string => `  ${label.padEnd(14)}${value}`;

/** Nothing where there is no value. */
export const rows = (label: string, values: readonly string[]): string[] =>
  values.length === 0 ? [] : [row(label, values.join(', '))];

export function describe(title: string, summary: CertificateSummary): string[] {
  return [
    title,
    ...rows('names', summary.names),
    row('certificate', summary.certificateFile),
    ...(summary.privateKeyFile === undefined ? [] : [row('private key', summary.privateKeyFile)]),
    row('fingerprint', summary.fingerprint),
    row('public key', summary.spkiFingerprint),
    row('serial number', summary.serialNumber),
    row('expires', day(summary.notAfter.toISOString())),
  ];
}

export const replaced = (files: readonly string[]): string[] => rows('replaced', files);

export function stillAccepted(
  directory: string,
  { stillAccepted: entries }: Pick<WrittenCertificates, 'stillAccepted'>,
): string[] {
  return entries.flatMap((entry) => [
    '',
    `the earlier certificate ${entry.serialNumber} is accepted until ${day(entry.notAfter)}; once it is out of use:`,
    `  aegis pki revoke${folderOption(directory)} ${entry.name} --serial ${entry.serialNumber} --reason superseded`,
  ]);
}

/** The calendar day of an ISO time. */
export const day = (time: string): string => time.slice(0, 10);

/** For a command that is to be copied. */
export const folderOption = (directory: string): string =>
  directory === 'certs' ? '' : ` --dir ${shellQuoted(directory)}`;

/** Paths in the configuration are relative to its file. */
export const fromConfiguration = (configuration: string, path: string): string =>
  relative(dirname(configuration), path);
