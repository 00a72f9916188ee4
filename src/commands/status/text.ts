/**
 * What `aegis status` prints: one section for each kind of thing, in plain text that fits a log. Everything from the
 * network is escaped. Knows no HTTP.
 */
import type { AssociationStatus, Denial, SharedStatus, StatusReport } from '../../admin/statusReport';
import type { SyslogStatus } from '../../atna/runningExport';
import type { SilentModality } from '../../inventory/report';
import { describeLock, type ModalityLock } from '../../policy/locks';
import { paint, type Tone } from '../../text/display';
import { formatHostAndPort } from '../../text/hostAndPort';
import { DAY_MS } from '../../text/moments';
import { countOf, daysLeft } from '../../text/quote';
import { type Fit, hangingLines, textTable } from '../../text/table';

/** The view should fit a screen. The rest is in --json and in the audit log. */
export const MAX_ROWS = 10;
/** Certificates that end later need no attention. */
const SHOWN_DAYS = 60;

interface View {
  /** Bytes per second of associations, by their connection. */
  readonly rates?: ReadonlyMap<string, number>;
  /** Of each section. */
  readonly maxRows?: number;
}

export function statusReportText(status: StatusReport, now = new Date(), view: View = {}): string {
  const { rates = new Map(), maxRows = MAX_ROWS } = view;
  const section = (title: string, rows: readonly (readonly string[])[], fits: readonly Fit[] = []) => {
    const rest = rows.length - maxRows;
    return [
      ...hangingLines(title, 2).map((line) => paint('heading', line)),
      ...(rows.length === 0 ? ['  none'] : textTable(rows.slice(0, maxRows), { fits, indent: 2, tone })),
      ...(rest > 0 ? [`  and ${rest} more`] : []),
    ];
  };
  const sections = [
    headline(status),
    ...(status.locks.length === 0 ? [] : [section('LOCKED', status.locks.map(lockRow), ['whole', 'words'])]),
    ...(status.silent === undefined
      ? []
      : [section('SILENT', status.silent.map(silentRow), ['whole', 'words'])]),
    section('LISTENERS', listenerRows(status)),
    section('UPSTREAMS', upstreamRows(status), ['whole', 'whole', 'whole', 'whole', 'words']),
    ...(status.shared === undefined
      ? []
      : [section('SHARED', [sharedRow(status.shared)], ['whole', 'whole', 'words'])]),
    section(associationsTitle(status), associationRows(status, now, rates), [
      'whole',
      'words',
      'whole',
      'whole',
    ]),
    section('LAST DENIALS', status.denials.map(denialRow), ['whole', 'whole']),
    section('CERTIFICATES', certificateRows(status, now), ['whole', 'words', 'whole', 'whole']),
    ...(status.revocationLists === undefined
      ? []
      : [section('REVOCATION LISTS', listRows(status), ['words', 'whole', 'whole'])]),
    ...(status.penalties === undefined
      ? []
      : [
          section(
            'PENALTY BOX',
            status.penalties.map(({ key, until }) => [key, `until ${formatTime(until)}`]),
          ),
        ]),
    ...(status.syslog === undefined
      ? []
      : [section('SYSLOG', [syslogRow(status.syslog)], ['whole', 'whole', 'words'])]),
    lastLines(status).flatMap((line) => hangingLines(line, 2)),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function tone(cell: string): Tone | undefined {
  return TONES[cell];
}

const TONES: Readonly<Record<string, Tone>> = {
  up: 'ok',
  DOWN: 'refused',
  'HAS ENDED': 'refused',
  'NO LIST': 'refused',
};

function headline(report: StatusReport): string[] {
  const [first = '', ...rest] = hangingLines(headlineText(report), 2);
  const state = report.isReady ? 'ready' : 'NOT READY';
  return [`${paint(report.isReady ? 'ok' : 'refused', state)}${first.slice(state.length)}`, ...rest];
}

function headlineText({ version, uptimeSeconds, workers, isReady, checks }: StatusReport): string {
  const failed = Object.entries(checks).flatMap(([name, isPassed]) =>
    isPassed ? [] : [CHECK_WORDS[name] ?? name],
  );
  const state = isReady ? 'ready' : `NOT READY (${failed.join(', ')})`;
  const shared = workers > 1 ? `, ${workers} workers` : '';
  return `${state}: aegis ${version}, up ${formatSpan(uptimeSeconds)}${shared}`;
}

const CHECK_WORDS: Readonly<Record<string, string>> = {
  listening: 'it does not listen yet',
  notDraining: 'it is shutting down',
  upstreamUp: 'no upstream answers',
  certificatesValid: 'a certificate has expired',
  sharedUp: 'Redis is away',
};

function lockRow(lock: ModalityLock): string[] {
  return [lock.modality, describeLock(lock)];
}

function silentRow({ modality, expectEvery, lastSeen }: SilentModality): string[] {
  const before = lastSeen === undefined ? 'it never came' : `last seen ${formatTime(lastSeen)}`;
  return [modality, `${before}; expected every ${expectEvery}`];
}

function listenerRows({ listeners }: StatusReport): string[][] {
  return listeners.map(({ name, host, port, isTls }) => [
    name,
    formatHostAndPort({ host, port }),
    isTls ? 'TLS' : 'plain',
  ]);
}

function upstreamRows({ upstreams }: StatusReport): string[][] {
  return upstreams.map(({ upstream, server, isTls, isUp, detail = '' }) => [
    upstream,
    server,
    isUp ? 'up' : 'DOWN',
    isTls ? 'TLS' : '',
    detail,
  ]);
}

function sharedRow({ server, isUp, gateways, whileAway, detail = '' }: SharedStatus): string[] {
  if (isUp) return [server, 'up', gateways === undefined ? '' : countOf(gateways, 'gateway')];
  const meanwhile =
    whileAway === 'alone' ? 'this gateway keeps the limits by itself' : 'no new association is let in';
  return [server, 'DOWN', `${meanwhile}; ${detail}`];
}

function associationsTitle({ associations, totals }: StatusReport): string {
  const { associationsAccepted, associationsRejected, associationsAborted, connectionsRefused } = totals;
  return (
    `ASSOCIATIONS  ${associations.length} open; since the start ${associationsAccepted} accepted, ` +
    `${associationsRejected} rejected, ${associationsAborted} aborted; ${countOf(connectionsRefused, 'connection')} refused`
  );
}

/** The last two columns are there where something is under way. The busiest come first, to be seen. */
function associationRows(
  { associations }: StatusReport,
  now: Date,
  rates: ReadonlyMap<string, number>,
): string[][] {
  const busyFirst = [...associations].sort(
    (one, other) => Number(other.inProgress !== undefined) - Number(one.inProgress !== undefined),
  );
  return busyFirst.map((association) => {
    const { modality, callingAeTitle, calledAeTitle, sourceAddress, isTls, commands, bytes, since } =
      association;
    return [
      modality,
      `${callingAeTitle}@${sourceAddress} to ${calledAeTitle}`,
      isTls ? 'TLS' : 'plain',
      formatSpan((now.getTime() - Date.parse(since)) / 1000),
      countOf(commands, 'command'),
      formatBytes(bytes),
      inProgressText(association),
      rateText(rates.get(association.connectionId)),
    ];
  });
}

/** `C-STORE 402.1 MB`: the command that is not answered yet. */
function inProgressText({ inProgress }: AssociationStatus): string {
  if (inProgress === undefined) return '';
  const { command, bytes } = inProgress;
  return bytes === 0 ? command : `${command} ${formatBytes(bytes)}`;
}

function rateText(bytesPerSecond: number | undefined): string {
  return bytesPerSecond === undefined || bytesPerSecond <= 0 ? '' : `${formatBytes(bytesPerSecond)}/s`;
}

function denialRow(denial: Denial): string[] {
  const { time, outcome, reason, text, sourceAddress = '', callingAeTitle, command } = denial;
  const who = callingAeTitle === undefined ? sourceAddress : `${callingAeTitle}@${sourceAddress}`;
  const what = command === undefined ? '' : `${command} `;
  const observed = outcome === 'denied' ? '' : ' (only observed)';
  const certificate = denial.certificate === undefined ? '' : ` (${denial.certificate})`;
  const remedy = denial.remedy === undefined ? '' : `; ${denial.remedy}`;
  return [formatTime(time), who, `${what}${reason}: ${text}${certificate}${remedy}${observed}`];
}

/** Those that end soon; otherwise the next one. */
function certificateRows({ certificates }: StatusReport, now: Date): string[][] {
  const left = (notAfter: string) => (Date.parse(notAfter) - now.getTime()) / DAY_MS;
  const soon = certificates.filter(({ notAfter }) => left(notAfter) <= SHOWN_DAYS);
  return (soon.length === 0 ? certificates.slice(0, 1) : soon).map(({ kind, name, notAfter }) => {
    const days = Math.floor(left(notAfter));
    const when = days < 0 ? 'HAS ENDED' : `ends in ${daysLeft(days)}`;
    return [kind, name, notAfter.slice(0, 10), when];
  });
}

/** Those with a failure come first. */
function listRows({ revocationLists = [] }: StatusReport): string[][] {
  const failedFirst = [...revocationLists].sort(
    (one, other) => Number(other.failure !== undefined) - Number(one.failure !== undefined),
  );
  return failedFirst.map(({ url, nextUpdate, list, fetchedAt, failure, failingSince }) => {
    const end = nextUpdate === undefined ? 'no end' : `until ${formatTime(nextUpdate)}`;
    const fetched =
      fetchedAt === undefined ? 'not fetched since the start' : `fetched ${formatTime(fetchedAt)}`;
    const state =
      failure === undefined ? fetched : `FAILS since ${formatTime(failingSince ?? '')}: ${failure}`;
    return [url, list === undefined ? 'NO LIST' : end, state];
  });
}

function syslogRow({ server, isUp, since = '', detail = '', waiting }: SyslogStatus): string[] {
  const wait = waiting === 0 ? 'nothing waits' : `${countOf(waiting, 'message')} to send`;
  return [server, isUp ? 'up' : 'DOWN', isUp ? wait : `since ${formatTime(since)}, ${wait}: ${detail}`];
}

function lastLines({ lastReload, pendingCallers }: StatusReport): string[] {
  const pending =
    pendingCallers === 0
      ? 'no pending callers'
      : `${countOf(pendingCallers, 'pending caller')}: aegis modality pending`;
  return [reloadLine(lastReload), pending];
}

/** A rejected one may have a line for each problem: the first one says where to look. */
function reloadLine(reload: StatusReport['lastReload']): string {
  if (reload === undefined) return 'not reloaded since the start';
  const { time, isOk, detail = '' } = reload;
  if (isOk) return `last reload ${formatTime(time)}: ok`;
  const [first, ...others] = detail.split('\n');
  const rest =
    others.length === 0 ? '' : `, and ${countOf(others.length, 'problem')} more: "aegis check" lists them`;
  return `last reload ${formatTime(time)}: REJECTED: ${first}${rest}`;
}

/** `2026-11-25 22:41:07`, in UTC as in the audit log. */
export function formatTime(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

/** The two largest units: `12 s`, `3 min 5 s`, `2 h 10 min`, `5 d 3 h`. */
function formatSpan(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ] as const;
  let rest = Math.max(0, Math.floor(seconds));
  const parts = units.flatMap(([name, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? [] : [`${count} ${name}`];
  });
  return parts.length === 0 ? '0 s' : parts.slice(0, 2).join(' ');
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}
