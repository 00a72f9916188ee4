#!/usr/bin/env node
/**
 * The `aegis` command: argv to commands/, errors to words, and the only place that sets the exit code.
 */
import { CommanderError } from 'commander';
import { createProgram } from './commands/program';
import { ExitCode, OperatorError } from './errors';
import type { CommandContext } from './terminal/command';

/** Who reads no further (`aegis modality list | head`) has what he wanted; nobody is left to tell. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
}

async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endQuietly);
  const context: CommandContext = {
    print: (text) => process.stdout.write(text),
    printError: (text) => process.stderr.write(text),
    exit: (code) => {
      process.exitCode = code;
    },
  };
  const program = createProgram(context);
  try {
    await program.parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      context.exit(error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage);
      return;
    }
    const isExpected = error instanceof OperatorError;
    const wantsStack = program.opts<{ debug?: boolean }>().debug === true || !isExpected;
    const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
    // A configuration has all its problems told at once, a line each.
    const lines = wantsStack ? [stack] : message.split('\n');
    context.printError(lines.map((line) => `error: ${line}\n`).join(''));
    context.exit(isExpected ? error.exitCode : ExitCode.Failed);
  }
}

void main(process.argv);
