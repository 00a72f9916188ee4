/**
 * What lint can find, and what a rule is given to find it. The codes are stable: scripts go by them.
 */
import type { ConfigurationPath } from '../text/problems';
import type { OrthancConfiguration } from './configuration';
import type { OrthancExport } from './export';
import type { OrthancModality } from './modality';
import type { OrthancVersion } from './version';

/**
 * hole: traffic bypasses the gateway, or what the gateway relays does not arrive. warning: it may, depending on what is
 * not in the files. info: good to know.
 */
export type LintSeverity = 'hole' | 'warning' | 'info';

/** Every code, with what it is about. */
export const lintCodes = {
  'always-allow': 'DicomAlwaysAllow… lets unknown AE titles do something',
  'dicom-port': 'DicomPort is open on every interface',
  'called-ae-title': 'the called AE title is not checked, or is not the one that the gateway uses',
  'modality-host-check': 'DicomCheckModalityHost does not go with the addresses that the gateway comes from',
  'modalities-in-database': 'the entries of the file do not count',
  'dicom-tls': 'Orthanc and the gateway do not agree on TLS, or Orthanc uses its own',
  'http-open': 'the REST API is open to anyone',
  'http-password': 'the REST API is open with a known default password',
  'http-remote': 'the REST API can be reached from other machines',
  'lua-over-http': 'scripts can be run over HTTP',
  peers: 'OrthancPeers send over HTTP',
  plugin: 'a plugin that listens or sends by itself',
  'modality-host': 'an entry bypasses the egress of the gateway',
  'modality-port': 'an entry leads to another port of this machine than that of the egress',
  'local-aet': 'an entry calls with an AE title that egress does not take',
  'modality-unknown': 'an entry for an AE title that the gateway does not let through',
  'permission-wider': 'an entry allows more than the gateway does',
  'permission-default': 'an entry allows what is not written in it',
  'duplicate-ae-title': 'several entries share an AE title',
  'unknown-setting': 'a setting that no version of Orthanc has',
  'unknown-key': 'a key that entries of DicomModalities do not have',
  'too-new': 'the version of Orthanc does not have it yet',
  'not-accepted': 'Orthanc does not start with it',
  'doubtful-text': 'a key that is there twice, or a variable that is not set',
} as const;

export type LintCode = keyof typeof lintCodes;

export interface LintDraft {
  readonly code: LintCode;
  readonly severity: LintSeverity;
  /** The object that holds `key`, or the value itself where there is no key. */
  readonly path: ConfigurationPath;
  readonly key?: string;
  /** What it is, what follows, what to do. */
  readonly message: string;
}

/** Everything that a rule may know. */
export interface LintSubject {
  readonly configuration: OrthancConfiguration;
  readonly modalities: readonly OrthancModality[];
  /** Undefined: it may be any. */
  readonly version: OrthancVersion | undefined;
  /** Only the gateway reaches DicomPort. */
  readonly isBehindFirewall: boolean;
  /** What the gateway would have Orthanc know; undefined without a configuration of the gateway. */
  readonly expected: OrthancExport | undefined;
}

export type LintRule = (subject: LintSubject) => Iterable<LintDraft>;
