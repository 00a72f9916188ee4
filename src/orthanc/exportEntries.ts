/**
 * The entries of DicomModalities: one for each AE title that the gateway lets through to the archive, or can reach for
 * it, and one for the gateway itself.
 */
import type { CommandPermission } from '../config/schema';
import type { CompiledModality, Policy } from '../policy/policy';
import { type AeTitleSet, aeTitleKey, EVERY_AE_TITLE, OWN_AE_TITLE } from '../text/aeTitle';
import type { HostAndPort } from '../text/hostAndPort';
import { quoteValue } from '../text/quote';
import { booleanSetting, type OrthancConfiguration } from './configuration';
import { orthancPermissions, parseModalities } from './modality';

export interface ExportedModality {
  readonly symbolicName: string;
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
  readonly permissions: ReadonlySet<CommandPermission>;
  /** The entries of the gateway's configuration that it stands for; none: the gateway itself. */
  readonly entries: readonly string[];
  /** Egress leads from this AE title to a modality. */
  readonly isReachable: boolean;
}

/** The archive that the entries are for. */
interface Archive {
  /** What modalities call it. */
  readonly calledAeTitles: readonly string[];
  /** What it dials to reach a modality. */
  readonly egress: HostAndPort;
  /** Modalities that it knows by an address of their own. */
  readonly hostByModality: ReadonlyMap<string, string>;
}

/**
 * One entry for each AE title, also where several modalities share it. With two entries Orthanc 1.7.4 to 1.9.2 goes by
 * the address and aborts what comes from another; later versions allow what *all* of them allow. Adds to `notes` what
 * an operator should know.
 */
export function exportEntries(policy: Policy, archive: Archive, notes: string[]): ExportedModality[] {
  const entries = new Map<string, ExportedModality>();
  const symbolicNames = new Set<string>();
  for (const modality of compiledModalities(policy)) {
    const { name, calledAeTitles, configuration } = modality;
    const mayCall =
      calledAeTitles === undefined ||
      archive.calledAeTitles.some((title) => calledAeTitles.has(title)) ||
      (archive.calledAeTitles.includes(EVERY_AE_TITLE) && callsOther(policy, calledAeTitles));
    if (!mayCall && configuration.address === undefined) continue;
    const permissions = mayCall ? permissionsOf(modality, notes) : [];
    for (const [key, { aeTitle, isCalling, isFirst }] of titlesOf(modality, policy.strictAeTitles)) {
      const earlier = entries.get(key);
      if (earlier !== undefined) {
        notes.push(
          `${quoteValue(name)} shares the AE title ${quoteValue(aeTitle)} with ${quoteValue(earlier.entries[0])}: one entry ${quoteValue(earlier.symbolicName)} allows what either may`,
        );
      }
      entries.set(key, {
        symbolicName:
          earlier?.symbolicName ?? symbolicNameOf(isFirst ? [name] : [name, aeTitle], symbolicNames),
        aeTitle: earlier?.aeTitle ?? aeTitle,
        host: earlier?.host ?? archive.hostByModality.get(name) ?? archive.egress.host,
        port: archive.egress.port,
        permissions: new Set([...(earlier?.permissions ?? []), ...(isCalling ? permissions : [])]),
        entries: [...(earlier?.entries ?? []), name],
        isReachable: policy.egress?.modalityByCalledAeTitle.has(key) ?? false,
      });
    }
  }
  notes.push(...notesOnDestinations(policy, entries));
  const ownKey = aeTitleKey(OWN_AE_TITLE, policy.strictAeTitles)!;
  // Otherwise its C-ECHO would be a refusal in the log of Orthanc.
  if (!entries.has(ownKey)) entries.set(ownKey, ofGateway(archive, symbolicNameOf(['aegis'], symbolicNames)));
  return [...entries.values()];
}

/** Whether one of the titles leads to the catch-all. */
function callsOther({ upstreamByCalledAeTitle, strictAeTitles }: Policy, { titles }: AeTitleSet): boolean {
  return titles.some((title) => !upstreamByCalledAeTitle.has(aeTitleKey(title, strictAeTitles) ?? ''));
}

function ofGateway({ egress }: Archive, symbolicName: string): ExportedModality {
  const permissions = new Set<CommandPermission>(['echo']);
  return { ...egress, symbolicName, aeTitle: OWN_AE_TITLE, permissions, entries: [], isReachable: false };
}

interface Title {
  readonly aeTitle: string;
  /** False for a title that it only listens to. */
  readonly isCalling: boolean;
  readonly isFirst: boolean;
}

/** Every title of a modality once, keyed by aeTitleKey. */
function titlesOf({ configuration }: CompiledModality, strictAeTitles: boolean): ReadonlyMap<string, Title> {
  const { callingAeTitle, address } = configuration;
  const listening = address?.calledAeTitle === undefined ? [] : [address.calledAeTitle];
  const titles = new Map<string, Title>();
  for (const [index, aeTitle] of [...callingAeTitle, ...listening].entries()) {
    const key = aeTitleKey(aeTitle, strictAeTitles);
    if (key === undefined || titles.has(key)) continue;
    titles.set(key, { aeTitle, isCalling: index < callingAeTitle.length, isFirst: index === 0 });
  }
  return titles;
}

/** Orthanc sends to AE titles only that are in its list. */
function* notesOnDestinations(policy: Policy, entries: ReadonlyMap<string, unknown>): Generator<string> {
  for (const { name, permissions, configuration } of compiledModalities(policy)) {
    if (!permissions.has('move')) continue;
    for (const title of configuration.moveDestinations ?? []) {
      const key = aeTitleKey(title, policy.strictAeTitles);
      if (title === '*' || key === undefined || entries.has(key)) continue;
      yield `${quoteValue(name)} may send to ${quoteValue(title)}, which Orthanc will not know; add a modality with that AE title and its address`;
    }
  }
}

function compiledModalities({ entriesByCallingAeTitle }: Policy): Set<CompiledModality> {
  return new Set([...entriesByCallingAeTitle.values()].flatMap(({ modalities }) => modalities));
}

/** An observed modality is let through with everything, so Orthanc must not be the one that refuses. */
function permissionsOf(
  { name, permissions, isObserved }: CompiledModality,
  notes: string[],
): Iterable<CommandPermission> {
  if (!isObserved) return permissions;
  notes.push(
    `${quoteValue(name)} is in observe mode, so Orthanc allows it everything; export again when it is enforced`,
  );
  return orthancPermissions;
}

/** Orthanc accepts letters, digits, hyphens and underscores. */
function symbolicNameOf(parts: readonly string[], taken: Set<string>): string {
  const wanted = parts.map((part) => part.replace(/[^A-Za-z0-9_-]+/g, '_')).join('-');
  let unique = wanted;
  for (let count = 2; taken.has(unique); count += 1) unique = `${wanted}-${count}`;
  taken.add(unique);
  return unique;
}

/** By the name of the entry, else by its AE title. */
export function keptFrom(
  configuration: OrthancConfiguration,
): (modality: ExportedModality) => Readonly<Record<string, unknown>> {
  const isStrict = booleanSetting(configuration, 'StrictAetComparison');
  const { modalities } = parseModalities(configuration.settings.DicomModalities);
  return ({ symbolicName, aeTitle }) => {
    const sameName = modalities.find(({ name }) => name === symbolicName);
    const key = aeTitleKey(aeTitle, isStrict);
    const found = sameName ?? modalities.find((entry) => aeTitleKey(entry.aeTitle, isStrict) === key);
    return found?.orthancOnly ?? {};
  };
}
