/** `aegis inventory`: its options and exit codes. The work is in show.ts, which is loaded when it is asked for. */
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';

export const registerInventory: RegisterCommand = (program, context) => {
  program
    .command('inventory')
    .description('what each modality really is and does: device, TLS, certificate, addresses, commands')
    .argument('[NAME]', 'one modality, with everything that is known of it')
    .option('--csv', 'all modalities for a spreadsheet, one row each')
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      `
It comes from the running gateway (admin). If the gateway does not answer, it
comes from inventory.json in stateDirectory. Times are in UTC. No device is
asked anything.
${helpSections(
  [
    'aegis inventory',
    'aegis inventory ct1',
    'aegis inventory --csv > inventory.csv',
    'aegis --json inventory ct1',
  ],
  [
    '0  done',
    '1  nothing is known yet, or the gateway refuses to answer',
    '2  wrong usage, no such modality, or the configuration cannot be read',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./show')).showInventory));
};
