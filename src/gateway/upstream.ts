/**
 * Requests an association at one of the servers of an upstream, or at a modality. Dials, sends the request in one write
 * (a silent connection stalls Orthanc's acceptor for everybody), and reports the answer. Does not know what asks, or why.
 */
import type { Socket } from 'node:net';
import { Deadline } from '../association/deadline';
import { Leg } from '../association/leg';
import type { LegFailure, LegOptions, LegOwner, TapPoint } from '../association/legOwner';
import type { AuditSink } from '../audit/events';
import type { Timeouts } from '../config/schema';
import { DialError, dialTcp, dialTls } from '../net/dial';
import type { TlsFacts } from '../net/inboundConnection';
import type { QuickAck } from '../net/quickAck';
import type { ClientTlsMaterial } from '../net/tlsContext';
import { alertOf } from '../net/tlsFailures';
import { decodeAssociateAc } from '../pdu/associate';
import { AbortSource, type AssociateAc, type AssociateRj } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import { parseHostAndPort } from '../text/hostAndPort';

export interface UpstreamRequest {
  /** `host:port`, tried in this order until one answers. */
  readonly servers: readonly string[];
  /** Left out: plain DICOM. */
  readonly tls?: ClientTlsMaterial | undefined;
  /** Local address to come from; default: the system's choice. */
  readonly localAddress?: string | undefined;
  /** How long each server but the last has to answer; default: as the last. */
  readonly othersAnswerMs?: number | undefined;
  /** The PDU to send. */
  readonly associateRq: Buffer;
  /** What it announces in item 51H. */
  readonly maxPduLength: number;
  readonly timeouts: Timeouts;
  readonly keepAliveSeconds: number;
  readonly quickAck: QuickAck;
  readonly audit?: AuditSink;
  readonly violations?: LegOptions['violations'];
  /** The leg begins: a capture may want to see it. */
  tapped?(point: TapPoint, socket: Socket): void;
  /** A server did not answer the request; another one may. */
  serverFailed(server: string, detail: string): void;
  /** Called at most once, synchronously from the socket's event, so that no byte behind the answer is lost. */
  answered(answer: UpstreamAnswer): void;
}

interface Answering {
  readonly server: string;
  /** Absent where it was reached without TLS. */
  readonly tls?: TlsFacts | undefined;
}

export type UpstreamAnswer =
  | (Answering & { readonly kind: 'accepted'; readonly leg: Leg; readonly ac: AssociateAc })
  | (Answering & { readonly kind: 'rejected'; readonly rj: AssociateRj })
  | {
      readonly kind: 'failed';
      readonly reason: ReasonCode;
      /** Of each server, why. */
      readonly detail: string;
      /** The one that was tried last. */
      readonly server: string;
      readonly tls?: TlsFacts | undefined;
    };

/** Why one server did not take the association. */
interface ServerFailure {
  readonly reason: ReasonCode;
  readonly detail: string;
  /** The address that was tried, and what was agreed on or shown there before it failed. */
  readonly tls?: TlsFacts | undefined;
  /** It did answer, if only to refuse: the next association may be accepted there. */
  readonly isAnswer?: boolean;
}

export class UpstreamAssociation implements LegOwner {
  readonly #request: UpstreamRequest;
  readonly #answerDeadline: Deadline;
  #leg: Leg | undefined;
  /** The present server. */
  #answering: Answering = { server: '' };
  #isOver = false;
  /** Ends the attempt at the present server. */
  #serverFailed: (failure: ServerFailure) => void = () => {};

