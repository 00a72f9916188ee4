/** `aegis check`: its options and exit codes. The work is in findProblems.ts, which is loaded when it is asked for. */
import type { Command } from 'commander';
import { OperatorError } from '../errors';
import { type GlobalOptions, helpSections, type RegisterCommand } from '../terminal/command';
import type { CheckOptions } from './findProblems';

export const registerCheck: RegisterCommand = (program, context) => {
  program
    .command('check')
    .description('check the configuration, its certificates and keys, and reach each upstream')
    .option('--offline', 'connect neither to the upstreams nor to the running gateway')
    .option(
      '--expiring-within <days>',
      'fail when a certificate or a revocation list ends within this number of days',
      parseDays,
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
        ],
      ),
    )
    .action(async (options: CheckOptions, command: Command) => {
      const { check } = await import('./findProblems');
      await check(options, command.optsWithGlobals<GlobalOptions>(), context);
    });
};

/** A century: longer than any certificate lasts. */
const MAX_DAYS = 36_500;

function parseDays(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= MAX_DAYS) return Number(text);
  throw new OperatorError(`--expiring-within ${text} is not a number of days; accepted is 0 to ${MAX_DAYS}`);
}
