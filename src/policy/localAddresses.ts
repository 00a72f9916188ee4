/**
 * The loopback address from which each modality reaches a local archive (`upstreams.*.localAddress`). So an archive that
 * sees only loopback can distinguish the modalities. Pure: whether the system has such addresses is not known here (Linux
 * has all of 127.0.0.0/8).
 */
import { createHash } from 'node:crypto';
import type { Configuration } from '../config/schema';

/** The address of each modality by the name of its entry; empty where no upstream asks for them. */
export function localAddressesOf({
  upstreams,
  modalities,
}: Pick<Configuration, 'upstreams' | 'modalities'>): ReadonlyMap<string, string> {
  const isWanted = Object.values(upstreams).some(({ localAddress }) => localAddress !== undefined);
  return localAddresses(isWanted ? Object.keys(modalities) : []);
}

/**
 * The address of each modality. It follows from the name alone, so that adding, removing and reordering entries leaves
 * the others' as they are. Only where two names come to the same address does the order of the file decide, and the
 * later one moves on: among 1,000 entries that happens to one in thirty sites, once.
 */
export function localAddresses(names: Iterable<string>): ReadonlyMap<string, string> {
  const addressByName = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of names) {
    let attempt = 0;
    while (taken.has(candidate(name, attempt))) attempt += 1;
    const address = candidate(name, attempt);
    taken.add(address);
    addressByName.set(name, address);
  }
  return addressByName;
}

/**
 * In 127.1.0.1 to 127.255.255.254: what programs use of loopback (127.0.0.1, 127.0.0.53, 127.0.1.1) lies below, and
 * bytes of 0 and 255 at the end look like networks and broadcasts to those who read them.
 */
function candidate(name: string, attempt: number): string {
  const digest = createHash('sha256').update(`${name}\0${attempt}`).digest();
  const [second, third, fourth] = [digest.readUInt16BE(0), digest.readUInt16BE(2), digest.readUInt16BE(4)];
  return `127.${1 + (second % 255)}.${third % 256}.${1 + (fourth % 254)}`;
}
