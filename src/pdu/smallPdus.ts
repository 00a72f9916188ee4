/**
 * The four PDUs of ten bytes: A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT (PS3.8 §9.3.4, §9.3.6 to
 * §9.3.8). Which numbers say what is known to policy/reasons.ts, when to send them to the gateway.
 */

import type { PduSink } from './pduSink';
import { type Abort, type AssociateRj, PDU_HEADER_BYTES, PduType } from './types';

/** What follows the header of each of these PDUs. */
export const SMALL_PDU_BODY_BYTES = 4;

/** A-ASSOCIATE-RJ (PS3.8 Table 9-21). */
export function encodeAssociateRj(rj: AssociateRj): Buffer {
  return encodeSmallPdu(PduType.AssociateRj, 0, rj.result, rj.source, rj.reason);
}

/** A-RELEASE-RQ (PS3.8 §9.3.6). */
export function encodeReleaseRq(): Buffer {
  return encodeSmallPdu(PduType.ReleaseRq, 0, 0, 0, 0);
}

/** A-RELEASE-RP (PS3.8 §9.3.7). */
export function encodeReleaseRp(): Buffer {
  return encodeSmallPdu(PduType.ReleaseRp, 0, 0, 0, 0);
}

/** A-ABORT (PS3.8 Table 9-26). */
export function encodeAbort(abort: Abort): Buffer {
  return encodeSmallPdu(PduType.Abort, 0, 0, abort.source, abort.reason);
}

/** Hands one of these PDUs on: its type, and what follows its header. */
export function deliverSmallPdu(type: number, body: Buffer, sink: PduSink): void {
  switch (type) {
    case PduType.AssociateRj:
      sink.associateRj({ result: body[1]!, source: body[2]!, reason: body[3]! });
      break;
    case PduType.ReleaseRq:
      sink.releaseRq();
      break;
    case PduType.ReleaseRp:
      sink.releaseRp();
      break;
    default:
      sink.abort({ source: body[2]!, reason: body[3]! });
  }
}

function encodeSmallPdu(type: number, ...body: [number, number, number, number]): Buffer {
  const pdu = Buffer.alloc(PDU_HEADER_BYTES + SMALL_PDU_BODY_BYTES);
  pdu.writeUInt8(type, 0);
  pdu.writeUInt32BE(SMALL_PDU_BODY_BYTES, 2);
  for (const [index, value] of body.entries()) {
    pdu.writeUInt8(value, PDU_HEADER_BYTES + index);
  }
  return pdu;
}
