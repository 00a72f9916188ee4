#!/usr/bin/env node
/**
 * The `aegis` command: argv to commands/, errors to words, and the only place that sets the exit code.
 */
import './nodeVersion.cjs';
import './interpretedSchemas';
import { CommanderError } from 'commander';
import { createProgram } from './commands/program';
import { ExitCode, OperatorError } from './errors';
import type { CommandContext } from './terminal/command';
import { paintOn, showOn } from './text/display';

/** A reader that stops early (`aegis modality list | head`) is not an error; there is nobody left to report it to. */
function endQuietly(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  throw error;
}

async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endQuietly);
  // A gateway serves on without a reader of its words. Each failed write would be reported there, by another write.
  process.stderr.on('error', () => {});
  showOn(process.stdout, process.env);
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
    // All problems of a configuration are reported at once, one line each.
    const lines = wantsStack ? [stack] : message.split('\n');
    const label = paintOn(process.stderr, process.env, 'refused', 'error:');
    context.printError(lines.map((line) => `${label} ${line}\n`).join(''));
    context.exit(isExpected ? error.exitCode : ExitCode.Failed);
  }
}

void main(process.argv);
