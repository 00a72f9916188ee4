/**
 * What ends an association by A-ABORT: bytes, command sets or an order of events that the standard does not allow.
 * One shape for the errors of pdu/, of dimse/ and of the gateway itself.
 */
import { CommandSetError } from '../dimse/commandSetError';
import { describeFirstBytes } from '../net/wrongProtocol';
import { PduError } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';

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

/** A peer that does not begin with a PDU probably speaks another protocol. */
export function withWhatSpoke(error: ProtocolError, firstBytes: Buffer): ProtocolError {
  if (error.code !== 'pdu-type-unknown') return error;
  return new ProtocolError(error.code, `${error.message}; this is ${describeFirstBytes(firstBytes)}`);
}
