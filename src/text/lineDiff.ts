/**
 * What changed between two versions of a text, as people read it: lines removed and added, with some lines around
 * them. One hunk from the first change to the last, because an edit touches one place.
 */
import { escapeUnsafe } from './quote';

/** As many as `diff -u` shows. */
const CONTEXT_LINES = 3;

/** Empty where nothing changed. Never able to move the cursor of a terminal. */
export function lineDiff(file: string, before: string, after: string): string {
  if (before === after) return '';
  const [old, current] = [linesOf(before), linesOf(after)];
  const shortest = Math.min(old.length, current.length);
  let head = 0;
  while (head < shortest && old[head] === current[head]) head += 1;
  let tail = 0;
  while (tail < shortest - head && old[old.length - 1 - tail] === current[current.length - 1 - tail])
    tail += 1;

  const from = Math.max(0, head - CONTEXT_LINES);
  const shown = [
    ...marked(' ', old.slice(from, head)),
    ...marked('-', old.slice(head, old.length - tail)),
    ...marked('+', current.slice(head, current.length - tail)),
    ...marked(' ', old.slice(old.length - tail, old.length - tail + CONTEXT_LINES)),
  ];
  const range = (lines: readonly string[]) =>
    `${from + 1},${Math.min(lines.length - tail + CONTEXT_LINES, lines.length) - from}`;
  return `${[`--- ${escapeUnsafe(file)}`, `@@ -${range(old)} +${range(current)} @@`, ...shown].join('\n')}\n`;
}

function marked(mark: string, lines: readonly string[]): string[] {
  return lines.map((line) => `${mark}${escapeUnsafe(line).replaceAll('\\u{9}', '\t')}`.trimEnd());
}

/** A line break at the end ends the last line and does not begin another. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
