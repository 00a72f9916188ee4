/**
 * The whole command line as one value: every verb, and the options that all of them have. Parses nothing and ends
 * nothing, so that tests can compare the documentation with it.
 */
import { Command } from 'commander';
import { version } from '../../package.json';
import { type CommandContext, helpSections, helpStyle, type RegisterCommand } from '../terminal/command';
import { registerAlerts } from './alerts/alerts';
import { registerAudit } from './audit/audit';
import { registerCapture } from './capture';
import { registerCheck } from './check';
import { registerDemo } from './demo';
import { registerEcho } from './echo/echo';
import { registerExplain } from './explain/explain';
import { registerInit } from './init/init';
import { registerInventory } from './inventory/inventory';
import { registerLog } from './log';
import { registerModality } from './modality/modality';
import { registerObserve } from './observe/observe';
import { registerOrthanc } from './orthanc/orthanc';
import { registerPki } from './pki/pki';
import { registerReload } from './reload/reload';
import { registerShow } from './show';
import { registerStart } from './start';
import { registerStatus } from './status/status';
import { registerSupportBundle } from './supportBundle';

const commands: readonly RegisterCommand[] = [
  registerInit,
  registerStart,
  registerReload,
  registerCheck,
  registerExplain,
  registerStatus,
  registerInventory,
  registerLog,
  registerAudit,
  registerCapture,
  registerShow,
  registerSupportBundle,
  registerEcho,
  registerAlerts,
  registerObserve,
  registerOrthanc,
  registerDemo,
  registerModality,
  registerPki,
];

/** Throws CommanderError, when it parses, where commander itself would end the process. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('aegis')
    .description('DICOM TLS and access-control gateway in front of Orthanc or any DIMSE server')
    .version(version, '--version', 'print the version')
    .option('--config <file>', 'configuration file', process.env.AEGIS_CONFIG ?? 'config/aegis.jsonc')
    .option('--json', 'machine-readable output')
    .option('--debug', 'show the stack of an error')
    .addHelpText(
      'after',
      helpSections([
        'aegis check',
        'aegis start',
        'aegis --config /etc/aegis/aegis.jsonc explain --calling CT1 --called ORTHANC --from 10.1.2.10',
        'aegis modality add --help',
      ]),
    )
    .configureHelp(helpStyle)
    .exitOverride();
  for (const register of commands) register(program, context);
  return program;
}
