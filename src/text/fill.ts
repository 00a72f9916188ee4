/** Fills lines of a given width, for text that people read on a terminal. Knows nothing of what is in it. */

/** As many items on a line as fit, with the separator between them. An item that is too long has a line of its own. */
export function fillLines(items: readonly string[], separator: string, width: number): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const item of items) {
    const longer: string = line === undefined ? item : line + separator + item;
    if (line !== undefined && longer.length > width) {
      lines.push(line);
      line = item;
    } else line = longer;
  }
  return line === undefined ? lines : [...lines, line];
}
