/**
 * The work of `aegis check`: finds every problem of the configuration, of the files that it names and of the upstreams
 * in one run, each with its place and what to do. Changes nothing.
 */

import { AdminClient, adminTarget, UnreachableError } from '../admin/adminClient';
import { adviceOn } from '../config/advice';
import { type Clock, inspectDates, inspectTlsFiles, WARN_CERTIFICATE_DAYS } from '../config/files';
import { type ConfigurationReading, readConfiguration } from '../config/load';
import { inspectOwnFiles } from '../config/ownFiles';
import type { Configuration } from '../config/schema';
import { ExitCode, OperatorError } from '../errors';
import { loadClientTls } from '../gateway/rules';
import { serversOf, type WatchedServer } from '../gateway/upstreamHealth';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { paint } from '../text/display';
import { parseHostAndPort } from '../text/hostAndPort';
import { ConfigurationError, type Finding, type Problem } from '../text/problems';
import { countOf } from '../text/quote';
import { checkServer } from '../verification/serverCheck';
import type { VerificationStep } from '../verification/verification';
import { askRedis, askSyslog } from './askServers';
import { CheckProgress, type Reached } from './checkProgress';
import { findUnlistenable } from './findUnlistenable';
import { expiryLines, firstExpiry } from './firstExpiry';
import { type FetchedList, inspectFetchedLists } from './inspectFetchedLists';
import { findRevokedPins } from './pki/revokedCertificates';

export interface CheckOptions extends GlobalOptions {
  readonly offline?: boolean;
  /** Days. */
  readonly expiringWithin?: number;
}

export async function check(context: CommandContext, options: CheckOptions): Promise<void> {
  const { config, json } = options;
  const progress = json === true ? undefined : new CheckProgress(context);
  let problems: readonly Problem[];
  let configuration: Configuration | undefined;
  let reached: readonly Reached[] = [];
  let revocationLists: readonly FetchedList[] = [];
  try {
    const reading = readConfiguration(config);
    configuration = reading.configuration;
    progress?.found(reading.problems);
    const inspected = await inspect(reading, options, progress);
    problems = [...reading.problems, ...inspected.problems];
    reached = inspected.reached;
    revocationLists = inspected.fetched;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems = error.problems;
    progress?.found(problems);
  } finally {
    progress?.end();
  }
  const exitCode = exitCodeOf(problems);
  const isOk = exitCode === ExitCode.Done;
  const firstToExpire = isOk && configuration !== undefined ? firstExpiry(configuration) : undefined;
  context.exit(exitCode);
  if (json === true) {
    const facts = { ok: isOk, problems, reached, revocationLists, firstToExpire: firstToExpire ?? null };
    context.print(`${JSON.stringify(facts, undefined, 2)}\n`);
    return;
  }
  const summary = summaryOf(problems, configuration);
  context.print(
    `${isOk ? summary.replace(/^ok/, (word) => paint('ok', word)) : paint('refused', summary)}\n`,
  );
  for (const line of expiryLines(firstToExpire)) context.print(`  ${line}\n`);
}

interface Inspected {
  readonly problems: readonly Problem[];
  readonly reached: readonly Reached[];
  readonly fetched: readonly FetchedList[];
}

