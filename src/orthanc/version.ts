/**
 * Versions of Orthanc: which one is meant, and which of two is the older. Knows no settings.
 */

/** Major, minor, patch. */
export type OrthancVersion = readonly [number, number, number];

/** Reads `1.8.2`; undefined if it is not a version. */
export function parseOrthancVersion(text: string): OrthancVersion | undefined {
  const match = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

export function formatOrthancVersion(version: OrthancVersion): string {
  return version.join('.');
}

/** Whether `version` is `since` or later. A version that is not known may be any, so it has everything. */
export function isSince(version: OrthancVersion | undefined, since: string): boolean {
  if (version === undefined) return true;
  const other = parseOrthancVersion(since);
  if (other === undefined) throw new RangeError(`${since} is not a version`);
  const index = version.findIndex((part, at) => part !== other[at]);
  return index < 0 || version[index]! > other[index]!;
}
