/**
 * The work of `aegis observe report`: reads audit logs and the configuration; changes nothing.
 */
import { loadConfiguration } from '../../config/load';
import { ExitCode } from '../../errors';
import { Observations } from '../../observe/observations';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { auditFilesOf, readLogs } from '../recorded/readLogs';
import { observationsJson, reportObservations, wouldDenyAnything } from './report';

interface ReportOptions extends GlobalOptions {
  readonly since?: string;
}

export async function reportLogs(
  context: CommandContext,
  { config, json, since }: ReportOptions,
  names: readonly string[],
): Promise<void> {
  const { configuration } = loadConfiguration(config);
  const files = names.length > 0 ? names : auditFilesOf(configuration, 'observe report');
  const observations = new Observations(configuration, since);
  const read = await readLogs(files, (line) => observations.add(line), context);
  const reading = { ...read, since };
  context.exit(wouldDenyAnything(configuration, observations) ? ExitCode.Failed : ExitCode.Done);
  context.print(
    json === true
      ? `${JSON.stringify(observationsJson(configuration, observations, reading), undefined, 2)}\n`
      : reportObservations(configuration, observations, reading, new Date()),
  );
}
