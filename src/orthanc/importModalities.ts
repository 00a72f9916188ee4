/**
 * One entry of DicomModalities after the other: what of it the gateway takes over, what it cannot, and why.
 */
import { quoteValue } from '../config/quote';
import type { CommandPermission } from '../config/schema';
import { canonicalAddress } from '../policy/addresses';
import { aeTitleKey } from '../policy/aeTitle';
import { booleanSetting, type OrthancConfiguration } from './configuration';
import type { ImportedModality, ImportNoteDraft, ImportOptions } from './import';
import type { OrthancModality } from './modality';
import { allowedIn, unwrittenIn, writtenPermissions } from './permissions';

/** Host name to what it stands for; undefined where nobody knows. */
export type HostAddresses = ReadonlyMap<string, readonly string[] | undefined>;

/** Names in `Host` that only a resolver can make addresses of. */
export function hostNamesIn(modalities: readonly OrthancModality[]): string[] {
  const names = modalities.map(({ host }) => host).filter((host) => canonicalAddress(host) === undefined);
  return [...new Set(names)];
}

/** Adds to `notes` what an operator has to know. */
export function importModalities(
  configuration: OrthancConfiguration,
  entries: readonly OrthancModality[],
  options: ImportOptions,
  notes: ImportNoteDraft[],
): ImportedModality[] {
  const isStrict = booleanSetting(configuration, 'StrictAetComparison');
  const keyOf = ({ aeTitle }: { aeTitle: string }) => aeTitleKey(aeTitle, isStrict);
  const imported: ImportedModality[] = [];
  for (const entry of entries) {
    const path = ['DicomModalities', entry.name];
    const comments: string[] = [];
    const tell: Tell = (draft) => {
      notes.push({ path, ...draft });
    };
    const from = addressesOf(entry, options, comments, tell);
    const allow = permissionsOf(entry, options, comments, tell);
    tellOfTheRest(entry, tell);
    const key = keyOf(entry);
    const isNoTitle = key === undefined;
    if (isNoTitle) {
      const reason = `${quoteValue(entry.aeTitle)} is no AE title (1 to 16 characters of ASCII without backslash)`;
      tell({ severity: 'warning', path: entry.pathOf('AET'), message: `${reason}; the entry is left out` });
      comments.push(`Left out: ${reason}.`);
    }
    const others = entries.filter((other) => other !== entry && !isNoTitle && keyOf(other) === key);
    const earlier = imported.filter(
      (other) => !other.isLeftOut && keyOf({ aeTitle: other.callingAeTitle }) === key,
    );
    const same = earlier.find((other) => other.from.some((address) => from.includes(address)));
    if (same !== undefined) {
      const reason = `${quoteValue(same.name)} has this AE title and address too, so nobody could tell them apart`;
      tell({ severity: 'warning', path: entry.pathOf('AET'), message: `${reason}; the entry is left out` });
      comments.push(`Left out: ${reason}.`);
    }
    const isAddressLeftOut = others.length > 0 && !isFirst(entry, others);
    if (isAddressLeftOut && same === undefined) {
      tell({
        severity: 'warning',
        path: entry.pathOf('AET'),
        message: `${quoteValue(entry.aeTitle)} is the AE title of ${others.map(({ name }) => quoteValue(name)).join(', ')} too: the gateway tells them apart by their addresses, but Orthanc reaches only one under it, the first by name; for this one give address.calledAeTitle`,
      });
      comments.push(
        'Orthanc means another entry by this AE title; with a calledAeTitle of its own it can be reached:',
      );
    }
    imported.push({
      name: entry.name,
      place: configuration.placeOf(['DicomModalities'], entry.name),
      callingAeTitle: entry.aeTitle.trim(),
      from,
      allow,
      address: {
        host: entry.host,
        port: entry.port,
        ...(isAeTitle(entry.localAet) ? { callingAeTitle: entry.localAet } : {}),
        hasTls: entry.useDicomTls,
      },
      isAddressLeftOut,
      isLeftOut: isNoTitle || same !== undefined,
      comments,
    });
  }
  return imported;
}

type Tell = (draft: Omit<ImportNoteDraft, 'path'> & Partial<Pick<ImportNoteDraft, 'path'>>) => void;

