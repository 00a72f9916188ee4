/**
 * AE titles: what counts as one, and when two are the same. Knows no entries and no upstreams.
 */

/**
 * The AE title of the gateway's own requests. An archive that does not know it refuses, which shows that it speaks DICOM.
 */
export const OWN_AE_TITLE = 'AEGIS';

/** The called AE title where any will do: the default of DCMTK's tools, which Orthanc accepts by default. */
export const ANY_SCP = 'ANY-SCP';

/** As the key of an upstream: it takes every called AE title that no other upstream has. Never a peer's own title. */
export const EVERY_AE_TITLE = '*';

/** What an upstream is called where nobody has called it yet: by health checks, `aegis check` and `aegis echo`. */
export function titleToAsk(key: string, calledAeTitle: string | undefined): string {
  return calledAeTitle ?? (key === EVERY_AE_TITLE ? ANY_SCP : key);
}

/** 1 to 16 printable ASCII characters without backslash, once trimmed (PS3.5 §6.2, VR AE). */
const AE_TITLE = /^[\x20-\x5b\x5d-\x7e]{1,16}$/;

/**
 * The title without the spaces that PS3.8 §9.3.2 calls insignificant, and without the NULs that old peers pad
 * with, at both ends. Nothing within is touched: a NUL in the middle must never cut a title short, or
 * `CT1<NUL>X` would pass for `CT1`.
 */
export function normaliseAeTitle(title: string): string {
  return title.replace(/^[ \0]+|[ \0]+$/g, '');
}

/**
 * What titles are compared by. Undefined where the text is not an AE title, so that it equals none. Only ASCII reaches
 * the change of case: Unicode's would make a long s or a Kelvin sign equal to a plain letter.
 */
export function aeTitleKey(title: string, strictAeTitles: boolean): string | undefined {
  const normalised = normaliseAeTitle(title);
  if (!AE_TITLE.test(normalised)) return undefined;
  return strictAeTitles ? normalised : normalised.toUpperCase();
}

/** AE titles that compare as the configuration says. */
export class AeTitleSet {
  readonly #keys: ReadonlySet<string | undefined>;
  readonly #strictAeTitles: boolean;

  readonly titles: readonly string[];

  constructor(titles: readonly string[], strictAeTitles: boolean) {
    this.titles = titles;
    this.#strictAeTitles = strictAeTitles;
    this.#keys = new Set(titles.map((title) => aeTitleKey(title, strictAeTitles)));
  }

  has(title: string): boolean {
    const key = aeTitleKey(title, this.#strictAeTitles);
    return key !== undefined && this.#keys.has(key);
  }
}
