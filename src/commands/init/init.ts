/** `aegis init`: its options and exit codes. The work is in writeFirst.ts, which is loaded when it is asked for. */
import { Option } from 'commander';
import { append, helpSections, type RegisterCommand, workOf } from '../../terminal/command';

export const registerInit: RegisterCommand = (program, context) => {
  program
    .command('init')
    .description('write a first configuration: five questions, or the same as options')
    .option('--archive <host:port>', 'where the archive listens for DICOM')
    .option('--called <AET>', 'AE title of the archive, as modalities call it')
    .option('--allow-remote-plaintext', 'accept that DICOM crosses the network in the clear to the archive')
    .option('--name <name>', 'name or address of this machine that modalities dial; may be repeated', append)
    .addOption(
      new Option(
        '--certificates <kind>',
        'new: make a small CA; files: you have them; later: the hospital CA sends them',
      ).choices(['new', 'files', 'later']),
    )
    .option('--certificate <file>', 'with files: PEM file of the certificate and its chain')
    .option('--private-key <file>', 'with files: PEM file of its private key')
    .option('--ca <file>', 'with files: PEM file of the CA that signs the certificates of modalities')
    .option('--admin-port <port>', 'port for status and reload, on this machine only')
    .option('--no-admin', 'no such port; reload by pidFile then')
    .option('--audit-file <file>', 'file for the audit log, besides stdout')
    .option('--no-audit-file', 'audit log on stdout only')
    .option(
      '--state-directory <folder>',
      'folder for what outlives a restart, such as locks (default: "state" beside the configuration)',
    )
    .option('--port <port>', 'TCP port for modalities', '2762')
    .option('--dir <directory>', 'folder for the certificates and the admin token', 'certs')
    .option('--offline', 'do not try to reach the archive')
    .option('--yes', 'ask nothing: what no option says gets its default')
    .addHelpText(
      'after',
      `
A file that exists is never replaced. All files are written after the last
answer, or none at all: Ctrl-C at any question leaves nothing behind. The new
configuration lets nobody in before "aegis modality add".
${helpSections(
  [
    'aegis init    (on a terminal, it asks)',
    'aegis init --yes',
    'aegis init --yes --archive 127.0.0.1:4242 --called ORTHANC --name pacs.example.org --name 10.1.2.5',
    'aegis --config /etc/aegis/aegis.jsonc init --dir /etc/aegis/certs --audit-file /var/log/aegis/audit.jsonl --state-directory /var/lib/aegis',
    'aegis init --certificates files --certificate pacs.crt --private-key pacs.key --ca hospital-ca.crt',
    'aegis init --yes --certificates later',
  ],
  [
    '0  written',
    '1  a file could not be written; nothing is left of the others',
    '2  wrong usage, a file exists, or nothing was entered; nothing was written',
  ],
)}`,
    )
    .action(workOf(context, async () => (await import('./writeFirst')).init));
};