function isAeTitle(title: string | undefined): title is string {
  return title !== undefined && aeTitleKey(title, true) !== undefined;
}

/** Orthanc keeps its entries in the order of their names, and goes by the first that has an AE title. */
function isFirst({ name }: OrthancModality, others: readonly OrthancModality[]): boolean {
  return others.every((other) => name < other.name);
}

/** Only addresses decide: a name would hand the decision to whoever answers DNS. */
function addressesOf(
  entry: OrthancModality,
  { hostAddresses }: ImportOptions,
  comments: string[],
  tell: Tell,
): readonly string[] {
  const address = canonicalAddress(entry.host);
  if (address !== undefined) return [address];
  const host = quoteValue(entry.host);
  const path = entry.pathOf('Host');
  const resolved = hostAddresses?.get(entry.host);
  if (resolved !== undefined) {
    const message = `${host} is a name, and stands for ${resolved.join(', ')} today; the gateway compares addresses only, so write the new one when it changes`;
    tell({ severity: 'warning', path, message });
    comments.push(`What ${host} stood for at the import.`);
    return resolved;
  }
  const why =
    hostAddresses === undefined
      ? 'give the addresses, or import with --resolve'
      : 'it cannot be resolved; give the addresses';
  tell({
    severity: 'warning',
    path,
    message: `${host} is a name, and the gateway compares addresses only, so nobody may come as this modality yet; ${why}`,
  });
  comments.push(`The addresses of ${host} have to be given: an empty list allows nobody.`);
  return [];
}

function permissionsOf(
  entry: OrthancModality,
  { keepDefaults }: ImportOptions,
  comments: string[],
  tell: Tell,
): CommandPermission[] {
  if (keepDefaults) return [...allowedIn(entry)];
  const written = writtenPermissions(entry);
  const unwritten = unwrittenIn(entry);
  if (unwritten.length > 0) {
    const byDefault = [...allowedIn(entry)].filter((permission) => !written.has(permission));
    tell({
      severity: 'warning',
      message: `does not have ${unwritten.join(', ')}, which Orthanc allows by default and the gateway does not; add ${byDefault.map(quoteValue).join(', ')} as needed, or import with --keep-defaults`,
    });
    comments.push(`By default only, Orthanc allows ${byDefault.map(quoteValue).join(', ')} too.`);
  }
  return [...written];
}

function tellOfTheRest(entry: OrthancModality, tell: Tell): void {
  const { allow, useDicomTls, localAet, orthancOnly, unknownKeys } = entry;
  const { AllowStorageCommitment, AllowNAction, AllowEventReport } = allow;
  if (AllowStorageCommitment === undefined && AllowNAction !== AllowEventReport) {
    tell({
      severity: 'warning',
      message:
        'has only one of AllowNAction and AllowEventReport, or not both alike; storage commitment needs both, so "storageCommitment" is taken over only where both allow it',
    });
  }
  if (allow.AllowMove === true) {
    tell({
      severity: 'note',
      key: 'AllowMove',
      message: 'lets it send to every entry of Orthanc; now to itself, unless moveDestinations names others',
    });
  }
  if (useDicomTls) {
    tell({
      severity: 'warning',
      key: 'UseDicomTls',
      message:
        'is true; the gateway compares the name in the certificate with Host, which Orthanc does not: complete address.tls, and serverName or pin where the name is another',
    });
  }
  if (localAet !== undefined && !isAeTitle(localAet)) {
    const message = `${quoteValue(localAet)} is no AE title, and is not taken over`;
    tell({ severity: 'warning', key: 'LocalAet', message });
  } else if (localAet !== undefined) {
    const message = 'is taken over as address.callingAeTitle; egress replaces the calling AE title then';
    tell({ severity: 'note', key: 'LocalAet', message });
  }
  const kept = Object.keys(orthancOnly).filter((key) => orthancOnly[key] !== 'Generic');
  if (kept.length > 0) {
    const message = `has ${kept.join(', ')}, which is for Orthanc alone; aegis orthanc export --keep takes it over`;
    tell({ severity: 'note', message });
  }
  for (const key of unknownKeys) {
    tell({
      severity: 'warning',
      key,
      message: 'is no key of an entry; Orthanc ignores it, and it is not taken over',
    });
  }
}
