/**
 * `aegis observe report`: what entries in observe mode would have refused, and the keys that would allow it. Options
 * only.
 */
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';
import { sinceOption } from '../../text/moments';

export const registerObserve: RegisterCommand = (program, context) => {
  const observe = program
    .command('observe')
    .description('report what observe mode let through')
    .addHelpText('after', helpSections(['aegis observe report --since 7d', 'aegis observe report --help']));
  observe
    .command('report')
    .description('what would have been denied, by modality and reason, and the keys that would allow it')
    .argument(
      '[file...]',
      'audit logs, also compressed (.gz); - is stdin (default: audit.file and what it was rotated to)',
    )
    .option(
      '--since <when>',
      'leave out what is older: 7d, 12h, a date, or a date and time with an offset',
      (text) => sinceOption(text, Date.now()),
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis observe report',
          'aegis observe report --since 7d',
          'aegis observe report /var/log/aegis/audit.jsonl*',
          'journalctl -u aegis -o cat | aegis observe report -',
          'aegis --json observe report --since 2026-11-01',
        ],
        [
          '0  nothing would have been denied',
          '1  something would have been denied',
          '2  wrong usage, the configuration is not valid, or a log cannot be read',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./reportLogs')).reportLogs));
};
