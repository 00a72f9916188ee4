/**
 * Orthanc's `Allow…` as permissions of the gateway, which have the same names. Knows the defaults: what is not written
 * is allowed.
 */
import type { CommandPermission } from '../config/schema';
import type { OrthancModality } from './modality';
import type { AllowKey } from './settings';
import { sinceOfModalityKey } from './settings';
import { isSince, type OrthancVersion } from './version';

/** In the order in which they are told of. */
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
