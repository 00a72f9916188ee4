/**
 * `aegis modality test`: a C-ECHO to the address of one modality, and what the audit log last said of it. Whether the
 * modality reaches the gateway, only the modality can try; this shows when it last did.
 */

import { existsSync } from 'node:fs';
import { type LastSeen, readLastSeen, type SeenEvent } from '../../audit/lastSeen';
import { loadConfiguration } from '../../config/load';
import { ExitCode, OperatorError } from '../../errors';
import { reasons } from '../../policy/reasons';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { formatPath } from '../../text/problems';
import { safeLines } from '../../text/quote';
import { textTable } from '../../text/table';
import { modalityTarget } from '../echo/target';
import { echoJson, echoText, verifyTarget } from '../echo/verify';
import { entryNamed } from './entry';

interface TestOptions extends GlobalOptions {
  readonly calling?: string;
  readonly timeout: number;
}

export async function test(context: CommandContext, options: TestOptions, name: string): Promise<void> {
  const loaded = loadConfiguration(options.config);
  const entry = entryNamed(loaded, name);
  const { file } = loaded.configuration.audit;
  const target = entry.address === undefined ? undefined : modalityTarget(name, entry, loaded.configuration);
  const echo = target && (await verifyTarget(target, options));
  if (options.json === true) {
    const seen = await lastSeen(file, name, entry.callingAeTitle);
    const isOk = echo?.report.isOk === true;
    const result = { ok: isOk, echo: echo === undefined ? null : echoJson(echo), lastSeen: seen ?? null };
    context.print(`${JSON.stringify(result, undefined, 2)}\n`);
    context.exit(echo === undefined ? ExitCode.Usage : isOk ? ExitCode.Done : ExitCode.Failed);
    return;
  }
  if (echo !== undefined) context.print(echoText(echo));
  const seen = await lastSeen(file, name, entry.callingAeTitle);
  context.print(seenText(seen));
  if (echo === undefined) {
    throw new OperatorError(
      `${formatPath(['modalities', name])} has no address, so there is nowhere to send a C-ECHO; add "address": { "host": "…", "port": 104 }`,
    );
  }
  context.exit(echo.report.isOk ? ExitCode.Done : ExitCode.Failed);
}

/** Undefined where there is no file to read. */
async function lastSeen(
  file: string | undefined,
  name: string,
  callingAeTitles: readonly string[],
): Promise<LastSeen | undefined> {
  // The gateway creates it when it first starts.
  return file !== undefined && existsSync(file) ? readLastSeen(file, name, callingAeTitles) : undefined;
}

function seenText(seen: LastSeen | undefined): string {
  if (seen === undefined)
    return 'last seen: unknown, because audit.file is not configured or not there yet\n';
  const from = ({ time, sourceAddress, listener }: SeenEvent) =>
    `${time} from ${sourceAddress ?? 'an unknown address'}${listener === undefined ? '' : ` on ${listener}`}`;
  const never = seen.isCutShort
    ? 'not in the last 64 MiB of the audit log'
    : 'never, as far as the audit log goes back';
  const { accepted, command, denied, failed } = seen;
  const trouble = (event: SeenEvent) => {
    const reason =
      event.reason === undefined ? [] : [`${event.reason}: ${reasons[event.reason]?.text ?? ''}`];
    return [from(event), event.command ?? event.event, ...reason].join(', ');
  };
  const rows = [
    ['last accepted', accepted === undefined ? never : from(accepted)],
    [
      'last command',
      command === undefined
        ? never
        : `${command.time} ${command.command ?? ''} status ${command.status ?? 'none'}`,
    ],
    ['last refused', denied === undefined ? never : trouble(denied)],
    ['last failure', failed === undefined ? never : trouble(failed)],
  ];
  return safeLines(textTable(rows));
}
