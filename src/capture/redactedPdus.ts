/**
 * What may be shown of the PDUs that one side sends (PS3.8 §9.3): everything but data sets, user identities and texts.
 * Only what is known to be harmless is copied. Of all else nothing but the number of bytes leaves this file. Judges
 * nothing: bytes that are not DICOM are only counted.
 */
import { readUint32 } from '../pdu/pduHeader';
import { SMALL_PDU_BODY_BYTES } from '../pdu/smallPdus';
import {
  MAX_ASSOCIATE_BYTES,
  MCH_COMMAND,
  MCH_LAST,
  PDU_HEADER_BYTES,
  PDV_HEADER_BYTES,
  PDV_LENGTH_OVERHEAD,
  PduType,
} from '../pdu/types';
import { redactAssociate } from './redactedAssociate';
import { RedactedBytes } from './redactedBytes';
import { CommandRedactor } from './redactedCommands';

const PDV_LENGTH_FIELD_BYTES = PDV_HEADER_BYTES - PDV_LENGTH_OVERHEAD;

type Part = 'pduHeader' | 'collected' | 'pdvHeader' | 'command' | 'dataSet' | 'lost';

export class PduRedactor {
  readonly #complete: (pdu: RedactedBytes) => void;
  readonly #commands: CommandRedactor;
  #part: Part = 'pduHeader';
  #pdu = new RedactedBytes();
  /** Of what is collected: a header, or the body of a PDU that is not a P-DATA-TF. */
  #collected: Buffer[] = [];
  #missing = PDU_HEADER_BYTES;
  #type = 0;
  /** Of the P-DATA-TF, behind the present PDV. */
  #pduRemaining = 0;
  #fragmentRemaining = 0;
  #isLastFragment = false;
  /** Where the first fragment of a data set begins in the P-DATA-TF; undefined where none came. */
  #dataSetAt: number | undefined;

  /** `isAtStart`: what comes is the beginning of the connection. Otherwise it begins with a PDU. */
  constructor(isAtStart: boolean, complete: (pdu: RedactedBytes) => void) {
    this.#commands = new CommandRedactor(isAtStart);
    this.#complete = complete;
  }

  /** The bytes may change afterwards. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      switch (this.#part) {
        case 'lost':
          this.#pdu.blank(chunk.length - offset);
          this.#end();
          return;
        case 'command':
        case 'dataSet':
          offset = this.#walkFragment(chunk, offset);
          break;
        default:
          offset = this.#collect(chunk, offset);
      }
    }
  }

  /** Ends the PDU that has come in part, where there is one, and reads no more. */
  takeUnfinished(): RedactedBytes | undefined {
    this.#commands.fragmentEnded(true, this.#pdu);
    this.#pdu.blank(this.#collected.reduce((sum, { length }) => sum + length, 0));
    this.#part = 'lost';
    const pdu = this.#pdu;
    this.#pdu = new RedactedBytes();
    return pdu.length === 0 ? undefined : pdu;
  }

  #walkFragment(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#fragmentRemaining);
    if (this.#part === 'command') this.#commands.redact(chunk.subarray(offset, end), this.#pdu);
    else this.#pdu.blank(end - offset);
    this.#fragmentRemaining -= end - offset;
    if (this.#fragmentRemaining === 0) this.#endPdv();
    return end;
  }

  /** Until all of it is there, nothing is copied: only then it is known what it is. */
  #collect(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#missing);
    this.#collected.push(Buffer.from(chunk.subarray(offset, end)));
    this.#missing -= end - offset;
    if (this.#missing > 0) return end;
    const bytes = Buffer.concat(this.#collected);
    this.#collected = [];
    if (this.#part === 'pduHeader') this.#startPdu(bytes);
    else if (this.#part === 'pdvHeader') this.#startPdv(bytes);
    else this.#endBody(bytes);
    return end;
  }

  #startPdu(header: Buffer): void {
    this.#type = header[0]!;
    const length = readUint32(header, 2);
    if (!isPossible(this.#type, length)) {
      this.#lose(header);
      return;
    }
    this.#pdu.keep(header);
    if (this.#type === PduType.PDataTf) {
      this.#pduRemaining = length;
      this.#dataSetAt = undefined;
      this.#await('pdvHeader', PDV_HEADER_BYTES);
    } else this.#await('collected', length);
  }

  #startPdv(header: Buffer): void {
    const length = readUint32(header, 0);
    const rest = this.#pduRemaining - PDV_LENGTH_FIELD_BYTES - length;
    if (length < PDV_LENGTH_OVERHEAD || rest < 0 || (rest > 0 && rest < PDV_HEADER_BYTES)) {
      this.#lose(header);
      return;
    }
    this.#pdu.keep(header);
    if ((header[5]! & MCH_COMMAND) === 0) this.#dataSetAt ??= this.#pdu.length;
    this.#pduRemaining = rest;
    this.#fragmentRemaining = length - PDV_LENGTH_OVERHEAD;
    this.#isLastFragment = (header[5]! & MCH_LAST) !== 0;
    this.#part = (header[5]! & MCH_COMMAND) === 0 ? 'dataSet' : 'command';
    if (this.#fragmentRemaining === 0) this.#endPdv();
  }

  #endPdv(): void {
    if (this.#part === 'command') this.#commands.fragmentEnded(this.#isLastFragment, this.#pdu);
    if (this.#pduRemaining > 0) this.#await('pdvHeader', PDV_HEADER_BYTES);
    else this.#end();
  }

  #endBody(body: Buffer): void {
    if (this.#type === PduType.AssociateRq || this.#type === PduType.AssociateAc) {
      redactAssociate(body, this.#pdu);
    } else this.#pdu.keep(body);
    this.#end();
  }

  #end(): void {
    const pdu = this.#pdu;
    this.#pdu = new RedactedBytes();
    if (this.#part !== 'lost') this.#await('pduHeader', PDU_HEADER_BYTES);
    this.#complete(pdu);
  }

  #await(part: Part, bytes: number): void {
    this.#part = part;
    this.#missing = bytes;
  }

  /**
   * Nobody knows what these bytes are, nor those behind them. The type or the length is in the log anyway. Behind a data set
   * they may be a part of it: of a length that is too small. Then what looked like headers since may be one, too.
   */
  #lose(header: Buffer): void {
    const isOfPdu = this.#part === 'pduHeader';
    this.#part = 'lost';
    if (this.#dataSetAt !== undefined && !isOfPdu) this.#pdu.blankFrom(this.#dataSetAt);
    const shownBytes = this.#dataSetAt !== undefined ? 0 : isOfPdu ? 1 : PDV_LENGTH_FIELD_BYTES;
    this.#pdu.keep(header.subarray(0, shownBytes));
    this.#pdu.blank(header.length - shownBytes);
  }
}

function isPossible(type: number, length: number): boolean {
  switch (type) {
    case PduType.AssociateRq:
    case PduType.AssociateAc:
      return length > 0 && length <= MAX_ASSOCIATE_BYTES;
    case PduType.PDataTf:
      return length >= PDV_HEADER_BYTES;
    case PduType.AssociateRj:
    case PduType.ReleaseRq:
    case PduType.ReleaseRp:
    case PduType.Abort:
      return length === SMALL_PDU_BODY_BYTES;
    default:
      return false;
  }
}
