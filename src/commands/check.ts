/** `aegis check`: its options and exit codes. The work is in findProblems.ts, which is loaded when it is asked for. */
import { helpSections, type RegisterCommand, workOf } from '../terminal/command';
import { durationOption } from '../text/moments';

/** A century: longer than any certificate lasts. */
const MAX_DAYS = 36_500;

export const registerCheck: RegisterCommand = (program, context) => {
  program
    .command('check')
    .description('check the configuration, its certificates and keys, and reach each upstream')
    .option('--offline', 'connect neither to the upstreams nor to the running gateway')
    .option(
      '--expiring-within <days>',
      'fail when a certificate or a revocation list ends within this number of days',
      durationOption('--expiring-within', { unit: 'days', min: 0, max: MAX_DAYS }),
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis check',
          'aegis --config /etc/aegis/aegis.jsonc check --offline',
          'aegis --json check --expiring-within 14',
        ],
        [
          '0  no errors (there may be warnings)',
          '1  an upstream does not answer, a certificate or CRL is out of date, or ends within --expiring-within',
          '2  the configuration, or a file that it names, is not valid',
          '130  interrupted with Ctrl-C',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./findProblems')).check));
};
