/**
 * `aegis modality test`: a C-ECHO to the address of one modality, and what the audit log last said of it. Whether the
 * modality reaches the gateway, only the modality can try; this shows when it last did.
 */

import { type LastSeen, lastSeenIfKnown, type SeenEvent } from '../../audit/lastSeen';
import { loadConfiguration } from '../../config/load';
import { ExitCode, OperatorError } from '../../errors';
import { reasons } from '../../policy/reasons';
import { describeRefused, isCertificateReason } from '../../policy/refusedCertificates';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { formatPath } from '../../text/problems';
import { textTable } from '../../text/table';
import { modalityTarget } from '../echo/target';
import { echoJson, showEcho, verifyTarget } from '../echo/verify';
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
  const isJson = options.json === true;
  const echo =
    target && (await (isJson ? verifyTarget(target, options) : showEcho(target, options, context)));
  if (isJson) {
    const seen = lastSeenIfKnown(file, name, entry);
    const isOk = echo?.report.isOk === true;
    const result = { ok: isOk, echo: echo === undefined ? null : echoJson(echo), lastSeen: seen ?? null };
    context.print(`${JSON.stringify(result, undefined, 2)}\n`);
    context.exit(echo === undefined ? ExitCode.Usage : isOk ? ExitCode.Done : ExitCode.Failed);
    return;
  }
  const seen = lastSeenIfKnown(file, name, entry);
  context.print(seenText(seen));
  if (echo === undefined) {
    throw new OperatorError(
      `${formatPath(['modalities', name])} has no address, so there is nowhere to send a C-ECHO; add "address": { "host": "…", "port": 104 }`,
    );
  }
  context.exit(echo.report.isOk ? ExitCode.Done : ExitCode.Failed);
}

function seenText(seen: LastSeen | undefined): string {
  if (seen === undefined)
    return 'last seen: unknown, because audit.file is not configured or not there yet\n';
  const never = seen.isCutShort
    ? 'not in the last 64 MiB of the audit log'
    : 'never, as far as the audit log goes back';
  const { accepted, command, denied, failed } = seen;
  const rows = [
    ['last accepted', accepted === undefined ? never : whenAndWhere(accepted)],
    [
      'last command',
      command === undefined
        ? never
        : `${command.time} ${command.command ?? ''} status ${command.status ?? 'none'}`,
    ],
    ['last refused', denied === undefined ? never : describeTrouble(denied)],
    ['last failure', failed === undefined ? never : describeTrouble(failed)],
  ];
  return `${textTable(rows, { fits: ['whole'] }).join('\n')}\n`;
}

function whenAndWhere({ time, sourceAddress, listener }: SeenEvent): string {
  return `${time} from ${sourceAddress ?? 'an unknown address'}${listener === undefined ? '' : ` on ${listener}`}`;
}

/** Where a certificate was refused, also which one and what to do. Not escaped yet. */
export function describeTrouble(event: SeenEvent): string {
  const { reason } = event;
  const what = reason === undefined ? [] : [`${reason}: ${reasons[reason]?.text ?? ''}`];
  const certificate = isCertificateReason(reason)
    ? [describeRefused(event.tls), event.detail, `to do: ${reasons[reason].remedy}`]
    : [];
  return [whenAndWhere(event), event.command ?? event.event, ...what, ...certificate]
    .filter((part) => part !== undefined)
    .join(', ');
}
