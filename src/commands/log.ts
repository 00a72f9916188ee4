/**
 * `aegis log`: lines of the audit log as text for people. Options only.
 */
import { append, helpSections, type RegisterCommand, workOf } from '../terminal/command';
import { sinceOption } from '../text/moments';
import { parseConnection, parseLines } from './recorded/logOptions';

export const registerLog: RegisterCommand = (program, context) => {
  program
    .command('log')
    .description('show the audit log as text: what was let in, what was refused, why, and what to do')
    .argument('[FILE]', 'audit log, also compressed (.gz); - is stdin (default: a pipe, else audit.file)')
    .option('-f, --follow', 'go on with each new line, also when the file is rotated')
    .option('--denied', 'only what was denied, would be denied in observe mode, or failed')
    .option('--modality <NAME>', 'only one modality: its name, or a calling AE title')
    .option('--event <name>', 'only this event, or all that begin so: command.refused, association', append)
    .option('--connection <ID>', 'only one connection: its #ID, or the beginning of it', parseConnection)
    .option('--since <when>', 'leave out what is older: 30m, 2h, 1d, a date, or a moment', (text) =>
      sinceOption(text, Date.now()),
    )
    .option('-n, --lines <number>', 'only the last lines (default with --follow: 10)', parseLines)
    .addHelpText(
      'after',
      `
Lines that are not of the audit log are shown as they are. With --json or a
filter they are left out and counted. With --json, lines are the JSON of the
log, unchanged. --since also reads rotated files: FILE.1, FILE.2.gz …
${helpSections(
  [
    'aegis log --follow --denied',
    'aegis log --since 2h --modality ct1',
    'aegis log /var/log/aegis/audit.jsonl -n 20',
    'aegis log --connection d4d985ef',
    'journalctl -u aegis -o cat -f | aegis log --denied',
    'aegis --json log --since 1d --event command.refused > refused.jsonl',
  ],
  ['0  done', '2  wrong usage, no log is configured, or it cannot be read'],
)}`,
    )
    .action(workOf(context, async () => (await import('./printLog')).printLog));
};
