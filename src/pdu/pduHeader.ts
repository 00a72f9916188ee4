/**
 * What a PDU header may say (PS3.8 §9.3.1), judged before a byte of the body is kept.
 */

import { SMALL_PDU_BODY_BYTES } from './smallPdus';
import { ASSOCIATE_FIXED_BYTES, PDV_HEADER_BYTES, PduError, PduType } from './types';

export interface PduLimits {
  /** The maximum length that we announced in item 51H. A longer P-DATA-TF is an error. */
  readonly maxPduLength: number;
  readonly maxAssociateBytes: number;
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
