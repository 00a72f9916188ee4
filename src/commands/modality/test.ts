/**
 * `aegis modality test`: a C-ECHO to the address of one modality, and what the audit log last said of it. Whether the
 * modality reaches the gateway is for the modality to try; this shows when it last did.
 */
import type { LastSeen, SeenEvent } from '../../audit/lastSeen';
import type { Configuration, ModalityConfiguration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';
import { parseAeTitle, parseTimeout } from '../echo/echo';
import type { Echo } from '../echo/report';

interface TestOptions extends GlobalOptions {
  readonly calling?: string;
  readonly timeout: number;
}

export const registerModalityTest: RegisterCommand = (modality, context) => {
  modality
    .command('test')
    .description('C-ECHO to the address of a modality, and when it was last let in or refused')
    .argument('<NAME>', 'name of the modality in the configuration')
    .option('--calling <AET>', 'calling AE title (default: as the archive calls it)', parseAeTitle)
    .option('--timeout <seconds>', 'for connecting, and again for each answer', parseTimeout, 10)
    .addHelpText(
      'after',
      helpSections(
        ['aegis modality test ct1', 'aegis --json modality test ct1'],
        [
          '0  it answered the C-ECHO with success',
          '1  it did not; the line says at which step and why',
          '2  there is no such modality, it has no address, or the configuration is not valid',
        ],
      ),
    )
    .action(async (name: string, _options, command) => {
      await test(name, command.optsWithGlobals() as TestOptions, context);
    });
};

async function test(name: string, options: TestOptions, context: CommandContext): Promise<void> {
  const { loadConfiguration } = await import('../../config/load');
  const { entryNamed } = await import('./entry');
  const { echoJson, echoText } = await import('../echo/report');
  const loaded = loadConfiguration(options.config);
  const entry = entryNamed(loaded, name);
  const { file } = loaded.configuration.audit;
  const echo =
    entry.address === undefined ? undefined : await echoTo(name, entry, loaded.configuration, options);
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
  context.print(await seenText(seen));
  if (echo === undefined) {
    const { formatPath } = await import('../../text/problems');
    throw new OperatorError(
      `${formatPath(['modalities', name])} has no address, so there is nowhere to send a C-ECHO; add "address": { "host": "…", "port": 104 }`,
    );
  }
  context.exit(echo.report.isOk ? ExitCode.Done : ExitCode.Failed);
}

async function echoTo(
  name: string,
  entry: ModalityConfiguration,
  configuration: Configuration,
  options: TestOptions,
): Promise<Echo> {
  const { verifyTarget } = await import('../echo/echo');
  const { modalityTarget } = await import('../echo/target');
  return verifyTarget(modalityTarget(name, entry, configuration), options);
}

/** Undefined where there is no file to look into. */
async function lastSeen(
  file: string | undefined,
  name: string,
  callingAeTitles: readonly string[],
): Promise<LastSeen | undefined> {
  if (file === undefined) return undefined;
  const { existsSync } = await import('node:fs');
  const { readLastSeen } = await import('../../audit/lastSeen');
  // The gateway makes it when it first starts.
  return existsSync(file) ? readLastSeen(file, name, callingAeTitles) : undefined;
}

async function seenText(seen: LastSeen | undefined): Promise<string> {
  const { escapeUnsafe } = await import('../../text/quote');
  const { reasons } = await import('../../policy/reasons');
  const { textTable } = await import('../../text/table');
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
  return `${textTable(rows).map(escapeUnsafe).join('\n')}\n`;
}
