/** `aegis check`: its options and exit codes. The work is in findProblems.ts, which is loaded when it is asked for. */
import { helpSections, type RegisterCommand, workOf } from '../terminal/command';
import { durationOption } from '../text/moments';
import type { CheckOptions } from './findProblems';
import type { AgainstOptions } from './recorded/replay';

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
    .option(
      '--against <file...>',
      'judge the traffic of audit logs (also .gz; - is stdin) by the configuration instead: what it would refuse or newly allow',
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis check',
          'aegis --config /etc/aegis/aegis.jsonc check --offline',
          'aegis --json check --expiring-within 14',
          'aegis --config new.jsonc check --against /var/log/aegis/audit.jsonl*',
        ],
        [
          '0  no errors (there may be warnings); with --against: nothing that was let through would be refused',
          '1  an upstream does not answer, a certificate or CRL is out of date, or ends within --expiring-within;',
          '   with --against: something that was let through would be refused',
          '2  the configuration, or a file that it names, is not valid',
          '130  interrupted with Ctrl-C',
        ],
      ),
    )
    .action(
      workOf<CheckOptions & Partial<AgainstOptions>, []>(context, async () => async (inner, options) => {
        const { against } = options;
        if (against === undefined) await (await import('./findProblems')).check(inner, options);
        else await (await import('./recorded/replay')).checkAgainst(inner, { ...options, against });
      }),
    );
};
