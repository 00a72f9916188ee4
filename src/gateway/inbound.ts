/**
 * One connection that came to the gateway, from its first PDU to the relay. Reads the A-ASSOCIATE-RQ, asks the policy,
 * takes a place, asks the upstream if a context is left to propose, and answers. Every answer is recorded before it goes
 * out: a process that dies between the two leaves no association without a line.
 */
import { Leg } from '../association/leg';
import type { LegFailure, LegOptions, LegOwner } from '../association/legOwner';
import {
  acceptedContexts,
  answeredContexts,
  encodedInboundAnswer,
  encodedUpstreamRequest,
  proposedContexts,
  UNASKED,
  withoutUseless,
} from '../association/negotiation';
import { protocolErrorOf } from '../association/protocolError';
import type { Timeouts } from '../config/schema';
import type { InboundConnection } from '../net/listener';
import { decodeAssociateRq } from '../pdu/associate';
import { type AssociateRj, type AssociateRq, providerAbort } from '../pdu/types';
import type { AssociationRequest } from '../policy/decide';
import { type ReasonCode, reasons } from '../policy/reasons';
import type { AssociationPlace, PlaceAnswer, PlaceRequest } from './associationPlaces';
import { AssociationRecord } from './associationRecord';
import { associationRequest, commandRequest } from './callerFacts';
import type { InboundContext } from './inboundContext';
import { judgeAgain, type Suspension, suspensionNow } from './judgeAgain';
import { Relay } from './relay';
import { type Destination, type Route, serversToDial, withoutUpstream } from './route';
import { Unserved } from './unserved';
import { type UpstreamAnswer, UpstreamAssociation } from './upstream';

export class InboundAssociation implements LegOwner {
  readonly #context: InboundContext;
  readonly route: Route;
  readonly connection: InboundConnection;
  readonly #record: AssociationRecord;
  readonly #legOptions: LegOptions;
  readonly #leg: Leg;
  #upstream: UpstreamAssociation | undefined;
  #upstreamLeg: Leg | undefined;
  #relay: Relay | Unserved | undefined;
  #place: AssociationPlace | undefined;
  /** Not made where the place is taken: it is kept as long as that, and would keep the whole request with it. */
  readonly #yieldPlace = (held: number): void => this.#relay?.yieldPlace(held);
  /** Undefined until it was made. */
  #request: AssociationRequest | undefined;
  #destination: Destination | undefined;

  /** `closed` is called once, when the connection is gone. */
  constructor(context: InboundContext, route: Route, connection: InboundConnection, closed: () => void) {
    this.#context = context;
    this.route = route;
    this.connection = connection;
    this.#record = new AssociationRecord(context, connection, route.direction);
    this.#legOptions = {
      audit: context.audit,
      role: 'acceptor',
      peer: route.direction === 'ingress' ? 'modality' : 'archive',
      timeouts: context.timeouts,
      keepAliveSeconds: context.keepAliveSeconds,
      maxPduLength: context.limits.maxPduLengthBytes,
      detectTls: connection.tls === undefined,
      quickAck: context.quickAck,
      violations: this.#record,
      closed,
    };
    context.taps?.opened(this, 'inbound', this.#legOptions, connection.socket);
    this.#leg = new Leg(connection.socket, this, this.#legOptions);
    this.#leg.start();
  }

  /** Whether an association was requested; until the connection is gone its last PDU may be on the way. */
  get isBusy(): boolean {
    return this.#request !== undefined;
  }

  progress(wanted?: string) {
    return this.#relay?.progress(wanted);
  }

  get sourceAddress(): string {
    return this.connection.sourceAddress;
  }

  /** Closes a connection that is not busy: another one needs its descriptor. */
  giveWay(): void {
    this.stop('descriptors-exhausted');
  }

