/**
 * What is wrong with a configuration that is not written yet: the very checks that a file goes through, on its values.
 */
import { parseShape } from '../config/parseShape';
import type { Finding } from '../config/problems';
import { validateConfiguration } from '../config/validate';
import type { EntryField } from './entryFields';
import type { RawConfiguration } from './rawConfiguration';

export function findingsIn(value: unknown): Finding[] {
  const { configuration, isPartial, findings } = parseShape(value);
  return [
    ...findings,
    ...(configuration === undefined ? [] : validateConfiguration(configuration, isPartial)),
  ];
}

/** A name that no entry has, for one that has none yet. */
const UNNAMED = '(new entry)';

/** What is wrong with one field of a new entry, in the surroundings of the others; undefined where it is good. */
export function faultOfField(
  current: RawConfiguration,
  entry: object,
  { path }: EntryField,
): string | undefined {
  const modalities = Object.assign(Object.create(null), current.modalities, { [UNNAMED]: entry });
  const fault = findingsIn({ ...current, modalities }).find(
    (finding) =>
      finding.severity !== 'warning' &&
      ['modalities', UNNAMED, ...path].every((key, depth) => finding.path[depth] === key),
  );
  return fault?.message;
}
