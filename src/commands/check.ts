/**
 * `aegis check`: every problem of the configuration, of the files that it names and of the upstreams at once,
 * each with its place and what to do. Changes nothing.
 */

import type { Clock } from '../config/files';
import type { ConfigurationReading } from '../config/load';
import type { Configuration } from '../config/schema';
import { ExitCode } from '../errors';
import {
  type CommandContext,
  type GlobalOptions,
  helpSections,
  type RegisterCommand,
} from '../terminal/command';
import { OWN_AE_TITLE } from '../text/aeTitle';
import { durationOption } from '../text/moments';
import type { Finding, Problem } from '../text/problems';
import type { VerificationStep } from '../verification/verification';

interface CheckOptions {
  readonly offline?: boolean;
  readonly expiringWithin?: number;
}

export const registerCheck: RegisterCommand = (program, context) => {
  program
    .command('check')
    .description('check the configuration, its certificates and keys, and reach each upstream')
    .option('--offline', 'do not connect to the upstreams, nor ask the running gateway')
    .option(
      '--expiring-within <days>',
      'fail when a certificate or a revocation list ends within so many days',
      durationOption('--expiring-within', { unit: 'days', min: 0, max: MAX_DAYS }),
    )
    .addHelpText(
      'after',
      helpSections(
        [
          'aegis check',
          'aegis --config /etc/aegis/aegis.jsonc check --offline',
          'aegis --json check --expiring-within 14',
        ],
        [
          '0  no errors (there may be warnings)',
          '1  an upstream does not answer, a certificate or CRL is out of date, or ends within --expiring-within',
          '2  the configuration, or a file that it names, is not valid',
        ],
      ),
    )
    .action(async (options: CheckOptions, command) => {
      await check(options, command.optsWithGlobals() as GlobalOptions, context);
    });
};

/** A century is more than any certificate lasts. */
const MAX_DAYS = 36_500;

async function check(
  options: CheckOptions,
  { config, json }: GlobalOptions,
  context: CommandContext,
): Promise<void> {
  const { ConfigurationError, formatProblem } = await import('../text/problems');
  const { readConfiguration } = await import('../config/load');
  let problems: readonly Problem[];
  let configuration: Configuration | undefined;
  try {
    const reading = readConfiguration(config);
    configuration = reading.configuration;
    problems = [...reading.problems, ...(await inspect(reading, options))];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems = error.problems;
  }
  const exitCode = exitCodeOf(problems);
  context.exit(exitCode);
  if (json === true) {
    context.print(`${JSON.stringify({ ok: exitCode === ExitCode.Done, problems }, undefined, 2)}\n`);
    return;
  }
  for (const problem of problems) context.print(`${problem.severity}: ${formatProblem(problem)}\n`);
  context.print(`${await summaryOf(problems, configuration)}\n`);
}

async function inspect(reading: ConfigurationReading, options: CheckOptions): Promise<Problem[]> {
  const { configuration, place } = reading;
  if (configuration === undefined) return [];
  const { inspectTlsFiles } = await import('../config/files');
  const { inspectOwnFiles } = await import('../config/ownFiles');
  const { findRevokedPins } = await import('./pki/revokedCertificates');
  const clock = options.expiringWithin === undefined ? {} : { failWithinDays: options.expiringWithin };
  return [
    ...place([
      ...inspectTlsFiles(configuration, clock),
      ...inspectOwnFiles(configuration),
      ...(await findRevokedPins(configuration)),
    ]),
    ...(options.offline === true
      ? []
      : place(
          (await Promise.all([findUnreachable(configuration), inspectShown(configuration, clock)])).flat(),
        )),
  ];
}

/** The certificates that modalities have shown to the running gateway: nobody else knows them. */
async function inspectShown(configuration: Configuration, clock: Clock): Promise<Finding[]> {
  if (configuration.admin === undefined) return [];
  const { inspectShownCertificates } = await import('./shownCertificates');
  return await inspectShownCertificates(configuration.admin, clock);
}

function exitCodeOf(problems: readonly Problem[]): ExitCode {
  const errors = problems.filter((problem) => problem.severity === 'error');
  if (errors.length === 0) return ExitCode.Done;
  const canBeMended = errors.some(({ kind }) => kind === 'configuration' || kind === 'file');
  return canBeMended ? ExitCode.Usage : ExitCode.Failed;
}

async function summaryOf(
  problems: readonly Problem[],
  configuration: Configuration | undefined,
): Promise<string> {
  const { countOf } = await import('../text/quote');
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  const counts = warnings === 0 ? [] : [countOf(warnings, 'warning')];
  if (errors > 0 || configuration === undefined) return [countOf(errors, 'problem'), ...counts].join(', ');
  const { listeners, upstreams, modalities } = configuration;
  return `ok: ${[
    countOf(listeners.length, 'listener'),
    countOf(Object.keys(upstreams).length, 'upstream'),
    countOf(Object.keys(modalities).length, 'modality'),
    ...counts,
  ].join(', ')}`;
}

/** Asks every server of every upstream at the same time. One that answers is enough for an upstream. */
async function findUnreachable({ upstreams, timeouts }: Configuration): Promise<Finding[]> {
  const timeoutMs = timeouts.upstreamConnectSeconds * 1000;
  const findings = Object.entries(upstreams).map(async ([name, { servers, calledAeTitle = name }]) => {
    const faults = await Promise.all(servers.map((server) => faultOf(server, calledAeTitle, timeoutMs)));
    const severity = faults.includes(undefined) ? 'warning' : 'error';
    return faults.flatMap((fault, index): Finding[] => {
      if (fault === undefined) return [];
      const message = `${servers[index]} ${fault}`;
      return [{ path: ['upstreams', name, 'servers', index], message, severity, kind: 'upstream' }];
    });
  });
  return (await Promise.all(findings)).flat();
}

/**
 * Why no association comes about, or undefined. A whole C-ECHO with its release: a bare TCP connection would
 * keep Orthanc waiting for a request.
 */
async function faultOf(
  server: string,
  calledAeTitle: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const { parseHostAndPort } = await import('../text/hostAndPort');
  const { verify } = await import('../verification/verification');
  const { host, port } = parseHostAndPort(server);
  // Already reported as a fault of the configuration.
  if (port < 1 || port > 65535) return undefined;
  const { steps } = await verify({ host, port, callingAeTitle: OWN_AE_TITLE, calledAeTitle, timeoutMs });
  const failed = steps.find(({ isOk }) => !isOk);
  switch (failed?.failure) {
    case 'notConnected':
      return `${describeConnectError(failed)}; start the archive, or correct the address`;
    case 'silent':
    case 'closed':
    case 'malformed':
    case 'speaksTls':
      return `does not answer as a DICOM archive without TLS: ${failed.text}; correct the address`;
    case 'rejected':
      return failed.rejection?.source === 1 && failed.rejection.reason === 7
        ? `rejects the called AE title "${calledAeTitle}"; correct calledAeTitle`
        : undefined;
    default:
      // It speaks DICOM; that it may not serve this calling AE title is its own matter.
      return undefined;
  }
}

function describeConnectError({ code, text }: VerificationStep): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused the connection (ECONNREFUSED)';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `has a name that cannot be resolved (${code})`;
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `cannot be reached from here (${code})`;
    default:
      return `cannot be connected to (${text})`;
  }
}
