/** What is wrong with a command set: the errors of the decoder and of the checks. Knows no bytes. */
import type { CommandSet } from './commandSet';

/** The codes of protocol errors that this folder finds. Each is a reason of policy/reasons.ts. */
export type CommandSetErrorCode =
  | 'command-set-malformed'
  | 'command-set-too-long'
  | 'command-set-incomplete'
  | CommandFaultCode;

/** Those that a status answers. */
type CommandFaultCode =
  | 'command-set-refused'
  | 'command-set-sop-class-mismatch'
  | 'sop-class-uid-invalid'
  | 'sop-instance-uid-invalid';

/** A command set that PS3.7 does not allow. The message names elements, numbers and at most a UID. */
export class CommandSetError extends Error {
  override readonly name: string = 'CommandSetError';
  readonly code: CommandSetErrorCode;

  constructor(code: CommandSetErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * A request that must not be passed on, although it is beyond doubt which one it is: it can be answered by a status, and
 * the association goes on. A C-CANCEL has no answer: it is left out.
 */
export class RefusedRequestError extends CommandSetError {
  override readonly name = 'RefusedRequestError';
  /** For the answer only; elements that were not readable are missing. */
  readonly request: CommandSet;

  constructor({ code, message }: CommandFault, request: CommandSet) {
    super(code, message);
    this.request = request;
  }
}

export interface CommandFault {
  readonly code: CommandFaultCode;
  /** It is about the order of elements, or a repeated one. */
  readonly isOrder?: true;
  readonly message: string;
}

/** A command set whose bytes or values are not what PS3.7 says. */
export function malformed(message: string): CommandSetError {
  return new CommandSetError('command-set-malformed', message);
}

/** An element of group 0000 as people write it: `(0000,0110)`. */
export function tag(element: number): string {
  return `(0000,${hex(element)})`;
}

/** Four hexadecimal digits. */
export function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0');
}
