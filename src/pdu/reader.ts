/**
 * Bytes to PDUs (PS3.8 §9.3), as they come. Walks PDU and PDV headers and hands on what is between them; a
 * P-DATA-TF is never collected, so that memory does not depend on what a peer declares or sends. Knows the
 * form of PDUs, not the order in which they may come: the states judge that.
 */
import { AssociateBody } from './associateBody';
import {
  checkPduLength,
  checkPduType,
  type PduLimits,
  type PduReaderOptions,
  pduLimits,
  pdvInvalid,
  readUint32,
  tooManyEmptyFragments,
} from './pduHeader';
import type { PduSink } from './pduSink';
import { deliverSmallPdu, SMALL_PDU_BODY_BYTES } from './smallPdus';
import {
  MAX_EMPTY_FRAGMENTS,
  PDU_HEADER_BYTES,
  PDV_HEADER_BYTES,
  PDV_LENGTH_OVERHEAD,
  PduType,
} from './types';

/** What the next byte belongs to. */
const IN_PDU_HEADER = 0;
const IN_ASSOCIATE = 1;
const IN_SMALL_PDU = 2;
const IN_PDV_HEADER = 3;
const IN_FRAGMENT = 4;

/** The length field of a PDV item, which the item's length does not count. */
const PDV_LENGTH_FIELD_BYTES = PDV_HEADER_BYTES - PDV_LENGTH_OVERHEAD;

/** What one peer sends on one connection. */
export class PduReader {
  readonly #sink: PduSink;
  readonly #limits: PduLimits;

  #state = IN_PDU_HEADER;
  #pduType = 0;
  /** Bytes of the current P-DATA-TF that are not yet given to a PDV. */
  #pduRemaining = 0;
  /** Bytes of the current fragment that are still to come. */
  #fragmentRemaining = 0;
  #emptyFragments = 0;
  #completePdus = 0;
  #associateBody: AssociateBody | undefined;

  /** A header or small body that the end of a chunk has cut; none is longer than a PDU header. */
  #cut: Buffer | undefined;
  #cutBytes = 0;

  /** Copies of chunks that are not walked yet: while the reader is held, or while a callback pushes. */
  #waiting: Buffer[] = [];
  #held = false;
  #isWalking = false;
  #failure: unknown;

  constructor(sink: PduSink, options: PduReaderOptions) {
    this.#sink = sink;
    this.#limits = pduLimits(options);
  }

  /**
   * Walks the chunk and calls the sink; the chunk may change afterwards. Throws PduError for bytes that PS3.8 does
   * not allow. After a throw the reader is dead: whatever is pushed throws the same again.
   */
  push(chunk: Buffer): void {
    const mustWait = this.#isWalking || this.#waiting.length > 0;
    if (mustWait) this.#waiting.push(Buffer.from(chunk));
    if (!this.#isWalking) this.#walkAll(mustWait ? undefined : chunk);
  }

  /**
   * Stops at the next end of a PDU, inside a callback at the end of the current one, and keeps a copy of the
   * rest. It keeps all that is pushed, so pause the socket too.
   */
  hold(): void {
    this.#held = true;
  }

  /** Goes on with what was kept. Calls the sink and throws as `push` does. */
  release(): void {
    this.#held = false;
    if (!this.#isWalking) this.#walkAll();
  }

  /** Whether `hold` was called and `release` was not, yet. */
  get isHeld(): boolean {
    return this.#held;
  }

  /** Whether it keeps bytes that are not walked yet. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether the bytes that were walked end inside a PDU (header included). */
  get isInsidePdu(): boolean {
    return this.#state !== IN_PDU_HEADER || this.#cutBytes > 0;
  }

  /** Complete PDUs so far, for deadlines: while it stands still, no PDU has become complete. */
  get pduCount(): number {
    return this.#completePdus;
  }

  /** Walks what waits, or a chunk before which nothing waits. */
  #walkAll(chunk?: Buffer): void {
    if (this.#failure !== undefined) {
      this.#waiting = [];
      throw this.#failure;
    }
    this.#isWalking = true;
    try {
      if (chunk !== undefined) this.#walkOrKeep(chunk, true);
      while (this.#waiting.length > 0 && !this.#isStopped()) this.#walkOrKeep(this.#waiting.shift()!, false);
    } catch (error) {
      this.#failure = error;
      this.#waiting = [];
      this.#associateBody = undefined;
      throw error;
    } finally {
      this.#isWalking = false;
    }
  }

  /** What cannot be walked yet goes back to the front of what waits, as a copy where the chunk `isLent`. */
  #walkOrKeep(chunk: Buffer, isLent: boolean): void {
    const walked = this.#walk(chunk);
    if (walked === chunk.length) return;
    const rest = chunk.subarray(walked);
    this.#waiting.unshift(isLent ? Buffer.from(rest) : rest);
  }

  #isStopped(): boolean {
    return this.#held && !this.isInsidePdu;
  }

