/**
 * One leg as packets of a capture: what its peer and the gateway send each other, redacted, each PDU with its time. Owns
 * the order on this connection, and what is said of a packet. Does not know which associations are captured, nor where
 * the blocks go.
 */
import type { Socket } from 'node:net';
import type { LegTap as Tap } from '../association/legOwner';
import { Conversation, type End, type Endpoint, type Packet } from './packets';
import { packetBlock } from './pcapng';
import type { RedactedBytes } from './redactedBytes';
import { PduRedactor } from './redactedPdus';

/** Wireshark takes this port for DICOM without being asked to. */
const DICOM_PORT = 104;

export interface TappedLeg {
  readonly interfaceNumber: number;
  /** The end that the peer is. */
  readonly peerEnd: End;
  readonly socket: Socket;
  /** Behind a proxy it is not that of the socket. */
  readonly peer: Endpoint;
  /** Of the first packet. */
  readonly comment: string;
  /** The association is running already. Says whether what came so far ends inside a PDU. */
  isInsidePdu?(): boolean;
}

export class LegTap implements Tap {
  readonly #leg: TappedLeg;
  readonly #write: (block: Buffer) => void;
  readonly #conversation: Conversation;
  readonly #fromPeer: PduRedactor;
  readonly #fromUs: PduRedactor;
  /** Until a PDU of a running association begins, nobody knows what its bytes are. */
  #isSynchronous: boolean;
  readonly #said: string[];
  readonly #hasEnded: Record<End, boolean> = { requestor: false, acceptor: false };

  constructor(leg: TappedLeg, write: (block: Buffer) => void) {
    this.#leg = leg;
    this.#write = write;
    this.#said = [leg.comment];
    const isAtStart = leg.isInsidePdu === undefined;
    this.#isSynchronous = isAtStart;
    const { localAddress = '', localPort = 0 } = leg.socket;
    const own = { address: localAddress, port: localPort };
    const [requestor, acceptor] = leg.peerEnd === 'requestor' ? [leg.peer, own] : [own, leg.peer];
    this.#conversation = new Conversation(requestor, { ...acceptor, port: DICOM_PORT });
    this.#fromPeer = new PduRedactor(isAtStart, (pdu) => this.#pdu(leg.peerEnd, pdu));
    this.#fromUs = new PduRedactor(isAtStart, (pdu) => this.#pdu(this.#ownEnd, pdu));
    if (isAtStart) this.#packets(this.#conversation.opened(), this.#said.splice(0));
    leg.socket.on('end', this.#onPeerEnd).on('finish', this.#onFinish).on('close', this.#onClose);
  }

  get #ownEnd(): End {
    return this.#leg.peerEnd === 'requestor' ? 'acceptor' : 'requestor';
  }

  received(chunk: Buffer): void {
    this.#isSynchronous ||= this.#leg.isInsidePdu?.() === false;
    if (this.#isSynchronous) this.#fromPeer.push(chunk);
  }

  sent(pdus: readonly Buffer[]): void {
    for (const pdu of pdus) this.#fromUs.push(pdu);
  }

  /** Said of the next packet of the gateway, or of the end. */
  comment(text: string): void {
    this.#said.push(text);
  }

  dispose(): void {
    const { socket } = this.#leg;
    socket.off('end', this.#onPeerEnd).off('finish', this.#onFinish).off('close', this.#onClose);
    this.#unfinished();
  }

  readonly #onPeerEnd = (): void => this.#ended(this.#leg.peerEnd);
  readonly #onFinish = (): void => this.#ended(this.#ownEnd);

  /** After the leg, which may still say why. */
  readonly #onClose = (hadError: boolean): void => process.nextTick(() => this.#closed(hadError));

  #closed(hadError: boolean): void {
    if (this.#hasEnded.requestor && this.#hasEnded.acceptor) return;
    this.#unfinished();
    if (hadError) this.#packets([this.#conversation.broken(this.#leg.peerEnd)], this.#said.splice(0));
    else this.#ended(this.#ownEnd);
  }

  #ended(by: End): void {
    if (this.#hasEnded[by]) return;
    this.#hasEnded[by] = true;
    if (by === this.#leg.peerEnd) this.#unfinished();
    this.#packets([this.#conversation.ended(by)], this.#said.splice(0));
  }

  #unfinished(): void {
    const pdu = this.#fromPeer.takeUnfinished();
    if (pdu === undefined) return;
    const comment = `only ${pdu.length} bytes of this PDU came`;
    this.#packets(this.#conversation.pdu(this.#leg.peerEnd, pdu), [comment]);
  }

  #pdu(from: End, pdu: RedactedBytes): void {
    const comments = from === this.#leg.peerEnd ? [] : this.#said.splice(0);
    this.#packets(this.#conversation.pdu(from, pdu), comments);
  }

  #packets(packets: readonly Packet[], comments: readonly string[]): void {
    const timeMs = performance.timeOrigin + performance.now();
    for (const [index, packet] of packets.entries()) {
      const comment = index === 0 ? comments.join('\n') : '';
      this.#write(packetBlock(this.#leg.interfaceNumber, timeMs, packet, comment));
    }
  }
}
