/** What `aegis pki list` says: a table, the first to end first, and what to renew. */

import { inUse, type ListedCertificate } from '../../pki/folderListing';
import { countOf } from '../../text/quote';
import { textTable } from '../../text/table';
import { day, folderOption, text } from './reportText';

const header = ['CERTIFICATE', 'STATE', 'EXPIRES', 'DAYS LEFT', 'SERIAL NUMBER', 'NAMES'];

export function reportList(directory: string, certificates: readonly ListedCertificate[]): string {
  const rows = certificates.map((entry) => [
    entry.file,
    stateOf(entry),
    day(entry.notAfter),
    entry.daysLeft < 0 ? '-' : String(entry.daysLeft),
    entry.serialNumber ?? '-',
    entry.names.join(', '),
  ]);
  return text([...textTable([header, ...rows]), '', ...nextSteps(directory, certificates)]);
}

function stateOf({ state, revokedAt, isReplaced }: ListedCertificate): string {
  if (revokedAt !== undefined) return `revoked ${day(revokedAt)}`;
  return `${state.replace('-', ' ')}${isReplaced ? ' (replaced)' : ''}`;
}

function nextSteps(directory: string, certificates: readonly ListedCertificate[]): string[] {
  const current = inUse(certificates);
  const due = current.filter(({ state }) => state !== 'valid');
  if (due.length > 0) {
    const names = [...new Set(due.map(({ name }) => name))];
    return ['next:', ...names.map((name) => `  aegis pki renew${folderOption(directory)} ${name}`)];
  }
  const first = current.find(({ kind }) => kind === 'server' || kind === 'client');
  if (first === undefined) {
    return [
      'next: nothing is in use yet:',
      `  aegis pki server${folderOption(directory)} --name <DNS name or IP address that modalities dial>`,
      `  aegis pki client${folderOption(directory)} <name of a modality>`,
    ];
  }
  return [`next: nothing is due; ${first.file} is the first to end, in ${countOf(first.daysLeft, 'day')}`];
}
