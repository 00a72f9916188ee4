/** `aegis reload`: its options and exit codes. The work is in reloadGateway.ts, which is loaded when it is asked for. */

import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';
import type { ReloadOptions } from './reloadGateway';

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
    .option(
      '--dry-run',
      'reload nothing; judge the traffic in audit.file by the changed file: what it would refuse or newly allow',
    )
    .addHelpText(
      'after',
      `
The gateway is asked over its admin HTTP, with the token of the configuration
(admin.tokenFile or admin.token). Without a token, the process in pidFile gets a
SIGHUP. What became of that is in the audit log only.
${helpSections(
  [
    'aegis reload',
    'aegis --config /etc/aegis/aegis.jsonc reload',
    'aegis reload --enforce',
    'aegis --json reload',
    'aegis reload --dry-run',
    'aegis reload --url http://127.0.0.1:9763    (after admin.port was changed in the file)',
  ],
  [
    '0  reloaded; or, without a token, the signal was sent; with --dry-run: nothing that was let through would be refused',
    '1  the gateway refused the configuration and goes on with its old one, or no gateway runs;',
    '   with --dry-run: something that was let through would be refused',
    '2  wrong usage, or the configuration has neither an admin token nor pidFile',
  ],
)}`,
    )
    .action(
      workOf(context, async () => async (inner, options: ReloadOptions & { dryRun?: boolean }) => {
        if (options.dryRun === true) await (await import('../recorded/replay')).replayOwnLog(inner, options);
        else await (await import('./reloadGateway')).reload(inner, options);
      }),
    );
};
