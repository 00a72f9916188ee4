/**
 * Orthanc's modalities as entries of the gateway, and everything that an operator has to know or to complete. Allows
 * only what is written: what Orthanc allows by default is not allowed.
 */
import { resolve } from 'node:path';
import type { CommandPermission } from '../config/schema';
import { deviceSignersIn, SIGNER_ADVICE } from '../config/trustedFiles';
import {
  ConfigurationError,
  type ConfigurationPath,
  type Finding,
  formatPath,
  type Problem,
} from '../text/problems';
import {
  booleanSetting,
  dicomAet,
  dicomPort,
  inOrderOfText,
  type OrthancConfiguration,
  type TextPlace,
} from './configuration';
import { type HostAddresses, importModalities } from './importModalities';
import { globalNotes } from './importNotes';
import { parseModalities } from './modality';

export interface ImportOptions {
  /** Take over what Orthanc allows by default, too. */
  readonly keepDefaults: boolean;
  /** Let everybody in, and log what the entries would forbid. */
  readonly isObserved?: boolean;
  /** The addresses of host names, where they were looked up. */
  readonly hostAddresses?: HostAddresses;
}

/** warning: something is left out, or has to be completed. note: good to know. */
export interface ImportNoteDraft {
  readonly severity: 'warning' | 'note';
  readonly path: ConfigurationPath;
  readonly key?: string;
  readonly message: string;
}

export interface ImportNote extends TextPlace, Pick<ImportNoteDraft, 'severity' | 'message'> {
  /** For example `DicomModalities.ct1.Host`; empty where it is about the text. */
  readonly setting: string;
}

export interface ImportedModality {
  readonly name: string;
  readonly place: TextPlace;
  readonly callingAeTitle: string;
  /** Empty where Host is a name that was not looked up. */
  readonly from: readonly string[];
  readonly allow: readonly CommandPermission[];
  readonly address: ImportedAddress;
  /** What the address would lead to is another modality's: it is written as a comment. */
  readonly isAddressLeftOut: boolean;
  /** The gateway cannot take it as it is: it is written as a comment. */
  readonly isLeftOut: boolean;
  /** For the operator, beside the entry. */
  readonly comments: readonly string[];
}

export interface ImportedAddress {
  readonly host: string;
  readonly port: number;
  readonly callingAeTitle?: string;
  readonly hasTls: boolean;
}

/** Absolute names. */
export interface ImportedTlsFiles {
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly trustedCertificates?: string;
}

export interface OrthancImport {
  readonly aeTitle: string;
  readonly port: number;
  readonly strictAeTitles: boolean;
  readonly isObserved: boolean;
  /** Those of Orthanc's own TLS. */
  readonly tlsFiles: ImportedTlsFiles;
  readonly modalities: readonly ImportedModality[];
  /** In the order of the text. */
  readonly notes: readonly ImportNote[];
}

/**
 * Throws ConfigurationError where Orthanc itself could not take the entries, and where a key is there twice: which of
 * the two was meant, a gateway must not guess.
 */
export function importOrthanc(configuration: OrthancConfiguration, options: ImportOptions): OrthancImport {
  const { modalities: entries, findings } = parseModalities(configuration.settings.DicomModalities);
  const problems = duplicatesAndFaults(configuration, findings);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const drafts: ImportNoteDraft[] = [...globalNotes(configuration, entries)];
  const modalities = importModalities(configuration, entries, options, drafts);
  const tlsFiles = tlsFilesOf(configuration);
  drafts.push(...trustNotes(tlsFiles));
  return {
    aeTitle: dicomAet(configuration).trim(),
    port: dicomPort(configuration),
    strictAeTitles: booleanSetting(configuration, 'StrictAetComparison'),
    isObserved: options.isObserved === true,
    tlsFiles,
    modalities,
    notes: placed(configuration, drafts),
  };
}

/** What keeps Orthanc from taking the entries, and keys that are there twice. */
export function duplicatesAndFaults(
  configuration: OrthancConfiguration,
  findings: readonly Finding[],
): Problem[] {
  return [
    ...configuration.doubts
      .filter(({ kind }) => kind === 'duplicate')
      .map(({ kind: _kind, path, ...doubt }) => problem({ ...doubt, setting: formatPath(path) })),
    ...findings.map(({ path, key, message }) => {
      const setting = formatPath(key === undefined ? path : [...path, key]);
      return problem({ ...configuration.placeOf(path, key), setting, message });
    }),
  ];
}

function problem({ setting, ...rest }: TextPlace & { setting: string; message: string }): Problem {
  return { ...rest, path: setting, severity: 'error', kind: 'configuration' };
}

/** Every modality that is imported could be impersonated: none has a certificate of its own in its entry yet. */
function trustNotes({ trustedCertificates: file }: ImportedTlsFiles): ImportNoteDraft[] {
  return (file === undefined ? [] : deviceSignersIn(file)).map((words) => {
    const message = `names ${words} can pass as any modality; ${SIGNER_ADVICE}`;
    return { severity: 'warning', path: [], key: 'DicomTlsTrustedCertificates', message };
  });
}

/** Relative names are relative to the file that has them, as for Orthanc. */
function tlsFilesOf(configuration: OrthancConfiguration): ImportedTlsFiles {
  const fileOf = (setting: string): string | undefined => {
    const name = configuration.settings[setting];
    if (typeof name !== 'string' || name === '') return undefined;
    return resolve(configuration.placeOf([], setting).file, '..', name);
  };
  const files = {
    certificate: fileOf('DicomTlsCertificate'),
    privateKey: fileOf('DicomTlsPrivateKey'),
    trustedCertificates: fileOf('DicomTlsTrustedCertificates'),
  };
  return Object.fromEntries(Object.entries(files).filter(([, file]) => file !== undefined));
}

function placed(configuration: OrthancConfiguration, drafts: readonly ImportNoteDraft[]): ImportNote[] {
  const doubts = configuration.doubts.map(({ kind: _kind, path, ...doubt }): ImportNote => {
    return { ...doubt, severity: 'warning', setting: formatPath(path) };
  });
  const notes = drafts.map(({ path, key, ...draft }): ImportNote => {
    const setting = formatPath(key === undefined ? path : [...path, key]);
    return { ...draft, ...configuration.placeOf(path, key), setting };
  });
  return [...doubts, ...notes].sort(inOrderOfText(configuration));
}
