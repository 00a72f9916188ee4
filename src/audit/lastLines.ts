/**
 * Lines of what peers were answered, when the process that writes them is gone. Those that it wrote in its last moment come
 * twice. All writes are synchronous: the process may be about to end. Nothing is rotated: others may do the same.
 */
import { OperatorError } from '../errors';
import type { AuditEvent } from './events';
import { jsonLine, timed } from './jsonLine';
import { LineFile } from './lineFile';
import { readableLine } from './readableLine';

export function writeLastLines(
  unwritten: readonly AuditEvent[],
  { file }: { readonly file?: string | undefined },
  say: (text: string) => void,
): void {
  if (unwritten.length === 0) return;
  const events = unwritten.map(timed);
  const json = `${events.map(jsonLine).join('\n')}\n`;
  const { stdout } = process;
  stdout.write(stdout.isTTY ? `${events.map((event) => readableLine(event)).join('\n')}\n` : json);
  if (file === undefined) return;
  try {
    new LineFile(file, undefined, { say, resumed: ignore, found: ignore }).append(
      Buffer.from(json, 'latin1'),
    );
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    say(error.message);
  }
}

function ignore(): void {}
