/** `aegis capture`: its options and exit codes. The work is in recordCapture.ts, which is loaded when it is asked for. */
import { InvalidArgumentError, Option } from 'commander';
import { DEFAULT_CAPTURE_BYTES, MAX_CAPTURE_BYTES, MIN_CAPTURE_BYTES } from '../capture/order';
import { helpSections, type RegisterCommand, workOf } from '../terminal/command';

export const registerCapture: RegisterCommand = (program, context) => {
  program
    .command('capture')
    .description(
      'record what a modality and the archive say to each other, for Wireshark, without patient data',
    )
    .argument('[FILE]', 'a new file, *.pcapng; - is stdout')
    .option('--modality <NAME>', 'the modality to record')
    .option('--for <time>', 'how long: 90s, 10m, up to 1h', '60s')
    .addOption(
      new Option('--side <side>', 'the leg with the modality, that with the archive, or both')
        .choices(['both', 'modality', 'archive'])
        .default('both'),
    )
    .option('--max-bytes <number>', 'end when the file has this size', parseBytes, DEFAULT_CAPTURE_BYTES)
    .option('--stop', 'end the capture that runs, also that of somebody else')
    .option(
      '--url <url>',
      'the admin HTTP (default: admin of the configuration); its token is AEGIS__ADMIN__TOKEN',
    )
    .addHelpText(
      'after',
      `
The running gateway records behind TLS, with the token of its admin HTTP. Two
interfaces, "modality" and "archive", show both legs; comments of packets say
what the gateway decided, and why. PDUs, contexts, UIDs, AE titles and statuses
are whole. Data sets, error comments and user identities are not in the file:
only how long they are. Ctrl-C ends the capture early and keeps the file.
${helpSections(
  [
    'aegis capture --modality ct1 --for 60s ct1.pcapng',
    'aegis capture --modality ct1 --for 10m --side archive ct1.pcapng',
    'aegis capture --modality ct1 - | wireshark -k -i -',
    'tshark -r ct1.pcapng -Y dicom',
    'aegis capture --stop',
  ],
  [
    '0  recorded, or stopped',
    '1  the gateway cannot be asked or refused, another capture runs, or the file cannot be written',
    '2  wrong usage, or a configuration without admin',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./recordCapture')).recordCapture));
};

function parseBytes(text: string): number {
  const bytes = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (bytes >= MIN_CAPTURE_BYTES && bytes <= MAX_CAPTURE_BYTES) return bytes;
  throw new InvalidArgumentError(
    `accepted is a number of bytes from ${MIN_CAPTURE_BYTES} to ${MAX_CAPTURE_BYTES}`,
  );
}
