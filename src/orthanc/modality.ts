/**
 * The entries of DicomModalities, in their array form and their object form, as one, and their `Allow…` as permissions of
 * the gateway. What is not written is allowed. Finds what keeps Orthanc from reading them; judges nothing else.
 */

import type { CommandPermission } from '../config/schema';
import type { ConfigurationPath, Finding } from '../text/problems';
import { countOf, quoteValue } from '../text/quote';
import { type AllowKey, allowKeys, modalityKeys, orthancOnlyKeys, sinceOfModalityKey } from './settings';
import { isSince, type OrthancVersion } from './version';

export interface OrthancModality {
  /** Its key in DicomModalities: the name that Orthanc's REST API calls it by. */
  readonly name: string;
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
  /** What is written; what is not is allowed by default. */
  readonly allow: Readonly<Partial<Record<AllowKey, boolean>>>;
  readonly useDicomTls: boolean;
  readonly localAet: string | undefined;
  /** Settings of how Orthanc talks to it, which no gateway can take over. */
  readonly orthancOnly: Readonly<Record<string, unknown>>;
  readonly unknownKeys: readonly string[];
  /** Where one of AET, Host and Port is written. */
  pathOf(key: 'AET' | 'Host' | 'Port'): ConfigurationPath;
}

export interface OrthancModalities {
  readonly modalities: readonly OrthancModality[];
  /** Orthanc does not start with these. */
  readonly findings: readonly Finding[];
}

const SECTION = 'DicomModalities';

export function parseModalities(section: unknown): OrthancModalities {
  const modalities: OrthancModality[] = [];
  const findings: Finding[] = [];
  if (section === undefined) return { modalities, findings };
  if (!isObject(section)) {
    findings.push({ path: [SECTION], message: 'is not an object; accepted is one entry for each modality' });
    return { modalities, findings };
  }
  for (const [name, entry] of Object.entries(section)) {
    const path = [SECTION, name];
    if (!/^[A-Za-z0-9_-]+$/.test(name)) {
      const message = `${quoteValue(name)} is not a name of a modality; accepted are letters, digits, hyphens and underscores`;
      findings.push({ path: [SECTION], key: name, message });
    }
    const faults = Array.isArray(entry) ? faultsOfArray(entry, path) : faultsOfObject(entry, path);
    findings.push(...faults);
    if (faults.length > 0) continue;
    modalities.push(
      Array.isArray(entry) ? fromArray(name, entry) : fromObject(name, entry as Record<string, unknown>),
    );
  }
  return { modalities, findings };
}

function faultsOfArray(entry: readonly unknown[], path: ConfigurationPath): Finding[] {
  if (entry.length !== 3 && entry.length !== 4) {
    const message = `has ${countOf(entry.length, 'item')}; accepted are [AET, Host, Port] and [AET, Host, Port, Manufacturer]`;
    return [{ path, message }];
  }
  const [aet, host, port, manufacturer = ''] = entry;
  return [
    ...faultsOfText(aet, [...path, 0]),
    ...faultsOfText(host, [...path, 1]),
    ...faultsOfPort(port, [...path, 2]),
    ...faultsOfText(manufacturer, [...path, 3]),
  ];
}

function faultsOfObject(entry: unknown, path: ConfigurationPath): Finding[] {
  if (!isObject(entry)) {
    return [{ path, message: `is ${quoteValue(entry)}; accepted is a list or an object` }];
  }
  const missing = ['AET', 'Host', 'Port'].filter((key) => entry[key] === undefined);
  if (missing.length > 0)
    return [{ path, message: `has no ${missing.join(', ')}; Orthanc needs AET, Host and Port` }];
  const isBoolean = (key: string) => entry[key] === undefined || typeof entry[key] === 'boolean';
  const notBoolean = [...allowKeys, 'AllowTranscoding', 'UseDicomTls'].filter((key) => !isBoolean(key));
  return [
    ...faultsOfText(entry.AET, [...path, 'AET']),
    ...faultsOfText(entry.Host, [...path, 'Host']),
    ...faultsOfPort(entry.Port, [...path, 'Port']),
    ...faultsOfText(entry.LocalAet ?? '', [...path, 'LocalAet']),
    ...notBoolean.map((key) => ({
      path: [...path, key],
      message: `${quoteValue(entry[key])} is not accepted; accepted is true or false`,
    })),
  ];
}

