/**
 * What an Orthanc behind the gateway has to know: the entries of DicomModalities, and the few settings that go with
 * them. Decides nothing on its own: it mirrors the policy.
 */

import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import type { CompiledUpstream, Policy } from '../policy/policy';
import { type AeTitleSet, aeTitleKey, EVERY_AE_TITLE } from '../text/aeTitle';
import { type HostAndPort, isLoopback, isUnspecified, parseHostAndPort } from '../text/hostAndPort';
import { quoteChoices, quoteValue } from '../text/quote';
import { type ExportedModality, exportEntries } from './exportEntries';

export interface ExportOptions {
  /** The key of the archive in `upstreams`; needed where there are several. */
  readonly upstream?: string | undefined;
  /** What the archive dials to reach egress, where that is not `egress.host`. */
  readonly egressHost?: string | undefined;
}

export interface OrthancExport {
  /** Its key in `upstreams`. */
  readonly upstream: string;
  /** What the gateway calls the archive. */
  readonly aeTitle: string;
  /** What egress takes the archive to call with; undefined without egress. */
  readonly egressCallingAeTitles: AeTitleSet | undefined;
  readonly checkCalledAeTitle: boolean;
  /** The gateway does TLS to the archive. */
  readonly isTls: boolean;
  readonly checkModalityHost: boolean;
  readonly strictAeTitles: boolean;
  readonly modalities: readonly ExportedModality[];
  /** What an operator should know of it, a sentence each. */
  readonly notes: readonly string[];
}

/** Where egress listens by default. Without egress nothing listens there, and what is sent there is lost. */
const DEFAULT_EGRESS = { host: '127.0.0.1', port: 4243 } as const;

/** What Orthanc calls itself by default. */
const DEFAULT_AE_TITLE = 'ORTHANC';

/** Throws OperatorError where it is not clear which archive is meant. */
export function exportOrthanc(
  configuration: Configuration,
  policy: Policy,
  options: ExportOptions = {},
): OrthancExport {
  const upstream = chooseUpstream(policy, options.upstream);
  const notes: string[] = [];
  const aliases = upstreamsOf(policy).filter((other) => haveCommonServer(other, upstream));
  const named = [upstream, ...aliases].flatMap((alias) => titleTowards(alias) ?? []);
  const aeTitle = named[0] ?? configuration.egress?.callingAeTitle?.[0] ?? DEFAULT_AE_TITLE;
  const isCalledByAny = aliases.some((alias) => titleTowards(alias) === undefined);
  const titles = new Set(named.map((title) => aeTitleKey(title, policy.strictAeTitles)));
  if (isCalledByAny) {
    notes.push(
      `upstreams["*"] passes on what each modality calls, so DicomCheckCalledAet has to be false; with calledAeTitle ${quoteValue(aeTitle)} there it could be true`,
    );
  } else if (titles.size > 1) {
    const names = aliases.flatMap((alias) => titleTowards(alias) ?? []).map(quoteValue);
    notes.push(
      `the archive is called ${names.join(' and ')}, so DicomCheckCalledAet has to be false; with calledAeTitle ${quoteValue(aeTitle)} in each of these upstreams it could be true`,
    );
  }
  if (policy.egress?.callingAeTitles.has(aeTitle) === false) {
    notes.push(
      `egress does not know the archive as ${quoteValue(aeTitle)}; add it to egress.callingAeTitle, or what it sends is refused`,
    );
  }
  notes.push(...notesOnEgress(configuration, upstream, options));
  const isPerModality = aliases.every((alias) => alias.configuration.localAddress === 'per-modality');
  const modalities = exportEntries(
    policy,
    {
      calledAeTitles: aliases.map(({ calledAeTitle }) => calledAeTitle),
      egress: dialledEgress(configuration, options),
      hostByModality: isPerModality ? policy.localAddressByModality : new Map(),
    },
    notes,
  );
  const shared = modalities.filter(({ entries }) => entries.length > 1);
  if (isPerModality && shared.length > 0) {
    notes.push(
      `several modalities share ${shared.map(({ aeTitle }) => quoteValue(aeTitle)).join(' and ')}, and Orthanc compares Host with the first entry of an AE title only, so DicomCheckModalityHost has to be false`,
    );
  }
  return {
    upstream: upstream.calledAeTitle,
    aeTitle,
    checkCalledAeTitle: titles.size === 1 && !isCalledByAny,
    isTls: upstream.configuration.tls !== undefined,
    egressCallingAeTitles: policy.egress?.callingAeTitles,
    checkModalityHost: isPerModality && shared.length === 0,
    strictAeTitles: policy.strictAeTitles,
    modalities,
    notes,
  };
}

function chooseUpstream(policy: Policy, name: string | undefined): CompiledUpstream {
  const upstreams = upstreamsOf(policy);
  const names = upstreams.map(({ calledAeTitle }) => calledAeTitle);
  if (name === undefined) {
    if (upstreams.length === 1) return upstreams[0]!;
    throw new OperatorError(
      `--upstream is needed, because there are several; accepted is ${quoteChoices(names)}`,
    );
  }
  const found = upstreams.find(({ calledAeTitle }) => keyOf(calledAeTitle, policy) === keyOf(name, policy));
  if (found !== undefined) return found;
  throw new OperatorError(
    `--upstream ${quoteValue(name)} is not an upstream; accepted is ${quoteChoices(names)}`,
  );
}

/** The key of the upstream that the gateway calls by this AE title; undefined where none or several are. */
export function upstreamCalled(policy: Policy, aeTitle: string): string | undefined {
  const called = upstreamsOf(policy).filter(
    (upstream) => aeTitleKey(titleTowards(upstream) ?? '', false) === aeTitleKey(aeTitle, false),
  );
  return called.length === 1 ? called[0]?.calledAeTitle : undefined;
}

/** Undefined: what each modality calls. */
function titleTowards({ calledAeTitle, configuration }: CompiledUpstream): string | undefined {
  return configuration.calledAeTitle ?? (calledAeTitle === EVERY_AE_TITLE ? undefined : calledAeTitle);
}

function upstreamsOf({ upstreamByCalledAeTitle, catchAllUpstream }: Policy): CompiledUpstream[] {
  return [...upstreamByCalledAeTitle.values(), ...(catchAllUpstream === undefined ? [] : [catchAllUpstream])];
}

function keyOf(aeTitle: string, { strictAeTitles }: Policy): string | undefined {
  return aeTitleKey(aeTitle, strictAeTitles);
}

function* notesOnEgress(
  { egress }: Configuration,
  { configuration: { servers } }: CompiledUpstream,
  { egressHost }: ExportOptions,
): Generator<string> {
  if (egress === undefined) {
    yield 'the gateway has no egress, so what the archive sends is not delivered; add "egress": {} to send through it';
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

/** What the archive dials; an address to listen on may be none that can be dialled. */
function dialledEgress({ egress }: Configuration, { egressHost }: ExportOptions): HostAndPort {
  const { host, port } = egress ?? DEFAULT_EGRESS;
  if (port === 0) {
    throw new OperatorError('egress.port is 0, so it changes at each start; give it a number');
  }
  return { host: egressHost ?? (isUnspecified(host) ? DEFAULT_EGRESS.host : host), port };
}
