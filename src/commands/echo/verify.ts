/**
 * The work of `aegis echo`: verifies each target and prints a line for each step. After a failure it says what to try
 * next. verification/ speaks DICOM.
 */

import type { TlsProfile } from '../../config/schema';
import { ExitCode } from '../../errors';
import { PIN_MISMATCH } from '../../net/dial';
import { type ClientTlsConfiguration, loadClientTlsContext } from '../../net/tlsContext';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { WaitingLine } from '../../terminal/waiting';
import { displayColumns, paint } from '../../text/display';
import { formatHostAndPort } from '../../text/hostAndPort';
import { dayOf } from '../../text/moments';
import { escapeUnsafe } from '../../text/quote';
import { hangingLines, wrapped } from '../../text/table';
import type {
  VerificationReport,
  VerificationStep,
  VerificationStepName,
} from '../../verification/verification';
import { verify } from '../../verification/verification';
import { type EchoTarget, findEchoTargets } from './target';

export interface Echo {
  readonly target: EchoTarget;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly report: VerificationReport;
}

interface EchoOptions extends GlobalOptions {
  readonly calling?: string;
  readonly called?: string;
  readonly timeout: number;
  readonly tls?: boolean;
  readonly ca?: string;
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly serverName?: string;
  readonly profile?: TlsProfile;
}

export async function echo(
  context: CommandContext,
  options: EchoOptions,
  name: string | undefined,
): Promise<void> {
  const targets = findEchoTargets(name, options.config).map((target) => withTls(target, options));
  const echoes: Echo[] = [];
  for (const target of targets) {
    echoes.push(
      options.json === true ? await verifyTarget(target, options) : await showEcho(target, options, context),
    );
  }
  const isOk = echoes.every(({ report }) => report.isOk);
  if (options.json === true) {
    context.print(`${JSON.stringify({ ok: isOk, echoes: echoes.map(echoJson) }, undefined, 2)}\n`);
  }
  context.exit(isOk ? ExitCode.Done : ExitCode.Failed);
}

/** Who asks, and how long each step may take. */
export type VerifyOptions = Pick<EchoOptions, 'calling' | 'called' | 'timeout'>;

export async function verifyTarget(
  target: EchoTarget,
  options: VerifyOptions,
  stepped: (step: VerificationStep) => void = () => {},
): Promise<Echo> {
  const callingAeTitle = options.calling ?? target.callingAeTitle;
  const calledAeTitle = options.called ?? target.calledAeTitle;
  const report = await verify({
    host: target.host,
    port: target.port,
    tls: target.tls && loadClientTlsContext(target.tls),
    callingAeTitle,
    calledAeTitle,
    timeoutMs: options.timeout * 1000,
    stepped,
  });
  return { target, callingAeTitle, calledAeTitle, report };
}

/** What the command line says about TLS wins over the configuration. */
function withTls(target: EchoTarget, options: EchoOptions): EchoTarget {
  const { ca, certificate, privateKey, serverName, profile } = options;
  const given = { certificate, privateKey, serverName, profile };
  const isGiven = [ca, ...Object.values(given)].some((value) => value !== undefined);
  if (target.tls === undefined && !isGiven && options.tls !== true) return target;
  const tls: ClientTlsConfiguration = {
    profile: 'bcp195',
    trustedCertificates: [],
    ...target.tls,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(ca === undefined ? {} : { trustedCertificates: [ca] }),
  };
  return { ...target, tls };
}

const stepTitles: Readonly<Record<VerificationStepName, string>> = {
  tcp: 'TCP',
  tls: 'TLS',
  association: 'association',
  echo: 'C-ECHO',
  release: 'release',
};

/** Prints each step as soon as it is over, and on a terminal what is waited for. */
export async function showEcho(
  target: EchoTarget,
  options: VerifyOptions,
  context: CommandContext,
): Promise<Echo> {
  const waiting = new WaitingLine(context.print);
  const lines = hangingLines(titleOf(target, options), 2);
  context.print(`${lines.join('\n')}\n`);
  const waitBehind = (step?: VerificationStep) => {
    const next = nextStep(target, step);
    if (next !== undefined) waiting.waitFor(stepTitles[next]);
  };
  waitBehind();
  try {
    return await verifyTarget(target, options, (step) => {
      waiting.stop();
      context.print(`${stepLines(step, target).join('\n')}\n`);
      waitBehind(step);
    });
  } finally {
    waiting.end();
  }
}

function titleOf(target: EchoTarget, { calling, called }: VerifyOptions): string {
  const { kind, title, host, port, tls } = target;
  const how = tls === undefined ? 'plain' : 'TLS';
  const who = kind === 'address' ? how : `${title}, ${how}`;
  const from = calling ?? target.callingAeTitle;
  return `${from} to ${called ?? target.calledAeTitle} at ${formatHostAndPort({ host, port })} (${who})`;
}

