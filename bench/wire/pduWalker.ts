/**
 * Cuts what a peer of the benchmark receives into messages. Data sets are walked over, never copied: the load and
 * the archive must cost less than what stands between them. Trusts its peer and refuses nothing.
 */
import { CommandDataSetType, type CommandSet, PduType } from '../../test/support/dicomBytes';
import { readCommandSet } from '../../test/support/dicomReading';

/** Of a PDU: type, reserved, length (PS3.8 §9.3). Of a PDV: length, context, control (§9.3.5.1, §E.2). Both 6. */
const HEADER_BYTES = 6;

export interface WalkedMessage {
  readonly contextId: number;
  readonly command: CommandSet;
  readonly dataSetBytes: number;
}

export interface WalkerOwner {
  /** A whole PDU of any type but P-DATA-TF. */
  takePdu(type: number, pdu: Buffer): void;
  /** The last fragment of a message came. */
  takeMessage(message: WalkedMessage): void;
}

export class PduWalker {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** Of the P-DATA-TF that is open, PDV headers included. */
  #pduRest = 0;
  /** Of the PDV that is open. */
  #fragmentRest = 0;
  #contextId = 0;
  #control = 0;
  #command: CommandSet | undefined;
  #commandFragments: Buffer[] = [];
  #dataSetBytes = 0;
  /** A PDU of another type, while it comes in. */
  #other: { readonly bytes: Buffer; filled: number } | undefined;

  readonly #owner: WalkerOwner;

  constructor(owner: WalkerOwner) {
    this.#owner = owner;
  }

  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#other !== undefined) offset += this.#fillOther(this.#other, chunk, offset);
      else if (this.#fragmentRest > 0) offset += this.#walkFragment(chunk, offset);
      else offset += this.#fillHeader(chunk, offset);
    }
  }

  #fillHeader(chunk: Buffer, offset: number): number {
    const taken = chunk.copy(this.#header, this.#headerBytes, offset);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return taken;
    this.#headerBytes = 0;
    if (this.#pduRest > 0) this.#openFragment();
    else this.#openPdu();
    return taken;
  }

  #openPdu(): void {
    const type = this.#header[0]!;
    const length = this.#header.readUInt32BE(2);
    if (type === PduType.PDataTf) {
      this.#pduRest = length;
      return;
    }
    this.#other = { bytes: Buffer.alloc(HEADER_BYTES + length), filled: HEADER_BYTES };
    this.#header.copy(this.#other.bytes);
  }

  #fillOther(other: { readonly bytes: Buffer; filled: number }, chunk: Buffer, offset: number): number {
    const taken = chunk.copy(other.bytes, other.filled, offset);
    other.filled += taken;
    if (other.filled === other.bytes.length) {
      this.#other = undefined;
      this.#owner.takePdu(other.bytes[0]!, other.bytes);
    }
    return taken;
  }

  #openFragment(): void {
    this.#contextId = this.#header[4]!;
    this.#control = this.#header[5]!;
    // The length of a PDV counts context and control, 2 bytes of this header.
    this.#fragmentRest = this.#header.readUInt32BE(0) - 2;
    this.#pduRest -= HEADER_BYTES + this.#fragmentRest;
    if (this.#fragmentRest === 0) this.#endFragment();
  }

  #walkFragment(chunk: Buffer, offset: number): number {
    const taken = Math.min(this.#fragmentRest, chunk.length - offset);
    if ((this.#control & 1) === 0) this.#dataSetBytes += taken;
    else this.#commandFragments.push(Buffer.from(chunk.subarray(offset, offset + taken)));
    this.#fragmentRest -= taken;
    if (this.#fragmentRest === 0) this.#endFragment();
    return taken;
  }

  #endFragment(): void {
    const isLast = (this.#control & 2) !== 0;
    if (!isLast) return;
    if ((this.#control & 1) !== 0) {
      this.#command = readCommandSet(Buffer.concat(this.#commandFragments));
      this.#commandFragments = [];
      if (this.#command.CommandDataSetType !== CommandDataSetType.None) return;
    }
    const message = {
      contextId: this.#contextId,
      command: this.#command ?? {},
      dataSetBytes: this.#dataSetBytes,
    };
    this.#dataSetBytes = 0;
    this.#owner.takeMessage(message);
  }
}
