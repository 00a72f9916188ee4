/**
 * The bytes of a spreadsheet to text: UTF-8, or the UTF-16 that Excel calls Unicode. Knows nothing of cells.
 */

/** Undefined where it is neither. A byte order mark is taken away. */
export function decodeSpreadsheet(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The first line names columns, which are ASCII: without a mark, every other byte of UTF-16 is then a NUL. */
function encodingOf([first, second, third, fourth]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  if (first === 0xfe && second === 0xff) return 'utf-16be';
  if (second === 0 && fourth === 0 && first !== 0 && third !== 0) return 'utf-16le';
  if (first === 0 && third === 0 && second !== 0 && fourth !== 0) return 'utf-16be';
  return 'utf-8';
}