function nextStep({ tls }: EchoTarget, done: VerificationStep | undefined): VerificationStepName | undefined {
  const order: readonly VerificationStepName[] = ['tcp', 'tls', 'association', 'echo', 'release'];
  if (done === undefined) return 'tcp';
  // A bad status is followed by the release all the same.
  if (!done.isOk && done.failure !== 'status') return undefined;
  return order.slice(order.indexOf(done.name) + 1).find((name) => name !== 'tls' || tls !== undefined);
}

/** Where the text of a step begins, and what is said about it below, where there is no room beside it. */
const TEXT_COLUMN = 34;
const LESS_COLUMN = 10;

function stepLines(step: VerificationStep, target: EchoTarget): string[] {
  const { name, isOk, durationMs, text } = step;
  const state = isOk ? paint('ok', 'ok    ') : paint('refused', 'failed');
  const time = `${durationMs.toFixed(1)} ms`.padStart(10);
  const columns = displayColumns();
  const [first = '', ...rest] = wrapped(escapeUnsafe(text), Math.max(columns - TEXT_COLUMN, TEXT_COLUMN));
  const below = [...certificateLines(step), ...hints(step, target)].map(escapeUnsafe);
  const isRoomy = below.every(({ length }) => TEXT_COLUMN + length <= columns);
  const indent = isRoomy ? TEXT_COLUMN : LESS_COLUMN;
  return [
    `  ${state}  ${stepTitles[name].padEnd(11)} ${time}  ${first}`,
    ...rest.map((line) => `${' '.repeat(TEXT_COLUMN)}${line}`),
    ...below
      .flatMap((line) => wrapped(line, Math.max(columns - indent, TEXT_COLUMN)))
      .map((line) => `${' '.repeat(indent)}${line}`),
  ];
}

/** The same for machines. */
export function echoJson({ target, callingAeTitle, calledAeTitle, report }: Echo): object {
  const { kind, host, port, tls } = target;
  const steps = report.steps.map(({ isOk, ...step }) => ({ ok: isOk, ...step }));
  return {
    ok: report.isOk,
    kind,
    host,
    port,
    isTls: tls !== undefined,
    callingAeTitle,
    calledAeTitle,
    steps,
  };
}

function certificateLines({ tls }: VerificationStep): string[] {
  if (tls === undefined) return [];
  return [
    `certificate ${tls.subject ?? ''}, valid until ${dayOf(tls.notAfter ?? '')}`,
    `issued by ${tls.issuer ?? ''}`,
    `sha256:${tls.fingerprint256 ?? ''}`,
    `spki-sha256:${tls.spkiSha256 ?? ''}`,
  ];
}

/** What usually is the matter, and the option or command that shows it. */
function hints({ name, failure, code, alert, rejection }: VerificationStep, target: EchoTarget): string[] {
  const { kind, tls } = target;
  if (name === 'tcp' && failure !== undefined && kind === 'gateway') {
    return ['the gateway does not seem to run: aegis start'];
  }
  switch (failure) {
    case 'tlsFailed':
      return tlsHints(code, target);
    case 'speaksTls':
      return ['this is a TLS port: add --tls'];
    case 'closed':
      if (alert !== undefined) return [certificateHint(target)];
      return tls === undefined ? ['a TLS port closes like this: try --tls'] : [ADDRESS_HINT];
    case 'rejected':
      return rejection?.source === 1 ? rejectionHints(rejection.reason, kind) : [];
    case 'status':
      return kind === 'gateway' ? ['a modality needs "echo" in its allow list for this'] : [];
    default:
      return [];
  }
}

function certificateHint({ tls }: EchoTarget): string {
  const which = tls?.certificate === undefined ? 'a client certificate' : 'another client certificate';
  return `it wants ${which}: --certificate FILE --private-key FILE`;
}

const ADDRESS_HINT = 'a gateway closes like this where the source address is in no entry';

function tlsHints(code: string | undefined, { kind, tls }: EchoTarget): string[] {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return ['this is not a TLS port: give host:port without --tls'];
  if (code === 'ECONNRESET') return [`a plain port closes like this; ${ADDRESS_HINT}`];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return ['if that name is right: --server-name NAME'];
  if (code === PIN_MISMATCH)
    return kind === 'upstream'
      ? ['if this is the right archive: put the new fingerprint into tls.pin of the upstream']
      : ['if this is the right device: put the new fingerprint into address.tls.pin'];
  if (tls?.trustedCertificates.length === 0) return ['name the CA that signed its certificate: --ca FILE'];
  return [];
}

function rejectionHints(reason: number, kind: EchoTarget['kind']): string[] {
  const hints: string[] = [];
  if (reason === 3)
    hints.push('the peer has to list this calling AE title, and often its address: --calling AET');
  if (reason === 7) hints.push('the peer has to have this called AE title: --called AET');
  if (kind === 'gateway')
    hints.push('"aegis explain" says which gate refuses; the audit log holds the reason');
  return hints;
}
