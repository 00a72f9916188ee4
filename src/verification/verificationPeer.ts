/**
 * The other end of one verification, as a queue: bytes in, one event out for each thing that the peer does. Knows the
 * form of the answers, but not their order: that is verification.ts's.
 */
import type { Socket } from 'node:net';
import { MessageFlow } from '../association/messageFlow';
import type { AcceptedContexts } from '../association/negotiation';
import { ProtocolError, protocolErrorOf } from '../association/protocolError';
import type { CommandSet } from '../dimse/commandSet';
import { alertOf } from '../net/tlsFailures';
import { describeFirstBytes, looksLikeTls } from '../net/wrongProtocol';
import { decodeAssociateAc } from '../pdu/associate';
import type { PduSink } from '../pdu/pduSink';
import { PduReader } from '../pdu/reader';
import { type Abort, type AssociateAc, type AssociateRj, PduType } from '../pdu/types';

/** What the verification announces in item 51H; its answers have some 100 bytes. */
export const MAX_PDU_LENGTH = 16384;
/** The same bound as `limits.maxCommandSetBytes` has by default. */
const MAX_COMMAND_SET_BYTES = 16384;
/** Content type of a TLS alert (RFC 8446 §5.1): what a TLS server says to an A-ASSOCIATE-RQ, if anything. */
const TLS_ALERT = 0x15;

/** What the peer did, or did not do in time. */
export type PeerEvent =
  | { readonly kind: 'accepted'; readonly ac: AssociateAc }
  | { readonly kind: 'rejected'; readonly rj: AssociateRj }
  | { readonly kind: 'message'; readonly command: CommandSet }
  | { readonly kind: 'released' }
  | { readonly kind: 'aborted'; readonly abort: Abort }
  /** `alert` is the TLS alert that it closed with, in words. */
  | { readonly kind: 'closed'; readonly alert?: string | undefined; readonly code?: string | undefined }
  /** What it sent is TLS, and this connection is not. */
  | { readonly kind: 'speaksTls' }
  | { readonly kind: 'malformed'; readonly text: string }
  | { readonly kind: 'silent' };

export class VerificationPeer implements PduSink {
  readonly #socket: Socket;
  readonly #reader = new PduReader(this, { maxPduLength: MAX_PDU_LENGTH });
  readonly #events: PeerEvent[] = [];
  #flow: MessageFlow | undefined;
  #isFirstChunk = true;
  #wake: () => void = () => {};

  /** Takes over the socket, which is paused, and begins to read. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', this.#onData);
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      this.#add({ kind: 'closed', code, alert: alertOf(code ?? '') });
    });
    socket.on('end', () => this.#add({ kind: 'closed' }));
    socket.on('close', () => this.#add({ kind: 'closed' }));
    socket.resume();
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** From now on messages may come on these presentation contexts. */
  established(contexts: AcceptedContexts): void {
    const receiver = {
      command: (_: number, command: CommandSet) => {
        this.#add({ kind: 'message', command });
        return 'drop' as const;
      },
      dataSetFragment: () => {},
      dataSetEnd: () => {},
      messageEnd: () => {},
    };
    this.#flow = new MessageFlow(receiver, contexts, MAX_COMMAND_SET_BYTES);
  }

  /** The next event; `silent` when there is none in time. */
  async next(timeoutMs: number): Promise<PeerEvent> {
    let timer: NodeJS.Timeout | undefined;
    if (this.#events.length === 0) {
      await new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
        this.#wake = resolve;
      });
    }
    clearTimeout(timer);
    return this.#events.shift() ?? { kind: 'silent' };
  }

  /** Sends the last bytes, if any, and closes without waiting for the peer. */
  end(bytes?: Buffer): void {
    if (bytes !== undefined && this.#socket.writable) this.#socket.write(bytes);
    this.#socket.destroySoon();
  }

  // PduSink.

  associate(type: typeof PduType.AssociateRq | typeof PduType.AssociateAc, body: Buffer): void {
    if (type === PduType.AssociateRq) throw unexpected('A-ASSOCIATE-RQ');
    this.#add({ kind: 'accepted', ac: decodeAssociateAc(body) });
  }

  associateRj(rj: AssociateRj): void {
    this.#add({ kind: 'rejected', rj });
  }

  pData(): void {
    if (this.#flow === undefined) throw unexpected('P-DATA-TF');
  }

  pdvStart(contextId: number, messageControlHeader: number, fragmentBytes: number): void {
    this.#flow?.pdvStart(contextId, messageControlHeader, fragmentBytes);
  }

  fragment(bytes: Buffer): void {
    this.#flow?.fragment(bytes);
  }

  pdvEnd(): void {
    this.#flow?.pdvEnd();
  }

  releaseRq(): void {
    throw unexpected('A-RELEASE-RQ');
  }

  releaseRp(): void {
    this.#add({ kind: 'released' });
  }

  abort(abort: Abort): void {
    this.#add({ kind: 'aborted', abort });
  }

  readonly #onData = (chunk: Buffer): void => {
    const isFirst = this.#isFirstChunk;
    this.#isFirstChunk = false;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#socket.off('data', this.#onData);
      const { code, message } = protocolErrorOf(error);
      if (!isFirst || code !== 'pdu-type-unknown') this.#add({ kind: 'malformed', text: message });
      else if (looksLikeTls(chunk) || chunk[0] === TLS_ALERT) this.#add({ kind: 'speaksTls' });
      else this.#add({ kind: 'malformed', text: describeFirstBytes(chunk) });
    }
  };

  #add(event: PeerEvent): void {
    this.#events.push(event);
    this.#wake();
  }
}

function unexpected(pduName: string): ProtocolError {
  return new ProtocolError('state-pdu-unexpected', `${pduName}, which is not expected here`);
}
