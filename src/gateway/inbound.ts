/**
 * One connection of a modality, from its first PDU to the relay: reads the A-ASSOCIATE-RQ, asks the policy,
 * minds the limits, asks the upstream, and answers. The upstream is dialled only after all that.
 */
import type { AuditSink } from '../audit/events';
import type { Limits, Timeouts } from '../config/schema';
import type { CommandSet } from '../dimse/commandSet';
import type { InboundConnection } from '../net/listener';
import type { QuickAck } from '../net/quickAck';
import { decodeAssociateRq } from '../pdu/associate';
import type { AssociateRj, AssociateRq } from '../pdu/types';
import { AbortSource } from '../pdu/types';
import { decideAssociation, decideCommand } from '../policy/decide';
import type { CompiledModality, CompiledUpstream, Policy } from '../policy/policy';
import type { Decision, ReasonCode } from '../policy/reasons';
import { reasons } from '../policy/reasons';
import type { AssociationPlaces, Place, PlaceRequest } from './associationPlaces';
import { AssociationRecord } from './associationRecord';
import { Leg } from './leg';
import type { LegFailure, LegOwner } from './legOwner';
import { acceptedContexts, encodedModalityAnswer, encodedUpstreamRequest } from './negotiation';
import { protocolErrorOf } from './protocolError';
import { Relay } from './relay';
import { type UpstreamAnswer, UpstreamAssociation } from './upstream';

/** What an association needs of the gateway. Read at each decision, so that a reload is seen at once. */
export interface InboundContext {
  readonly policy: Policy;
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly places: AssociationPlaces;
  readonly audit: AuditSink;
  readonly quickAck: QuickAck;
  readonly isDraining: boolean;
}

export class InboundAssociation implements LegOwner {
  readonly #context: InboundContext;
  readonly #connection: InboundConnection;
  readonly #record: AssociationRecord;
  readonly #leg: Leg;
  #upstream: UpstreamAssociation | undefined;
  #relay: Relay | undefined;
  #place: Place | undefined;
  #hasRequested = false;

