/**
 * What every command gets and how it is registered. A command file defines its options at once and imports
 * what it needs inside its action, so that `aegis start` does not pay for `aegis pki`.
 */
import type { Command } from 'commander';
import type { ExitCode } from '../errors';

export interface CommandContext {
  /** Writes to stdout, without adding a newline. */
  print(text: string): void;
  /** Writes to stderr, without adding a newline. */
  printError(text: string): void;
  /** Sets the exit code of the process; the last call wins. Only cli.ts touches the process itself. */
  exit(code: ExitCode): void;
}

/** Options that every command has; read them with `command.optsWithGlobals()`. */
export interface GlobalOptions {
  /** Path of the configuration file. */
  readonly config: string;
  /** Print JSON for machines, where there is something to read. */
  readonly json?: boolean;
}

/** Adds one verb to the program. */
export type RegisterCommand = (program: Command, context: CommandContext) => void;

/** Those of the program as a whole; each verb says what they mean for it. */
const exitCodesOfAll = [
  '0  done, or allowed',
  '1  failed, or denied',
  '2  wrong usage, or a configuration is not valid',
];

/** The two sections that end the help of every command. */
export function helpSections(
  examples: readonly string[],
  exitCodes: readonly string[] = exitCodesOfAll,
): string {
  const lines = (title: string, entries: readonly string[]) => [
    title,
    ...entries.map((entry) => `  ${entry}`),
  ];
  return `\n${[...lines('EXAMPLES', examples), '', ...lines('EXIT CODES', exitCodes)].join('\n')}\n`;
}
