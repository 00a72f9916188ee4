/**
 * The names that Orthanc knows: settings of orthanc.json up to 1.13, sections of plugins, keys of an entry of
 * DicomModalities. What a setting means for the gateway is the business of the rules of lint.
 */

/** Settings that say who may do what, with the version that brought them and their default. */
export const accessSettings = {
  DicomAlwaysAllowEcho: { since: '1.3.1', byDefault: true },
  DicomAlwaysAllowStore: { since: '1.3.0', byDefault: true },
  DicomAlwaysAllowFind: { since: '1.9.0', byDefault: false },
  DicomAlwaysAllowFindWorklist: { since: '1.10.0', byDefault: false },
  DicomAlwaysAllowGet: { since: '1.9.0', byDefault: false },
  DicomAlwaysAllowMove: { since: '1.9.7', byDefault: false },
  DicomCheckCalledAet: { since: '0.1.0', byDefault: false },
  DicomCheckModalityHost: { since: '1.3.0', byDefault: false },
  DicomModalitiesInDatabase: { since: '1.5.0', byDefault: false },
  DicomServerEnabled: { since: '0.1.0', byDefault: true },
  DicomTlsEnabled: { since: '1.9.0', byDefault: false },
  ExecuteLuaEnabled: { since: '1.5.8', byDefault: false },
  HttpServerEnabled: { since: '0.1.0', byDefault: true },
  OrthancPeersInDatabase: { since: '1.5.0', byDefault: false },
  RemoteAccessAllowed: { since: '0.1.0', byDefault: false },
  SslEnabled: { since: '0.1.0', byDefault: false },
  StrictAetComparison: { since: '0.7.3', byDefault: false },
  WebDavEnabled: { since: '1.8.0', byDefault: true },
  WebDavUploadAllowed: { since: '1.8.0', byDefault: true },
} as const;

export type AccessSetting = keyof typeof accessSettings;

/** The commands of `DicomAlwaysAllow…`, in the order in which lint reports them. */
export const alwaysAllowCommands = ['Echo', 'Store', 'Find', 'FindWorklist', 'Get', 'Move'] as const;

/** Other settings that are younger than the oldest Orthanc that people put behind a gateway. */
const sinceByOtherSetting: Readonly<Record<string, string>> = {
  AcceptedSopClasses: '1.12.6',
  AcceptedTransferSyntaxes: '1.9.0',
  DicomTlsCertificate: '1.9.0',
  DicomTlsCiphersAccepted: '1.12.4',
  DicomTlsMinimumProtocolVersion: '1.12.4',
  DicomTlsPrivateKey: '1.9.0',
  DicomTlsRemoteCertificateRequired: '1.9.3',
  DicomTlsTrustedCertificates: '1.9.0',
  HttpBindAddresses: '1.12.10',
  MaximumPduLength: '1.9.0',
  RejectedSopClasses: '1.12.6',
};

/** The version that brought a setting, where that matters. */
export function sinceOfSetting(setting: string): string | undefined {
  if (Object.hasOwn(accessSettings, setting)) return accessSettings[setting as AccessSetting].since;
  return Object.hasOwn(sinceByOtherSetting, setting) ? sinceByOtherSetting[setting] : undefined;
}

/** The keys of an entry that are younger than the object form itself (1.5.0). */
const sinceByModalityKey: Readonly<Record<string, string>> = {
  AllowEventReport: '1.6.0',
  AllowFindWorklist: '1.10.0',
  AllowNAction: '1.6.0',
  AllowStorageCommitment: '1.6.0',
  AllowTranscoding: '1.7.0',
  LocalAet: '1.9.0',
  RetrieveMethod: '1.12.6',
  Timeout: '1.9.1',
  UseDicomTls: '1.9.0',
};

export function sinceOfModalityKey(key: string): string | undefined {
  return Object.hasOwn(sinceByModalityKey, key) ? sinceByModalityKey[key] : undefined;
}

/** What Orthanc alone acts on: how it talks to a modality, not whether it may. */
export const orthancOnlyKeys = ['Manufacturer', 'AllowTranscoding', 'Timeout', 'RetrieveMethod'] as const;

export const allowKeys = [
  'AllowEcho',
  'AllowStore',
  'AllowFind',
  'AllowFindWorklist',
  'AllowGet',
  'AllowMove',
  'AllowStorageCommitment',
  'AllowNAction',
  'AllowEventReport',
] as const;

export type AllowKey = (typeof allowKeys)[number];

/** Every key of the object form. */
export const modalityKeys: readonly string[] = [
  'AET',
  'Host',
  'Port',
  ...allowKeys,
  ...orthancOnlyKeys,
  'UseDicomTls',
  'LocalAet',
];

