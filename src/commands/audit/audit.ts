/**
 * `aegis audit`: whether the audit log is what the gateway wrote, and searching it. Options only.
 */
import { InvalidArgumentError } from 'commander';
import { append, helpSections, type RegisterCommand, workOf } from '../../terminal/command';
import { sinceOption } from '../../text/moments';
import { nearestOf, quoteValue } from '../../text/quote';
import { parseConnection, parseLines } from '../recorded/logOptions';

export const registerAudit: RegisterCommand = (program, context) => {
  const audit = program
    .command('audit')
    .description('check that nobody changed the audit log, and search it')
    .addHelpText(
      'after',
      helpSections(['aegis audit verify', 'aegis audit query --outcome denied --since 7d']),
    );
  audit
    .command('verify')
    .description('find lines of the audit log that were changed, removed, moved, added or cut off')
    .argument(
      '[file...]',
      'audit logs, also compressed (.gz), each with what it was rotated to; - is stdin (default: audit.file)',
    )
    .option(
      '--key <FILE>',
      'public key or certificate that check-points are signed with; may be repeated (default: of audit.chain.key)',
      append,
    )
    .addHelpText(
      'after',
      `
The files are put in order by themselves. The end of audit.file is compared
with what the gateway remembers of it in stateDirectory. Who has root can change
that too: keep the key elsewhere, or a copy of the log on another machine.
${helpSections(
  [
    'aegis audit verify',
    'aegis audit verify /var/log/aegis/audit.jsonl --key site.pub',
    'journalctl -u aegis -o cat | aegis audit verify -',
    'aegis --json audit verify | jq .faults',
  ],
  [
    '0  every line is as it was written',
    '1  a line was changed, removed, moved or added, or no line has a chain',
    '2  wrong usage, or a file cannot be read',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./verify')).verifyLogs));
  audit
    .command('query')
    .description('search the audit log: a table, or with --json the lines as they are')
    .argument(
      '[file...]',
      'audit logs, also compressed (.gz); - is stdin (default: audit.file and what it was rotated to)',
    )
    .option('--modality <NAME>', 'its name, with its refusals that name no entry; or a calling AE title')
    .option('--since <when>', 'from then on: 30m, 2h, 1d, a date, or a moment', timeOption('--since'))
    .option(
      '--until <when>',
      'up to then, in the same forms; a date: up to its beginning',
      timeOption('--until'),
    )
    .option('--outcome <word>', `${OUTCOMES.join(', ')}; may be repeated, as those below`, oneOf(OUTCOMES))
    .option('--reason <code>', 'as in docs/reasons.md, e.g. command-not-allowed', append)
    .option('--event <name>', 'this event, or all that begin so: command.refused, association', append)
    .option('--command <name>', 'C-STORE, C-FIND …', (text, values: readonly string[]) =>
      append(text.toUpperCase(), values),
    )
    .option('--calling <TITLE>', 'calling AE title', append)
    .option('--from <address>', 'address or CIDR block that it came from', append)
    .option('--connection <ID>', 'only one connection: its #ID, or the beginning of it', parseConnection)
    .option('-n, --lines <number>', 'only the newest of them (default: 1000 in a table)', parseLines)
    .option('-r, --reverse', 'the newest first')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis audit query --outcome denied --since 7d',
          'aegis audit query --modality ct1 --reason command-not-allowed --reason sop-class-not-allowed',
          'aegis audit query --from 10.1.2.0/24 --since 2026-11-01 --until 2026-12-01 -r',
          'aegis --json audit query --event configuration > changes.jsonl',
        ],
        [
          '0  done, also where nothing was found',
          '2  wrong usage, no log is configured, or it cannot be read',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./query')).queryLogs));
};

const OUTCOMES = ['allowed', 'denied', 'would-deny', 'failed', 'info'];

function timeOption(option: string): (text: string) => string {
  return (text) => sinceOption(text, Date.now(), option);
}

/** Collects values, and knows what was probably meant. */
function oneOf(
  accepted: readonly string[],
  list = accepted.join(', '),
): (text: string, values?: readonly string[]) => string[] {
  return (text, values) => {
    if (accepted.includes(text)) return append(text, values);
    const nearest = nearestOf(text, accepted);
    throw new InvalidArgumentError(
      nearest === undefined ? `accepted are ${list}` : `did you mean ${quoteValue(nearest)}?`,
    );
  };
}