  /** Walks until the chunk ends or the reader is stopped; returns how far it came. */
  #walk(chunk: Buffer): number {
    let offset = 0;
    while (offset < chunk.length && !this.#isStopped()) {
      switch (this.#state) {
        case IN_FRAGMENT:
          offset = this.#walkFragment(chunk, offset);
          break;
        case IN_PDV_HEADER:
          offset = this.#walkPdvHeader(chunk, offset);
          break;
        case IN_PDU_HEADER:
          offset = this.#walkPduHeader(chunk, offset);
          break;
        case IN_ASSOCIATE:
          offset = this.#walkAssociate(chunk, offset);
          break;
        default:
          offset = this.#walkSmallPdu(chunk, offset);
      }
    }
    return offset;
  }

  /** The middle of a large PDV comes here with whole chunks, which are handed on as they are. */
  #walkFragment(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#fragmentRemaining);
    this.#fragmentRemaining -= end - offset;
    this.#sink.fragment(end - offset === chunk.length ? chunk : chunk.subarray(offset, end));
    if (this.#fragmentRemaining === 0) {
      this.#endPdv();
    }
    return end;
  }

  #walkPdvHeader(chunk: Buffer, offset: number): number {
    if (this.#cutBytes === 0 && chunk.length - offset >= PDV_HEADER_BYTES) {
      this.#startPdv(chunk, offset);
      return offset + PDV_HEADER_BYTES;
    }
    const end = this.#collect(chunk, offset, PDV_HEADER_BYTES);
    if (this.#cutBytes === PDV_HEADER_BYTES) {
      this.#cutBytes = 0;
      this.#startPdv(this.#cut!, 0);
    }
    return end;
  }

  #walkPduHeader(chunk: Buffer, offset: number): number {
    if (this.#cutBytes === 0) {
      // Judged by its first byte: what is not DICOM (HTTP, TLS) may never send a sixth.
      checkPduType(chunk[offset]!);
      const { expected } = this.#sink;
      const taken = expected?.take(chunk, offset) ?? 0;
      if (taken > 0) {
        this.#emptyFragments = 0;
        this.#completePdus += expected?.pdus ?? 0;
        return offset + taken;
      }
      if (chunk.length - offset >= PDU_HEADER_BYTES) {
        this.#startPdu(chunk, offset);
        return offset + PDU_HEADER_BYTES;
      }
    }
    const end = this.#collect(chunk, offset, PDU_HEADER_BYTES);
    if (this.#cutBytes === PDU_HEADER_BYTES) {
      this.#cutBytes = 0;
      this.#startPdu(this.#cut!, 0);
    }
    return end;
  }

  #walkAssociate(chunk: Buffer, offset: number): number {
    const body = this.#associateBody!;
    const end = body.add(chunk, offset);
    if (body.isComplete) {
      this.#associateBody = undefined;
      this.#endPdu();
      const type = this.#pduType === PduType.AssociateRq ? PduType.AssociateRq : PduType.AssociateAc;
      this.#sink.associate(type, body.take());
    }
    return end;
  }

  #walkSmallPdu(chunk: Buffer, offset: number): number {
    const end = this.#collect(chunk, offset, SMALL_PDU_BODY_BYTES);
    if (this.#cutBytes === SMALL_PDU_BODY_BYTES) {
      this.#cutBytes = 0;
      this.#endPdu();
      deliverSmallPdu(this.#pduType, this.#cut!, this.#sink);
    }
    return end;
  }

  /** Adds to what was cut, up to `wanted` bytes in all. */
  #collect(chunk: Buffer, offset: number, wanted: number): number {
    this.#cut ??= Buffer.alloc(PDU_HEADER_BYTES);
    let position = offset;
    while (position < chunk.length && this.#cutBytes < wanted) {
      this.#cut[this.#cutBytes++] = chunk[position++]!;
    }
    return position;
  }

  #startPdu(bytes: Buffer, offset: number): void {
    const length = readUint32(bytes, offset + 2);
    this.#pduType = bytes[offset]!;
    checkPduLength(this.#pduType, length, this.#limits);
    switch (this.#pduType) {
      case PduType.PDataTf:
        this.#pduRemaining = length;
        this.#state = IN_PDV_HEADER;
        this.#sink.pData(length);
        break;
      case PduType.AssociateRq:
      case PduType.AssociateAc:
        this.#associateBody = new AssociateBody(length);
        this.#state = IN_ASSOCIATE;
        break;
      default:
        this.#state = IN_SMALL_PDU;
    }
  }

  #startPdv(bytes: Buffer, offset: number): void {
    const length = readUint32(bytes, offset);
    const available = this.#pduRemaining - PDV_LENGTH_FIELD_BYTES;
    const rest = available - length;
    if (length < PDV_LENGTH_OVERHEAD || rest < 0 || (rest > 0 && rest < PDV_HEADER_BYTES)) {
      throw pdvInvalid(length, available);
    }
    const fragmentBytes = length - PDV_LENGTH_OVERHEAD;
    this.#emptyFragments = fragmentBytes > 0 ? 0 : this.#emptyFragments + 1;
    if (this.#emptyFragments > MAX_EMPTY_FRAGMENTS) throw tooManyEmptyFragments();
    this.#pduRemaining = rest;
    this.#fragmentRemaining = fragmentBytes;
    this.#state = IN_FRAGMENT;
    this.#sink.pdvStart(bytes[offset + 4]!, bytes[offset + 5]!, fragmentBytes);
    if (fragmentBytes === 0) {
      this.#endPdv();
    }
  }

  #endPdv(): void {
    if (this.#pduRemaining > 0) {
      this.#state = IN_PDV_HEADER;
    } else {
      this.#endPdu();
    }
    this.#sink.pdvEnd();
  }

  /** Comes before the PDU's last callback, so that the sink finds the reader between two PDUs there. */
  #endPdu(): void {
    this.#state = IN_PDU_HEADER;
    this.#completePdus++;
  }
}
