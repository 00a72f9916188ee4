/** The work of `aegis show errors`: asks the running gateway, and prints words and bytes. */
import type { PeerError } from '../admin/lastErrors';
import type { Excerpt } from '../audit/events';
import { reasons, remedyOf } from '../policy/reasons';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { escapeUnsafe, quoteValue } from '../text/quote';
import { hangingLines } from '../text/table';
import { askedGateway } from './askedGateway';

interface ShowOptions extends GlobalOptions {
  readonly url?: string;
}

const BYTES_IN_LINE = 16;
const INDENT = 2;
const BLANKED = '..';

export async function showErrors(context: CommandContext, options: ShowOptions): Promise<void> {
  const errors = await askedGateway(options).errors();
  if (options.json === true) context.print(`${JSON.stringify({ errors }, undefined, 2)}\n`);
  else context.print(`${errorsText(errors)}\n`);
}

export function errorsText(errors: readonly PeerError[]): string {
  if (errors.length === 0) return 'no peer has broken the protocol since the gateway started';
  return errors.map((error) => linesOf(error).join('\n')).join('\n\n');
}

function linesOf({
  peer,
  time,
  reason,
  detail,
  count,
  direction,
  connectionId,
  excerpt,
}: PeerError): string[] {
  const times = count === 1 ? '' : `, ${count} times`;
  const head = `${quoteValue(peer)}, ${time.slice(0, 19).replace('T', ' ')} UTC${times}, #${connectionId?.slice(0, 8) ?? ''}`;
  // One of a newer gateway has no words here.
  const known = Object.hasOwn(reasons, reason) ? `${reason}: ${reasons[reason].text}` : reason;
  const remedy = remedyOf(reason, direction);
  return [
    ...hangingLines(head, INDENT),
    ...[known, detail && escapeUnsafe(detail), remedy && `what to do: ${remedy}`]
      .filter((text) => text !== undefined && text !== '')
      .flatMap((text) => hangingLines(`  ${text}`, 2 * INDENT)),
    ...(excerpt === undefined ? ['  the bytes are not known: the PDU came in pieces'] : dumpOf(excerpt)),
  ];
}

/** What came before, then the PDU that is not allowed from a line of its own. */
function dumpOf({ bytes, start }: Excerpt): string[] {
  const all = escapeUnsafe(bytes).split(' ').filter(Boolean);
  const before = linesOfBytes(all.slice(0, start), -start);
  return [
    ...(before.length === 0 ? [] : ['  before it:', ...before]),
    `  the PDU (${nameOf(all[start])}):`,
    ...linesOfBytes(all.slice(start), 0),
  ];
}

function linesOfBytes(bytes: readonly string[], first: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const offset = String(first + at).padStart(5);
    const shownAt = bytes.findIndex((byte, index) => index >= at && byte !== BLANKED);
    const blanked = (shownAt === -1 ? bytes.length : shownAt) - at;
    if (blanked >= BYTES_IN_LINE) {
      lines.push(`  ${offset}  ${blanked} bytes that are not shown`);
      at += blanked;
      continue;
    }
    const line = bytes.slice(at, at + BYTES_IN_LINE);
    const text = line.map((byte) => printable(Number.parseInt(byte, 16))).join('');
    lines.push(`  ${offset}  ${line.join(' ').padEnd(3 * BYTES_IN_LINE)} ${text}`);
    at += line.length;
  }
  return lines;
}

function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
}

const PDU_NAMES: Readonly<Record<string, string>> = {
  '01': 'A-ASSOCIATE-RQ',
  '02': 'A-ASSOCIATE-AC',
  '03': 'A-ASSOCIATE-RJ',
  '04': 'P-DATA-TF',
  '05': 'A-RELEASE-RQ',
  '06': 'A-RELEASE-RP',
  '07': 'A-ABORT',
};

function nameOf(type = ''): string {
  return PDU_NAMES[type] ?? 'its type is not one of DICOM';
}
