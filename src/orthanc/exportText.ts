/**
 * The text of an export: JSON with comments that Orthanc reads as one of its configuration files. Older versions ignore
 * what they do not know, so without a version everything is written.
 */
import { quoteValue } from '../text/quote';
import type { OrthancExport } from './export';
import type { ExportedModality } from './exportEntries';
import { formatComment, formatMembers, type Member, MemberList } from './jsoncText';
import { accessSettings, alwaysAllowCommands, sinceOfModalityKey } from './settings';
import { isSince, type OrthancVersion } from './version';

export interface ExportTextOptions {
  /** The configuration that it comes from, as the operator named it. */
  readonly file: string;
  readonly version?: OrthancVersion | undefined;
  /** What only Orthanc acts on, from its present configuration. */
  readonly orthancOnly?: (modality: ExportedModality) => Readonly<Record<string, unknown>>;
}

export function formatExport(exported: OrthancExport, options: ExportTextOptions): string {
  const preamble = [
    `What Orthanc needs behind the gateway: aegis orthanc export, from ${options.file}, upstream ${quoteValue(exported.upstream)}.`,
    'Orthanc does not start if a setting is in two of its files: remove these from the others.',
    'Start it with TCP_NODELAY=1 in its environment. Otherwise it may wait 40 ms for each message.',
  ];
  return [...preamble.map(formatComment), formatMembers(settings(exported, options)), ''].join('\n');
}

function settings(exported: OrthancExport, options: ExportTextOptions): MemberList {
  const { version } = options;
  const members: readonly Member[] = [
    {
      key: 'DicomAet',
      value: exported.aeTitle,
      comments: ['DicomPort is open on every interface: let a firewall pass only the gateway.'],
    },
    { key: 'DicomCheckCalledAet', value: exported.checkCalledAeTitle },
    { key: 'StrictAetComparison', value: exported.strictAeTitles },
    {
      key: 'DicomTlsEnabled',
      value: exported.isTls,
      comments: exported.isTls
        ? [
            `upstreams[${JSON.stringify(exported.upstream)}].tls is given. Add DicomTlsCertificate, DicomTlsPrivateKey and`,
            'DicomTlsTrustedCertificates, the CA of the gateway.',
          ]
        : ['The gateway does TLS to modalities, and speaks plain DICOM to Orthanc.'],
    },
    ...alwaysAllowCommands.map((command, index) => ({
      key: `DicomAlwaysAllow${command}`,
      value: false,
      comments: index === 0 ? ['Only the entries below, and only what they allow.'] : [],
    })),
    {
      key: 'DicomCheckModalityHost',
      value: exported.checkModalityHost,
      comments: [
        exported.checkModalityHost
          ? 'Each modality comes from an address of its own.'
          : 'Everything that the gateway relays comes from one address.',
      ],
    },
    {
      key: 'RemoteAccessAllowed',
      value: false,
      comments: ['HTTP is another way in. If other machines need it, use authentication and TLS.'],
    },
    { key: 'DicomModalitiesInDatabase', value: false },
    { key: 'DicomModalities', value: modalities(exported, options) },
  ];
  return new MemberList(members.filter(({ key }) => isSince(version, sinceOf(key))));
}

function sinceOf(key: string): string {
  return accessSettings[key as keyof typeof accessSettings]?.since ?? '0.0.0';
}

function modalities(exported: OrthancExport, options: ExportTextOptions): MemberList {
  return new MemberList(
    exported.modalities.map((modality) => ({
      key: modality.symbolicName,
      value: entry(modality, options),
      comments: remarksOn(modality),
    })),
  );
}

function remarksOn({ symbolicName, entries, isReachable }: ExportedModality): string[] {
  if (entries.length === 0) return ['The gateway itself, when it asks whether Orthanc is there.'];
  const isRenamed = entries.length > 1 || entries[0] !== symbolicName;
  return [
    ...(isRenamed ? [`From ${entries.map(quoteValue).join(' and ')}.`] : []),
    ...(isReachable ? [] : ['The gateway cannot reach it: what Orthanc sends there is refused.']),
  ];
}

function entry(modality: ExportedModality, { version, orthancOnly }: ExportTextOptions): MemberList {
  const { aeTitle, host, port, permissions } = modality;
  const hasWorklist = isSince(version, sinceOfModalityKey('AllowFindWorklist')!);
  const members: Record<string, unknown> = {
    AET: aeTitle,
    Host: host,
    Port: port,
    AllowEcho: permissions.has('echo'),
    AllowStore: permissions.has('store'),
    // Before 1.10.0 it stands for worklists too.
    AllowFind: permissions.has('find') || (!hasWorklist && permissions.has('findWorklist')),
    AllowFindWorklist: permissions.has('findWorklist'),
    AllowGet: permissions.has('get'),
    AllowMove: permissions.has('move'),
    AllowStorageCommitment: permissions.has('storageCommitment'),
    ...orthancOnly?.(modality),
  };
  const known = Object.entries(members).filter(([key]) =>
    isSince(version, sinceOfModalityKey(key) ?? '0.0.0'),
  );
  return new MemberList(known.map(([key, value]) => ({ key, value })));
}

/** Where one text cannot be right for all versions. */
export function notesOnVersion({ modalities }: OrthancExport, version: OrthancVersion | undefined): string[] {
  if (version !== undefined) return [];
  const worklistOnly = modalities.filter(
    ({ permissions }) => permissions.has('findWorklist') && !permissions.has('find'),
  );
  if (worklistOnly.length === 0) return [];
  const names = worklistOnly.map(({ symbolicName }) => quoteValue(symbolicName)).join(', ');
  return [
    `${names} may find worklists only: Orthanc before 1.10.0 goes by AllowFind for them, so give such a one --orthanc-version`,
  ];
}
