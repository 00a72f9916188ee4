/** Aligned columns for reports on a terminal. Knows nothing of what is in them. */

/** Every row is padded to the widest cell. With one of megabytes, 10,000 rows would not fit into a string. */
const MAX_CELL_LENGTH = 200;

/** Columns as wide as their widest cell, of which 200 characters are shown; the last one is left ragged and whole. */
export function textTable(rows: readonly (readonly string[])[]): string[] {
  const last = (rows[0]?.length ?? 0) - 1;
  const shown = rows.map((row) => row.map((cell, column) => (column < last ? shortened(cell) : cell)));
  // Not Math.max(...): a call takes no more than some 100,000 arguments, and spreadsheets have rows.
  const widths = (shown[0] ?? [])
    .slice(0, last)
    .map((_, column) => shown.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0));
  return shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function shortened(cell: string): string {
  return cell.length <= MAX_CELL_LENGTH ? cell : `${cell.slice(0, MAX_CELL_LENGTH - 1)}…`;
}
