/**
 * One entry of DicomModalities after the other: what of it the gateway takes over, what it cannot, and why.
 */
import type { CommandPermission } from '../config/schema';
import { canonicalAddress } from '../text/addresses';
import { aeTitleKey } from '../text/aeTitle';
import { quoteValue } from '../text/quote';
import { booleanSetting, type OrthancConfiguration } from './configuration';
import type { ImportedModality, ImportNoteDraft, ImportOptions } from './import';
import { allowedIn, type OrthancModality, unwrittenIn, writtenPermissions } from './modality';

/** Host name to what it stands for; undefined if it cannot be resolved. */
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
  const claimants = entries.map((entry) => ({
    name: entry.name,
    aeTitleKey: aeTitleKey(entry.aeTitle, isStrict),
    from: addressesOf(entry, options),
  }));
  const sharing = findSharing(claimants);
  return entries.map((entry, index): ImportedModality => {
    const { from, aeTitleKey: key } = claimants[index]!;
    const { sameAs, behind } = sharing.get(entry.name)!;
    const comments: string[] = [];
    const tell: Tell = (draft) => {
      notes.push({ path: ['DicomModalities', entry.name], ...draft });
    };
    if (canonicalAddress(entry.host) === undefined) tellOfName(entry, options, comments, tell);
    const allow = permissionsOf(entry, options, comments, tell);
    tellOfTheRest(entry, tell);
    const reason =
      key === undefined
        ? `${quoteValue(entry.aeTitle)} is not an AE title (1 to 16 characters of ASCII without backslash)`
        : sameAs &&
          `${quoteValue(sameAs)} has this AE title and address too, so the gateway could not tell them apart`;
    if (reason !== undefined) {
      tell({ severity: 'warning', path: entry.pathOf('AET'), message: `${reason}; the entry is left out` });
      comments.push(`Left out: ${reason}.`);
    } else if (behind.length > 0) {
      tell({
        severity: 'warning',
        path: entry.pathOf('AET'),
        message: `${quoteValue(entry.aeTitle)} is the AE title of ${behind.map(quoteValue).join(', ')} too: the gateway tells them apart by their addresses, but Orthanc reaches only one under it, the first by name; for this one give address.calledAeTitle`,
      });
      comments.push(
        'Orthanc means another entry by this AE title; with a calledAeTitle of its own it can be reached:',
      );
    }
    return {
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
      isAddressLeftOut: behind.length > 0,
      isLeftOut: reason !== undefined,
      comments,
    };
  });
}

type Tell = (draft: Omit<ImportNoteDraft, 'path'> & Partial<Pick<ImportNoteDraft, 'path'>>) => void;

function isAeTitle(title: string | undefined): title is string {
  return title !== undefined && aeTitleKey(title, true) !== undefined;
}

/** Only addresses decide: a name would leave the decision to DNS. */
function addressesOf({ host }: OrthancModality, { hostAddresses }: ImportOptions): readonly string[] {
  const address = canonicalAddress(host);
  return address === undefined ? (hostAddresses?.get(host) ?? []) : [address];
}

function tellOfName(
  entry: OrthancModality,
  { hostAddresses }: ImportOptions,
  comments: string[],
  tell: Tell,
): void {
  const host = quoteValue(entry.host);
  const path = entry.pathOf('Host');
  const resolved = hostAddresses?.get(entry.host);
  if (resolved !== undefined) {
    const message = `${host} is a name, and stands for ${resolved.join(', ')} today; the gateway compares addresses only, so write the new one when it changes`;
    tell({ severity: 'warning', path, message });
    comments.push(`What ${host} stood for at the import.`);
    return;
  }
  const advice =
    hostAddresses === undefined
      ? 'give the addresses, or import with --resolve'
      : 'it cannot be resolved; give the addresses';
  tell({
    severity: 'warning',
    path,
    message: `${host} is a name, and the gateway compares addresses only, so this modality is not let in yet; ${advice}`,
  });
  comments.push(`The addresses of ${host} have to be given: an empty list allows nobody.`);
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
    comments.push(`Orthanc also allows by default: ${byDefault.map(quoteValue).join(', ')} too.`);
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
      message:
        'lets it send to every entry of Orthanc; now only to itself, unless moveDestinations names others',
    });
  }
  if (useDicomTls) {
    tell({
      severity: 'warning',
      key: 'UseDicomTls',
      message:
        'is true; the gateway compares the name in the certificate with Host, which Orthanc does not: complete address.tls (aegis pki client aegis makes its certificate), and serverName or pin where the name is another',
    });
  }
  if (localAet !== undefined && !isAeTitle(localAet)) {
    const message = `${quoteValue(localAet)} is not an AE title, and is not taken over`;
    tell({ severity: 'warning', key: 'LocalAet', message });
  } else if (localAet !== undefined) {
    const message = 'is taken over as address.callingAeTitle; egress replaces the calling AE title then';
    tell({ severity: 'note', key: 'LocalAet', message });
  }
  const kept = Object.keys(orthancOnly).filter((key) => orthancOnly[key] !== 'Generic');
  if (kept.length > 0) {
    const message = `has ${kept.join(', ')}, which only Orthanc uses; aegis orthanc export --keep keeps it`;
    tell({ severity: 'note', message });
  }
  for (const key of unknownKeys) {
    tell({
      severity: 'warning',
      key,
      message: 'is not a key of an entry; Orthanc ignores it, and it is not taken over',
    });
  }
}

interface Claimant {
  readonly name: string;
  /** What AE titles are compared by; undefined if it is not an AE title. */
  readonly aeTitleKey: string | undefined;
  readonly from: readonly string[];
}

interface Sharing {
  /** The entry that has the same AE title and address: the gateway could not tell the two apart. */
  readonly sameAs: string | undefined;
  /** Entries with this AE title that Orthanc puts before this one, and sends to instead. */
  readonly behind: readonly string[];
}

/** By the name of the entry. Orthanc keeps its entries in the order of their names, and goes by the first that fits. */
function findSharing(claimants: readonly Claimant[]): ReadonlyMap<string, Sharing> {
  const sharing = new Map<string, Sharing>();
  const takenByKey = new Map<string, Claimant[]>();
  for (const claimant of [...claimants].sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const { name, aeTitleKey, from } = claimant;
    const taken = aeTitleKey === undefined ? [] : (takenByKey.get(aeTitleKey) ?? []);
    const same = taken.find((other) => other.from.some((address) => from.includes(address)));
    sharing.set(name, { sameAs: same?.name, behind: taken.map((other) => other.name) });
    if (aeTitleKey !== undefined && same === undefined) takenByKey.set(aeTitleKey, [...taken, claimant]);
  }
  return sharing;
}
