/**
 * `aegis orthanc`: from Orthanc's configuration, to it, and what in it bypasses the gateway. The options of every verb;
 * each does its work in a file of its own.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { isSince, type OrthancVersion, parseOrthancVersion } from '../../orthanc/version';
import { type CommandContext, helpSections, type RegisterCommand, workOf } from '../../terminal/command';

export const registerOrthanc: RegisterCommand = (program, context) => {
  const orthanc = program
    .command('orthanc')
    .description(
      'import modalities from Orthanc, export settings to it, and find settings that bypass the gateway',
    )
    .addHelpText(
      'after',
      helpSections([
        'aegis orthanc import /etc/orthanc --output config/aegis.jsonc',
        'aegis orthanc export > gateway.json',
        'aegis orthanc lint /etc/orthanc',
      ]),
    );
  registerImport(orthanc, context);
  registerExport(orthanc, context);
  registerLint(orthanc, context);
};

function registerImport(orthanc: Command, context: CommandContext): void {
  orthanc
    .command('import')
    .description('print the DicomModalities of Orthanc as modalities of the gateway')
    .argument('<FILE...>', 'configuration of Orthanc: files, or folders of .json files')
    .option('--output <file>', 'write a whole new configuration to this file')
    .option('--keep-defaults', 'allow what Orthanc allows by default, not only what is written')
    .option('--resolve', 'look up host names, and write the addresses that they have today')
    .option('--observe', 'import everybody in observe mode: what an entry forbids is relayed and logged')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis orthanc import /etc/orthanc/orthanc.json',
          'aegis orthanc import /etc/orthanc --resolve --output config/aegis.jsonc',
          'aegis orthanc import /etc/orthanc --observe --output config/aegis.jsonc',
        ],
        [
          '0  done; stderr lists what to look at, each with its place',
          '1  --output cannot be written',
          '2  wrong usage, --output exists already, or a file that Orthanc could not read either',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./import')).importFromOrthanc));
}

function registerExport(orthanc: Command, context: CommandContext): void {
  archiveVerb(
    orthanc,
    'export',
    'print the settings and the DicomModalities that Orthanc needs behind the gateway',
  )
    .option('--keep <file...>', 'present configuration of Orthanc; keeps Manufacturer, Timeout and the like')
    .option(
      '--into <file>',
      'change this file of Orthanc in place, with its comments; shows the change and asks',
    )
    .option('--yes', 'with --into: do not ask')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis orthanc export > gateway.json',
          'aegis orthanc export --into /etc/orthanc/orthanc.json',
          'aegis orthanc export --keep /etc/orthanc/orthanc.json',
          'aegis orthanc export --upstream ORTHANC --orthanc-version 1.8.2 > gateway.json',
          'aegis orthanc export --egress-host aegis > gateway.json    (Orthanc in a container of its own)',
        ],
        [
          '0  done, or --into says all of it already',
          '1  --into was not confirmed, cannot be written, or was changed meanwhile',
          '2  wrong usage, a configuration is not valid, or --into is not what Orthanc could read',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./export')).exportToOrthanc));
}

function registerLint(orthanc: Command, context: CommandContext): void {
  archiveVerb(orthanc, 'lint', 'find every setting of Orthanc that lets traffic bypass the gateway')
    .argument('<FILE...>', 'configuration of Orthanc: files, or folders of .json files')
    .option('--behind-firewall', 'only the gateway reaches the DICOM port of Orthanc')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis orthanc lint /etc/orthanc',
          'aegis --config /etc/aegis/aegis.jsonc orthanc lint orthanc.json gateway.json --behind-firewall',
          'aegis --json orthanc lint orthanc.json --orthanc-version 1.8.2',
        ],
        [
          '0  no holes (there may be warnings)',
          '1  holes: traffic bypasses the gateway, or Orthanc refuses what the gateway relays',
          '2  wrong usage, a configuration is not valid, or a file that Orthanc could not read either',
        ],
      ),
    )
    .action(workOf(context, async () => (await import('./lint')).lintOrthanc));
}

/** The options of export are those of lint, which compares with what export would write. */
function archiveVerb(orthanc: Command, name: string, description: string): Command {
  return orthanc
    .command(name)
    .description(description)
    .option('--upstream <title>', 'key of this Orthanc in upstreams (default: the only one)')
    .option('--orthanc-version <version>', 'version of Orthanc, such as 1.8.2 (default: any)', parseVersion)
    .option('--egress-host <host>', 'what Orthanc dials to reach egress (default: egress.host)');
}

/** Older ones have no permissions for each modality. */
const OLDEST_VERSION = '1.5.0';

function parseVersion(text: string): OrthancVersion {
  const version = parseOrthancVersion(text);
  if (version !== undefined && isSince(version, OLDEST_VERSION)) return version;
  throw new InvalidArgumentError(`accepted is a version such as 1.8.2, from ${OLDEST_VERSION} on`);
}
