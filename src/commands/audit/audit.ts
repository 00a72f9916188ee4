/**
 * `aegis audit`: whether the audit log is what the gateway wrote, and searching it. Options only.
 */
import { append, helpSections, type RegisterCommand, workOf } from '../../terminal/command';

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
};
