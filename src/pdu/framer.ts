/**
 * Messages to P-DATA-TF PDUs (PS3.8 §9.3.5, Annex E), written into slabs one after the other. Owns the sizes of fragments
 * and where PDUs end. Knows nothing of what is in a message, and never ends one by itself: a Last fragment that the sender
 * did not send could make an archive store half an image as a whole one.
 */

import { writeUint32 } from './pduHeader';
import { returnSlabs, SLAB_BYTES, takeSlab } from './slabs';
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
 * The longest P-DATA-TF sent, even if the peer takes longer ones. It is DCMTK's own bound, and short enough that an
 * A-ABORT can follow soon.
 */
const DEFAULT_MAX_PDU_LENGTH = 131072;

/**
 * A flush of fewer bytes is copied out of its slab. Otherwise one command set could occupy a whole slab for as long as a
 * slow peer takes.
 */
const COPIED_BELOW_BYTES = 16 * 1024;

const FRAME_HEADER_BYTES = PDU_HEADER_BYTES + PDV_HEADER_BYTES;
const NUL = Buffer.alloc(1);

/**
 * What one association sends to its peer. A message is `command`, then (if it has a data set) any number of `data` and one
 * `dataEnd`. Every P-DATA-TF carries one PDV: some peers fail if a command and its data share a PDU, and two messages must
 * never share one (PS3.8 §E.1).
 */
export class PDataFramer {
  /** The longest fragment; even, because every fragment is (PS3.8 §E.1). */
  readonly maxFragmentBytes: number;
  /** Full slabs; `slab` is the one being written, up to `used`. */
  readonly #full: Buffer[] = [];
  #slab: Buffer | undefined;
  #used = 0;
  #openContextId: number | undefined;
  /** Whether the PDU at `header` is still being filled; its lengths are written when it is closed. */
  #isPduOpen = false;
  #fragmentBytes = 0;
  /** The header of this message's last PDU that waits for a flush: the one to mark Last. */
  #header: Buffer | undefined;
  #headerOffset = 0;
  /** A byte that the last flush held back, because fragments are even. */
  #oddByte: number | undefined;

  /**
   * `peerMaxPduLength` is the peer's item 51H, 0 for no limit; `ownLimit` bounds it. Neither counts the 6-byte
   * PDU header. Throws PduError 'pdu-max-length-unusable' if no fragment of two bytes fits.
   */
  constructor(peerMaxPduLength: number, ownLimit = DEFAULT_MAX_PDU_LENGTH) {
    const limit = peerMaxPduLength === 0 ? ownLimit : Math.min(peerMaxPduLength, ownLimit);
    this.maxFragmentBytes = limit - PDV_HEADER_BYTES - (limit % 2);
    if (!(this.maxFragmentBytes >= 2)) {
      throw new PduError(
        'pdu-max-length-unusable',
        `maximum length ${limit}; at least ${PDV_HEADER_BYTES + 2} is required for a fragment of two bytes`,
      );
    }
  }

  /** Queues a copy of a whole command set, split if it does not fit into one PDU. */
  command(contextId: number, commandSet: Buffer): void {
    if (this.#openContextId !== undefined) {
      throw new Error('a command may not come inside an open data set');
    }
    if (commandSet.length === 0 || commandSet.length % 2 !== 0) {
      throw new RangeError(
        `a command set has ${commandSet.length} bytes; an even number above 0 is required`,
      );
    }
    this.#fill(contextId, MCH_COMMAND, commandSet);
    this.#endMessage(contextId);
  }

