/**
 * Messages to P-DATA-TF PDUs (PS3.8 §9.3.5, Annex E), at flush time and without copying. Owns the sizes of
 * fragments and where PDUs end; knows nothing of what is in a message, and never ends one by itself: a Last
 * fragment that the sender did not send could make an archive store half an image as a whole one.
 */

import { SliceQueue } from './sliceQueue';
import {
  MCH_COMMAND,
  MCH_LAST,
  PDU_HEADER_BYTES,
  PDV_HEADER_BYTES,
  PDV_LENGTH_OVERHEAD,
  PduError,
  PduType,
} from './types';

/**
 * The longest P-DATA-TF sent, whatever the peer takes: DCMTK's own bound, and what a write should not exceed
 * for an A-ABORT to follow soon.
 */
const DEFAULT_OWN_LIMIT = 131072;

/**
 * Where fragments are shorter than this they are copied together with their headers: the peer chooses their length,
 * and a buffer for each of a million fragments of two bytes would cost a hundred times what they hold.
 */
const COPIED_BELOW_BYTES = 512;

const FRAME_HEADER_BYTES = PDU_HEADER_BYTES + PDV_HEADER_BYTES;
const NUL = Buffer.alloc(1);

/**
 * One direction of one association. A message is `command`, then (where it has a data set) any number of
 * `data` and one `dataEnd`. Every P-DATA-TF carries one PDV: peers have been seen to fail where a command
 * and its data share a PDU, and two messages never may (PS3.8 §E.1).
 */
export class PDataFramer {
  /** The longest fragment; even, because every fragment is (PS3.8 §E.1). */
  private readonly maxFragmentBytes: number;
  /** Complete PDUs of commands and of ended data sets. */
  private readonly complete: Buffer[] = [];
  private completeBytes = 0;
  /** Bytes of the open data set. */
  private readonly open = new SliceQueue();
  private openContextId: number | undefined;

  /**
   * `peerMaxPduLength` is the peer's item 51H, 0 for no limit; `ownLimit` bounds it. Neither counts the 6-byte
   * PDU header. Throws PduError 'pdu-max-length-unusable' where no fragment of two bytes fits.
   */
  constructor(peerMaxPduLength: number, ownLimit = DEFAULT_OWN_LIMIT) {
    const limit = peerMaxPduLength === 0 ? ownLimit : Math.min(peerMaxPduLength, ownLimit);
    this.maxFragmentBytes = floorEven(limit - PDV_HEADER_BYTES);
    if (!(this.maxFragmentBytes >= 2)) {
      throw new PduError(
        'pdu-max-length-unusable',
        `maximum length ${limit}; at least ${PDV_HEADER_BYTES + 2} is required for a fragment of two bytes`,
      );
    }
  }

  /** Queues a whole command set, split where it does not fit one PDU. */
  command(contextId: number, commandSet: Buffer): void {
    if (this.openContextId !== undefined) {
      throw new Error('a command may not come before the end of the data set that is open');
    }
    if (commandSet.length === 0 || commandSet.length % 2 !== 0) {
      throw new RangeError(
        `a command set has ${commandSet.length} bytes; an even number above 0 is required`,
      );
    }
    // Short, so that one buffer to write is worth the copy.
    this.complete.push(this.framedCopy(commandSet, contextId, MCH_COMMAND, true));
    this.completeBytes += commandSet.length;
  }

  /** Queues bytes of a data set. Keeps the view, which must not change until it is written. */
  data(contextId: number, bytes: Buffer): void {
    this.expectOpen(contextId);
    this.openContextId = contextId;
    this.open.add(bytes);
  }

  /**
   * Ends the data set: its last fragment carries the Last bit. It is empty only where nothing waits, because
   * the sender ended so too; keeping two bytes back to avoid that would delay every data set by a batch.
   *
   * An odd number of bytes in all is filled up with one NUL where `padOdd` (deflated transfer syntaxes have
   * been seen to end odd); otherwise throws PduError 'pdu-data-set-odd'.
   */
  dataEnd(contextId: number, padOdd: boolean): void {
    this.expectOpen(contextId);
    // Whatever was flushed before was even, so the parity of the rest is that of the whole.
    if (this.open.bytes % 2 !== 0) {
      if (!padOdd) {
        throw new PduError(
          'pdu-data-set-odd',
          'the data set ends after an odd number of bytes; even is required',
        );
      }
      this.open.add(NUL);
    }
    const bytes = this.open.bytes;
    this.frame(this.complete, this.open.takeEven(), bytes, contextId, 0, true);
    this.completeBytes += bytes;
    this.openContextId = undefined;
  }

