/**
 * What changed between two versions of a text, as people read it: lines removed and added, with some lines around them.
 */
import { escapeUnsafe } from './quote';

/** As many as `diff -u` shows. */
const CONTEXT_LINES = 3;
/** A change that reaches over more is shown as one: the search for what stays in between takes lines times lines. */
const MAX_COMPARED_CELLS = 16_000_000;

/** Lines `oldFrom` to `oldTo` of the old text became lines `from` to `to` of the new one. */
interface Change {
  readonly oldFrom: number;
  readonly oldTo: number;
  readonly from: number;
  readonly to: number;
}

/** Empty where nothing changed. Never able to move the cursor of a terminal. */
export function lineDiff(file: string, before: string, after: string): string {
  if (before === after) return '';
  const [old, current] = [linesOf(before), linesOf(after)];
  const hunks: Change[][] = [];
  for (const change of changesBetween(old, current)) {
    const last = hunks.at(-1);
    if (last !== undefined && change.oldFrom - last.at(-1)!.oldTo <= 2 * CONTEXT_LINES) last.push(change);
    else hunks.push([change]);
  }
  return `${[`--- ${escapeUnsafe(file)}`, ...hunks.flatMap((hunk) => hunkLines(hunk, old, current))].join('\n')}\n`;
}

function hunkLines(changes: readonly Change[], old: readonly string[], current: readonly string[]): string[] {
  const [first, last] = [changes[0]!, changes.at(-1)!];
  const lead = Math.min(CONTEXT_LINES, first.oldFrom);
  const trail = Math.min(CONTEXT_LINES, old.length - last.oldTo);
  const shown: string[] = [];
  let at = first.oldFrom - lead;
  for (const { oldFrom, oldTo, from, to } of changes) {
    shown.push(
      ...marked(' ', old.slice(at, oldFrom)),
      ...marked('-', old.slice(oldFrom, oldTo)),
      ...marked('+', current.slice(from, to)),
    );
    at = oldTo;
  }
  shown.push(...marked(' ', old.slice(at, at + trail)));
  const range = (start: number, end: number) => `${start - lead + 1},${end + trail - start + lead}`;
  return [`@@ -${range(first.oldFrom, last.oldTo)} +${range(first.from, last.to)} @@`, ...shown];
}

function changesBetween(old: readonly string[], current: readonly string[]): Change[] {
  const shortest = Math.min(old.length, current.length);
  let head = 0;
  while (head < shortest && old[head] === current[head]) head += 1;
  let tail = 0;
  while (tail < shortest - head && old[old.length - 1 - tail] === current[current.length - 1 - tail])
    tail += 1;
  const whole = { oldFrom: head, oldTo: old.length - tail, from: head, to: current.length - tail };
  const [rows, columns] = [whole.oldTo - head, whole.to - head];
  if (rows * columns > MAX_COMPARED_CELLS) return [whole];

  // How many lines can stay from here to the end: the longest common subsequence.
  const width = columns + 1;
  const kept = new Uint32Array((rows + 1) * width);
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1) {
      const cell = row * width + column;
      kept[cell] =
        old[head + row] === current[head + column]
          ? kept[cell + width + 1]! + 1
          : Math.max(kept[cell + width]!, kept[cell + 1]!);
    }
  }
  const changes: Change[] = [];
  let [row, column] = [0, 0];
  let isInside = false;
  while (row < rows || column < columns) {
    if (row < rows && column < columns && old[head + row] === current[head + column]) {
      isInside = false;
      row += 1;
      column += 1;
      continue;
    }
    const start = isInside ? changes.pop()! : { oldFrom: head + row, from: head + column };
    const cell = row * width + column;
    if (column === columns || (row < rows && kept[cell + width]! >= kept[cell + 1]!)) row += 1;
    else column += 1;
    changes.push({ ...start, oldTo: head + row, to: head + column });
    isInside = true;
  }
  return changes;
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
