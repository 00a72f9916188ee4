/** Aligned columns for reports on a terminal. Knows nothing of what is in them. */

/** Columns as wide as their widest cell; the last one is left ragged. */
export function textTable(rows: readonly (readonly string[])[]): string[] {
  // Not Math.max(...): a call takes no more than some 100,000 arguments, and spreadsheets have rows.
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
