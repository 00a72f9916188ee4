/** `aegis status`: its options and exit codes. The work is in show.ts, which is loaded when it is asked for. */
import type { Command } from 'commander';
import { OperatorError } from '../../errors';
import { helpSections, type RegisterCommand } from '../../terminal/command';
import type { StatusOptions } from './show';

/** Fast enough to see an association come, slow enough to be read. */
const WATCH_SECONDS = 2;
const MIN_WATCH_SECONDS = 0.1;
const MAX_WATCH_SECONDS = 3600;

export const registerStatus: RegisterCommand = (program, context) => {
  program
    .command('status')
    .description(
      'what the running gateway does: listeners, upstreams, associations, last denials, certificates',
    )
    .option(
      '--watch [seconds]',
      `show it again every ${WATCH_SECONDS} seconds, or as often as you say`,
      parseSeconds,
    )
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis status',
          'aegis status --watch',
          'aegis --json status',
          'aegis status --url http://127.0.0.1:9762',
        ],
        [
          '0  the gateway is ready to serve modalities',
          '1  it does not answer, or it is not ready; the first line says why',
          '2  wrong usage, or a configuration without admin',
        ],
      ),
    )
    .action(async (_options, command: Command) => {
      const { status } = await import('./show');
      const { watch, ...options } = command.optsWithGlobals<StatusOptions & { watch?: number | true }>();
      const seconds = watch === true ? WATCH_SECONDS : watch;
      await status(seconds === undefined ? options : { ...options, watchSeconds: seconds }, context);
    });
};

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= MIN_WATCH_SECONDS && seconds <= MAX_WATCH_SECONDS) return seconds;
  throw new OperatorError(
    `--watch ${text} is not a number of seconds; accepted is ${MIN_WATCH_SECONDS} to ${MAX_WATCH_SECONDS}`,
  );
}