  constructor(request: UpstreamRequest) {
    this.#request = request;
    this.#answerDeadline = new Deadline(() => {
      this.#leg?.abortAssociation(NOT_WANTED);
      const detail = 'no answer to the association request in time';
      this.#serverFailed({ reason: 'upstream-unavailable', detail });
    });
    void this.#tryServers();
  }

  /** The answer is no longer wanted: the peer that asked is gone. */
  cancel(): void {
    this.#isOver = true;
    this.#answerDeadline.dispose();
    this.#leg?.abortAssociation(NOT_WANTED);
  }

  /** Until one answers. Nothing of a message was sent before that, so asking another one does nothing twice. */
  async #tryServers(): Promise<void> {
    const { servers } = this.#request;
    const details: string[] = [];
    let last: ServerFailure = { reason: 'upstream-unavailable', detail: '' };
    for (const [index, server] of servers.entries()) {
      const failure = await this.#fails(server, index === servers.length - 1);
      if (this.#isOver) return;
      this.#answerDeadline.stop();
      if (failure.isAnswer !== true) this.#request.serverFailed(server, failure.detail);
      details.push(`${server}: ${failure.detail}`);
      last = failure;
    }
    const { reason, tls } = last;
    this.#answer({ kind: 'failed', reason, detail: details.join('; '), server: servers.at(-1) ?? '', tls });
  }

  /** Resolves when the server does not take the association; never, when it answers. */
  #fails(server: string, isLast: boolean): Promise<ServerFailure> {
    return new Promise((resolve) => {
      this.#serverFailed = resolve;
      this.#connect(server, isLast).catch((error: unknown) => {
        const detail = error instanceof Error ? error.message : String(error);
        if (error instanceof DialError) resolve({ reason: error.reason, detail, tls: error.tls });
        else resolve({ reason: UNAVAILABLE, detail });
      });
    });
  }

  async #connect(server: string, isLast: boolean): Promise<void> {
    const { timeouts, tls, localAddress } = this.#request;
    const { host, port } = parseHostAndPort(server);
    const options = { timeoutMs: timeouts.upstreamConnectSeconds * 1000, localAddress };
    const connection =
      tls === undefined
        ? { socket: await dialTcp(host, port, options) }
        : await dialTls(host, port, { ...options, tls });
    if (this.#isOver) connection.socket.destroy();
    else this.#send({ server, ...connection }, isLast);
  }

  #send({ socket, ...answering }: Answering & { readonly socket: Socket }, isLast: boolean): void {
    const {
      associateRq,
      maxPduLength,
      timeouts,
      keepAliveSeconds,
      quickAck,
      audit,
      violations,
      othersAnswerMs,
    } = this.#request;
    this.#answering = answering;
    const options: LegOptions = {
      role: 'requestor',
      peer: 'upstream',
      timeouts,
      keepAliveSeconds,
      quickAck,
      audit,
      violations,
      maxPduLength,
      closed: ignored,
    };
    this.#request.tapped?.(options, socket);
    this.#leg = new Leg(socket, this, options);
    const answerMs = timeouts.upstreamAssociationSeconds * 1000;
    this.#answerDeadline.start(isLast ? answerMs : Math.min(answerMs, othersAnswerMs ?? answerMs));
    this.#leg.start(associateRq);
  }

  associateAc(body: Buffer): void {
    const ac = decodeAssociateAc(body);
    this.#answer({ kind: 'accepted', ...this.#answering, leg: this.#leg!, ac });
  }

  associateRj(rj: AssociateRj): void {
    this.#answer({ kind: 'rejected', ...this.#answering, rj });
  }

  failed(failure: LegFailure): void {
    this.#serverFailed({ ...describeFailure(failure), tls: this.#answering.tls });
  }

  #answer(answer: UpstreamAnswer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answerDeadline.dispose();
    this.#request.answered(answer);
  }
}

const UNAVAILABLE: ReasonCode = 'upstream-unavailable';

const NOT_WANTED = { source: AbortSource.ServiceUser, reason: 0 } as const;

/** One for all legs: made for each, it would keep the request for as long as the leg. */
function ignored(): void {}

function describeFailure({ reason, detail, abort, socketError = '' }: LegFailure): ServerFailure {
  // With TLS 1.3, the peer judges our certificate after our side of the handshake has ended.
  const alert = alertOf(socketError);
  if (alert !== undefined) {
    return { reason: 'tls-handshake-failed', detail: `the peer refused with the TLS alert "${alert}"` };
  }
  if (abort !== undefined) {
    const detail = 'the association request was answered by an abort';
    return { reason: 'upstream-unavailable', detail, isAnswer: true };
  }
  if (reason === 'upstream-closed') {
    return { reason: 'upstream-unavailable', detail: 'the connection was closed without an answer' };
  }
  return { reason: 'upstream-protocol-error', detail: detail ?? reason };
}
