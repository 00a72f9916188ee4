/**
 * What ends an association by A-ABORT: bytes, command sets or an order of events that the standard does not allow.
 * One shape for the errors of pdu/, of dimse/ and of the gateway itself.
 */
import { CommandSetError } from '../dimse/commandSetError';
import { describeFirstBytes } from '../net/wrongProtocol';
import type { PduReader } from '../pdu/reader';
import { PduError } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import type { LegOptions } from './legOwner';

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly code: ReasonCode;

  constructor(code: ReasonCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Any exception of the data path as a protocol error. An unknown one is a defect of the gateway. */
export function protocolErrorOf(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  if (error instanceof PduError || error instanceof CommandSetError) {
    return new ProtocolError(error.code, error.message);
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new ProtocolError('gateway-error', text);
}

/** Found in the header of a PDU: the PDU did not begin. */
const FOUND_IN_HEADER: ReadonlySet<ReasonCode> = new Set(['pdu-type-unknown', 'pdu-length-invalid']);

/** Shows the PDU that is not allowed, with what came in the same chunk, which began with a PDU. */
export function showViolation(
  { violations, peer }: Pick<LegOptions, 'violations' | 'peer'>,
  { code }: ProtocolError,
  chunk: Buffer,
  reader: Pick<PduReader, 'pduCount' | 'isInsidePdu'>,
  pduCountBefore: number,
): void {
  const completePdus = reader.pduCount - pduCountBefore;
  // What is judged as a whole is complete by then.
  const isComplete = !reader.isInsidePdu && !FOUND_IN_HEADER.has(code);
  violations?.violated({ peer, chunk, pdusBefore: isComplete ? completePdus - 1 : completePdus });
}

/** A peer that does not begin with a PDU probably speaks another protocol. */
export function withWhatSpoke(error: ProtocolError, firstBytes: Buffer): ProtocolError {
  if (error.code !== 'pdu-type-unknown') return error;
  return new ProtocolError(error.code, `${error.message}; this is ${describeFirstBytes(firstBytes)}`);
}
