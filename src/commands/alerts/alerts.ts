/** `aegis alerts`: the verbs of the alerts. Options only. */
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';

export const registerAlerts: RegisterCommand = (program, context) => {
  const family = program
    .command('alerts')
    .description('alerts by webhook and e-mail')
    .addHelpText('after', helpSections(['aegis alerts test']));
  family
    .command('test')
    .description('send one test alert through each channel, step by step')
    .argument('[CHANNEL]', 'name of a webhook, or "mail" (default: every channel)')
    .addHelpText(
      'after',
      helpSections(
        ['aegis alerts test', 'aegis alerts test mail', 'aegis --config /etc/aegis/aegis.jsonc alerts test'],
        [
          '0  every channel took the test alert',
          '1  one did not; the line says which and why',
          '2  wrong usage or configuration, or no channel is configured',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./test')).testAlerts));
};
