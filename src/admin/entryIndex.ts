/**
 * Finds the entries that a refusal is about which names none: by its calling AE title, or, where it was refused before it
 * said one, by its address. For reports only: it decides nothing.
 */
import type { AuditEvent } from '../audit/events';
import type { Configuration } from '../config/schema';
import { isCertificateReason } from '../policy/refusedCertificates';
import { AddressTable, parseAddress, parseAddressBlock } from '../text/addresses';

/** An address that more entries have in common says of none of them that it was the one. */
const MAX_AT_ADDRESS = 4;

export class EntryIndex {
  readonly #namesByTitle = new Map<string, string[]>();
  readonly #namesByAddress = new AddressTable<string>();

  constructor({ modalities }: Configuration) {
    for (const [name, { callingAeTitle, from }] of Object.entries(modalities)) {
      for (const title of callingAeTitle) {
        const names = this.#namesByTitle.get(keyOf(title));
        if (names === undefined) this.#namesByTitle.set(keyOf(title), [name]);
        else names.push(name);
      }
      for (const text of from) {
        const block = parseAddressBlock(text);
        if (block !== undefined) this.#namesByAddress.add(block, name);
      }
    }
  }

  concerned({ callingAeTitle, sourceAddress = '', reason }: AuditEvent): readonly string[] {
    if (callingAeTitle !== undefined) return this.#namesByTitle.get(keyOf(callingAeTitle)) ?? [];
    const address = isCertificateReason(reason) ? parseAddress(sourceAddress) : undefined;
    const names = address === undefined ? [] : [...this.#namesByAddress.covering(address)];
    return names.length > MAX_AT_ADDRESS ? [] : names;
  }
}

function keyOf(title: string): string {
  return title.trim().toUpperCase();
}