function faultsOfText(value: unknown, path: ConfigurationPath): Finding[] {
  if (typeof value === 'string') return [];
  return [{ path, message: `${quoteValue(value)} is not a string` }];
}

/** Orthanc takes 1 to 65534, also as a string. */
function faultsOfPort(value: unknown, path: ConfigurationPath): Finding[] {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value));
  const port = Number(value);
  if (isNumber && Number.isInteger(port) && port >= 1 && port <= 65534) return [];
  return [{ path, message: `${quoteValue(value)} is not a port; Orthanc accepts 1 to 65534` }];
}

function fromArray(name: string, [aeTitle, host, port, manufacturer]: readonly unknown[]): OrthancModality {
  const index = { AET: 0, Host: 1, Port: 2 } as const;
  return {
    name,
    aeTitle: aeTitle as string,
    host: host as string,
    port: Number(port),
    allow: {},
    useDicomTls: false,
    localAet: undefined,
    orthancOnly: manufacturer === undefined ? {} : { Manufacturer: manufacturer },
    unknownKeys: [],
    pathOf: (key) => [SECTION, name, index[key]],
  };
}

function fromObject(name: string, entry: Readonly<Record<string, unknown>>): OrthancModality {
  const localAet = entry.LocalAet === '' ? undefined : (entry.LocalAet as string | undefined);
  return {
    name,
    aeTitle: entry.AET as string,
    host: entry.Host as string,
    port: Number(entry.Port),
    allow: picked(entry, allowKeys) as OrthancModality['allow'],
    useDicomTls: entry.UseDicomTls === true,
    localAet,
    orthancOnly: picked(entry, orthancOnlyKeys),
    unknownKeys: Object.keys(entry).filter((key) => !modalityKeys.includes(key)),
    pathOf: (key) => [SECTION, name, key],
  };
}

function picked(entry: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => entry[key] !== undefined).map((key) => [key, entry[key]]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** In the order in which they are reported. */
const permissionByKey = {
  AllowEcho: 'echo',
  AllowStore: 'store',
  AllowFind: 'find',
  AllowFindWorklist: 'findWorklist',
  AllowGet: 'get',
  AllowMove: 'move',
  AllowStorageCommitment: 'storageCommitment',
} as const satisfies Partial<Record<AllowKey, CommandPermission>>;

/** Those that Orthanc has too. */
export const orthancPermissions: readonly CommandPermission[] = Object.values(permissionByKey);

type PermissionKey = keyof typeof permissionByKey;

/** What the entry says of a permission; undefined where it says nothing. */
function written({ allow }: OrthancModality, key: PermissionKey): boolean | undefined {
  if (key !== 'AllowStorageCommitment') return allow[key];
  // Short for both, and stronger; commitment needs the request and the report.
  const { AllowStorageCommitment, AllowNAction, AllowEventReport } = allow;
  if (AllowStorageCommitment !== undefined) return AllowStorageCommitment;
  if (AllowNAction === false || AllowEventReport === false) return false;
  return AllowNAction === true && AllowEventReport === true ? true : undefined;
}

function keysOf(version: OrthancVersion | undefined): PermissionKey[] {
  const keys = Object.keys(permissionByKey) as PermissionKey[];
  return keys.filter((key) => isSince(version, sinceOfModalityKey(key) ?? '0.0.0'));
}

/** What Orthanc lets the modality do, defaults included. */
export function allowedIn(modality: OrthancModality, version?: OrthancVersion): Set<CommandPermission> {
  const keys = keysOf(version).filter((key) => written(modality, key) ?? true);
  return new Set(keys.map((key) => permissionByKey[key]));
}

/** What the entry itself allows, without the defaults. */
export function writtenPermissions(modality: OrthancModality): Set<CommandPermission> {
  const keys = keysOf(undefined).filter((key) => written(modality, key) === true);
  return new Set(keys.map((key) => permissionByKey[key]));
}

/** The keys whose default counts. */
export function unwrittenIn(modality: OrthancModality, version?: OrthancVersion): string[] {
  return keysOf(version).filter((key) => written(modality, key) === undefined);
}