  /** Bytes of fragments, without headers, that the next flush emits or keeps back. */
  get pendingBytes(): number {
    return this.completeBytes + this.open.bytes;
  }

  /**
   * Appends everything that can go: complete PDUs only, so that an A-ABORT may follow at any time. Of an open
   * data set an odd byte stays, so that every fragment is even.
   */
  flush(out: Buffer[]): void {
    for (const buffer of this.complete) {
      out.push(buffer);
    }
    this.complete.length = 0;
    this.completeBytes = 0;
    const bytes = floorEven(this.open.bytes);
    if (this.openContextId !== undefined && bytes > 0) {
      this.frame(out, this.open.takeEven(), bytes, this.openContextId, 0, false);
    }
  }

  /** Appends the slices, `bytes` in all, in as few PDUs as can be; `endsMessage` sets Last on the last one. */
  private frame(
    out: Buffer[],
    slices: readonly Buffer[],
    bytes: number,
    contextId: number,
    messageControlHeader: number,
    endsMessage: boolean,
  ): void {
    if (this.maxFragmentBytes < COPIED_BELOW_BYTES) {
      out.push(this.framedCopy(Buffer.concat(slices, bytes), contextId, messageControlHeader, endsMessage));
      return;
    }
    let remaining = bytes;
    let index = 0;
    let offset = 0;
    do {
      let fragmentRemaining = Math.min(remaining, this.maxFragmentBytes);
      remaining -= fragmentRemaining;
      const isLast = endsMessage && remaining === 0;
      const control = isLast ? messageControlHeader | MCH_LAST : messageControlHeader;
      // Cut from Node's pool: one allocation for hundreds of them.
      const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
      writeFrameHeader(header, 0, contextId, control, fragmentRemaining);
      out.push(header);
      while (fragmentRemaining > 0) {
        const slice = slices[index]!;
        const end = Math.min(slice.length, offset + fragmentRemaining);
        out.push(end - offset === slice.length ? slice : slice.subarray(offset, end));
        fragmentRemaining -= end - offset;
        offset = end;
        if (end === slice.length) {
          index++;
          offset = 0;
        }
      }
    } while (remaining > 0);
  }

  /** The same in one buffer. */
  private framedCopy(
    bytes: Buffer,
    contextId: number,
    messageControlHeader: number,
    endsMessage: boolean,
  ): Buffer {
    const fragments = Math.max(1, Math.ceil(bytes.length / this.maxFragmentBytes));
    const framed = Buffer.allocUnsafe(bytes.length + fragments * FRAME_HEADER_BYTES);
    let start = 0;
    let offset = 0;
    do {
      const end = Math.min(bytes.length, start + this.maxFragmentBytes);
      const isLast = endsMessage && end === bytes.length;
      const control = isLast ? messageControlHeader | MCH_LAST : messageControlHeader;
      offset = writeFrameHeader(framed, offset, contextId, control, end - start);
      offset += bytes.copy(framed, offset, start, end);
      start = end;
    } while (start < bytes.length);
    return framed;
  }

  private expectOpen(contextId: number): void {
    if (this.openContextId !== undefined && this.openContextId !== contextId) {
      throw new Error(
        `data of context ${contextId} may not come inside a data set of context ${this.openContextId}`,
      );
    }
  }
}

/** PDU header and PDV header; returns where they end. */
function writeFrameHeader(
  bytes: Buffer,
  offset: number,
  contextId: number,
  messageControlHeader: number,
  fragmentBytes: number,
): number {
  bytes[offset] = PduType.PDataTf;
  bytes[offset + 1] = 0;
  bytes.writeUInt32BE(PDV_HEADER_BYTES + fragmentBytes, offset + 2);
  bytes.writeUInt32BE(PDV_LENGTH_OVERHEAD + fragmentBytes, offset + PDU_HEADER_BYTES);
  bytes[offset + 10] = contextId;
  bytes[offset + 11] = messageControlHeader;
  return offset + FRAME_HEADER_BYTES;
}

function floorEven(value: number): number {
  return value - (value % 2);
}
