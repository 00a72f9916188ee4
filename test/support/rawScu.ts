/**
 * An SCU on a bare socket, plain or TLS, that can send anything, right or wrong, and waits for no answer that a
 * test did not ask for. Knows PDUs and messages through dicomBytes.ts and dicomReading.ts only.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { onCleanUp } from './cleanUp';
import {
  type AssociateRqFields,
  abort,
  associateRq,
  CommandField,
  type CommandSet,
  messagePdus,
  numberedRequest,
  PduType,
  RESPONSE_BIT,
  releaseRq,
  responseTo,
} from './dicomBytes';
import type { Instance } from './dicomFiles';
import {
  type AssociateAc,
  type DicomMessage,
  MessageAssembler,
  PduSplitter,
  readAssociateAc,
} from './dicomReading';
import type { TranscriptEntry } from './transcript';
import { SopClass } from './uids';
import { Changes } from './waiting';

/** Also a peer whose kernel has accepted the connection may never say a word. */
const HANDSHAKE_DEADLINE_MS = 15_000;

interface RawScuOptions {
  readonly port: number;
  readonly host?: string;
  /** The source address: any of 127.0.0.0/8 works on Linux. */
  readonly localAddress?: string;
  /** Plain TCP where this is missing. */
  readonly tls?: ConnectionOptions;
  /** true: stays open for writing after the peer's FIN, and never sends its own unasked. */
  readonly allowHalfOpen?: boolean;
}

/** What the peer did next. */
export type PeerEvent =
  | { readonly kind: 'pdu'; readonly type: number; readonly bytes: Buffer }
  /** `how` is the error's code where it was not a clean end; `rest` is what was left of an unfinished PDU. */
  | { readonly kind: 'closed'; readonly how: string; readonly rest: Buffer };

export type AssociateAnswer =
  | { readonly kind: 'accepted'; readonly ac: AssociateAc }
  | { readonly kind: 'rejected'; readonly result: number; readonly source: number; readonly reason: number }
  | { readonly kind: 'aborted'; readonly source: number; readonly reason: number }
  | { readonly kind: 'closed'; readonly how: string };

export interface StoredInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly dataSet: Buffer;
}

/** The peer aborted, closed, or sent a PDU that is not an answer, while a response was awaited. */
export class UnexpectedPeerEvent extends Error {
  readonly event: PeerEvent;

  constructor(event: PeerEvent) {
    super(`instead of a response came ${describeEvent(event)}`);
    this.event = event;
  }
}