  /** Ends what there is. Whether that was an association under way. */
  stop(reason: ReasonCode = 'draining'): boolean {
    const isUnderWay = this.#relay?.isOver === false;
    if (this.#relay !== undefined) this.#relay.abort('gateway-stopped');
    else if (this.#leg.awaitsLocalAnswer) {
      this.#upstream?.cancel();
      this.#reject('draining');
    } else {
      this.#leg.destroy();
      this.#record.connectionRefused(reason);
    }
    return isUnderWay;
  }

  /** Ends the association where the rules in force refuse it, and returns true; else they judge its next command. */
  enforce(): boolean {
    if (this.#request === undefined || !this.#isOpen) return false;
    const { refusal, destination } = judgeAgain(this.#context, this.route, this.connection, this.#request);
    if (refusal !== undefined) this.#end(refusal, 'a reload no longer allows the association');
    else this.#destination = destination;
    return refusal !== undefined;
  }

  /** Ends the association where its entry is locked or out of time, and returns whether it did. */
  endIfSuspended(suspension: Suspension): boolean {
    if (this.#request === undefined || this.#destination === undefined || !this.#isOpen) return false;
    const reason = suspensionNow(this.route, this.#request, this.#destination, suspension);
    if (reason !== undefined) this.#end(reason);
    return reason !== undefined;
  }

  /** Of an association of this modality that runs, the inbound leg first. */
  legsOf(modality: string): readonly Leg[] {
    if (!this.#isOpen || this.#destination?.modality !== modality) return [];
    return [this.#leg, this.#upstreamLeg].filter((leg) => leg !== undefined);
  }

  get #isOpen(): boolean {
    return this.#relay?.isOver === false || this.#leg.awaitsLocalAnswer;
  }

  #end(reason: ReasonCode, detail?: string): void {
    if (this.#relay !== undefined) this.#relay.abort(reason, detail);
    else {
      this.#upstream?.cancel();
      this.#reject(reason);
    }
  }

  associateRq(body: Buffer): void {
    const rq = decodeAssociateRq(body);
    this.#leg.negotiated(rq.userInformation.maxPduLength);
    const request = associationRequest(this.connection, rq);
    this.#request = request;
    this.#record.requested(rq);
    const decision = this.route.decide(request);
    this.#record.matched(decision.allowed ? decision.destination.modality : decision.modality);
    if (!decision.allowed) this.#reject(decision.reason, decision.detail);
    else if (this.#context.isRefusing(this, this.route.direction)) this.#reject('draining');
    else this.#admit(rq, decision.destination, decision.wouldDeny);
  }

  failed({ reason, detail }: LegFailure): void {
    this.#upstream?.cancel();
    this.#place?.free();
    if (this.#request !== undefined) this.#record.aborted(reason, detail);
    else this.#record.connectionRefused(reason, detail, this.#leg.isPeerSilent);
  }

  #admit(asked: AssociateRq, destination: Destination, wouldDenyCalled: ReasonCode | undefined): void {
    const { rq, refused } = withoutUseless(asked, destination.contextFilter);
    this.#record.narrowed(rq, refused);
    const { places, limits } = this.#context;
    const { upstreamQueueSeconds } = this.#takeTimeouts(destination);
    this.#destination = destination;
    const { calledAeTitle, callingAeTitle, passUserIdentity, place } = destination;
    const maxPduLength = limits.maxPduLengthBytes;
    const isServed = proposedContexts(rq).length > 0;
    const pdu = isServed
      ? encodedUpstreamRequest(rq, { calledAeTitle, callingAeTitle, passUserIdentity, maxPduLength })
      : encodedInboundAnswer(rq, UNASKED, maxPduLength);
    const perSecond = this.#context.associationsPerSecond(destination, this.route.direction);
    const request: PlaceRequest = Object.assign(
      { maxOfAll: limits.maxAssociations, perSecond, waitMs: upstreamQueueSeconds * 1000 },
      isServed ? place : withoutUpstream(place),
    );
    const granted = (answer: PlaceAnswer) => {
      if (!answer.isGranted) {
        this.#reject(answer.reason ?? 'association-limit', answer.detail, answer.reason && UNAVAILABLE);
        return;
      }
      this.connection.pendingDone();
      const wouldDeny = wouldDenyCalled ?? (answer.exceedsModalityLimit ? 'association-limit' : undefined);
      const servers = serversToDial(destination, answer.servers);
      if (!isServed) this.#acceptUnserved(rq, pdu, wouldDeny);
      else if (servers.length === 0) this.#reject('modality-not-seen');
      else this.#askUpstream(rq, pdu, destination, servers, wouldDeny);
    };
    this.#place = places.request(request, granted, this.#yieldPlace);
  }

  #askUpstream(
    rq: AssociateRq,
    associateRq: Buffer,
    { tls, localAddress, othersAnswerMs }: Destination,
    servers: readonly string[],
    wouldDeny: ReasonCode | undefined,
  ): void {
    const { audit, limits, keepAliveSeconds, quickAck } = this.#context;
    this.#upstream = new UpstreamAssociation({
      servers,
      tls,
      localAddress,
      othersAnswerMs,
      associateRq,
      maxPduLength: limits.maxPduLengthBytes,
      timeouts: this.#legOptions.timeouts,
      keepAliveSeconds,
      quickAck,
      audit,
      violations: this.#record,
      tapped: (point, socket) => this.#context.taps?.opened(this, 'upstream', point, socket),
      serverFailed: (server, detail) => this.#place?.failed(server, detail),
      answered: (answer) => {
        if (answer.kind !== 'failed') this.#place?.arrived(answer.server);
        this.#answered(rq, answer, wouldDeny);
      },
    });
  }

  /** Every context is refused, as DCMTK and Orthanc answer it. There is nothing to ask the upstream. */
  #acceptUnserved(rq: AssociateRq, associateAc: Buffer, wouldDeny: ReasonCode | undefined): void {
    this.#relay = new Unserved({
      inbound: this.#leg,
      record: this.#record,
      timeouts: this.#legOptions.timeouts,
      ended: () => this.#place?.free(),
    });
    this.#record.unserved(wouldDeny, rq.deviations ?? []);
    this.#leg.accept(associateAc);
  }

  /** Those of the caller hold for both legs and all between them. */
  #takeTimeouts({ timeouts: own }: Destination): Timeouts {
    const { timeouts } = this.#context;
    this.#legOptions.timeouts = own === undefined ? timeouts : { ...timeouts, ...own };
    return this.#legOptions.timeouts;
  }

