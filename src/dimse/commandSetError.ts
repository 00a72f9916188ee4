/** What is wrong with a command set: one error class for the decoder and the checks. */

/** The codes of protocol errors that this folder finds. Each is a reason of policy/reasons.ts. */
export type CommandSetErrorCode =
  | 'command-set-malformed'
  | 'command-set-too-long'
  | 'command-set-incomplete'
  | 'command-set-sop-class-mismatch';

/** A command set that PS3.7 does not allow. The message names elements, numbers and at most a UID. */
export class CommandSetError extends Error {
  override readonly name = 'CommandSetError';
  constructor(
    readonly code: CommandSetErrorCode,
    message: string,
  ) {
    super(message);
  }
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
