/**
 * The two ways through the gateway: ingress, where a modality calls an archive, and egress, where an archive calls a
 * modality. What differs between them is here; the rest of the gateway is the same machine for both. Types only.
 */
import type { Timeouts } from '../config/schema';
import type { ClientTlsMaterial } from '../net/tlsContext';
import type { ContextFilter } from '../policy/contexts';
import type { AssociationRequest, CommandRequest } from '../policy/decide';
import type { ChecksOfSides } from '../policy/policy';
import type { Decision, ReasonCode } from '../policy/reasons';
import type { PlaceRequest } from './associationPlaces';

export interface Route {
  readonly direction: 'ingress' | 'egress';
  /** Gate 1. */
  decideAddress(address: string): Decision;
  /** Gate 3, with the policy as it is now. */
  decide(request: AssociationRequest): RouteDecision;
}

export type RouteDecision =
  | {
      readonly allowed: true;
      readonly destination: Destination;
      /** Set where an entry in observe mode let pass what it would refuse. */
      readonly wouldDeny?: ReasonCode | undefined;
    }
  | {
      readonly allowed: false;
      readonly reason: ReasonCode;
      /** The entry that was matched, or that alone got furthest, for the log; never for the peer. */
      readonly modality?: string | undefined;
      /** What the reason alone does not say, for the log. */
      readonly detail?: string;
    };

/** Where an association goes, and under which conditions. */
export interface Destination {
  /** The entry of the allowlist, at whichever end the modality is. */
  readonly modality: string;
  /** What is counted, and up to how many. */
  readonly place: Omit<PlaceRequest, 'maxOfAll' | 'perSecond' | 'waitMs'>;
  /** `host:port`; left out where the place says which of several servers, or where the modality is. */
  readonly address?: string;
  /** Set where the place says where the modality is: whether that may be dialled. */
  readonly mayDial?: (server: string) => boolean;
  /** Left out: plain DICOM. */
  readonly tls?: ClientTlsMaterial | undefined;
  readonly localAddress?: string | undefined;
  /** How long each server but the last has to answer the request, where there are several; default: as the last. */
  readonly othersAnswerMs?: number | undefined;
  /** AE titles to put in place of those of the request. */
  readonly calledAeTitle?: string | undefined;
  readonly callingAeTitle?: string | undefined;
  readonly passUserIdentity: boolean;
  /** In place of the global ones. 0: no limit. */
  readonly associationsPerSecond?: number | undefined;
  readonly commandsPerSecond?: number | undefined;
  /** In place of the global ones; absent where there are none. */
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** Gate 4, for the data sets of C-STOREs. */
  readonly dataSetChecks: ChecksOfSides;
  /** Which presentation contexts are of use; left out: all of them. */
  readonly contextFilter?: ContextFilter;
  /** Gate 4. */
  decideCommand(request: CommandRequest): Decision;
}

/** Counted with all and with those of the modality. It takes no place of an archive that it does not reach. */
export function withoutUpstream({ servers, ...place }: Destination['place']): Destination['place'] {
  return { ...place, upstream: '', maxOfUpstream: undefined };
}

/** None where the modality was never seen, or where its entry no longer lets it come from there. */
export function serversToDial(
  { address, mayDial }: Destination,
  granted: readonly string[],
): readonly string[] {
  if (address !== undefined) return [address];
  return mayDial === undefined ? granted : granted.filter(mayDial);
}