  /** `closed` is called once, when the modality's connection is gone. */
  constructor(context: InboundContext, connection: InboundConnection, closed: () => void) {
    this.#context = context;
    this.#connection = connection;
    this.#record = new AssociationRecord(context.audit, connection);
    this.#leg = new Leg(connection.socket, this, {
      role: 'acceptor',
      side: 'modality',
      timeouts: context.timeouts,
      maxPduLength: context.limits.maxPduLengthBytes,
      detectTls: connection.tls === undefined,
      quickAck: context.quickAck,
      closed,
    });
    this.#leg.start();
  }

  /** Whether an association was requested; until the connection is gone its last PDU may be on the way. */
  get isBusy(): boolean {
    return this.#hasRequested;
  }

  /** Ends what there is: the gateway stops. */
  stop(): void {
    if (this.#relay !== undefined) this.#relay.abort('gateway-stopped');
    else if (this.#leg.awaitsLocalAnswer) {
      this.#upstream?.cancel();
      this.#reject('draining');
    } else {
      this.#leg.destroy();
      this.#record.connectionRefused('draining');
    }
  }

  associateRq(body: Buffer): void {
    const rq = decodeAssociateRq(body);
    this.#leg.negotiated(rq.userInformation.maxPduLength);
    this.#hasRequested = true;
    this.#record.requested(rq);
    const { policy, isDraining } = this.#context;
    const decision = decideAssociation(policy, { ...this.#connection, ...rq });
    if (decision.modality !== undefined) this.#record.matched(decision.modality.name);
    if (!decision.allowed) this.#reject(decision.reason);
    else if (isDraining) this.#reject('draining');
    else this.#admit(rq, decision.modality, decision.upstream, decision.wouldDeny);
  }

  failed({ reason, detail }: LegFailure): void {
    this.#upstream?.cancel();
    this.#place?.free();
    if (this.#hasRequested) this.#record.aborted(reason, detail);
    else this.#record.connectionRefused(reason, detail);
  }

  // Nothing of a message can come before the relay takes over: the leg holds what follows the request.
  pdvStart(): void {}
  fragment(): void {}
  pdvEnd(): void {}
  releaseRequested(): void {}
  releaseConfirmed(): void {}
  readonly awaitsMore = false;
  active(): void {}
  congested(): void {}
  drained(): void {}

  #admit(
    rq: AssociateRq,
    modality: CompiledModality,
    upstream: CompiledUpstream,
    wouldDenyCalled: ReasonCode | undefined,
  ): void {
    const { places, limits, timeouts } = this.#context;
    const associateRq = encodedUpstreamRequest(rq, {
      calledAeTitle: upstream.configuration.calledAeTitle,
      passUserIdentity: upstream.configuration.userIdentity === 'pass',
      maxPduLength: limits.maxPduLengthBytes,
    });
    const request: PlaceRequest = {
      modality: modality.name,
      upstream: upstream.calledAeTitle,
      maxOfAll: limits.maxAssociations,
      maxOfModality: modality.configuration.maxAssociations,
      maxOfUpstream: upstream.configuration.maxAssociations,
      // The limits that protect the archive and the gateway hold in observe mode too.
      isObserved: modality.isObserved,
      waitMs: timeouts.upstreamQueueSeconds * 1000,
    };
    this.#place = places.request(request, (answer) => {
      if (!answer.isGranted) {
        this.#reject('association-limit');
        return;
      }
      this.#connection.pendingDone();
      const wouldDeny = wouldDenyCalled ?? (answer.exceedsModalityLimit ? 'association-limit' : undefined);
      this.#upstream = new UpstreamAssociation({
        servers: upstream.configuration.servers,
        associateRq,
        maxPduLength: limits.maxPduLengthBytes,
        timeouts,
        quickAck: this.#context.quickAck,
        answered: (upstreamAnswer) => this.#answered(rq, modality, upstreamAnswer, wouldDeny),
      });
    });
  }

  #answered(
    rq: AssociateRq,
    modality: CompiledModality,
    answer: UpstreamAnswer,
    wouldDeny: ReasonCode | undefined,
  ): void {
    if (answer.kind !== 'failed') this.#record.connectedTo(answer.server);
    if (answer.kind === 'failed') this.#reject(answer.reason, answer.detail);
    else if (answer.kind === 'rejected') this.#reject('upstream-rejected', undefined, answer.rj);
    else {
      try {
        this.#establish(rq, modality, answer);
      } catch (error) {
        answer.leg.abortAssociation({ source: AbortSource.ServiceProvider, reason: 6 });
        this.#reject('upstream-protocol-error', protocolErrorOf(error).message);
        return;
      }
      this.#record.accepted(wouldDeny);
    }
  }

  #establish(
    rq: AssociateRq,
    modality: CompiledModality,
    { leg: upstream, ac }: Extract<UpstreamAnswer, { kind: 'accepted' }>,
  ): void {
    const { timeouts, limits } = this.#context;
    // All that can fail comes before the relay takes the legs over.
    const contexts = acceptedContexts(rq, ac);
    const associateAc = encodedModalityAnswer(rq, ac, limits.maxPduLengthBytes);
    upstream.negotiated(ac.userInformation.maxPduLength);
    this.#relay = new Relay({
      modality: this.#leg,
      upstream,
      contexts,
      record: this.#record,
      timeouts,
      limits,
      decideCommand: (request) => decideFor(modality, request),
      ended: () => this.#place?.free(),
    });
    this.#leg.accept(associateAc);
  }

  #reject(reason: ReasonCode, detail?: string, upstreamRj?: AssociateRj): void {
    const { wire } = reasons[reason];
    this.#place?.free();
    this.#record.rejected(reason, detail);
    if (wire.kind === 'reject') this.#leg.reject(wire);
    else this.#leg.reject(upstreamRj ?? reasons['upstream-unavailable'].wire);
  }
}

function decideFor(modality: CompiledModality, request: CommandSet): Decision {
  return decideCommand(modality, {
    commandField: request.CommandField,
    sopClassUid: request.AffectedSOPClassUID ?? request.RequestedSOPClassUID ?? '',
    ...(request.MoveDestination === undefined ? {} : { moveDestination: request.MoveDestination }),
  });
}
