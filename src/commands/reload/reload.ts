/** `aegis reload`: its options and exit codes. The work is in reloadGateway.ts, which is loaded when it is asked for. */
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';

/** Of every verb that changes the configuration file. */
export const RELOAD_OPTION = ['--reload', 'then reload the running gateway, without asking'] as const;

export const registerReload: RegisterCommand = (program, context) => {
  program
    .command('reload')
    .description('make the running gateway read its configuration again, and show what is different')
    .option('--enforce', 'also end the associations that are no longer allowed')
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      `
The gateway is asked over its admin HTTP, with the token of the configuration (admin.tokenFile or admin.token).
Without a token, the process in pidFile gets a SIGHUP. What became of that is in the audit log only.
${helpSections(
  [
    'aegis reload',
    'aegis --config /etc/aegis/aegis.jsonc reload',
    'aegis reload --enforce',
    'aegis --json reload',
    'aegis reload --url http://127.0.0.1:9763    (after admin.port was changed in the file)',
  ],
  [
    '0  reloaded; or, without a token, the signal was sent',
    '1  the gateway refused the configuration and goes on with its old one, or no gateway runs',
    '2  wrong usage, or the configuration has neither an admin token nor pidFile',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./reloadGateway')).reload));
};
