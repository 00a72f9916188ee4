/**
 * The built command line on a pseudo terminal of its own, as a person sees it: `script` makes the terminal. Knows
 * nothing of what is shown.
 */
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { shellQuoted } from '../../src/text/quote';
import { type ProcessExit, runProcess, startProcess, type TestProcess } from './processes';

const cli = resolve(__dirname, '../../dist/cli.js');

interface TerminalOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

function processOf(
  commandArguments: readonly string[],
  { columns = 80, rows = 24, environment }: TerminalOptions,
) {
  const command = [process.execPath, cli, ...commandArguments].map(shellQuoted).join(' ');
  const shell = `stty cols ${columns} rows ${rows}; tty; exec ${command}`;
  const options = { environment: { TERM: 'xterm', ...environment }, hasStdin: true };
  return { program: 'script', programArguments: ['-qfec', shell, '/dev/null'], options };
}

export class PseudoTerminal {
  readonly process: TestProcess;

  private constructor(process: TestProcess) {
    this.process = process;
  }

  static start(commandArguments: readonly string[], options: TerminalOptions = {}): PseudoTerminal {
    const { program, programArguments, options: processOptions } = processOf(commandArguments, options);
    return new PseudoTerminal(startProcess(program, programArguments, processOptions));
  }

  /** As dragging the window's corner does. */
  async resize(columns: number, rows: number): Promise<void> {
    const [tty] = await this.process.waitForOutput(/\/dev\/pts\/\d+/);
    execFileSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)]);
  }

  /** Types Ctrl-C; resolves once the command has ended. Of one that the signal ended, the exit code is 130. */
  async interrupt(): Promise<ProcessExit> {
    this.process.type('\x03');
    return await this.process.exited;
  }
}

export interface TerminalRun {
  readonly exitCode: number | null;
  /** With all movements of the cursor. */
  readonly raw: string;
  readonly lines: readonly string[];
}

/** Runs a command to its end. */
export async function runOnTerminal(
  commandArguments: readonly string[],
  options: TerminalOptions = {},
): Promise<TerminalRun> {
  const { program, programArguments, options: processOptions } = processOf(commandArguments, options);
  const { deadlineMs } = options;
  const { exitCode, output } = await runProcess(program, programArguments, {
    ...processOptions,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  const raw = output.replace(/^\/dev\/pts\/\d+\r\n/, '');
  return { exitCode, raw, lines: raw.split('\n').map(shownLine) };
}

/** What is left of a line that was written over. */
function shownLine(line: string): string {
  return stripVTControlCharacters(line.replace(/\r$/, '').split('\r').at(-1) ?? '');
}
