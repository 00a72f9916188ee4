/**
 * What a stream of bytes says in DICOM, read leniently and independently of src/: the first PDU and the messages,
 * as far as they can be read. Whatever a stricter reader makes of the same bytes is a prefix of this.
 */
import { CommandDataSetType, type CommandSet, PduType } from './dicomBytes';
import { type AssociateRq, readAssociateRq, readCommandSet } from './dicomReading';

const PDU_HEADER_BYTES = 6;

export interface ReadMessage {
  readonly contextId: number;
  readonly command: CommandSet;
  readonly commandBytes: Buffer;
  /** What came of it. */
  readonly dataSet: Buffer;
  /** Whether the last fragment came. */
  readonly isComplete: boolean;
}

export interface Conversation {
  readonly associateRq: AssociateRq | undefined;
  readonly messages: readonly ReadMessage[];
  /** PDU types in order. */
  readonly pduTypes: readonly number[];
  /** What is wrong with the bytes, where something is: reading ended there. */
  readonly fault: string | undefined;
  /** How many bytes of an unfinished PDU stand at the end. */
  readonly restBytes: number;
}

/** Reads a whole direction of a connection; an unfinished PDU at its end is not a fault. */
export function readConversation(bytes: Buffer): Conversation {
  const reading = new Reading();
  try {
    reading.read(bytes);
  } catch (error) {
    reading.fault = (error as Error).message;
  }
  return reading;
}

class Reading implements Conversation {
  associateRq: AssociateRq | undefined;
  readonly messages: ReadMessage[] = [];
  readonly pduTypes: number[] = [];
  fault: string | undefined;
  restBytes = 0;
  #commandFragments: Buffer[] = [];
  #open: { -readonly [K in keyof ReadMessage]: ReadMessage[K] } | undefined;

  read(bytes: Buffer): void {
    let offset = 0;
    while (offset + PDU_HEADER_BYTES <= bytes.length) {
      const type = bytes[offset]!;
      const end = offset + PDU_HEADER_BYTES + bytes.readUInt32BE(offset + 2);
      if (type < PduType.AssociateRq || type > PduType.Abort) throw new Error(`a PDU of type ${type}`);
      this.pduTypes.push(type);
      const pdu = bytes.subarray(offset, end);
      if (type === PduType.PDataTf) this.#readPdvs(pdu);
      else if (type === PduType.AssociateRq && end <= bytes.length) this.#readAssociateRq(pdu);
      if (end > bytes.length) break;
      offset = end;
    }
    this.restBytes = bytes.length - offset;
  }

  /** What is broken in it does not keep the gateway from reading the messages behind it. */
  #readAssociateRq(pdu: Buffer): void {
    try {
      this.associateRq ??= readAssociateRq(pdu);
    } catch (error) {
      this.fault = (error as Error).message;
    }
  }

  /** Also of a PDU that is cut short: a reader that streams has seen its first fragments. */
  #readPdvs(pdu: Buffer): void {
    let offset = PDU_HEADER_BYTES;
    while (offset + 6 <= pdu.length) {
      const length = pdu.readUInt32BE(offset);
      if (length < 2) throw new Error(`a PDV of length ${length}`);
      const end = offset + 4 + length;
      const isCut = end > pdu.length;
      this.#take(pdu[offset + 4]!, pdu[offset + 5]!, pdu.subarray(offset + 6, end), isCut);
      offset = end;
    }
    if (offset < pdu.length) throw new Error('bytes behind the last PDV');
  }

  #take(contextId: number, control: number, fragment: Buffer, isCut: boolean): void {
    const isLast = (control & 2) !== 0 && !isCut;
    if ((control & 1) === 1) {
      if (this.#open !== undefined) throw new Error('a command fragment inside a data set');
      this.#commandFragments.push(fragment);
      if (!isLast) return;
      const commandBytes = Buffer.concat(this.#commandFragments);
      this.#commandFragments = [];
      const command = readCommandSet(commandBytes);
      const hasDataSet = command.CommandDataSetType !== CommandDataSetType.None;
      const dataSet = Buffer.alloc(0);
      const message = { contextId, command, commandBytes, dataSet, isComplete: !hasDataSet };
      this.messages.push(message);
      this.#open = hasDataSet ? message : undefined;
      return;
    }
    if (this.#open === undefined) throw new Error('a data set fragment without a command set');
    if (this.#open.contextId !== contextId) throw new Error('a fragment on another presentation context');
    this.#open.dataSet = Buffer.concat([this.#open.dataSet, fragment]);
    if (!isLast) return;
    this.#open.isComplete = true;
    this.#open = undefined;
  }
}

/** Why a command set is not in the one canonical form (PS3.7 §6.3.1), undefined where it is. */
export function whyNotCanonical(bytes: Buffer): string | undefined {
  let offset = 0;
  for (let previous = -1; offset < bytes.length; ) {
    const [group, element] = [bytes.readUInt16LE(offset), bytes.readUInt16LE(offset + 2)];
    const length = bytes.readUInt32LE(offset + 4);
    if (group !== 0) return `group ${group}`;
    if (element <= previous) return `element ${element} behind ${previous}`;
    if (length % 2 !== 0) return `element ${element} of odd length ${length}`;
    if (previous === -1 && element !== 0) return 'no group length';
    if (element === 0 && bytes.readUInt32LE(offset + 8) !== bytes.length - 12) return 'a wrong group length';
    previous = element;
    offset += 8 + length;
  }
  return offset === bytes.length ? undefined : 'a last element that is cut';
}
