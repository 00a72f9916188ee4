/** `aegis status`: its options and exit codes. The work is in show.ts, which is loaded when it is asked for. */
import { Option } from 'commander';
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';
import { durationOption } from '../../text/moments';

/** Fast enough to see an association come, slow enough to be read. */
const WATCH_SECONDS = 2;
const WATCH_BOUNDS = { unit: 'seconds', min: 0.1, max: 3600 } as const;

export const registerStatus: RegisterCommand = (program, context) => {
  program
    .command('status')
    .description(
      'what the running gateway does: listeners, upstreams, associations, last denials, certificates',
    )
    .addOption(
      new Option('--watch [seconds]', `show it again every ${WATCH_SECONDS} seconds, or as often as you say`)
        .argParser(durationOption('--watch', WATCH_BOUNDS))
        .preset(String(WATCH_SECONDS)),
    )
    .addOption(
      new Option(
        '--alive',
        'ask only whether it runs, not whether it is ready (/healthz); a supervisor may restart it where it does not',
      ).conflicts('watch'),
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
          'aegis status --alive',
          'aegis --json status',
          'aegis status --url http://127.0.0.1:9762',
        ],
        [
          '0  the gateway is ready to serve modalities; with --alive: it runs',
          '1  it does not answer, or it is not ready; the first line says why',
          '2  wrong usage, or a configuration without admin',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./show')).status));
};
