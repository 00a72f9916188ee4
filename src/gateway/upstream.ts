/**
 * Requests an association at the archive for a modality that was authorised: dials, sends the request in one
 * write (a silent connection stalls Orthanc's acceptor for everybody), and gives what came back.
 */

import type { Timeouts } from '../config/schema';
import { dialTcp } from '../net/dial';
import { parseHostAndPort } from '../net/hostAndPort';
import type { QuickAck } from '../net/quickAck';
import { decodeAssociateAc } from '../pdu/associate';
import type { AssociateAc, AssociateRj } from '../pdu/types';
import { AbortSource } from '../pdu/types';
import type { ReasonCode } from '../policy/reasons';
import { Deadline } from './deadline';
import { Leg } from './leg';
import type { LegOwner } from './legOwner';
import { ProtocolError } from './protocolError';

export interface UpstreamRequest {
  /** `host:port`, tried in this order until one takes the connection. */
  readonly servers: readonly string[];
  /** The PDU to send. */
  readonly associateRq: Buffer;
  /** What it announces in item 51H. */
  readonly maxPduLength: number;
  readonly timeouts: Timeouts;
  readonly quickAck: QuickAck;
  /** Called at most once, synchronously from the socket's event, so that no byte behind the answer is lost. */
  answered(answer: UpstreamAnswer): void;
}

export type UpstreamAnswer =
  | { readonly kind: 'accepted'; readonly server: string; readonly leg: Leg; readonly ac: AssociateAc }
  | { readonly kind: 'rejected'; readonly server: string; readonly rj: AssociateRj }
  | { readonly kind: 'failed'; readonly reason: ReasonCode; readonly detail: string };

export class UpstreamAssociation {
  readonly #request: UpstreamRequest;
  readonly #answerDeadline: Deadline;
  #leg: Leg | undefined;
  #isOver = false;

  constructor(request: UpstreamRequest) {
    this.#request = request;
    this.#answerDeadline = new Deadline(() => {
      this.#leg?.abortAssociation({ source: AbortSource.ServiceUser, reason: 0 });
      this.#fail('upstream-unavailable', 'no answer to the association request in time');
    });
    void this.#connect();
  }

  /** The modality went away: whatever the upstream says is no longer wanted. */
  cancel(): void {
    this.#isOver = true;
    this.#answerDeadline.dispose();
    this.#leg?.abortAssociation({ source: AbortSource.ServiceUser, reason: 0 });
  }

  async #connect(): Promise<void> {
    const failures: string[] = [];
    for (const server of this.#request.servers) {
      try {
        const { host, port } = parseHostAndPort(server);
        const timeoutMs = this.#request.timeouts.upstreamConnectSeconds * 1000;
        const socket = await dialTcp(host, port, { timeoutMs });
        if (this.#isOver) socket.destroy();
        else this.#send(server, socket);
        return;
      } catch (error) {
        failures.push(`${server}: ${error instanceof Error ? error.message : String(error)}`);
        if (this.#isOver) return;
      }
    }
    this.#fail('upstream-unavailable', failures.join('; '));
  }

  #send(server: string, socket: Awaited<ReturnType<typeof dialTcp>>): void {
    const { associateRq, maxPduLength, timeouts, quickAck } = this.#request;
    const leg = new Leg(socket, this.#owner(server), {
      role: 'requestor',
      side: 'upstream',
      timeouts,
      quickAck,
      maxPduLength,
      closed: () => {},
    });
    this.#leg = leg;
    this.#answerDeadline.start(timeouts.upstreamAssociationSeconds * 1000);
    leg.request(associateRq);
  }

  #owner(server: string): LegOwner {
    const unexpected = () => {
      throw new ProtocolError('state-pdu-unexpected', 'a message before the association was answered');
    };
    return {
      associateAc: (body) => {
        if (this.#leg === undefined) return;
        const ac = decodeAssociateAc(body);
        this.#answer({ kind: 'accepted', server, leg: this.#leg, ac });
      },
      associateRj: (rj) => this.#answer({ kind: 'rejected', server, rj }),
      failed: ({ reason, detail, abort }) => {
        if (abort !== undefined)
          this.#fail('upstream-unavailable', 'the upstream aborted the association request');
        else if (reason === 'upstream-closed')
          this.#fail('upstream-unavailable', 'the upstream closed the connection');
        else this.#fail('upstream-protocol-error', detail ?? reason);
      },
      pdvStart: unexpected,
      fragment: unexpected,
      pdvEnd: unexpected,
      releaseRequested: unexpected,
      releaseConfirmed: unexpected,
      awaitsMore: false,
      active: () => {},
      congested: () => {},
      drained: () => {},
    };
  }

  #fail(reason: ReasonCode, detail: string): void {
    this.#answer({ kind: 'failed', reason, detail });
  }

  #answer(answer: UpstreamAnswer): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answerDeadline.dispose();
    this.#request.answered(answer);
  }
}
