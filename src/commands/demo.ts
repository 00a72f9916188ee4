/**
 * `aegis demo`: the gateway at work, with nothing to install or edit. Options, output and exit code only; demo/ plays.
 */
import { relative } from 'node:path';
import { Writable } from 'node:stream';
import type { AuditSink } from '../audit/events';
import type { DemoResult } from '../demo/demo';
import { ExitCode } from '../errors';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../terminal/command';

interface DemoCommandOptions extends GlobalOptions {
  readonly keep?: boolean;
}

export const registerDemo: RegisterCommand = (program, context) => {
  program
    .command('demo')
    .description('the gateway at work: allowed and refused requests between it and an archive of its own')
    .option('--keep', 'leave everything running and say how to talk to it, until Ctrl-C')
    .addHelpText(
      'after',
      helpSections(
        ['aegis demo', 'aegis demo --keep', 'aegis --json demo'],
        [
          '0  everything was answered, logged and stored as it has to be',
          '1  something was not; the table says what was expected',
        ],
      ),
    )
    .action(async (_options, command) => {
      await demo(command.optsWithGlobals() as DemoCommandOptions, context);
    });
};

async function demo(options: DemoCommandOptions, context: CommandContext): Promise<void> {
  const { runDemo } = await import('../demo/demo');
  const { invitationText, resultText } = await import('../demo/report');
  const isJson = options.json === true;
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const result = await runDemo({
    tell: (progress) => context.printError(`${progress}\n`),
    signal: interrupted.signal,
    keepsFiles: options.keep === true,
    finished: async (played, site) => {
      context.print(isJson ? `${JSON.stringify(jsonOf(played), undefined, 2)}\n` : `\n${resultText(played)}`);
      if (options.keep !== true || interrupted.signal.aborted) return;
      // Whoever reads JSON from stdout wants nothing else there.
      const say = (text: string) => (isJson ? context.printError(text) : context.print(text));
      say(invitationText(site, `node ${relative('', process.argv[1] ?? '')}`));
      site.trail.copyTo(await readableAuditLog(say));
      await new Promise<void>((resolve) => {
        interrupted.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      context.printError(`stopping; the files stay in ${site.folder}\n`);
    },
  });
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  context.exit(result.isOk ? ExitCode.Done : ExitCode.Failed);
}

async function readableAuditLog(say: (text: string) => void): Promise<AuditSink> {
  const { AuditLog } = await import('../audit/auditLog');
  const stream = new Writable({
    decodeStrings: false,
    write: (line, _encoding, written) => {
      say(String(line));
      written();
    },
  });
  return new AuditLog({ stream, isReadable: true, fileFailed: () => {} });
}

function jsonOf({ isOk, rows, ...result }: DemoResult): object {
  return { ok: isOk, rows: rows.map(({ isOk: ok, ...row }) => ({ ok, ...row })), ...result };
}
