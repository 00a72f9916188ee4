/**
 * What stdout can show: how wide it is, whether in colour, and whether text can be written over. Colour only repeats what
 * the words say. Until {@link showOn} is called, output is plain and has no limit: cli.ts calls it, tests do not.
 */
import { styleText } from 'node:util';

/** What a colour stands for. */
export type Tone = 'ok' | 'refused' | 'warning' | 'heading';

const FORMATS = { ok: 'green', refused: 'red', warning: 'yellow', heading: 'dim' } as const;

/** A stream that may be a terminal. Its size is absent, or 0, where it does not know. */
type Output = Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Of terminals since the VT100, and where nothing says how wide it is. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;
/** Below this, no table is legible. It is written as for this width. */
const MIN_COLUMNS = 20;

interface Shown {
  readonly output: Output;
  readonly environment: Environment;
}

let shown: Shown | undefined;

/** From now on everything is laid out for this stream. */
export function showOn(output: Output, environment: Environment): void {
  shown = { output, environment };
}

/** Characters in a line. Asked each time, because a window changes its size. */
export function displayColumns(): number {
  if (shown === undefined) return Number.POSITIVE_INFINITY;
  const { output, environment } = shown;
  const named = Number(environment.COLUMNS);
  const columns = output.columns || (Number.isSafeInteger(named) && named > 0 ? named : USUAL_COLUMNS);
  return Math.max(columns, MIN_COLUMNS);
}

export function displayRows(): number {
  return shown?.output.rows || USUAL_ROWS;
}

/** Whether a person looks on. */
export function isTerminal(): boolean {
  return shown?.output.isTTY === true;
}

/** Whether the cursor can be moved, so that text can be written over. */
export function canOverwrite(): boolean {
  return isTerminal() && shown?.environment.TERM !== 'dumb';
}

/** Escapes nothing: untrusted text has to be escaped before. */
export function paint(tone: Tone | undefined, text: string): string {
  if (tone === undefined || text === '' || shown === undefined) return text;
  return isColoured(shown.output, shown.environment) ? painted(tone, text) : text;
}

/** The same for another stream than stdout. */
export function paintOn(output: Output, environment: Environment, tone: Tone, text: string): string {
  return isColoured(output, environment) ? painted(tone, text) : text;
}

/** `NO_COLOR` (no-color.org) wins over `FORCE_COLOR`: a person sets the first, most often a program the second. */
function isColoured({ isTTY }: Output, { NO_COLOR, FORCE_COLOR, TERM }: Environment): boolean {
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY === true && TERM !== 'dumb';
}

function painted(tone: Tone, text: string): string {
  return styleText(FORMATS[tone], text, { validateStream: false });
}
