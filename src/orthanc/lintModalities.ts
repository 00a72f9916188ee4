/**
 * Rules of lint for DicomModalities: where each entry leads to, and what it allows.
 */
import type { CommandPermission } from '../config/schema';
import { aeTitleKey } from '../text/aeTitle';
import { isLoopback } from '../text/hostAndPort';
import { quoteValue } from '../text/quote';
import { booleanSetting } from './configuration';
import type { ExportedModality } from './exportEntries';
import type { LintDraft, LintSubject } from './lintFinding';
import { allowedIn, type OrthancModality, unwrittenIn } from './modality';
import { isSince } from './version';

export function* lintModalities(subject: LintSubject): Generator<LintDraft> {
  const expectedByKey = new Map(
    subject.expected?.modalities.map((modality) => [keyOf(subject, modality.aeTitle), modality]),
  );
  for (const modality of subject.modalities) {
    const expected = expectedByKey.get(keyOf(subject, modality.aeTitle));
    yield* wayOut(modality, expected);
    yield* localAet(subject, modality);
    yield* permissions(subject, modality, expected);
  }
  yield* duplicates(subject);
}

/** Titles that Orthanc takes for one are one here. */
function keyOf({ configuration }: LintSubject, aeTitle: string): string {
  return aeTitleKey(aeTitle, booleanSetting(configuration, 'StrictAetComparison')) ?? aeTitle;
}

function* wayOut(modality: OrthancModality, expected: ExportedModality | undefined): Generator<LintDraft> {
  const { name, host, port, useDicomTls } = modality;
  const isAtEgressHost = expected === undefined ? isLoopback(host) : host === expected.host;
  const advice =
    expected === undefined
      ? 'let it lead to the egress of the gateway'
      : `set Host to ${expected.host} and Port to ${expected.port}`;
  if (!isAtEgressHost && !isLoopback(host)) {
    const how = useDicomTls ? 'with the TLS of Orthanc, which compares no names' : 'in the clear';
    yield {
      code: 'modality-host',
      severity: 'hole',
      path: modality.pathOf('Host'),
      message: `is ${quoteValue(host)}: what Orthanc sends there bypasses the gateway, ${how}; ${advice}`,
    };
  } else if (expected !== undefined && (!isAtEgressHost || port !== expected.port)) {
    yield {
      code: 'modality-port',
      // What is sent there does not arrive, or goes through a foreign tunnel.
      severity: 'hole',
      path: modality.pathOf('Port'),
      message: `is ${port} at ${host}, which is not where the gateway waits for it; ${advice}`,
    };
  }
  if (useDicomTls && (isAtEgressHost || isLoopback(host))) {
    yield {
      code: 'dicom-tls',
      severity: expected === undefined ? 'warning' : 'hole',
      path: ['DicomModalities', name],
      key: 'UseDicomTls',
      message: 'is true, and egress takes DICOM in the clear only; leave it out, egress does TLS',
    };
  }
}

/** Egress takes the AE titles of the archive only. */
function* localAet(
  { expected }: LintSubject,
  { name, localAet: title }: OrthancModality,
): Generator<LintDraft> {
  const taken = expected?.egressCallingAeTitles;
  if (title === undefined || taken === undefined || taken.has(title)) return;
  yield {
    code: 'local-aet',
    severity: 'hole',
    path: ['DicomModalities', name],
    key: 'LocalAet',
    message: `is ${quoteValue(title)}, which egress refuses; add it to egress.callingAeTitle of the gateway, or leave it out and set address.callingAeTitle of the modality`,
  };
}

function* permissions(
  subject: LintSubject,
  modality: OrthancModality,
  expected: ExportedModality | undefined,
): Generator<LintDraft> {
  const path = ['DicomModalities', modality.name];
  const allowed = allowedIn(modality, subject.version);
  if (subject.expected === undefined) {
    const unwritten = unwrittenIn(modality, subject.version);
    if (unwritten.length === 0) return;
    const message = `allows by default what is not written: ${unwritten.join(', ')}; write each of them, true or false`;
    yield { code: 'permission-default', severity: 'warning', path, message };
    return;
  }
  if (expected === undefined) {
    const aeTitle = quoteValue(modality.aeTitle);
    if (allowed.size === 0) return;
    const message = `has the AE title ${aeTitle}, which the gateway never lets through: only a peer that bypasses it can use this entry; take it out, or add the modality to the gateway`;
    yield { code: 'modality-unknown', severity: 'hole', path, message };
    return;
  }
  const mayFindInOrthanc = (permission: CommandPermission) =>
    permission === 'find' && !isSince(subject.version, '1.10.0') && expected.permissions.has('findWorklist');
  const wider = [...allowed].filter(
    (permission) => !expected.permissions.has(permission) && !mayFindInOrthanc(permission),
  );
  if (wider.length === 0) return;
  const message = `allows ${wider.join(', ')}, which the gateway does not allow ${quoteValue(modality.aeTitle)}; set the Allow… to false, or export again`;
  yield { code: 'permission-wider', severity: 'hole', path, message };
}

/** What Orthanc makes of several entries with one AE title has changed twice, and never to what one would expect. */
function* duplicates(subject: LintSubject): Generator<LintDraft> {
  const { severity, consequence } = ofDuplicates(subject);
  const firstByKey = new Map<string, OrthancModality>();
  for (const modality of subject.modalities) {
    const key = keyOf(subject, modality.aeTitle);
    const first = firstByKey.get(key);
    if (first === undefined) {
      firstByKey.set(key, modality);
      continue;
    }
    yield {
      code: 'duplicate-ae-title',
      severity,
      path: modality.pathOf('AET'),
      message: `is ${quoteValue(modality.aeTitle)}, as in ${quoteValue(first.name)}: ${consequence}; make one entry of them, for the gateway tells them apart by itself`,
    };
  }
}

const GOES_BY_ADDRESS =
  'Orthanc 1.7.4 to 1.9.2 goes by the address even without DicomCheckModalityHost, and aborts all that the gateway relays';
const NEEDS_ALL =
  'since 1.10.1 Orthanc allows what all of them allow, from any address, and compares Host with the first only';

function ofDuplicates({ version, configuration }: LintSubject): {
  severity: LintDraft['severity'];
  consequence: string;
} {
  const ifChecked = booleanSetting(configuration, 'DicomCheckModalityHost') ? 'hole' : 'warning';
  if (version === undefined) return { severity: ifChecked, consequence: `${GOES_BY_ADDRESS}; ${NEEDS_ALL}` };
  if (isSince(version, '1.10.1')) return { severity: ifChecked, consequence: NEEDS_ALL };
  if (isSince(version, '1.7.4') && !isSince(version, '1.9.3')) {
    return { severity: 'hole', consequence: GOES_BY_ADDRESS };
  }
  return { severity: 'warning', consequence: 'which of them counts depends on the version of Orthanc' };
}
