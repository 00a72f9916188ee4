/**
 * `aegis orthanc lint`: Orthanc's files against the rules, and against what the gateway would export where there is a
 * configuration of the gateway. Changes nothing.
 */
import { existsSync } from 'node:fs';
import { loadConfiguration } from '../../config/load';
import { ExitCode } from '../../errors';
import { dicomAet, type OrthancConfiguration, placedLine } from '../../orthanc/configuration';
import { type ExportOptions, exportOrthanc, type OrthancExport, upstreamCalled } from '../../orthanc/export';
import { type LintFinding, lint } from '../../orthanc/lint';
import { loadOrthancConfiguration } from '../../orthanc/load';
import type { OrthancVersion } from '../../orthanc/version';
import { compilePolicy } from '../../policy/compile';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { countOf } from '../../text/quote';

interface LintCommandOptions extends ExportOptions, GlobalOptions {
  readonly orthancVersion?: OrthancVersion;
  readonly behindFirewall?: boolean;
}

export async function lintOrthanc(
  { print, printError, exit }: CommandContext,
  { orthancVersion, behindFirewall, config, json, isConfigNamed, ...options }: LintCommandOptions,
  files: readonly string[],
): Promise<void> {
  const configuration = loadOrthancConfiguration(files);
  // The default need not exist; a file that was named must.
  const isCompared = isConfigNamed === true || existsSync(config);
  const expected = isCompared ? expectedOf(config, configuration, options) : undefined;
  const findings = lint(configuration, {
    version: orthancVersion,
    isBehindFirewall: behindFirewall === true,
    expected,
  });
  const holes = findings.filter(({ severity }) => severity === 'hole').length;
  exit(holes === 0 ? ExitCode.Done : ExitCode.Failed);
  if (json === true) {
    print(
      `${JSON.stringify({ ok: holes === 0, comparedWith: isCompared ? config : null, findings }, undefined, 2)}\n`,
    );
    return;
  }
  if (!isCompared) {
    printError(`note: ${config} does not exist, so there is nothing to compare entries with; see --config\n`);
  }
  for (const finding of findings) print(placedLine(finding));
  print(`${summaryOf(findings)}\n`);
}

/** Of several upstreams it is the one that the gateway calls as Orthanc is called, unless another is named. */
function expectedOf(config: string, orthanc: OrthancConfiguration, options: ExportOptions): OrthancExport {
  const { configuration } = loadConfiguration(config);
  const { policy } = compilePolicy(configuration, Date.now());
  const upstream = options.upstream ?? upstreamCalled(policy, dicomAet(orthanc));
  return exportOrthanc(configuration, policy, { ...options, upstream });
}

function summaryOf(findings: readonly LintFinding[]): string {
  const count = (severity: LintFinding['severity']) =>
    findings.filter((one) => one.severity === severity).length;
  const counts = [countOf(count('hole'), 'hole'), countOf(count('warning'), 'warning')].join(', ');
  return count('hole') === 0 ? `ok: ${counts}` : counts;
}
