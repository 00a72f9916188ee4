/** Values of options that choose lines of the audit log, for the command line. */
import { InvalidArgumentError } from 'commander';

/** More than a person reads, and little memory. */
const MAX_LINES = 100_000;

export function parseLines(text: string): number {
  const lines = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (lines >= 1 && lines <= MAX_LINES) return lines;
  throw new InvalidArgumentError(`accepted is a number from 1 to ${MAX_LINES}`);
}

export function parseConnection(text: string): string {
  const id = text.replace(/^#/, '').toLowerCase();
  if (/^[0-9a-f]{4,16}$/.test(id)) return id;
  throw new InvalidArgumentError('accepted are 4 to 16 hexadecimal digits, as behind # in the log');
}
