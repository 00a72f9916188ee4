/**
 * The work of `aegis demo`: output and exit code. demo/ plays.
 */
import { basename, relative } from 'node:path';
import { Writable } from 'node:stream';
import { AuditLog } from '../audit/auditLog';
import type { AuditSink } from '../audit/events';
import { type DemoResult, runDemo } from '../demo/demo';
import { invitationText, nextText, resultText } from '../demo/report';
import { ExitCode } from '../errors';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { WaitingLine } from '../terminal/waiting';
import { canOverwrite } from '../text/display';

interface DemoCommandOptions extends GlobalOptions {
  readonly keep?: boolean;
}

export async function playDemo(context: CommandContext, options: DemoCommandOptions): Promise<void> {
  const isJson = options.json === true;
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const program = process.argv[1] ?? '';
  // In the source, the command has no name of its own; where it is installed, it has.
  const aegis = basename(program) === 'cli.js' ? `node ${relative('', program)}` : 'aegis';
  const waiting = new WaitingLine(context.print, false);
  // A person sees one line, and then the table alone. Others read what is made; the table says what was sent.
  const isLive = !isJson && canOverwrite();
  const result = await runDemo({
    tell: (progress) => (isLive ? waiting.waitFor(progress) : context.printError(`${progress}\n`)),
    playing: (sent) => {
      if (isLive) waiting.waitFor(sent);
    },
    signal: interrupted.signal,
    keepsFiles: options.keep === true,
    finished: async (played, site) => {
      waiting.end();
      context.print(isJson ? `${JSON.stringify(jsonOf(played), undefined, 2)}\n` : resultText(played));
      if (!isJson && options.keep !== true && played.isOk) context.print(nextText(aegis));
      if (options.keep !== true || interrupted.signal.aborted) return;
      // With --json, stdout holds nothing but JSON.
      const say = (text: string) => (isJson ? context.printError(text) : context.print(text));
      say(invitationText(site, aegis));
      site.trail.copyTo(readableAuditLog(say));
      await new Promise<void>((resolve) => {
        interrupted.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      context.printError(`stopping; the files stay in ${site.folder}\n`);
    },
  });
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  context.exit(result.isOk ? ExitCode.Done : ExitCode.Failed);
}

function readableAuditLog(say: (text: string) => void): AuditSink {
  const stream = new Writable({
    decodeStrings: false,
    write: (line, _encoding, written) => {
      say(String(line));
      written();
    },
  });
  return new AuditLog({ stream, isReadable: true, refusals: { whole: 20, everySeconds: 10 }, say: () => {} });
}

function jsonOf({ isOk, rows, ...result }: DemoResult): object {
  return { ok: isOk, rows: rows.map(({ isOk: ok, ...row }) => ({ ok, ...row })), ...result };
}
