/**
 * How values and key names appear in messages for people: always on one line, never longer than a line, never
 * able to move the cursor of a terminal. Knows nothing of the configuration.
 */

/** A value longer than this is cut: the message must stay readable, and the position says where it is. */
const MAX_QUOTE_LENGTH = 64;

/** Control, format (bidirectional overrides among them) and separator characters; JSON leaves most as they are. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `"text"` with escapes, a number, `true`, `null`; objects and lists are named, not shown. */
export function quoteValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text =
    typeof value === 'string' && value.length > MAX_QUOTE_LENGTH
      ? `${value.slice(0, MAX_QUOTE_LENGTH)}…`
      : (value as string);
  return escapeUnsafe(JSON.stringify(text) ?? 'nothing');
}

/** Escapes what could break a line or fool a terminal; for text that is not quoted, such as file names. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Lines for a terminal. Nothing in one of them can begin another. */
export function safeLines(lines: readonly string[]): string {
  return `${lines.map(escapeUnsafe).join('\n')}\n`;
}

/** An argument for a POSIX shell, to be copied from a terminal or a sheet: always one word, run by nothing. */
export function shellQuoted(text: string): string {
  return /^[\w.:/@%+=,-]+$/.test(text) ? text : `'${escapeUnsafe(text).replaceAll("'", `'\\''`)}'`;
}

/** The same for a name as the last argument, which may begin as an option does. */
export function nameArgument(name: string): string {
  return name.startsWith('-') ? `-- ${shellQuoted(name)}` : shellQuoted(name);
}

/** `"a", "b" or "c"`. */
export function quoteChoices(values: readonly unknown[]): string {
  const quoted = values.map(quoteValue);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/** `1 listener`, `2 listeners`. */
export function countOf(count: number, noun: string): string {
  const plural = /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
  return `${count} ${count === 1 ? noun : plural}`;
}

/** `3 days`; `less than a day` for 0. */
export function daysLeft(days: number): string {
  return days === 0 ? 'less than a day' : countOf(days, 'day');
}

/**
 * The candidate that was probably meant, or undefined when none is near: at most a third of the letters
 * changed, swapped, left out or added, or the word is the beginning of the candidate. Case and underscores do
 * not matter.
 */
export function nearestOf(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase().replaceAll('_', '');
  let nearest: string | undefined;
  let nearestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const lower = candidate.toLowerCase();
    // A longer word cannot be near: this also bounds the work for a key of megabytes.
    if (wanted.length > 2 * lower.length) continue;
    const distance = editDistance(wanted, lower);
    const isNear =
      distance <= Math.max(1, Math.floor(Math.max(wanted.length, lower.length) / 3)) ||
      (wanted.length >= 3 && lower.startsWith(wanted));
    if (isNear && distance < nearestDistance) {
      nearest = candidate;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (isSame ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforeLast[column - 2]! + 1);
      }
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}
