/**
 * Reads what a peer sent, enough for assertions: PDUs out of a stream, associate PDUs, command sets, whole
 * messages with the SHA-256 of their data sets. Independent of src/; throws on what does not parse.
 */
import { createHash } from 'node:crypto';
import {
  type AnsweredContext,
  CommandDataSetType,
  type CommandSet,
  commandElementByNumber,
  PduType,
  type Pdv,
  type ProposedContext,
} from './dicomBytes';

const PDU_HEADER_BYTES = 6;
/** Type, reserved, length, version, reserved, two AE titles, reserved: the items begin here (PS3.8 §9.3.2). */
const ASSOCIATE_ITEMS_OFFSET = 74;

/** Cuts a byte stream into whole PDUs, each with its 6-byte header. */
export class PduSplitter {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;

  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const pdus: Buffer[] = [];
    for (let next = this.#take(); next !== undefined; next = this.#take()) pdus.push(next);
    return pdus;
  }

  /** What came after the last whole PDU. */
  get rest(): Buffer {
    return this.#joined();
  }

  #take(): Buffer | undefined {
    if (this.#bufferedBytes < PDU_HEADER_BYTES) return undefined;
    const first = this.#chunks[0]!;
    const header = first.length >= PDU_HEADER_BYTES ? first : this.#joined();
    const pduBytes = PDU_HEADER_BYTES + header.readUInt32BE(2);
    if (this.#bufferedBytes < pduBytes) return undefined;
    const bytes = this.#joined();
    this.#chunks = [bytes.subarray(pduBytes)];
    this.#bufferedBytes -= pduBytes;
    return bytes.subarray(0, pduBytes);
  }

  #joined(): Buffer {
    if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }
}

interface Associate {
  readonly protocolVersion: number;
  readonly called: string;
  readonly calling: string;
  readonly applicationContext: string;
  /** undefined where item 51H is missing. */
  readonly maxPduLength: number | undefined;
  /** Sub-items of the user information by type, without their headers. */
  readonly userItems: ReadonlyMap<number, readonly Buffer[]>;
}

export interface AssociateRq extends Associate {
  readonly contexts: readonly ProposedContext[];
}

export interface AssociateAc extends Associate {
  readonly contexts: readonly AnsweredContext[];
}

export function readAssociateRq(pdu: Buffer): AssociateRq {
  const { items, ...associate } = readAssociate(pdu, PduType.AssociateRq);
  const contexts = items
    .filter(({ type }) => type === 0x20)
    .map(({ body }) => {
      const syntaxes = readItems(body.subarray(4));
      return {
        id: body[0]!,
        abstractSyntax: uid(syntaxes.find(({ type }) => type === 0x30)?.body),
        transferSyntaxes: syntaxes.filter(({ type }) => type === 0x40).map((syntax) => uid(syntax.body)),
      };
    });
  return { ...associate, contexts };
}

export function readAssociateAc(pdu: Buffer): AssociateAc {
  const { items, ...associate } = readAssociate(pdu, PduType.AssociateAc);
  const contexts = items
    .filter(({ type }) => type === 0x21)
    .map(({ body }) => {
      const syntax = readItems(body.subarray(4)).find(({ type }) => type === 0x40);
      return { id: body[0]!, result: body[2]!, transferSyntax: uid(syntax?.body) };
    });
  return { ...associate, contexts };
}

interface Item {
  readonly type: number;
  readonly body: Buffer;
}

function readAssociate(pdu: Buffer, type: number): Associate & { readonly items: readonly Item[] } {
  if (pdu[0] !== type) throw new Error(`a PDU of type ${pdu[0]} came where one of type ${type} should be`);
  const items = readItems(pdu.subarray(ASSOCIATE_ITEMS_OFFSET));
  const userItems = new Map<number, Buffer[]>();
  for (const userItem of readItems(items.find((each) => each.type === 0x50)?.body ?? Buffer.alloc(0))) {
    userItems.set(userItem.type, [...(userItems.get(userItem.type) ?? []), userItem.body]);
  }
  return {
    protocolVersion: pdu.readUInt16BE(6),
    called: pdu.toString('latin1', 10, 26).trim(),
    calling: pdu.toString('latin1', 26, 42).trim(),
    applicationContext: uid(items.find((each) => each.type === 0x10)?.body),
    maxPduLength: userItems.get(0x51)?.[0]?.readUInt32BE(0),
    userItems,
    items,
  };
}

