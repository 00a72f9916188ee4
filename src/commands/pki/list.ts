/** `aegis pki list`: what the CA has issued, the first to end first, and what to renew. */
import { ExitCode } from '../../errors';
import { inUse, type ListedCertificate, listCertificates } from '../../pki/folderListing';
import type { CommandContext } from '../../terminal/command';
import { formatDay } from '../../text/moments';
import { countOf, safeLines } from '../../text/quote';
import { textTable } from '../../text/table';
import { firstSteps, folderOption } from './reportText';
import { type FolderOptions, print } from './verb';

export interface ListOptions extends FolderOptions {
  readonly expiringWithin?: number;
}

export async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const certificates = await listCertificates(options.dir);
  const { expiringWithin = Number.NEGATIVE_INFINITY } = options;
  if (inUse(certificates).some(({ daysLeft }) => daysLeft < expiringWithin)) context.exit(ExitCode.Failed);
  print(context, options, certificates, () => reportList(options.dir, certificates));
}

const HEADER = ['CERTIFICATE', 'STATE', 'EXPIRES', 'DAYS LEFT', 'SERIAL NUMBER', 'NAMES'];
const FITS = ['words', 'words', 'whole', 'words', 'anywhere'] as const;

function reportList(directory: string, certificates: readonly ListedCertificate[]): string {
  const rows = certificates.map((entry) => [
    entry.file,
    stateOf(entry),
    formatDay(entry.notAfter),
    entry.daysLeft < 0 ? '-' : String(entry.daysLeft),
    entry.serialNumber ?? '-',
    entry.names.join(', '),
  ]);
  const table = textTable([HEADER, ...rows], { hasHeadings: true, fits: FITS });
  return `${table.join('\n')}\n\n${safeLines(nextSteps(directory, certificates))}`;
}

function stateOf({ state, revokedAt, isReplaced }: ListedCertificate): string {
  if (revokedAt !== undefined) return `revoked ${formatDay(revokedAt)}`;
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
  if (first === undefined) return ['next: nothing is in use yet:', ...firstSteps(directory)];
  return [`next: nothing is due; ${first.file} is the first to end, in ${countOf(first.daysLeft, 'day')}`];
}
