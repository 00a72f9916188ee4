/**
 * An allowlist as a spreadsheet that importing makes the same allowlist of. Values stand as in the configuration,
 * without those that are filled in by default.
 */
import type { ConfigurationSource } from '../config/editConfiguration';
import { formatCsv } from './csvCells';
import { NAME_COLUMN } from './csvTable';
import { entryFields, valueIn } from './entryFields';
import { formatFieldText } from './fieldText';
import { rawConfiguration } from './rawConfiguration';

/** Those of `address.tls` are seldom used, and each column makes the table harder to read. */
const usualDepth = 2;

export function exportCsv(source: ConfigurationSource): string {
  const entries = Object.entries(rawConfiguration(source).modalities);
  const fields = entryFields.filter(
    ({ path }) =>
      path.length <= usualDepth || entries.some(([, entry]) => valueIn(entry, path) !== undefined),
  );
  return formatCsv([
    [NAME_COLUMN, ...fields.map(({ column }) => column)],
    ...entries.map(([name, entry]) => [
      name,
      ...fields.map((field) => formatFieldText(field, valueIn(entry, field.path))),
    ]),
  ]);
}