function readItems(bytes: Buffer): Item[] {
  const items: Item[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const end = offset + 4 + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) throw new Error(`an item of type ${bytes[offset]} is longer than what holds it`);
    items.push({ type: bytes[offset]!, body: bytes.subarray(offset + 4, end) });
    offset = end;
  }
  return items;
}

function uid(body: Buffer | undefined): string {
  return body?.toString('latin1') ?? '';
}

function readPdvs(pdu: Buffer): Pdv[] {
  const pdvs: Pdv[] = [];
  let offset = PDU_HEADER_BYTES;
  while (offset < pdu.length) {
    const end = offset + 4 + pdu.readUInt32BE(offset);
    if (end > pdu.length || end < offset + 6) throw new Error('a PDV does not fit its PDU');
    const control = pdu[offset + 5]!;
    pdvs.push({
      contextId: pdu[offset + 4]!,
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
      fragment: pdu.subarray(offset + 6, end),
    });
    offset = end;
  }
  return pdvs;
}

/** Elements that dicomBytes.ts knows; others are passed over. */
export function readCommandSet(bytes: Buffer): CommandSet {
  const elements: Record<string, number | string> = {};
  let offset = 0;
  while (offset < bytes.length) {
    const end = offset + 8 + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length) throw new Error('an element is longer than the command set');
    const element = commandElementByNumber.get(bytes.readUInt16LE(offset + 2));
    if (element !== undefined) {
      elements[element.keyword] = element.isNumber
        ? bytes.readUInt16LE(offset + 8)
        : bytes.toString('latin1', offset + 8, end).replace(/[\0 ]+$/, '');
    }
    offset = end;
  }
  return elements;
}

export interface DicomMessage {
  readonly contextId: number;
  readonly command: CommandSet;
  /** Empty where there is none, and where the assembler keeps hashes only. */
  readonly dataSet: Buffer;
  /** undefined where there is no data set. */
  readonly sha256: string | undefined;
  readonly dataSetBytes: number;
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Puts the fragments of one direction together to messages. */
export class MessageAssembler {
  #commandFragments: Buffer[] = [];
  #command: CommandSet | undefined;
  #dataSetFragments: Buffer[] = [];
  #dataSetBytes = 0;
  #hash = createHash('sha256');

  readonly #keepsDataSets: boolean;

  /** `keepsDataSets` false: for data sets that are too long to keep. */
  constructor(keepsDataSets = true) {
    this.#keepsDataSets = keepsDataSets;
  }

  /** The messages that this P-DATA-TF completes. */
  push(pdu: Buffer): DicomMessage[] {
    return readPdvs(pdu).flatMap((pdv) => this.#take(pdv) ?? []);
  }

  #take({ contextId, isCommand, isLast, fragment }: Pdv): DicomMessage | undefined {
    if (isCommand) {
      if (this.#command !== undefined) throw new Error('a command fragment came within a data set');
      this.#commandFragments.push(fragment);
      if (!isLast) return undefined;
      this.#command = readCommandSet(Buffer.concat(this.#commandFragments));
      this.#commandFragments = [];
      if (this.#command.CommandDataSetType !== CommandDataSetType.None) return undefined;
      return this.#finish(contextId, false);
    }
    if (this.#command === undefined) throw new Error('a data set fragment came without a command set');
    this.#hash.update(fragment);
    this.#dataSetBytes += fragment.length;
    if (this.#keepsDataSets) this.#dataSetFragments.push(Buffer.from(fragment));
    return isLast ? this.#finish(contextId, true) : undefined;
  }

  #finish(contextId: number, hasDataSet: boolean): DicomMessage {
    const message: DicomMessage = {
      contextId,
      command: this.#command!,
      dataSet: Buffer.concat(this.#dataSetFragments),
      sha256: hasDataSet ? this.#hash.digest('hex') : undefined,
      dataSetBytes: this.#dataSetBytes,
    };
    this.#command = undefined;
    this.#dataSetFragments = [];
    this.#dataSetBytes = 0;
    this.#hash = createHash('sha256');
    return message;
  }
}
