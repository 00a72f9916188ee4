/**
 * The beginning of a data set that is deflated as a whole (PS3.5 §A.5). Inflates no more of it than the reading takes,
 * and nothing twice but for a doubling: a small input can stand for gigabytes.
 */
import { constants, inflateRawSync } from 'node:zlib';
import {
  type DataSetReader,
  DataSetStart,
  type ElementValue,
  MAX_START_BYTES,
  type Reading,
  type WantedElements,
} from './dataSetStart';
import { type DataSetEncoding, encodingOf } from './transferSyntaxes';

/** Has the wanted elements of most instances, so that one attempt is enough. Fewer are looked at only where no more come. */
const FIRST_INPUT_BYTES = 1024;
/** A byte of input stands for 2 KB at most, so that some length of the input gives between half of this and all. */
const MAX_PLAIN_BYTES = 2 * MAX_START_BYTES;

export function dataSetReader(transferSyntaxUid: string, wanted: WantedElements): DataSetReader {
  const encoding = encodingOf(transferSyntaxUid);
  return encoding.isDeflated ? new DeflatedStart(encoding, wanted) : new DataSetStart(encoding, wanted);
}

class DeflatedStart implements DataSetReader {
  readonly #encoding: DataSetEncoding;
  readonly #wanted: WantedElements;
  #plain: DataSetStart;
  /** With fewer bytes, there is no new attempt. */
  #inputBytes = FIRST_INPUT_BYTES;
  #fault = '';

  constructor(encoding: DataSetEncoding, wanted: WantedElements) {
    this.#encoding = encoding;
    this.#wanted = wanted;
    this.#plain = new DataSetStart(encoding, wanted);
  }

  get fault(): string {
    return this.#fault || this.#plain.fault;
  }

  get oddities(): readonly string[] {
    return this.#plain.oddities;
  }

  get isDisordered(): boolean {
    return this.#plain.isDisordered;
  }

  /** Readers inflate differently, e.g. with the header of zlib. */
  couldHold(): boolean {
    return true;
  }

  value(tag: number): ElementValue | undefined {
    return this.#plain.value(tag);
  }

  read(bytes: Buffer, isWhole: boolean): Reading {
    const isAll = isWhole && bytes.length <= MAX_START_BYTES;
    const available = Math.min(bytes.length, MAX_START_BYTES);
    while (isAll || available >= this.#inputBytes) {
      const input = bytes.subarray(0, Math.min(available, this.#inputBytes));
      const isLast = isAll && input.length === available;
      const plain = inflateStart(input);
      if (plain === undefined) {
        this.#fault = 'the data set cannot be inflated';
        return 'unreadable';
      }
      this.#plain = new DataSetStart(this.#encoding, this.#wanted);
      const reading = this.#plain.read(plain, isLast);
      if (reading !== 'more' || isLast) return reading;
      if (this.#inputBytes >= MAX_START_BYTES) {
        this.#fault = `what is looked for is not in the first ${MAX_START_BYTES} bytes`;
        return 'unreadable';
      }
      this.#inputBytes *= 2;
    }
    return 'more';
  }
}

/** Undefined where it cannot be inflated. Of what would be too much, as much as the reading takes. */
function inflateStart(input: Buffer): Buffer | undefined {
  let enough = 0;
  let tooMany = input.length + 1;
  let length = input.length;
  let plain: Buffer | undefined;
  while (length > enough && length < tooMany) {
    const inflated = inflate(input.subarray(0, length));
    if (inflated === undefined) return undefined;
    if (inflated === 'tooLong') tooMany = length;
    else {
      enough = length;
      plain = inflated;
      if (plain.length > MAX_START_BYTES) return plain;
    }
    length = (enough + tooMany) >>> 1;
  }
  return plain;
}

function inflate(input: Buffer): Buffer | 'tooLong' | undefined {
  try {
    return inflateRawSync(input, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_PLAIN_BYTES });
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'tooLong' : undefined;
  }
}