async function inspect(
  reading: ConfigurationReading,
  options: CheckOptions,
  progress: CheckProgress | undefined,
): Promise<Inspected> {
  const { configuration, place } = reading;
  if (configuration === undefined) return { problems: [], reached: [], fetched: [] };
  const clock = options.expiringWithin === undefined ? {} : { failWithinDays: options.expiringWithin };
  const local = place([
    ...inspectTlsFiles(configuration, clock),
    ...inspectOwnFiles(configuration),
    ...(await findRevokedPins(configuration)),
    ...adviceOn(configuration),
  ]);
  progress?.found(local);
  const shown = (findings: readonly Finding[]): readonly Finding[] => {
    progress?.found(place(findings));
    return findings;
  };
  const isOffline = options.offline === true;
  const fetched: FetchedList[] = [];
  const lists = inspectFetchedLists(configuration, isOffline, (list) => {
    fetched.push(list);
    progress?.fetched(list);
  }).then(shown);
  if (isOffline) return { problems: [...local, ...place(await lists)], reached: [], fetched };
  const asked = Promise.all([
    inspectShownCertificates(configuration, clock).then(shown),
    findUnlistenable(configuration, reading.file).then(shown),
    askSyslog(configuration, progress).then(shown),
    askRedis(configuration, progress).then(shown),
  ]);
  const reached: Reached[] = [];
  const upstreams = Object.keys(configuration.upstreams).map(async (upstream) => {
    const answers = await askUpstream(configuration, upstream, progress);
    reached.push(...answers.reached);
    return shown(answers.findings);
  });
  const findings = [
    await Promise.all(upstreams),
    await asked,
    [await lists],
    shown([...adviceOnUser()]),
  ].flat(2);
  return { problems: [...local, ...place(findings)], reached, fetched };
}

/** Whether the gateway will run as the same user is not known here. */
function* adviceOnUser(): Generator<Finding> {
  if (process.getuid?.() !== 0) return;
  yield {
    path: [],
    message:
      'is checked as root; a gateway that runs as root gives away the machine with its first flaw: start it as a user of its own',
    severity: 'warning',
  };
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
  const { listeners, upstreams, modalities, tests = [] } = configuration;
  return `ok: ${[
    countOf(listeners.length, 'listener'),
    countOf(Object.keys(upstreams).length, 'upstream'),
    countOf(Object.keys(modalities).length, 'modality'),
    ...(tests.length === 0 ? [] : [countOf(tests.length, 'policy test')]),
    ...counts,
  ].join(', ')}`;
}

/** Asks every server of one upstream at the same time. One that answers is enough. */
async function askUpstream(
  configuration: Configuration,
  upstream: string,
  progress: CheckProgress | undefined,
): Promise<{ readonly findings: readonly Finding[]; readonly reached: readonly Reached[] }> {
  const questions = questionsOf(configuration, upstream);
  const answers = await Promise.all(
    questions.map(async (question) => {
      const { server } = question;
      const begin = performance.now();
      progress?.asked(question);
      const fault = await faultOf(question);
      const reached = { upstream, server, milliseconds: performance.now() - begin };
      progress?.answered(question, fault === undefined ? reached : undefined);
      return { server, fault, reached };
    }),
  );
  const severity = answers.some(({ fault }) => fault === undefined) ? 'warning' : 'error';
  return {
    findings: answers.flatMap(({ server, fault }, index): Finding[] => {
      if (fault === undefined) return [];
      const path = ['upstreams', upstream, 'servers', index];
      return [{ path, message: `${server} ${fault}`, severity, kind: 'upstream' }];
    }),
    reached: answers.flatMap(({ fault, reached }) => (fault === undefined ? [reached] : [])),
  };
}

/** None where its TLS files cannot be used: that was reported with the files. */
function questionsOf(configuration: Configuration, upstream: string): readonly WatchedServer[] {
  const upstreams = { [upstream]: configuration.upstreams[upstream]! };
  const asked = { ...configuration, upstreams };
  try {
    return serversOf(asked, loadClientTls(asked, 'upstream'));
  } catch (error) {
    if (error instanceof OperatorError) return [];
    throw error;
  }
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
  if (failed?.failure === 'tlsFailed') {
    const { subject } = failed.tls ?? {};
    const shown = subject === undefined ? '' : `; it showed ${subject || 'no subject'}`;
    return `is not reached over TLS: ${detail}${shown}; "aegis echo" shows more`;
  }
  if (!isUp) {
    const [how, advice] =
      server.tls === undefined
        ? ['without', 'correct the address, or give the upstream tls']
        : ['over', 'correct the address or tls; where it asks for a certificate, tls.certificate is needed'];
    return `does not answer as a DICOM archive ${how} TLS: ${detail}; ${advice}`;
  }
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
