/** What the headers of PDUs and PDVs may say (PS3.8 §9.3.1), judged before a byte of the body is kept. */

import { SMALL_PDU_BODY_BYTES } from './smallPdus';
import {
  ASSOCIATE_FIXED_BYTES,
  MAX_ASSOCIATE_BYTES,
  MAX_EMPTY_FRAGMENTS,
  PDV_HEADER_BYTES,
  PDV_LENGTH_OVERHEAD,
  PduError,
  PduType,
} from './types';

export interface PduReaderOptions {
  /** The maximum length that we announced in item 51H. A longer P-DATA-TF is an error. */
  readonly maxPduLength: number;
  /** The longest A-ASSOCIATE body taken; default and upper bound MAX_ASSOCIATE_BYTES. */
  readonly maxAssociateBytes?: number;
}

export type PduLimits = Required<PduReaderOptions>;

/** Throws RangeError for limits that no reader can have. */
export function pduLimits({
  maxPduLength,
  maxAssociateBytes = MAX_ASSOCIATE_BYTES,
}: PduReaderOptions): PduLimits {
  if (!(maxPduLength >= PDV_HEADER_BYTES)) {
    throw new RangeError(`maxPduLength is ${maxPduLength}; at least ${PDV_HEADER_BYTES} is accepted`);
  }
  if (!(maxAssociateBytes >= ASSOCIATE_FIXED_BYTES && maxAssociateBytes <= MAX_ASSOCIATE_BYTES)) {
    throw new RangeError(
      `maxAssociateBytes is ${maxAssociateBytes}; ${ASSOCIATE_FIXED_BYTES} to ${MAX_ASSOCIATE_BYTES} is accepted`,
    );
  }
  return { maxPduLength, maxAssociateBytes };
}

/** Refuses a type that PS3.8 does not define: HTTP, a TLS handshake, noise. */
export function checkPduType(type: number): void {
  if (type < PduType.AssociateRq || type > PduType.Abort) {
    const shown = type.toString(16).toUpperCase().padStart(2, '0');
    throw new PduError('pdu-type-unknown', `PDU type ${shown}H; 01H to 07H are accepted`);
  }
}

/** Refuses a length that no PDU of this type has, or that is more than we take. */
export function checkPduLength(type: number, length: number, limits: PduLimits): void {
  switch (type) {
    case PduType.PDataTf:
      checkLength('P-DATA-TF', length, PDV_HEADER_BYTES, limits.maxPduLength);
      break;
    case PduType.AssociateRq:
    case PduType.AssociateAc:
      checkLength('A-ASSOCIATE', length, ASSOCIATE_FIXED_BYTES, limits.maxAssociateBytes);
      break;
    default:
      checkLength(`PDU type 0${type}H`, length, SMALL_PDU_BODY_BYTES, SMALL_PDU_BODY_BYTES);
  }
}

function checkLength(what: string, length: number, least: number, most: number): void {
  if (length < least || length > most) {
    const accepted = least === most ? `${most} is` : `${least} to ${most} are`;
    throw new PduError('pdu-length-invalid', `${what}: length ${length}; ${accepted} accepted`);
  }
}

/** A PDV that does not fit where it stands: its length, and the bytes that are left for it in the PDU. */
export function pdvInvalid(length: number, available: number): PduError {
  return new PduError(
    'pdu-pdv-invalid',
    `PDV: length ${length} where ${available} bytes are left in the PDU; at least ${PDV_LENGTH_OVERHEAD} are required, and the rest must be none or another PDV`,
  );
}

export function tooManyEmptyFragments(): PduError {
  return new PduError(
    'pdu-pdv-empty',
    `PDV: more than ${MAX_EMPTY_FRAGMENTS} empty fragments in a row; fragments with bytes are required`,
  );
}

/** `>>> 0` because a shift gives a signed number: 0x80000000 must not become negative. */
export function readUint32(bytes: Buffer, offset: number): number {
  return (
    ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>>
    0
  );
}

/** Big endian. Buffer's own method would check a range that is known here. */
export function writeUint32(bytes: Buffer, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}
