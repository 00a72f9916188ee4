/**
 * Rules of lint for Orthanc's DICOM server: who gets in, and whether it takes what the gateway sends.
 */
import { aeTitleKey } from '../text/aeTitle';
import { formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import { booleanSetting, dicomAet, dicomPort } from './configuration';
import type { LintDraft, LintSubject } from './lintFinding';
import { type AccessSetting, accessSettings, alwaysAllowCommands } from './settings';
import { isSince } from './version';

export function* lintDicom(subject: LintSubject): Generator<LintDraft> {
  const { configuration } = subject;
  if (!booleanSetting(configuration, 'DicomServerEnabled')) {
    yield {
      code: 'dicom-port',
      severity: 'info',
      path: [],
      key: 'DicomServerEnabled',
      message: 'is false: Orthanc takes no DICOM at all, also none from the gateway',
    };
    return;
  }
  yield* alwaysAllow(subject);
  yield* openPort(subject);
  yield* calledAeTitle(subject);
  yield* modalityHostCheck(subject);
  if (booleanSetting(configuration, 'DicomModalitiesInDatabase')) {
    yield {
      code: 'modalities-in-database',
      severity: 'hole',
      path: [],
      key: 'DicomModalitiesInDatabase',
      message:
        'is true: entries of the file are ignored, and anyone who reaches the REST API can change those that count; set it to false',
    };
  }
  yield* tls(subject);
}

/** Both ends have to agree. Only the certificate of the gateway keeps others off an open port. */
function* tls(subject: LintSubject): Generator<LintDraft> {
  const { configuration, expected } = subject;
  const finding = (severity: LintDraft['severity'], key: string, message: string): LintDraft => ({
    code: 'dicom-tls',
    severity,
    path: [],
    key,
    message,
  });
  const isEnabled = booleanSetting(configuration, 'DicomTlsEnabled');
  if (isEnabled && expected?.isTls !== true) {
    const message =
      'is true: without upstreams.*.tls the gateway comes in the clear and is refused; give it, or set DicomTlsEnabled to false';
    yield finding('hole', 'DicomTlsEnabled', message);
  } else if (!isEnabled && expected?.isTls === true) {
    const message = `${stateOf(subject, 'DicomTlsEnabled')}, but ${formatPath(['upstreams', expected.upstream, 'tls'])} is given: no association comes about; set it to true`;
    yield finding('hole', 'DicomTlsEnabled', message);
  }
  if (isEnabled && configuration.settings.DicomTlsRemoteCertificateRequired === false) {
    const message = 'is false: clients without a certificate get in too; set it to true';
    yield finding('warning', 'DicomTlsRemoteCertificateRequired', message);
  }
}

/** `is true`, or that it need not be written to be true. */
export function stateOf({ configuration }: LintSubject, setting: AccessSetting): string {
  const value = booleanSetting(configuration, setting);
  return configuration.settings[setting] === undefined ? `is not set, which means ${value}` : `is ${value}`;
}

function* alwaysAllow(subject: LintSubject): Generator<LintDraft> {
  for (const command of alwaysAllowCommands) {
    const setting = `DicomAlwaysAllow${command}` as const;
    if (!booleanSetting(subject.configuration, setting)) continue;
    if (!isSince(subject.version, accessSettings[setting].since)) continue;
    const what = command === 'FindWorklist' ? 'C-FIND of worklists' : `C-${command.toUpperCase()}`;
    yield {
      code: 'always-allow',
      severity: 'hole',
      path: [],
      key: setting,
      message: `${stateOf(subject, setting)}: ${what} of any AE title from any address, whatever Allow${command} and DicomCheckModalityHost say; set it to false`,
    };
  }
}

function* openPort({ configuration, isBehindFirewall }: LintSubject): Generator<LintDraft> {
  if (isBehindFirewall) return;
  yield {
    code: 'dicom-port',
    severity: 'warning',
    path: [],
    key: 'DicomPort',
    message: `is ${dicomPort(configuration)} on every interface, because Orthanc cannot bind it to an address: anyone who reaches it bypasses the gateway; let a firewall or a container network pass only the gateway, and say so with --behind-firewall`,
  };
}

function* calledAeTitle(subject: LintSubject): Generator<LintDraft> {
  const { configuration, expected } = subject;
  if (!booleanSetting(configuration, 'DicomCheckCalledAet')) {
    if (expected?.checkCalledAeTitle === false) return;
    yield {
      code: 'called-ae-title',
      severity: 'warning',
      path: [],
      key: 'DicomCheckCalledAet',
      message: `${stateOf(subject, 'DicomCheckCalledAet')}: any called AE title is accepted; set it to true`,
    };
    return;
  }
  if (expected === undefined) return;
  const own = dicomAet(configuration);
  if (!expected.checkCalledAeTitle) {
    yield {
      code: 'called-ae-title',
      severity: 'hole',
      path: [],
      key: 'DicomCheckCalledAet',
      message: `is true, but the gateway calls this archive by several AE titles: it is refused under all but ${quoteValue(own)}; give each of these upstreams this calledAeTitle`,
    };
  } else if (aeTitleKey(own, false) !== aeTitleKey(expected.aeTitle, false)) {
    yield {
      code: 'called-ae-title',
      severity: 'hole',
      path: [],
      key: 'DicomAet',
      message: `is ${quoteValue(own)}, and the gateway calls ${quoteValue(expected.aeTitle)}, which DicomCheckCalledAet refuses; set upstreams.*.calledAeTitle to ${quoteValue(own)}`,
    };
  }
}

/** Without a configuration of the gateway, its address is unknown. */
function* modalityHostCheck({ configuration, modalities, expected }: LintSubject): Generator<LintDraft> {
  if (!booleanSetting(configuration, 'DicomCheckModalityHost') || expected?.checkModalityHost === true)
    return;
  if (modalities.every(({ host }) => host === '127.0.0.1')) return;
  yield {
    code: 'modality-host-check',
    severity: expected === undefined ? 'warning' : 'hole',
    path: [],
    key: 'DicomCheckModalityHost',
    message:
      'is true, but what the gateway relays comes from its own address, not from that of the modality, and is refused; set it to false, or "localAddress": "per-modality" in the upstream, and export again',
  };
}
