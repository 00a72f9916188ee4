/**
 * What may be shown of a command set (PS3.7 §6.3.1): which command it is, UIDs, AE titles, numbers. Not the error comment,
 * in which archives put texts of their own, nor elements that the standard does not know. Works on pieces as they come.
 */
import { elementByNumber } from '../dimse/commandElements';
import type { RedactedBytes } from './redactedBytes';

const ELEMENT_HEADER_BYTES = 2 + 2 + 4;
/** (0000,0000) with 4 bytes: every command set begins with it. */
const GROUP_LENGTH_HEADER = Buffer.of(0, 0, 0, 0, 4, 0, 0, 0);
/** As the decoder: a longer value is not one, and what follows is not an element. */
const MAX_VALUE_BYTES = 0x2000;
/** VR AE, and VR UI. */
const MAX_AE_BYTES = 16;
const MAX_UID_BYTES = 64;

/** Of a value: which of its bytes are shown. */
type Show = 'all' | 'digitsAndDots' | 'printable' | 'nothing';

export class CommandRedactor {
  readonly #header = Buffer.alloc(ELEMENT_HEADER_BYTES);
  #headerBytes = 0;
  /** So many of them were in an earlier fragment, and are blanked there. */
  #blankedBytes = 0;
  #valueBytes = 0;
  #show: Show = 'nothing';
  /** What comes is not elements: nothing is shown up to the end of the command set. */
  #isLost: boolean;

  /** Nothing has come yet, and it is not known whether what comes begins a command set. */
  #awaitsStart: boolean;

  /** `isAtStart`: the first piece begins a command set. Otherwise the next one is shown, or this one where it looks so. */
  constructor(isAtStart: boolean) {
    this.#isLost = !isAtStart;
    this.#awaitsStart = !isAtStart;
  }

  /** A fragment is over. Of an element header that goes on in the next one, nothing is known yet. */
  fragmentEnded(isLast: boolean, out: RedactedBytes): void {
    out.blank(this.#headerBytes - this.#blankedBytes);
    this.#blankedBytes = this.#headerBytes;
    if (!isLast) return;
    this.#headerBytes = 0;
    this.#blankedBytes = 0;
    this.#valueBytes = 0;
    this.#isLost = false;
  }

  redact(bytes: Buffer, out: RedactedBytes): void {
    if (this.#awaitsStart)
      this.#isLost = !bytes.subarray(0, ELEMENT_HEADER_BYTES).equals(GROUP_LENGTH_HEADER);
    this.#awaitsStart = false;
    let offset = 0;
    while (offset < bytes.length) {
      if (this.#isLost) {
        out.blank(bytes.length - offset);
        return;
      }
      if (this.#valueBytes > 0) {
        const end = Math.min(bytes.length, offset + this.#valueBytes);
        this.#redactValue(bytes.subarray(offset, end), out);
        this.#valueBytes -= end - offset;
        offset = end;
      } else {
        this.#header[this.#headerBytes] = bytes[offset]!;
        this.#headerBytes += 1;
        offset += 1;
        if (this.#headerBytes === ELEMENT_HEADER_BYTES) this.#startElement(out);
      }
    }
  }

  #startElement(out: RedactedBytes): void {
    const group = this.#header.readUInt16LE(0);
    const element = this.#header.readUInt16LE(2);
    const length = this.#header.readUInt32LE(4);
    const ofThisFragment = this.#header.subarray(this.#blankedBytes);
    this.#headerBytes = 0;
    this.#blankedBytes = 0;
    if (group !== 0 || length > MAX_VALUE_BYTES) {
      this.#isLost = true;
      out.blank(ofThisFragment.length);
      return;
    }
    out.keep(ofThisFragment);
    this.#valueBytes = length;
    this.#show = shownOf(element, length);
  }

  #redactValue(bytes: Buffer, out: RedactedBytes): void {
    if (this.#show === 'nothing') out.blank(bytes.length);
    else if (this.#show === 'all') out.keep(bytes);
    else {
      const isShown = this.#show === 'printable' ? isPrintable : isOfUid;
      out.keep(Buffer.from(bytes.map((byte) => (isShown(byte) ? byte : 0))));
    }
  }
}

function shownOf(element: number, length: number): Show {
  if (element === 0) return length === 4 ? 'all' : 'nothing';
  switch (elementByNumber.get(element)?.vr) {
    case 'US':
      return length === 2 ? 'all' : 'nothing';
    case 'AT':
      return 'all';
    case 'AE':
      return length <= MAX_AE_BYTES ? 'printable' : 'nothing';
    case 'UI':
      return length <= MAX_UID_BYTES ? 'digitsAndDots' : 'nothing';
    default:
      return 'nothing';
  }
}

function isPrintable(byte: number): boolean {
  return byte >= 0x20 && byte < 0x7f;
}

/** A UID with other characters may be a name. */
function isOfUid(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2e || byte === 0x20;
}