  /** Queues a copy of whole messages, in PDUs as they are made here. */
  messages(pdus: Buffer): void {
    for (let copied = 0; copied < pdus.length; ) {
      const slab = this.#slabWithRoom(1);
      const bytes = pdus.copy(slab, this.#used, copied);
      copied += bytes;
      this.#used += bytes;
    }
  }

  /** Queues a copy of bytes of a data set. */
  data(contextId: number, bytes: Buffer): void {
    this.#expectOpen(contextId);
    this.#openContextId = contextId;
    if (bytes.length === 0) return;
    this.#takeUpOddByte(contextId);
    this.#fill(contextId, 0, bytes);
  }

  /**
   * Ends the data set: its last fragment carries the Last bit. If no bytes wait, that fragment is empty, as the sender's
   * was. To avoid this we would have to hold two bytes back, which would delay every data set by a batch.
   *
   * A data set of odd length gets one NUL more: some deflated data sets end odd.
   */
  dataEnd(contextId: number): void {
    this.#expectOpen(contextId);
    this.#takeUpOddByte(contextId);
    // Flushed bytes and full PDUs are even, so the parity of the rest is that of the whole data set.
    if (this.#fragmentBytes % 2 !== 0) this.#fill(contextId, 0, NUL);
    this.#endMessage(contextId);
    this.#openContextId = undefined;
  }

  /** Bytes, with their headers, that the next flush emits or holds back. */
  get pendingBytes(): number {
    return this.#full.length * SLAB_BYTES + this.#used + (this.#oddByte === undefined ? 0 : 1);
  }

  /**
   * Appends everything that can be sent: complete PDUs only, so that an A-ABORT may follow at any time. An odd byte of an
   * open data set stays here, so that every fragment is even. Pass what was appended to {@link returnSlabs} once it is
   * written.
   */
  flush(out: Buffer[]): void {
    if (this.#isPduOpen) this.#closeEven();
    this.#header = undefined;
    for (const slab of this.#full) out.push(slab);
    const written = this.#slab?.subarray(0, this.#used);
    if (written !== undefined) {
      if (written.length >= COPIED_BELOW_BYTES) {
        out.push(written);
      } else {
        if (written.length > 0) out.push(Buffer.from(written));
        returnSlabs([written]);
      }
    }
    this.#forget();
  }

  /** Drops everything that waits. */
  discard(): void {
    returnSlabs(this.#full);
    if (this.#slab !== undefined) returnSlabs([this.#slab]);
    this.#forget();
    this.#header = undefined;
    this.#isPduOpen = false;
    this.#fragmentBytes = 0;
    this.#oddByte = undefined;
  }

  #forget(): void {
    this.#full.length = 0;
    this.#slab = undefined;
    this.#used = 0;
  }

  /** Copies bytes into as many PDUs as they take; the last one stays open unless it is full. */
  #fill(contextId: number, messageControlHeader: number, bytes: Buffer): void {
    let start = 0;
    while (start < bytes.length) {
      if (!this.#isPduOpen) this.#beginPdu(contextId, messageControlHeader);
      const slab = this.#slabWithRoom(1);
      const room = Math.min(SLAB_BYTES - this.#used, this.maxFragmentBytes - this.#fragmentBytes);
      const copied = bytes.copy(slab, this.#used, start, Math.min(bytes.length, start + room));
      start += copied;
      this.#used += copied;
      this.#fragmentBytes += copied;
      if (this.#fragmentBytes === this.maxFragmentBytes) this.#closePdu();
    }
  }

  /** Writes PDU header and PDV header; both lengths come later. */
  #beginPdu(contextId: number, messageControlHeader: number): void {
    // Header and first byte go into one slab: if a flush holds that byte back, both can be taken back.
    const header = this.#slabWithRoom(FRAME_HEADER_BYTES + 1);
    header[this.#used] = PduType.PDataTf;
    header[this.#used + 1] = 0;
    header[this.#used + 10] = contextId;
    header[this.#used + 11] = messageControlHeader;
    this.#header = header;
    this.#headerOffset = this.#used;
    this.#used += FRAME_HEADER_BYTES;
    this.#isPduOpen = true;
  }

  #closePdu(): void {
    writeUint32(this.#header!, this.#headerOffset + 2, PDV_HEADER_BYTES + this.#fragmentBytes);
    writeUint32(
      this.#header!,
      this.#headerOffset + PDU_HEADER_BYTES,
      PDV_LENGTH_OVERHEAD + this.#fragmentBytes,
    );
    this.#isPduOpen = false;
    this.#fragmentBytes = 0;
  }

  /** Marks the last PDU of the message Last: the one that waits, or an empty one if all were flushed. */
  #endMessage(contextId: number): void {
    if (this.#header === undefined) this.#beginPdu(contextId, 0);
    if (this.#isPduOpen) this.#closePdu();
    this.#header![this.#headerOffset + 11]! |= MCH_LAST;
    this.#header = undefined;
  }

  /** Closes the open PDU after an even number of bytes; an empty one is taken back. */
  #closeEven(): void {
    if (this.#fragmentBytes % 2 !== 0) {
      this.#used -= 1;
      this.#fragmentBytes -= 1;
      this.#oddByte = this.#slab![this.#used];
    }
    if (this.#fragmentBytes > 0) {
      this.#closePdu();
    } else {
      this.#used -= FRAME_HEADER_BYTES;
      this.#isPduOpen = false;
    }
  }

  #takeUpOddByte(contextId: number): void {
    if (this.#oddByte === undefined) return;
    const byte = Buffer.of(this.#oddByte);
    this.#oddByte = undefined;
    this.#fill(contextId, 0, byte);
  }

  #slabWithRoom(bytes: number): Buffer {
    if (this.#slab !== undefined && SLAB_BYTES - this.#used >= bytes) return this.#slab;
    if (this.#slab !== undefined) this.#full.push(this.#slab.subarray(0, this.#used));
    this.#slab = takeSlab();
    this.#used = 0;
    return this.#slab;
  }

  #expectOpen(contextId: number): void {
    if (this.#openContextId !== undefined && this.#openContextId !== contextId) {
      throw new Error(
        `data of context ${contextId} may not come inside a data set of context ${this.#openContextId}`,
      );
    }
  }
}