  #answered(rq: AssociateRq, answer: UpstreamAnswer, wouldDeny: ReasonCode | undefined): void {
    // Nothing is left to be cancelled, and what was sent need not be kept.
    this.#upstream = undefined;
    this.#record.wentTo(answer.server, answer.tls);
    // The caller cannot fix the server, nor its certificate: the answer is "try later".
    if (answer.kind === 'failed') this.#reject(answer.reason, answer.detail, UNAVAILABLE);
    if (answer.kind === 'rejected') this.#reject('upstream-rejected', undefined, answer.rj);
    if (answer.kind !== 'accepted') return;
    try {
      this.#establish(rq, answer, wouldDeny);
    } catch (error) {
      this.#reject('upstream-protocol-error', protocolErrorOf(error).message);
      answer.leg.abortAssociation(providerAbort(6));
    }
  }

  #establish(
    rq: AssociateRq,
    { leg: upstream, ac }: Extract<UpstreamAnswer, { kind: 'accepted' }>,
    wouldDeny: ReasonCode | undefined,
  ): void {
    const { limits } = this.#context;
    // All that can fail comes before the relay takes the legs over.
    const contexts = acceptedContexts(rq, ac);
    const associateAc = encodedInboundAnswer(rq, ac, limits.maxPduLengthBytes);
    this.#upstreamLeg = upstream;
    upstream.negotiated(ac.userInformation.maxPduLength);
    this.#relay = new Relay({
      inbound: this.#leg,
      upstream,
      contexts,
      inboundContexts: answeredContexts(rq, contexts),
      record: this.#record,
      timeouts: this.#legOptions.timeouts,
      limits,
      pace: this.#context.paceOf?.(this.#destination!, this.route.direction),
      decideCommand: (request) => this.#destination!.decideCommand(commandRequest(request)),
      dataSetChecks: this.#destination!.dataSetChecks,
      ended: () => this.#place?.free(),
    });
    const deviations = [...(rq.deviations ?? []), ...(ac.deviations ?? [])];
    this.#record.accepted(wouldDeny, deviations, ac, contexts);
    this.#leg.accept(associateAc);
  }

  /** `rj` is what the peer is answered where the reason alone does not say it. */
  #reject(reason: ReasonCode, detail?: string, rj?: AssociateRj): void {
    const { wire } = reasons[reason];
    this.#place?.free();
    this.#record.rejected(reason, rj === undefined && !reasonsOfOurOwn.has(reason), detail);
    this.#leg.reject(rj ?? (wire.kind === 'reject' ? wire : UNAVAILABLE));
  }
}

/** Reasons to reject that say nothing about the peer. */
const reasonsOfOurOwn = new Set<ReasonCode>(['draining', 'modality-not-seen', 'upstream-protocol-error']);

/** PS3.8 Table 9-21: transient, temporary congestion. */
const UNAVAILABLE = reasons['upstream-unavailable'].wire;
