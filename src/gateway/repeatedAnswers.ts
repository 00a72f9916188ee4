/**
 * The fast path: pending answers of which only the data set is new, as those of a C-FIND are. They are known by the bytes of
 * their first PDU, and go on as they came, many in one go: only what our own encoder and framer would write the same, bit by
 * bit, between two messages, on the context that they came on. All else is left to the way that every message takes. Decides
 * nothing: the answer before was decided on, and this one says the same.
 */
import type { Leg } from '../association/leg';
import type { LegWriter } from '../association/legWriter';
import type { CommandSet } from '../dimse/commandSet';
import { hasDataSet, isPendingStatus } from '../dimse/commands';
import { encodeCommandSet } from '../dimse/encodeCommandSet';
import { readUint32, writeUint32 } from '../pdu/pduHeader';
import type { ExpectedPdus } from '../pdu/pduSink';
import {
  MCH_COMMAND,
  MCH_LAST,
  PDU_HEADER_BYTES,
  PDV_HEADER_BYTES,
  PDV_LENGTH_OVERHEAD,
  PduType,
} from '../pdu/types';

const FRAME_BYTES = PDU_HEADER_BYTES + PDV_HEADER_BYTES;

/** The half of a relay whose peer answers. */
export interface AnswerHalf {
  readonly leg: Pick<Leg, 'expected' | 'takesData'>;
  /** Of a P-DATA-TF that the peer may send, without its header. */
  readonly maxPduLength: number;
  readonly isInsideMessage: boolean;
  messageEnd(dataSetBytes: number): void;
}

/** The last answer to an operation, and all that come behind it with the same command set. */
export class LastAnswer implements ExpectedPdus {
  readonly command: CommandSet;
  readonly #encoded: Buffer;
  readonly #isPending: boolean;
  #half: AnswerHalf | undefined;
  #out: LegWriter | undefined;
  #contextId = 0;
  #commandPdu: Buffer | undefined;
  pdus = 0;

  constructor(command: CommandSet) {
    this.command = command;
    this.#encoded = encodeCommandSet(command);
    this.#isPending = isPendingStatus(command.Status ?? 0);
  }

  /**
   * Writes the command set, with its data set still to come. The second one is the first sign that more are alike: until
   * the next message of another kind, `half.leg` is to expect them.
   */
  passOn(half: AnswerHalf, out: LegWriter, contextId: number, outContextId: number): void {
    out.commandSet(outContextId, this.#encoded, this.#isPending);
    const isAgain = this.#half !== undefined;
    this.#half = half;
    this.#out = out;
    if (!this.#isPending || !isAgain || contextId !== outContextId || !hasDataSet(this.command)) return;
    // Answers to one operation may come on several contexts.
    if (this.#contextId !== outContextId) this.#commandPdu = framed(outContextId, this.#encoded);
    this.#contextId = outContextId;
    half.leg.expected = this;
  }

  take(chunk: Buffer, offset: number): number {
    this.pdus = 0;
    const half = this.#half;
    const out = this.#out;
    const commandPdu = this.#commandPdu;
    if (half === undefined || out === undefined || commandPdu === undefined) return 0;
    if (half.isInsideMessage || !half.leg.takesData) return 0;
    const most = Math.min(half.maxPduLength, out.maxFragmentBytes + PDV_HEADER_BYTES);
    if (commandPdu.length - PDU_HEADER_BYTES > most) return 0;
    let end = offset;
    let dataSetBytes = 0;
    for (;;) {
      const start = end + commandPdu.length;
      const length = this.#dataSetPduLength(chunk, start, most);
      if (length === 0 || chunk.compare(commandPdu, 0, commandPdu.length, end, start) !== 0) break;
      end = start + PDU_HEADER_BYTES + length;
      dataSetBytes += length - PDV_HEADER_BYTES;
      this.pdus += 2;
    }
    if (end === offset) return 0;
    out.messages(chunk.subarray(offset, end));
    half.messageEnd(dataSetBytes);
    return end - offset;
  }

  /** Of the PDU that holds a whole data set, as our framer would write it; 0 where there is another one, or none. */
  #dataSetPduLength(chunk: Buffer, start: number, most: number): number {
    if (start + FRAME_BYTES > chunk.length) return 0;
    const length = readUint32(chunk, start + 2);
    const isWhole =
      chunk[start] === PduType.PDataTf &&
      chunk[start + 1] === 0 &&
      readUint32(chunk, start + PDU_HEADER_BYTES) === length - (PDV_HEADER_BYTES - PDV_LENGTH_OVERHEAD) &&
      chunk[start + 10] === this.#contextId &&
      chunk[start + 11] === MCH_LAST;
    const isEven = length % 2 === 0 && length > PDV_HEADER_BYTES;
    const hasCome = start + PDU_HEADER_BYTES + length <= chunk.length;
    return isWhole && isEven && hasCome && length <= most ? length : 0;
  }
}

/** In a P-DATA-TF of its own. */
function framed(contextId: number, commandSet: Buffer): Buffer {
  const pdu = Buffer.alloc(FRAME_BYTES + commandSet.length);
  pdu[0] = PduType.PDataTf;
  writeUint32(pdu, 2, PDV_HEADER_BYTES + commandSet.length);
  writeUint32(pdu, PDU_HEADER_BYTES, PDV_LENGTH_OVERHEAD + commandSet.length);
  pdu[10] = contextId;
  pdu[11] = MCH_COMMAND | MCH_LAST;
  commandSet.copy(pdu, FRAME_BYTES);
  return pdu;
}
