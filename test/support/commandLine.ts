/**
 * Runs one verb of `aegis` in this process: what it prints and the exit code that it asks for.
 */
import { Command } from 'commander';
import type { RegisterCommand } from '../../src/terminal/command';

export interface CommandRun {
  readonly exitCode: number | undefined;
  readonly printed: string;
  readonly printedErrors: string;
}

/** Arguments as on the command line, e.g. `['--config', file, 'echo', 'ORTHANC']`. Rejects as the command does. */
export async function runCommand(
  register: RegisterCommand,
  commandArguments: readonly string[],
): Promise<CommandRun> {
  let printed = '';
  let printedErrors = '';
  let exitCode: number | undefined;
  const program = new Command('aegis')
    .option('--config <file>', '', 'config/aegis.jsonc')
    .option('--json')
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    .exitOverride();
  register(program, {
    print: (text) => {
      printed += text;
    },
    printError: (text) => {
      printedErrors += text;
    },
    exit: (code) => {
      exitCode = code;
    },
  });
  await program.parseAsync(commandArguments, { from: 'user' });
  return { exitCode, printed, printedErrors };
}
