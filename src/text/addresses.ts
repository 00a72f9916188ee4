/**
 * IP addresses and CIDR blocks: one meaning for each, and lookups whose cost does not grow with the number of blocks.
 * Knows no sockets and no host names: with a name in an allowlist, the DNS server would decide.
 */
import { isIP } from 'node:net';

/** A CIDR block; a single address is a block of full length. */
export interface AddressBlock {
  readonly family: 4 | 6;
  /** 0 to 32, or 0 to 128. */
  readonly prefixLength: number;
  /** The first `prefixLength` bits. */
  readonly prefix: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;
/** ::ffff:0:0/96, the addresses under which a dual-stack socket shows IPv4 peers (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = 0xffffn;
const MAPPED_PREFIX_LENGTH = 96;

/**
 * Reads an address as a socket gives it; undefined where the text is not an address. A zone (`%eth0`) is dropped: it
 * is the kernel's word for the local interface, and the configuration has no way to name one.
 */
export function parseAddress(text: string): AddressBlock | undefined {
  const known = blockByAddress.get(text);
  if (known !== undefined) return known;
  const block = parseBlock(text.split('%', 1)[0] ?? '', undefined);
  if (block === undefined) return undefined;
  if (blockByAddress.size >= MAX_KNOWN_ADDRESSES) blockByAddress.clear();
  blockByAddress.set(text, block);
  return block;
}

/** Every gate asks for the address of a connection, and the same peers come again. */
const blockByAddress = new Map<string, AddressBlock>();
/** About 200 bytes each; strangers come here too, so there is an end. */
const MAX_KNOWN_ADDRESSES = 1000;

/** Reads `10.1.2.3`, `10.1.0.0/16` or `2001:db8::/32`; undefined for other texts. Zones are refused. */
export function parseAddressBlock(text: string): AddressBlock | undefined {
  const [address = '', prefixLength, ...rest] = text.split('/');
  if (rest.length > 0 || address.includes('%')) return undefined;
  if (prefixLength !== undefined && !/^\d{1,3}$/.test(prefixLength)) return undefined;
  return parseBlock(address, prefixLength === undefined ? undefined : Number(prefixLength));
}

function parseBlock(address: string, givenLength: number | undefined): AddressBlock | undefined {
  const family = isIP(address);
  if (family !== 4 && family !== 6) return undefined;
  const bits = BITS[family];
  const prefixLength = givenLength ?? bits;
  if (prefixLength > bits) return undefined;
  const value = family === 4 ? ipv4Value(address) : ipv6Value(address);
  const prefix = value >> BigInt(bits - prefixLength);
  const isMapped =
    family === 6 && prefixLength >= MAPPED_PREFIX_LENGTH && value >> BigInt(BITS[4]) === MAPPED_PREFIX;
  if (!isMapped) return { family, prefixLength, prefix };
  const mappedLength = prefixLength - MAPPED_PREFIX_LENGTH;
  return {
    family: 4,
    prefixLength: mappedLength,
    prefix: prefix - (MAPPED_PREFIX << BigInt(mappedLength)),
  };
}

function ipv4Value(address: string): bigint {
  return BigInt(address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0));
}

function ipv6Value(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const first = hextets(head);
  const last = tail === undefined ? [] : hextets(tail);
  const zeros = new Array<number>(8 - first.length - last.length).fill(0);
  return [...first, ...zeros, ...last].reduce((value, hextet) => (value << 16n) | BigInt(hextet), 0n);
}

/** The 16-bit groups of one side of `::`; a dotted quad at the end makes two of them. */
function hextets(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const value = Number(ipv4Value(group));
    return [Math.floor(value / 0x10000), value % 0x10000];
  });
}

/**
 * The one spelling of an address for logs and counters: IPv4-mapped as IPv4, IPv6 as in RFC 5952, no zone.
 * Undefined where the text is not an address.
 */
export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return undefined;
  const groupBits = address.family === 4 ? 8n : 16n;
  const groups: bigint[] = [];
  for (let shift = BigInt(BITS[address.family]) - groupBits; shift >= 0n; shift -= groupBits) {
    groups.push((address.prefix >> shift) & ((1n << groupBits) - 1n));
  }
  return address.family === 4 ? groups.join('.') : formatHextets(groups);
}

