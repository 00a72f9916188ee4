/**
 * Errors that an operator can do something about. Every other error is a defect and keeps its stack.
 */

/** Exit codes of the command line: 0 done or allowed. */
export const ExitCode = { Done: 0, Failed: 1, Usage: 2 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/**
 * What was wrong, where, what is accepted, what to do: the message is shown after `error: `, without a stack.
 * `exitCode` 2 is wrong usage or configuration, 1 is a failure of what was asked for.
 */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = ExitCode.Usage) {
    super(message);
    this.exitCode = exitCode;
  }
}