/** What a plugin that has a section can do besides the gateway; undefined: nothing that concerns it. */
export const pluginSections: Readonly<Record<string, 'dicom-port' | 'http' | undefined>> = {
  AdvancedStorage: undefined,
  Authorization: undefined,
  AwsS3Storage: undefined,
  AzureBlobStorage: undefined,
  ConnectivityChecks: undefined,
  DelayedDeletion: undefined,
  DicomWeb: 'http',
  Education: undefined,
  Gdcm: undefined,
  GoogleCloudPlatform: 'http',
  GoogleCloudStorage: undefined,
  Housekeeper: undefined,
  Indexer: undefined,
  Java: undefined,
  Keycloak: undefined,
  MongoDB: undefined,
  MultitenantDicom: 'dicom-port',
  MySQL: undefined,
  Odbc: undefined,
  OHIF: undefined,
  OrthancExplorer2: undefined,
  PostgreSQL: undefined,
  Saola: 'http',
  ServeFolders: undefined,
  STL: undefined,
  StoneRTViewer: undefined,
  StoneWebViewer: undefined,
  Tcia: 'http',
  Transfers: 'http',
  VolView: undefined,
  WebViewer: undefined,
  WholeSlideImaging: undefined,
  Worklists: undefined,
};

/** What is not under `accessSettings`, of all versions, and the two settings of the Python plugin. */
const otherSettings =
  `AcceptedSopClasses AcceptedTransferSyntaxes AuthenticationEnabled BuiltinDecoderTranscoderOrder CaseSensitivePN
  CheckMD5 CheckRevisions ConcurrentJobs DatabaseServerIdentifier DefaultEncoding DefaultPrivateCreator DeidentifyLogs
  DeidentifyLogsDicomVersion DeflatedTransferSyntaxAccepted DicomAet DicomAssociationCloseDelay
  DicomDefaultRetrieveMethod DicomEchoChecksFind DicomLossyTranscodingQuality DicomModalities DicomParserCacheSize
  DicomParserMemoryCapacity DicomParserThreadsCount DicomPort DicomScpTimeout DicomScuPreferredTransferSyntax
  DicomScuTimeout DicomThreadsCount DicomTlsCertificate DicomTlsCiphersAccepted DicomTlsMinimumProtocolVersion
  DicomTlsPrivateKey DicomTlsRemoteCertificateRequired DicomTlsTrustedCertificates Dictionary ExternalDictionaries
  ExtraMainDicomTags H265TransferSyntaxAccepted HttpBindAddresses HttpCompressionEnabled HttpDescribeErrors HttpPort
  HttpProxy HttpRequestTimeout HttpThreadsCount HttpTimeout HttpVerbose HttpsCACertificates HttpsVerifyPeers
  IndexDirectory IngestTranscoding IngestTranscodingOfCompressed IngestTranscodingOfUncompressed JobsEngineThreadsCount
  JobsHistorySize Jpeg2000TransferSyntaxAccepted JpegLosslessTransferSyntaxAccepted JpegTransferSyntaxAccepted
  JpipTransferSyntaxAccepted KeepAlive KeepAliveTimeout LimitFindInstances LimitFindResults LimitJobs LoaderThreads
  LoadPrivateDictionary Locale LogExportedResources LuaHeartBeatPeriod LuaScripts MallocArenaMax
  MaximumConcurrentDcmtkTranscoders MaximumFileSizeInArchiveMB MaximumPatientCount MaximumPduLength
  MaximumRequestBodySizeMB MaximumStorageCacheSize MaximumStorageMode MaximumStorageSize MediaArchiveSize MetricsEnabled
  Mpeg2TransferSyntaxAccepted Mpeg4TransferSyntaxAccepted Name OrthancExplorerEnabled OrthancPeers OverwriteInstances
  PatientLevelEnabled Pkcs11 Plugins PythonScript PythonVerbose QueryRetrieveSize ReadOnly RegisteredUsers
  RejectedSopClasses RejectSopClasses RestApiWriteToFileSystemEnabled RleTransferSyntaxAccepted SaveJobs
  SequentialDicomReaderThreadsCount SequentialDicomReaderWindowCapacity SequentialDicomReaderWindowSize SslCertificate
  SslCiphersAccepted SslMinimumProtocolVersion SslTrustedClientCertificates SslVerifyPeers StableAge StorageAccessOnFind
  StorageCommitmentReportsSize StorageCompression StorageDirectory StorageLoaderThreadsCount StorageMemoryCapacity
  StoreDicom StoreMD5ForAttachments SynchronousCMove SynchronousZipStream SyncStorageArea TcpNoDelay TemporaryDirectory
  TranscodeDicomProtocol TranscoderCacheSize TranscoderMemoryCapacity TranscoderThreadsCount UnknownSopClassAccepted
  UserContentType UserMetadata Warnings WebDavDeleteAllowed ZipLoaderThreads`.split(/\s+/);

/** Every key that may stand at the top of orthanc.json. */
export const settingNames: readonly string[] = [
  ...Object.keys(accessSettings),
  ...otherSettings,
  ...Object.keys(pluginSections),
];
