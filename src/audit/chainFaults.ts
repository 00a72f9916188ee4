/** What can be wrong with the chain of an audit log, as data and in words. Finds nothing. */
import { countOf } from '../text/quote';

export type FaultKind =
  | 'changed'
  | 'missing'
  | 'moved'
  | 'repeated'
  | 'added'
  | 'incomplete'
  | 'signature'
  | 'reported'
  | 'new chain';

/** More than a person reads. The others are counted. */
export const MAX_LISTED = 1000;

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** As the line itself has it. */
  readonly time: string | undefined;
}

const TIME = /^\{"time":"([0-9TZ:.-]{24})"/;

/** Most lines are fine, and then nobody asks for their time. */
export class Line implements Place {
  readonly file: string;
  readonly line: number;
  /** Its number in the chain; 0 where it has none. */
  readonly seq: number;
  readonly text: string;

  constructor(file: string, line: number, seq: number, text: string) {
    this.file = file;
    this.line = line;
    this.seq = seq;
    this.text = text;
  }

  get time(): string | undefined {
    return TIME.exec(this.text)?.[1];
  }
}

export interface Fault extends Place {
  readonly kind: FaultKind;
  readonly count: number;
  readonly detail: string;
}

/** Nothing that was done to the log, but a person should know it. */
export type Note = Pick<Fault, 'file' | 'line' | 'time' | 'detail'>;

/** Numbers that are not where they should be. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  readonly place: Place;
  missing: number;
}

export function faultOfGap({ from, to, place: { file, line, time }, missing }: Gap): Fault {
  const which = from === to ? `number ${from}` : `${countOf(missing, 'line')} of numbers ${from} to ${to}`;
  return { file, line, time, kind: 'missing', count: missing, detail: `${which} should be before this one` };
}

export function describeCutEnd(missing: number, seq: number, hasLines: boolean): string {
  return hasLines
    ? `${countOf(missing, 'line')} behind this one: the gateway remembers number ${seq}, and the end was cut off`
    : `no line of the chain is here: the gateway remembers number ${seq}, so the file was emptied or replaced`;
}

/** Lines that the start of a gateway found, and linked its first line to. */
export function describeSealed(others: readonly string[]): string {
  if (others.length === 1 && isCut(others[0]!)) {
    return 'a line that is not complete: the gateway was killed, or the disk was full; the line behind it is linked to it';
  }
  return `${countOf(others.length, 'line')} without a number: of workers whose first process was gone, or of a gateway without the chain; the line behind them is linked to them`;
}

/** Whether it is the beginning of a line. */
export function isCut(text: string): boolean {
  if (!text.startsWith('{"') && !'{"'.startsWith(text)) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}

/** Of a line that the gateway wrote about the log itself. Somebody may have changed it since, so that it is not JSON. */
export function detailIn(text: string): string {
  try {
    return String((JSON.parse(text) as { readonly detail?: unknown }).detail);
  } catch {
    return 'the line that reports it is damaged';
  }
}
