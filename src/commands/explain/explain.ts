/**
 * `aegis explain`: what would happen to a peer, by the very functions that decide on live traffic. Connects to
 * nothing and changes nothing.
 */
import { helpSections, type RegisterCommand, workOf } from '../../terminal/command';

export const registerExplain: RegisterCommand = (program, context) => {
  program
    .command('explain')
    .description('explain what would happen to a peer: every gate in order and the exact answer on the wire')
    .requiredOption('--calling <title>', 'calling AE title')
    .requiredOption('--called <title>', 'called AE title')
    .requiredOption('--from <address>', 'IP address that it comes from')
    .option('--certificate <file>', 'PEM file of the certificate that it shows, with its chain')
    .option(
      '--listener <name>',
      'listener that it connects to, or egress (default: one with TLS that it may use)',
    )
    .option('--command <command...>', 'DIMSE commands to try: c-echo, c-store, c-find, c-move, n-action …')
    .option('--sop-class <class>', 'UID or keyword for every --command (default: the usual one of each)')
    .option('--file <image>', 'DICOM file to store: whether its data set would pass, and by which rule')
    .option('--move-destination <title>', 'for c-move (default: the calling AE title)')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis explain --calling CT1 --called ORTHANC --from 10.1.2.10',
          'aegis explain --calling CT1 --called ORTHANC --from 10.1.2.10 --certificate ct1.crt --command c-store',
          'aegis explain --calling CT1 --called ORTHANC --from 10.1.2.10 --file IMAGE.dcm',
          'aegis explain --calling WS1 --called ORTHANC --from 10.1.2.20 --command c-move --move-destination CT1',
          'aegis explain --calling ORTHANC --called CT1 --from 127.0.0.1 --listener egress --command c-store',
          'aegis explain --calling US1 --called ORTHANC --from 10.1.2.30 --command c-find --sop-class ModalityWorklistInformationModelFind',
        ],
        ['0  allowed', '1  denied', '2  wrong usage, or the configuration is not valid'],
      ),
    )
    .action(workOf(context, async () => (await import('./report')).explainPeer));
};