export class RawScu {
  readonly transcript: TranscriptEntry[] = [];
  /** Requests of the peer on this association (C-STORE of a C-GET, N-EVENT-REPORT), all answered with success. */
  readonly peerRequests: DicomMessage[] = [];
  readonly #events: PeerEvent[] = [];
  readonly #splitter = new PduSplitter();
  readonly #assembler = new MessageAssembler();
  readonly #changes = new Changes();
  #isClosed = false;
  #lastMessageId = 0;
  #peerMaxPduLength = 16384;

  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.transcript.push({ from: 'acceptor', bytes: chunk });
      for (const bytes of this.#splitter.push(chunk)) this.#add({ kind: 'pdu', type: bytes[0]!, bytes });
    });
    socket.once('end', () => this.#close('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#close(error.code ?? error.message));
    socket.once('close', () => this.#close('close'));
  }

  /** Resolves after the TCP or TLS handshake; rejects with the socket's error, or when it does not come in time. */
  static async connect({ tls, ...address }: RawScuOptions): Promise<RawScu> {
    const target = { host: '127.0.0.1', ...address };
    const socket = tls === undefined ? connect(target) : connectTls({ ...target, ...tls });
    const forget = onCleanUp(() => {
      socket.destroy();
    });
    socket.once('close', forget);
    socket.setNoDelay(true);
    const signal = AbortSignal.timeout(HANDSHAKE_DEADLINE_MS);
    await once(socket, tls === undefined ? 'connect' : 'secureConnect', { signal });
    return new RawScu(socket);
  }

  /** An association of CT1 with ARCHIVE, unless the fields say otherwise. Rejects where it is not accepted. */
  static async associated(port: number, fields: AssociateRqFields): Promise<RawScu> {
    const scu = await RawScu.connect({ port });
    const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', ...fields });
    if (answer.kind !== 'accepted') throw new Error(`instead of being accepted: ${JSON.stringify(answer)}`);
    return scu;
  }

  /** Writes the bytes as they are; resolves when the kernel has taken them, also when the peer is gone. */
  async send(...bytes: readonly Buffer[]): Promise<void> {
    const joined = Buffer.concat(bytes);
    this.transcript.push({ from: 'requestor', bytes: joined });
    await new Promise<void>((resolve) => {
      this.socket.write(joined, () => resolve());
    });
  }

  /** The next PDU, or the end of the connection. Rejects when neither comes in time. */
  async nextEvent(deadlineMs?: number): Promise<PeerEvent> {
    const event = await this.#changes.waitFor('a PDU or the end', () => this.#events[0], deadlineMs);
    // The end stays: the next call gets it too.
    if (event.kind === 'pdu') this.#events.shift();
    return event;
  }

  /** The next PDU with its header. Rejects when the connection ends instead. */
  async readPdu(deadlineMs?: number): Promise<Buffer> {
    const event = await this.nextEvent(deadlineMs);
    if (event.kind !== 'pdu') throw new UnexpectedPeerEvent(event);
    return event.bytes;
  }

  /** Resolves when the peer has closed the connection without another byte, with how it did. */
  async expectClosed(deadlineMs?: number): Promise<string> {
    const event = await this.nextEvent(deadlineMs);
    if (event.kind !== 'closed' || event.rest.length > 0) {
      throw new Error(`instead of the end of the connection came ${describeEvent(event)}`);
    }
    return event.how;
  }

  /** Sends an A-ASSOCIATE-RQ and reads the answer. */
  async associate(fields: AssociateRqFields): Promise<AssociateAnswer> {
    await this.send(associateRq(fields));
    return this.readAssociateAnswer();
  }

  async readAssociateAnswer(): Promise<AssociateAnswer> {
    const event = await this.nextEvent();
    if (event.kind === 'closed') return { kind: 'closed', how: event.how };
    const [, , , , , , , second, third, fourth] = event.bytes;
    switch (event.type) {
      case PduType.AssociateAc: {
        const ac = readAssociateAc(event.bytes);
        this.#peerMaxPduLength = ac.maxPduLength || this.#peerMaxPduLength;
        return { kind: 'accepted', ac };
      }
      case PduType.AssociateRj:
        return { kind: 'rejected', result: second!, source: third!, reason: fourth! };
      case PduType.Abort:
        return { kind: 'aborted', source: third!, reason: fourth! };
      default:
        throw new UnexpectedPeerEvent(event);
    }
  }

  /** Sends a request and returns all its responses, the final one last. */
  async request(contextId: number, command: CommandSet, dataSet?: Buffer): Promise<DicomMessage[]> {
    const messageId = await this.sendRequest(contextId, command, dataSet);
    return this.readResponses(messageId);
  }

  /** What the next request will have. */
  get nextMessageId(): number {
    return this.#lastMessageId + 1;
  }

  /** Sends a request with the next message ID, which it returns. */
  async sendRequest(contextId: number, command: CommandSet, dataSet?: Buffer): Promise<number> {
    this.#lastMessageId += 1;
    const complete = numberedRequest(this.#lastMessageId, command, dataSet !== undefined);
    await this.send(...messagePdus(contextId, complete, dataSet, this.#peerMaxPduLength));
    return complete.MessageID!;
  }

  /** Reads up to and with the final response to a message ID. Answers requests of the peer in between. */
  async readResponses(messageId: number): Promise<DicomMessage[]> {
    const responses: DicomMessage[] = [];
    for (;;) {
      const message = await this.readMessage();
      if ((message.command.CommandField! & RESPONSE_BIT) === 0) {
        await this.#answerPeerRequest(message);
      } else if (message.command.MessageIDBeingRespondedTo === messageId) {
        responses.push(message);
        if (!isPending(message.command.Status!)) return responses;
      } else {
        throw new Error(
          `a response to message ${message.command.MessageIDBeingRespondedTo} came, not ${messageId}`,
        );
      }
    }
  }

  /** The next whole message. */
  async readMessage(): Promise<DicomMessage> {
    for (;;) {
      const event = await this.nextEvent();
      if (event.kind !== 'pdu' || event.type !== PduType.PDataTf) throw new UnexpectedPeerEvent(event);
      const [message] = this.#assembler.push(event.bytes);
      if (message !== undefined) return message;
    }
  }

  /** C-ECHO; the status of the response. */
  async echo(contextId: number): Promise<number> {
    const command = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
    return finalStatus(await this.request(contextId, command));
  }

  /** C-STORE; the status of the response. */
  async store(contextId: number, instance: StoredInstance): Promise<number> {
    const command = {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: instance.sopClassUid,
      AffectedSOPInstanceUID: instance.sopInstanceUid,
      Priority: 0,
    };
    return finalStatus(await this.request(contextId, command, instance.dataSet));
  }

  /** C-FIND; all responses. */
  async find(contextId: number, sopClass: string, identifier: Buffer): Promise<DicomMessage[]> {
    const command = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: sopClass, Priority: 0 };
    return this.request(contextId, command, identifier);
  }

  /** Sends A-RELEASE-RQ, reads A-RELEASE-RP and closes. */
  async release(): Promise<void> {
    await this.send(releaseRq());
    const event = await this.nextEvent();
    if (event.kind !== 'pdu' || event.type !== PduType.ReleaseRp) throw new UnexpectedPeerEvent(event);
    this.end();
  }

  /** Sends A-ABORT of the service user and closes. */
  async abort(): Promise<void> {
    await this.send(abort(0, 0));
    this.end();
  }

  /** Sends FIN. */
  end(): void {
    this.socket.end();
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #answerPeerRequest(request: DicomMessage): Promise<void> {
    this.peerRequests.push(request);
    await this.send(...messagePdus(request.contextId, responseTo(request.command)));
  }

  #close(how: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#add({ kind: 'closed', how, rest: this.#splitter.rest });
  }

  #add(event: PeerEvent): void {
    this.#events.push(event);
    this.#changes.announce();
  }
}

