/**
 * Lists of SOP classes as an entry writes them: keywords, UIDs, and UID prefixes such as `1.2.840.*`.
 */

import { sopClassKeywords, sopClassUid } from '../dimse/sopClasses';
import { nearestOf, quoteValue } from '../text/quote';

/** One or more components, then `.*`. */
const PREFIX = /^(\d+\.)+\*$/;

export class SopClassMatcher {
  readonly #uids: ReadonlySet<string>;
  /** They end in a dot, so that `1.2.*` does not take `1.20.3`. */
  readonly #prefixes: readonly string[];

  constructor(uids: readonly string[], prefixes: readonly string[]) {
    this.#uids = new Set(uids);
    this.#prefixes = prefixes;
  }

  has(uid: string): boolean {
    return this.#uids.has(uid) || this.#prefixes.some((prefix) => uid.startsWith(prefix));
  }
}

export interface SopClassList {
  readonly matcher: SopClassMatcher;
  /** What was not understood, by its index in the list; the matcher goes without it. */
  readonly problems: readonly { readonly index: number; readonly message: string }[];
}

/** Reads a list of keywords, UIDs and UID prefixes. */
export function compileSopClasses(texts: readonly string[]): SopClassList {
  const uids: string[] = [];
  const prefixes: string[] = [];
  const problems: { index: number; message: string }[] = [];
  for (const [index, text] of texts.entries()) {
    const uid = sopClassUid(text);
    if (PREFIX.test(text)) prefixes.push(text.slice(0, -1));
    else if (uid !== undefined) uids.push(uid);
    else problems.push({ index, message: describeUnknown(text) });
  }
  return { matcher: new SopClassMatcher(uids, prefixes), problems };
}

function describeUnknown(text: string): string {
  const accepted = 'accepted are keywords, UIDs, and UID prefixes such as 1.2.840.10008.5.1.4.1.1.*';
  if (text.includes('*')) return `${quoteValue(text)} is not a UID prefix; ${accepted}`;
  return describeUnknownSopClass(text, accepted);
}

/** `"CTImageStorrage" is not a SOP class; did you mean "CTImageStorage"?`, or what is accepted. */
export function describeUnknownSopClass(text: string, accepted: string): string {
  const nearest = nearestOf(text, sopClassKeywords);
  const hint = nearest === undefined ? accepted : `did you mean ${quoteValue(nearest)}?`;
  return `${quoteValue(text)} is not a SOP class; ${hint}`;
}
