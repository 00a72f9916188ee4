#!/usr/bin/env node
/**
 * The `aegis` command: argv to commands/, errors to words, and the only place that sets the exit code.
 */
import { Command, CommanderError } from 'commander';
import { registerCheck } from './commands/check';
import type { CommandContext, RegisterCommand } from './commands/command';
import { registerDemo } from './commands/demo';
import { registerEcho } from './commands/echo';
import { registerExplain } from './commands/explain';
import { registerPki } from './commands/pki';
import { registerStart } from './commands/start';
import { ExitCode, OperatorError } from './errors';

const commands: readonly RegisterCommand[] = [
  registerStart,
  registerCheck,
  registerExplain,
  registerEcho,
  registerDemo,
  registerPki,
];

async function main(argv: readonly string[]): Promise<void> {
  const context: CommandContext = {
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    exit: (code) => {
      process.exitCode = code;
    },
  };
  const program = new Command('aegis')
    .description('DICOM TLS and access-control gateway in front of Orthanc or any DIMSE server')
    .option('--config <file>', 'configuration file', process.env.AEGIS_CONFIG ?? 'config/aegis.jsonc')
    .option('--json', 'print JSON where there is something to read by machine')
    .option('--debug', 'show the stack of an error')
    .exitOverride();
  for (const register of commands) register(program, context);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      context.exit(error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage);
      return;
    }
    const isExpected = error instanceof OperatorError;
    const wantsStack = program.opts<{ debug?: boolean }>().debug === true || !isExpected;
    const text =
      error instanceof Error ? (wantsStack ? (error.stack ?? error.message) : error.message) : String(error);
    context.printError(`error: ${text}\n`);
    context.exit(isExpected ? error.exitCode : ExitCode.Failed);
  }
}

void main(process.argv);