/** One association with one context for the instance; the status of its C-STORE. Rejects when it is not accepted. */
export async function storeInstance(
  { calling, called, ...address }: RawScuOptions & Pick<AssociateRqFields, 'calling' | 'called'>,
  instance: Instance,
): Promise<number> {
  const scu = await RawScu.connect(address);
  const contexts = [
    { id: 1, abstractSyntax: instance.sopClassUid, transferSyntaxes: [instance.transferSyntaxUid] },
  ];
  const answer = await scu.associate({ calling, called, contexts });
  if (answer.kind !== 'accepted' || answer.ac.contexts[0]?.result !== 0) {
    throw new Error(`the association was not accepted: ${JSON.stringify(answer)}`);
  }
  const status = await scu.store(1, instance);
  await scu.release();
  return status;
}

/** PS3.7 §C.1.3: FF00 and FF01. */
function isPending(status: number): boolean {
  return status === 0xff00 || status === 0xff01;
}

/** The status of the final response. */
export function finalStatus(responses: readonly DicomMessage[]): number {
  return responses.at(-1)!.command.Status!;
}

function describeEvent(event: PeerEvent): string {
  if (event.kind === 'pdu') return `a PDU: ${event.bytes.subarray(0, 32).toString('hex')}`;
  return `the end of the connection (${event.how}, ${event.rest.length} bytes left)`;
}
