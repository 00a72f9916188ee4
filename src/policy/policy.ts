/**
 * The compiled policy: what compile.ts makes out of a configuration, once, and what every decision reads.
 * Only shapes live here; everything is immutable, so a reload swaps one reference.
 */
import type { ModalityConfiguration, UpstreamConfiguration } from '../config/schema';
import type { CommandPermission } from '../dimse/permissions';
import type { AddressSet, AddressTable } from '../text/addresses';
import type { AeTitleSet } from '../text/aeTitle';
import type { CertificateMatchers } from './certificate';
import type { DataSetChecks } from './dataSetChecks';
import type { ModalityLock } from './locks';
import type { SopClassMatcher } from './sopClassMatcher';

/** By the end of the association that sends the C-STORE; undefined: nothing is looked at. */
export interface ChecksOfSides {
  readonly inbound: DataSetChecks | undefined;
  readonly upstream: DataSetChecks | undefined;
}

/** One entry of the allowlist. */
export interface CompiledModality {
  /** Its key in the configuration, which logs and metrics use. */
  readonly name: string;
  readonly callingAeTitles: AeTitleSet;
  /** Names of the listeners that it may use. */
  readonly listeners: ReadonlySet<string>;
  /** Undefined: any certificate that the listener trusts, or none where the listener asks for none. */
  readonly certificates: CertificateMatchers | undefined;
  /** Undefined: every upstream. */
  readonly calledAeTitles: AeTitleSet | undefined;
  readonly permissions: ReadonlySet<CommandPermission>;
  /** UIDs of SOP classes on which every request is allowed, in both directions. */
  readonly services: ReadonlySet<string>;
  /** Undefined: every SOP class. */
  readonly storeSopClasses: SopClassMatcher | undefined;
  readonly moveDestinations: AeTitleSet | 'any';
  /** What the archive may send to it through egress. */
  readonly egressPermissions: ReadonlySet<CommandPermission> | 'any';
  /** How data sets of C-STOREs are judged: those of its own associations, and those of egress. */
  readonly dataSets: { readonly ingress: ChecksOfSides; readonly egress: ChecksOfSides };
  /** Would-be denials after identification are relayed, logged and counted. */
  readonly isObserved: boolean;
  /** The entry as it was configured, for what is not policy: limits and the modality's own address. */
  readonly configuration: ModalityConfiguration;
}

export interface CompiledUpstream {
  /** The called AE title that modalities use: its key in the configuration. */
  readonly calledAeTitle: string;
  readonly configuration: UpstreamConfiguration;
}

/** The name of the egress listener in the audit log, in metrics and for `aegis explain --listener`. */
export const EGRESS_LISTENER = 'egress';

/** Which entries nobody may use at the moment, in either direction, whatever else they say. */
export interface Suspensions {
  /** By name; those that are in force. Of an entry that is gone, too. */
  readonly locks: ReadonlyMap<string, ModalityLock>;
  /** Names of the entries whose validFrom has not come yet, or whose validUntil is over. */
  readonly outOfTime: ReadonlySet<string>;
}

/** What the archive sends: who may come to the egress listener, and which modalities that reaches. */
export interface CompiledEgress extends Suspensions {
  readonly strictAeTitles: boolean;
  readonly addresses: AddressSet;
  /** Those of the archives: as modalities call them, `upstreams.*.calledAeTitle`, and `egress.callingAeTitle`. */
  readonly callingAeTitles: AeTitleSet;
  /** Modalities that have an address; keyed by aeTitleKey. */
  readonly modalityByCalledAeTitle: ReadonlyMap<string, CompiledModality>;
}

export interface CompiledListener {
  readonly name: string;
  readonly isTls: boolean;
  /** Whether a peer gets as far as an association only with a certificate that the listener trusts. */
  readonly requiresCertificate: boolean;
}

/** All entries that have one calling AE title, and the same filed under their addresses. */
export interface CallingAeTitleEntries {
  readonly modalities: readonly CompiledModality[];
  readonly modalitiesByAddress: AddressTable<CompiledModality>;
}

export interface Policy extends Suspensions {
  /**
   * From then on (ms since 1970) it has to be compiled again: the observe mode, the time or the lock of an entry begins or
   * ends. Infinity: never.
   */
  readonly validUntilMs: number;
  readonly strictAeTitles: boolean;
  readonly unknownAddresses: 'close' | 'reject';
  /** The addresses of all entries together. */
  readonly addresses: AddressSet;
  /** The certificates that entries name, filed under the addresses of these entries. */
  readonly certificatesByAddress: AddressTable<CertificateMatchers>;
  /** Undefined without any. */
  readonly canaryAeTitles: AeTitleSet | undefined;
  /** The certificates and keys that entries name, as `sha256:…` and `spki-sha256:…`; a fast way to find strangers. */
  readonly pins: ReadonlySet<string>;
  /** Keyed by aeTitleKey. */
  readonly entriesByCallingAeTitle: ReadonlyMap<string, CallingAeTitleEntries>;
  /** Keyed by aeTitleKey. */
  readonly upstreamByCalledAeTitle: ReadonlyMap<string, CompiledUpstream>;
  /** Takes every called AE title that is not among these: `upstreams["*"]`. */
  readonly catchAllUpstream: CompiledUpstream | undefined;
  readonly listenerByName: ReadonlyMap<string, CompiledListener>;
  /** Undefined: nothing listens for what the archive sends. */
  readonly egress: CompiledEgress | undefined;
  /** The loopback address from which each modality reaches upstreams with `localAddress`; by name, empty without any. */
  readonly localAddressByModality: ReadonlyMap<string, string>;
}

/**
 * Something wrong with a configuration that the schema alone cannot see. With an error the policy must not be
 * used; a warning is about something harmless that can have no effect.
 */
export interface PolicyProblem {
  readonly severity: 'error' | 'warning';
  /** Keys and indexes from the root of the configuration. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}
