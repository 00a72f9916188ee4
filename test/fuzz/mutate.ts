/** Damages valid bytes in the ways that decoders get wrong: lengths, ends, repetitions, foreign pieces. */

import type { Random } from './random';

const BYTES = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x10, 0x20, 0x21, 0x30, 0x40, 0x50, 0x51, 0x58, 0x7f, 0x80, 0xfe, 0xff,
];
const NUMBERS = [0, 1, 2, 3, 4, 5, 6, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xfffe, 0xffff];
const LARGE_NUMBERS = [...NUMBERS, 0x10000, 0x100000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

type Mutation = (
  bytes: Buffer,
  random: Random,
  corpus: readonly Buffer[],
  words?: readonly string[],
) => Buffer;

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const index = random.below(bytes.length);
    bytes[index] = bytes[index]! ^ (1 << random.below(8));
    return bytes;
  },
  function setByte(bytes, random) {
    bytes[random.below(bytes.length)] = random.pick(BYTES);
    return bytes;
  },
  function setTwoBytes(bytes, random) {
    if (bytes.length >= 2) {
      bytes.writeUInt16BE(random.pick(NUMBERS), random.below(bytes.length - 1));
    }
    return bytes;
  },
  function setFourBytes(bytes, random) {
    if (bytes.length >= 4) {
      bytes.writeUInt32BE(random.pick(LARGE_NUMBERS), random.below(bytes.length - 3));
    }
    return bytes;
  },
  function addToByte(bytes, random) {
    const index = random.below(bytes.length);
    bytes[index] = bytes[index]! + random.below(9) - 4;
    return bytes;
  },
  function cutOff(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function remove(bytes, random) {
    const start = random.below(bytes.length);
    const end = Math.min(bytes.length, start + 1 + random.below(16));
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]);
  },
  function repeat(bytes, random) {
    const start = random.below(bytes.length);
    const end = Math.min(bytes.length, start + 1 + random.below(80));
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  function splice(bytes, random, corpus) {
    const other = random.pick(corpus);
    return Buffer.concat([
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length)),
    ]);
  },
];

/** One in so many inputs is long: a piece of it comes again and again. */
const ONE_LONG_IN = 512;
const MAX_LONG_BYTES = 64 * 1024;

/**
 * A corpus entry with one to six mutations; one in sixteen inputs is random bytes instead. Of `words`, some are put in or
 * take the place of bytes.
 */
export function mutated(corpus: readonly Buffer[], random: Random, words?: readonly string[]): Buffer {
  if (random.below(16) === 0) {
    return random.bytes(random.below(300));
  }
  let bytes = Buffer.from(random.pick(corpus));
  for (let count = 1 + random.below(6); count > 0 && bytes.length > 0; count--) {
    const mutation = words !== undefined && random.below(2) === 0 ? putWord : random.pick(mutations);
    bytes = Buffer.from(mutation(bytes, random, corpus, words));
  }
  return bytes.length > 0 && random.below(ONE_LONG_IN) === 0 ? lengthened(bytes, random) : bytes;
}

function putWord(
  bytes: Buffer,
  random: Random,
  _corpus: readonly Buffer[],
  words: readonly string[] = [],
): Buffer {
  const at = random.below(bytes.length + 1);
  const end = random.below(2) === 0 ? at : Math.min(bytes.length, at + 1 + random.below(16));
  return Buffer.concat([
    bytes.subarray(0, at),
    Buffer.from(random.pick(words), 'latin1'),
    bytes.subarray(end),
  ]);
}

/** What takes time with the square of a length shows itself here. */
function lengthened(bytes: Buffer, random: Random): Buffer {
  const start = random.below(bytes.length);
  const piece = bytes.subarray(start, Math.min(bytes.length, start + 1 + random.below(16)));
  const room = Math.max(0, MAX_LONG_BYTES - bytes.length);
  return Buffer.concat([bytes.subarray(0, start), Buffer.alloc(room, piece), bytes.subarray(start)]);
}