/** RFC 5952 §4.2: the longest run of two or more zero groups, the first of equals, becomes `::`. */
function formatHextets(groups: readonly bigint[]): string {
  const full = groups.map((group) => group.toString(16)).join(':');
  const runs = [...full.matchAll(/(?<![^:])0(?::0)+(?![^:])/g)];
  const longest = runs.reduce<RegExpExecArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  );
  if (longest === undefined) return full;
  const before = full.slice(0, longest.index).replace(/:$/, '');
  const after = full.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** The blocks of one family. */
interface FamilyTable<Value> {
  readonly prefixLengths: number[];
  /** Keyed by blockKey. */
  readonly valuesByBlock: Map<bigint, Value[]>;
}

/** A 1 in front of the prefix makes its length part of the key. */
function blockKey(prefixLength: number, prefix: bigint): bigint {
  return (1n << BigInt(prefixLength)) | prefix;
}

/**
 * Values filed under blocks of addresses. A lookup costs one hash probe for each prefix length in use (at
 * most 33 for IPv4 and 129 for IPv6), whatever the number of blocks; net.BlockList walks through all of them.
 */
export class AddressTable<Value> {
  /** Only those in use: each AE title has a table of its own. */
  readonly #families: Partial<Record<4 | 6, FamilyTable<Value>>> = {};

  add({ family, prefixLength, prefix }: AddressBlock, value: Value): void {
    this.#families[family] ??= { prefixLengths: [prefixLength], valuesByBlock: new Map() };
    const { prefixLengths, valuesByBlock } = this.#families[family];
    const key = blockKey(prefixLength, prefix);
    const values = valuesByBlock.get(key);
    if (values === undefined) valuesByBlock.set(key, [value]);
    else values.push(value);
    if (!prefixLengths.includes(prefixLength)) prefixLengths.push(prefixLength);
  }

  /**
   * Everything that is filed under this block or under a larger one around it. Two blocks have an address in
   * common only if one lies within the other, so this finds overlaps as well as addresses.
   */
  covering(block: AddressBlock): Set<Value> {
    const found = new Set<Value>();
    const { prefixLengths = [], valuesByBlock } = this.#families[block.family] ?? {};
    for (const prefixLength of prefixLengths) {
      if (prefixLength > block.prefixLength) continue;
      const prefix = block.prefix >> BigInt(block.prefixLength - prefixLength);
      for (const value of valuesByBlock?.get(blockKey(prefixLength, prefix)) ?? []) found.add(value);
    }
    return found;
  }
}

/** A set of addresses, made of single addresses and CIDR blocks. */
export class AddressSet {
  readonly #table = new AddressTable<true>();

  /** Texts as the configuration schema accepts them; anything else throws a RangeError. */
  constructor(texts: Iterable<string>) {
    for (const text of texts) {
      const block = parseAddressBlock(text);
      if (block === undefined) throw new RangeError(`"${text}" is not an IP address or a CIDR block`);
      this.#table.add(block, true);
    }
  }

  /** Whether this address, as a socket gives it, is in the set; a text that is not an address is in no set. */
  has(address: string): boolean {
    const block = parseAddress(address);
    return block !== undefined && this.#table.covering(block).size > 0;
  }
}

/** A network of IPv6 hands out addresses by the billion to one host: its /64 counts as one (RFC 4291 §2.5.1). */
const IPV6_NETWORK_BITS = 64;

/** What belongs to one host: the address, or its /64 of IPv6 such as `2001:db8:0:1::/64`. */
export function networkOf(address: string): string {
  const block = parseAddress(address);
  if (block === undefined || block.family === 4) return address;
  const network = block.prefix >> BigInt(block.prefixLength - IPV6_NETWORK_BITS);
  const words = [48n, 32n, 16n, 0n].map((shift) => ((network >> shift) & 0xffffn).toString(16));
  return `${words.join(':')}::/${IPV6_NETWORK_BITS}`;
}

const loopback = new AddressSet(['127.0.0.0/8', '::1']);

/** Whether only this machine can reach what listens there. */
export function isLoopbackAddress(address: string): boolean {
  return loopback.has(address);
}
