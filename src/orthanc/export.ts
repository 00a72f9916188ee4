/**
 * What an Orthanc behind the gateway has to know: one entry of DicomModalities for each AE title that the gateway lets
 * through or can reach, and the few settings that go with them. Decides nothing on its own: it mirrors the policy.
 */
import { quoteChoices, quoteValue } from '../config/quote';
import type { CommandPermission, Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { isLoopback, isUnspecified, parseHostAndPort } from '../net/hostAndPort';
import { aeTitleKey, OWN_AE_TITLE } from '../policy/aeTitle';
import type { CompiledModality, CompiledUpstream, Policy } from '../policy/policy';

export interface ExportOptions {
  /** The key of the archive in `upstreams`; needed where there are several. */
  readonly upstream?: string | undefined;
  /** What the archive dials to reach egress, where that is not `egress.host`. */
  readonly egressHost?: string | undefined;
}

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

export interface OrthancExport {
  /** Its key in `upstreams`. */
  readonly upstream: string;
  /** What the gateway calls the archive. */
  readonly aeTitle: string;
  readonly checkCalledAeTitle: boolean;
  readonly checkModalityHost: boolean;
  readonly strictAeTitles: boolean;
  readonly modalities: readonly ExportedModality[];
  /** What an operator should know of it, a sentence each. */
  readonly notes: readonly string[];
}

/** Where egress listens by default: nothing does where there is none, so that what is sent there goes nowhere. */
const DEFAULT_EGRESS = { host: '127.0.0.1', port: 4243 } as const;

/** Orthanc has a permission for each of these; it knows neither MPPS nor UPS. */
const orthancPermissions: readonly CommandPermission[] = [
  'echo',
  'store',
  'find',
  'findWorklist',
  'get',
  'move',
  'storageCommitment',
];

/** Throws OperatorError where it is not clear which archive is meant. */
export function exportOrthanc(
  configuration: Configuration,
  policy: Policy,
  options: ExportOptions = {},
): OrthancExport {
  const upstream = chooseUpstream(policy, options.upstream);
  const notes: string[] = [];
  const aliases = [...policy.upstreamByCalledAeTitle.values()].filter((other) =>
    haveCommonServer(other, upstream),
  );
  const titles = new Set(aliases.map((alias) => aeTitleKey(titleTowards(alias), policy.strictAeTitles)));
  if (titles.size > 1) {
    const names = aliases.map(titleTowards).map(quoteValue).join(' and ');
    notes.push(
      `the archive is called ${names}, so DicomCheckCalledAet has to be false; with calledAeTitle ${quoteValue(titleTowards(upstream))} in each of these upstreams it could be true`,
    );
  }
  notes.push(...notesOnEgress(configuration, upstream, options));
  const modalities = mergedEntries(configuration, policy, { upstream, aliases, options, notes });
  const shared = modalities.filter(({ entries }) => entries.length > 1);
  const isPerModality = upstream.configuration.localAddress === 'per-modality';
  if (isPerModality && shared.length > 0) {
    notes.push(
      `several modalities share ${shared.map(({ aeTitle }) => quoteValue(aeTitle)).join(' and ')}, and Orthanc compares Host with the first entry of an AE title only, so DicomCheckModalityHost has to be false`,
    );
  }
  return {
    upstream: upstream.calledAeTitle,
    aeTitle: titleTowards(upstream),
    checkCalledAeTitle: titles.size === 1,
    checkModalityHost: isPerModality && shared.length === 0,
    strictAeTitles: policy.strictAeTitles,
    modalities,
    notes,
  };
}

function chooseUpstream(policy: Policy, name: string | undefined): CompiledUpstream {
  const upstreams = [...policy.upstreamByCalledAeTitle.values()];
  const names = upstreams.map(({ calledAeTitle }) => calledAeTitle);
  if (name === undefined) {
    if (upstreams.length === 1) return upstreams[0]!;
    throw new OperatorError(
      `--upstream is needed, for there are several; accepted is ${quoteChoices(names)}`,
    );
  }
  const key = aeTitleKey(name, policy.strictAeTitles);
  const found = key === undefined ? undefined : policy.upstreamByCalledAeTitle.get(key);
  if (found !== undefined) return found;
  throw new OperatorError(
    `--upstream ${quoteValue(name)} is no upstream; accepted is ${quoteChoices(names)}`,
  );
}

/** The key of the upstream that the gateway calls by this AE title; undefined where none or several are. */
export function upstreamCalled({ upstreamByCalledAeTitle }: Policy, aeTitle: string): string | undefined {
  const called = [...upstreamByCalledAeTitle.values()].filter(
    (upstream) => aeTitleKey(titleTowards(upstream), false) === aeTitleKey(aeTitle, false),
  );
  return called.length === 1 ? called[0]?.calledAeTitle : undefined;
}

function titleTowards({ calledAeTitle, configuration }: CompiledUpstream): string {
  return configuration.calledAeTitle ?? calledAeTitle;
}

function* notesOnEgress(
  { egress }: Configuration,
  { configuration: { servers } }: CompiledUpstream,
  { egressHost }: ExportOptions,
): Generator<string> {
  if (egress === undefined) {
    yield 'the gateway has no egress, so that what the archive sends goes nowhere; add "egress": {} to send through it';
    return;
  }
  const remote = servers.find((server) => !isLoopback(parseHostAndPort(server).host));
  if (remote === undefined || egressHost !== undefined) return;
  if (isLoopback(egress.host) || isUnspecified(egress.host)) {
    yield `the archive at ${remote} is on another machine: egress has to listen where it can be reached, and --egress-host has to say what the archive dials`;
  }
}

function haveCommonServer(one: CompiledUpstream, other: CompiledUpstream): boolean {
  return one.configuration.servers.some((server) => other.configuration.servers.includes(server));
}

interface Surroundings {
  readonly upstream: CompiledUpstream;
  /** Every upstream that is this archive. */
  readonly aliases: readonly CompiledUpstream[];
  readonly options: ExportOptions;
  readonly notes: string[];
}

/**
 * One entry for each AE title, also where several modalities share it. With two entries Orthanc 1.7.4 to 1.9.2 goes by
 * the address and aborts what comes from another; later versions allow what *all* of them allow.
 */
function mergedEntries(
  configuration: Configuration,
  policy: Policy,
  { upstream, aliases, options, notes }: Surroundings,
): ExportedModality[] {
  const entries = new Map<string, ExportedModality>();
  const symbolicNames = new Set<string>();
  const dialled = dialledEgress(configuration, options);
  const localAddresses =
    upstream.configuration.localAddress === undefined ? undefined : policy.localAddressByModality;
  for (const modality of compiledModalities(policy)) {
    const mayCall = aliases.some(({ calledAeTitle }) => modality.calledAeTitles?.has(calledAeTitle) ?? true);
    const { address, callingAeTitle } = modality.configuration;
    if (!mayCall && address === undefined) continue;
    const permissions = mayCall ? permissionsAt(modality, notes) : new Set<CommandPermission>();
    const ownTitle = address?.calledAeTitle;
    const titles = [...callingAeTitle, ...(ownTitle === undefined ? [] : [ownTitle])];
    for (const [index, aeTitle] of titles.entries()) {
      const key = aeTitleKey(aeTitle, policy.strictAeTitles);
      if (
        key === undefined ||
        titles.slice(0, index).some((other) => aeTitleKey(other, policy.strictAeTitles) === key)
      ) {
        continue;
      }
      const earlier = entries.get(key);
      if (earlier !== undefined) {
        notes.push(
          `${quoteValue(modality.name)} shares the AE title ${quoteValue(aeTitle)} with ${quoteValue(earlier.entries[0])}: one entry ${quoteValue(earlier.symbolicName)} allows what either may`,
        );
      }
      // The title that it only listens to is none that it calls with.
      const isCalling = index < callingAeTitle.length;
      entries.set(key, {
        symbolicName:
          earlier?.symbolicName ?? symbolicNameOf(modality.name, index === 0 ? '' : aeTitle, symbolicNames),
        aeTitle: earlier?.aeTitle ?? aeTitle,
        host: earlier?.host ?? localAddresses?.get(modality.name) ?? dialled.host,
        port: dialled.port,
        permissions: new Set([...(earlier?.permissions ?? []), ...(isCalling ? permissions : [])]),
        entries: [...(earlier?.entries ?? []), modality.name],
        isReachable: policy.egress?.modalityByCalledAeTitle.has(key) ?? false,
      });
    }
  }
  notes.push(...notesOnDestinations(policy, entries));
  const ownKey = aeTitleKey(OWN_AE_TITLE, policy.strictAeTitles);
  if (ownKey !== undefined && !entries.has(ownKey)) {
    // Its C-ECHO is no refusal in the log of Orthanc then.
    const symbolicName = symbolicNameOf('aegis', '', symbolicNames);
    const permissions = new Set<CommandPermission>(['echo']);
    const own = {
      ...dialled,
      symbolicName,
      aeTitle: OWN_AE_TITLE,
      permissions,
      entries: [],
      isReachable: false,
    };
    entries.set(ownKey, own);
  }
  return [...entries.values()];
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
function permissionsAt(
  { name, permissions, isObserved }: CompiledModality,
  notes: string[],
): Set<CommandPermission> {
  if (!isObserved) return new Set(permissions);
  notes.push(
    `${quoteValue(name)} is in observe mode, so Orthanc allows it everything; export again when it is enforced`,
  );
  return new Set(orthancPermissions);
}

/** What the archive dials; an address to listen on may be none that can be dialled. */
function dialledEgress(
  { egress }: Configuration,
  { egressHost }: ExportOptions,
): { host: string; port: number } {
  const { host, port } = egress ?? DEFAULT_EGRESS;
  if (port === 0) {
    throw new OperatorError('egress.port is 0, so that it is another one after each start; give it a number');
  }
  return { host: egressHost ?? (isUnspecified(host) ? DEFAULT_EGRESS.host : host), port };
}

/** Orthanc accepts letters, digits, hyphens and underscores. */
function symbolicNameOf(name: string, title: string, taken: Set<string>): string {
  const wanted = [name, title]
    .filter((part) => part !== '')
    .map((part) => part.replace(/[^A-Za-z0-9_-]+/g, '_'))
    .join('-');
  let unique = wanted;
  for (let count = 2; taken.has(unique); count += 1) unique = `${wanted}-${count}`;
  taken.add(unique);
  return unique;
}
