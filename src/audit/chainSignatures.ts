/** The check-points of a chain: which of them are signed with a key of the site, and how far. Knows no links. */
import type { KeyObject } from 'node:crypto';
import { countOf } from '../text/quote';
import { publicKeyFingerprint } from '../x509/fingerprints';
import { type Fault, type Line, MAX_LISTED, type Place } from './chainFaults';
import { isSigned, MAX_UNSIGNED_LINES, type Signature } from './lineChain';

export class ChainSignatures {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  /** The last one whose signature is right. */
  signed: Line | undefined;
  /** With any signature. */
  count = 0;
  /** The first check-point of each key that was not named, and how many there are. */
  readonly #otherKeys = new Map<string, { readonly place: Place; count: number }>();
  /** Beyond those in `faults`. */
  moreFaults = 0;

  constructor(keys: readonly KeyObject[]) {
    this.#keys = new Map(keys.map((key) => [publicKeyFingerprint(key), key]));
  }

  /** Of keys that were not named. */
  get faults(): readonly Fault[] {
    return [...this.#otherKeys].map(([key, { place, count }]) => {
      const more = count === 1 ? '' : `, and ${countOf(count - 1, 'check-point')} behind it`;
      const detail = `is signed with another key${more}: ${key}; name its public key too if it is one of yours`;
      return faultAt(place, detail, count);
    });
  }

  judge(line: Line, signature: Signature): Fault | undefined {
    this.count += 1;
    if (this.#keys.size === 0) return undefined;
    const key = this.#keys.get(signature.key);
    if (key === undefined) this.#countOtherKey(signature.key, line);
    else if (isSigned(signature, key)) this.signed = line;
    else return faultAt(line, 'the signature is not that of the line');
    return undefined;
  }

  judgeEnd(last: Line): Fault | undefined {
    if (this.#keys.size === 0) return undefined;
    if (this.signed === undefined) {
      const detail = 'no check-point is signed with this key, so the whole chain may have been written again';
      return faultAt(last, detail);
    }
    const unsigned = last.seq - this.signed.seq;
    if (unsigned <= 2 * MAX_UNSIGNED_LINES) return undefined;
    const detail = `${countOf(unsigned, 'line')} at the end are not signed; the gateway signs after ${MAX_UNSIGNED_LINES} lines at the latest`;
    return faultAt(last, detail);
  }

  /** A log has a check-point each minute: one fault for each would bury all others. */
  #countOtherKey(key: string, place: Line): void {
    const known = this.#otherKeys.get(key);
    if (known !== undefined) known.count += 1;
    else if (this.#otherKeys.size < MAX_LISTED) this.#otherKeys.set(key, { place, count: 1 });
    else this.moreFaults += 1;
  }
}

function faultAt({ file, line, time }: Place, detail: string, count = 1): Fault {
  return { file, line, time, kind: 'signature', count, detail };
}
