/**
 * The four PDUs of ten bytes: A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT (PS3.8 §9.3.4, §9.3.6 to §9.3.8), as
 * bytes and in the words of the standard. Does not know why or when they are sent: policy/reasons.ts and the gateway do.
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

const RESULTS: Readonly<Record<number, string>> = { 1: 'permanently', 2: 'for now' };

/** PS3.8 Table 9-21: what a reason means depends on its source. */
const REJECTION_SOURCES: Readonly<
  Record<number, { readonly name: string; readonly reasons: Readonly<Record<number, string>> }>
> = {
  1: {
    name: 'the service user',
    reasons: {
      1: 'no reason given',
      2: 'application context name not supported',
      3: 'calling AE title not recognized',
      7: 'called AE title not recognized',
    },
  },
  2: {
    name: 'the service provider (ACSE)',
    reasons: { 1: 'no reason given', 2: 'protocol version not supported' },
  },
  3: {
    name: 'the service provider (presentation)',
    reasons: { 1: 'temporary congestion', 2: 'local limit exceeded' },
  },
};

/** PS3.8 Table 9-26. */
const ABORT_REASONS: Readonly<Record<number, string>> = {
  0: 'no reason given',
  1: 'unrecognized PDU',
  2: 'unexpected PDU',
  4: 'unrecognized PDU parameter',
  5: 'unexpected PDU parameter',
  6: 'invalid PDU parameter value',
};

/** `rejected permanently by the service user: calling AE title not recognized (result 1, source 1, reason 3)`. */
export function formatRejection({ result, source, reason }: AssociateRj): string {
  const { name, reasons } = REJECTION_SOURCES[source] ?? {
    name: 'a source that PS3.8 reserves',
    reasons: {},
  };
  const words = reasons[reason] ?? 'a reason that PS3.8 reserves';
  const numbers = `(result ${result}, source ${source}, reason ${reason})`;
  return `rejected ${RESULTS[result] ?? 'with a result that PS3.8 reserves'} by ${name}: ${words} ${numbers}`;
}

/** `aborted by the service provider: unexpected PDU (source 2, reason 2)`; the reason of a service user has no meaning. */
export function formatAbort({ source, reason }: Abort): string {
  const numbers = `(source ${source}, reason ${reason})`;
  if (source === 0) return `aborted by the service user ${numbers}`;
  if (source !== 2) return `aborted by a source that PS3.8 reserves ${numbers}`;
  return `aborted by the service provider: ${ABORT_REASONS[reason] ?? 'a reason that PS3.8 reserves'} ${numbers}`;
}
