/**
 * The work of `aegis check`: finds every problem of the configuration, of the files that it names and of the upstreams
 * in one run, each with its place and what to do. Changes nothing.
 */
import { AdminClient, adminTarget, UnreachableError } from '../admin/adminClient';
import { type Clock, inspectDates, inspectTlsFiles, WARN_CERTIFICATE_DAYS } from '../config/files';
import { type ConfigurationReading, readConfiguration } from '../config/load';
import { inspectOwnFiles } from '../config/ownFiles';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { serversOf, type WatchedServer } from '../gateway/upstreamHealth';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { parseHostAndPort } from '../text/hostAndPort';
import { ConfigurationError, type Finding, formatProblem, type Problem } from '../text/problems';
import { countOf } from '../text/quote';
import { checkServer } from '../verification/serverCheck';
import type { VerificationStep } from '../verification/verification';
import { findRevokedPins } from './pki/revokedCertificates';

export interface CheckOptions extends GlobalOptions {
  readonly offline?: boolean;
  /** Days. */
  readonly expiringWithin?: number;
}

export async function check(context: CommandContext, options: CheckOptions): Promise<void> {
  const { config, json } = options;
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
  context.print(`${summaryOf(problems, configuration)}\n`);
}

async function inspect(reading: ConfigurationReading, options: CheckOptions): Promise<Problem[]> {
  const { configuration, place } = reading;
  if (configuration === undefined) return [];
  const clock = options.expiringWithin === undefined ? {} : { failWithinDays: options.expiringWithin };
  const local = place([
    ...inspectTlsFiles(configuration, clock),
    ...inspectOwnFiles(configuration),
    ...(await findRevokedPins(configuration)),
  ]);
  if (options.offline === true) return local;
  const asked = await Promise.all([
    findUnreachable(configuration),
    inspectShownCertificates(configuration, clock),
  ]);
  return [...local, ...place(asked.flat())];
}

function exitCodeOf(problems: readonly Problem[]): ExitCode {
  const errors = problems.filter((problem) => problem.severity === 'error');
  if (errors.length === 0) return ExitCode.Done;
  const isOfTheFiles = errors.some(({ kind }) => kind === 'configuration' || kind === 'file');
  return isOfTheFiles ? ExitCode.Usage : ExitCode.Failed;
}

function summaryOf(problems: readonly Problem[], configuration: Configuration | undefined): string {
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
async function findUnreachable(configuration: Configuration): Promise<Finding[]> {
  const servers = serversOf(configuration);
  const faults = await Promise.all(servers.map(faultOf));
  return Object.keys(configuration.upstreams).flatMap((upstream) => {
    const ofUpstream = servers.flatMap((server, index) =>
      server.upstream === upstream ? [{ server: server.server, fault: faults[index] }] : [],
    );
    const severity = ofUpstream.some(({ fault }) => fault === undefined) ? 'warning' : 'error';
    return ofUpstream.flatMap(({ server, fault }, index): Finding[] => {
      if (fault === undefined) return [];
      const path = ['upstreams', upstream, 'servers', index];
      return [{ path, message: `${server} ${fault}`, severity, kind: 'upstream' }];
    });
  });
}

/**
 * Why no association comes about, or undefined. The server is asked as its health check asks it. With `off`, which is for
 * the running gateway, it gets a C-ECHO: you ran this command to know.
 */
async function faultOf(server: WatchedServer): Promise<string | undefined> {
  const { port } = parseHostAndPort(server.server);
  // Already reported as a fault of the configuration.
  if (port < 1 || port > 65535) return undefined;
  const question = { ...server, check: server.check === 'off' ? ('echo' as const) : server.check };
  const { isUp, detail, failed } = await checkServer(question);
  if (failed?.failure === 'notConnected') {
    return `${describeConnectError(failed)}; start the archive, or correct the address`;
  }
  if (!isUp && failed === undefined)
    return `serves nobody: ${detail}; start the archive, or correct the address`;
  if (!isUp) return `does not answer as a DICOM archive without TLS: ${detail}; correct the address`;
  return failed?.rejection?.source === 1 && failed.rejection.reason === 7
    ? `rejects the called AE title "${server.calledAeTitle}"; correct calledAeTitle`
    : // It speaks DICOM. Whether it serves this calling AE title is its own matter.
      undefined;
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

/**
 * The certificates that modalities have shown to the running gateway: only the gateway knows them. Whether one runs is
 * not a matter of the configuration, so without one there is nothing to find.
 */
async function inspectShownCertificates({ admin }: Configuration, clock: Clock): Promise<Finding[]> {
  if (admin === undefined || admin.port === 0) return [];
  const { failWithinDays = 0, now } = clock;
  try {
    const { certificates } = await new AdminClient(adminTarget(admin)).status();
    return certificates
      .filter(({ kind }) => kind === 'modality')
      .flatMap(({ name, notAfter }) => [
        ...inspectDates(['modalities', name], {
          what: 'the certificate that it showed last',
          to: new Date(notAfter),
          advice: 'install a new one there; if "aegis pki" issued it, run "aegis pki renew NAME"',
          warnWithinDays: Math.max(WARN_CERTIFICATE_DAYS, failWithinDays),
          failWithinDays,
          now,
        }),
      ]);
  } catch (error) {
    if (error instanceof UnreachableError) return [];
    if (!(error instanceof OperatorError)) throw error;
    return [{ path: ['admin'], message: error.message, severity: 'warning', kind: 'file' }];
  }
}
