/**
 * `aegis orthanc`: from Orthanc's configuration, to it, and what in it leads round the gateway. Options only; the verbs
 * do their work in files of their own, which are imported when they are asked for.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { isSince, type OrthancVersion, parseOrthancVersion } from '../../orthanc/version';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../../terminal/command';
import type { ExportCommandOptions } from './export';
import type { ImportCommandOptions } from './import';
import type { LintCommandOptions } from './lint';

export const registerOrthanc: RegisterCommand = (program, context) => {
  const orthanc = program
    .command('orthanc')
    .description('take over the modalities of an Orthanc, tell it of the gateway, and find ways round it')
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
    .description('print what Orthanc has in DicomModalities as modalities of the gateway')
    .argument('<FILE...>', 'configuration of Orthanc: files, or folders of .json files')
    .option('--output <file>', 'write a whole new configuration to this file')
    .option('--keep-defaults', 'allow what Orthanc allows by default, not only what is written')
    .option('--resolve', 'look up host names, and write the addresses that they stand for today')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis orthanc import /etc/orthanc/orthanc.json',
          'aegis orthanc import /etc/orthanc --resolve --output config/aegis.jsonc',
        ],
        [
          '0  done; what to look at is on stderr, each with its place',
          '1  --output cannot be written',
          '2  wrong usage, --output is there already, or a file that Orthanc could not read either',
        ],
      ),
    )
    .action(async (files: string[], options: ImportCommandOptions, command: Command) => {
      const { importFromOrthanc } = await import('./import');
      await importFromOrthanc(files, options, command.optsWithGlobals<GlobalOptions>(), context);
    });
}

function registerExport(orthanc: Command, context: CommandContext): void {
  archiveVerb(
    orthanc,
    'export',
    'print the settings and the DicomModalities that Orthanc needs behind the gateway',
  )
    .option('--keep <file...>', 'present configuration of Orthanc: Manufacturer, Timeout and the like stay')
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis orthanc export > gateway.json',
          'aegis orthanc export --keep /etc/orthanc/orthanc.json',
          'aegis orthanc export --upstream ORTHANC --orthanc-version 1.8.2 > gateway.json',
          'aegis orthanc export --egress-host aegis > gateway.json    (Orthanc in a container of its own)',
        ],
        ['0  done', '2  wrong usage, or a configuration is not valid'],
      ),
    )
    .action(async (options: ExportCommandOptions, command: Command) => {
      const { exportToOrthanc } = await import('./export');
      await exportToOrthanc(options, command.optsWithGlobals<GlobalOptions>(), context);
    });
}

function registerLint(orthanc: Command, context: CommandContext): void {
  archiveVerb(orthanc, 'lint', 'name every setting of Orthanc that would let traffic round the gateway')
    .argument('<FILE...>', 'configuration of Orthanc: files, or folders of .json files')
    .option('--behind-firewall', 'nobody but the gateway reaches the DICOM port of Orthanc')
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
          '1  holes: traffic goes round the gateway, or what it relays is refused',
          '2  wrong usage, a configuration is not valid, or a file that Orthanc could not read either',
        ],
      ),
    )
    .action(async (files: string[], options: LintCommandOptions, command: Command) => {
      const { lintOrthanc } = await import('./lint');
      const globals = { ...command.optsWithGlobals<GlobalOptions>(), isConfigNamed: isConfigNamed(command) };
      await lintOrthanc(files, options, globals, context);
    });
}

/** The options of export are those of lint, which compares with what export would write. */
const archiveVerb = (orthanc: Command, name: string, description: string): Command =>
  orthanc
    .command(name)
    .description(description)
    .option('--upstream <title>', 'key of this Orthanc in upstreams (default: the only one)')
    .option('--orthanc-version <version>', 'version of Orthanc, such as 1.8.2 (default: any)', parseVersion)
    .option('--egress-host <host>', 'what Orthanc dials to reach egress (default: egress.host)');

/** Older ones have no permissions for each modality. */
const OLDEST_VERSION = '1.5.0';

function parseVersion(text: string): OrthancVersion {
  const version = parseOrthancVersion(text);
  if (version !== undefined && isSince(version, OLDEST_VERSION)) return version;
  throw new InvalidArgumentError(`accepted is a version such as 1.8.2, from ${OLDEST_VERSION} on`);
}

/** Without a name, a configuration that is not there is no mistake. */
function isConfigNamed(command: Command): boolean {
  let program = command;
  while (program.parent !== null) program = program.parent;
  return program.getOptionValueSource('config') === 'cli' || process.env.AEGIS_CONFIG !== undefined;
}
