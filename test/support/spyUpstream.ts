/**
 * A stand-in for the archive (or, with TLS, for a modality that is called): records every connection and every
 * byte, and does what a test scripts. Without a script it accepts every context and answers everything with
 * success. Independent of src/.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { onCleanUp } from './cleanUp';
import {
  type AssociateAcFields,
  abort,
  associateAc,
  associateRj,
  CommandDataSetType,
  type CommandSet,
  messagePdus,
  numberedRequest,
  PduType,
  RESPONSE_BIT,
  releaseRp,
  responseTo,
} from './dicomBytes';
import {
  type AssociateRq,
  type DicomMessage,
  MessageAssembler,
  PduSplitter,
  readAssociateRq,
} from './dicomReading';
import type { TranscriptEntry } from './transcript';
import { Changes } from './waiting';

/** What the spy does; a property that is left out stands for the obliging default. */
export interface SpyScript {
  /** A connection came, no byte yet. Default: nothing. */
  readonly onConnect?: (connection: SpyConnection) => void;
  /** Default: `accept()`. */
  readonly onAssociateRq?: (connection: SpyConnection, rq: AssociateRq) => void;
  /** A whole request came. Default: `respond(message)`, that is success. */
  readonly onRequest?: (connection: SpyConnection, request: DicomMessage) => void;
  /** Default: A-RELEASE-RP, then close. */
  readonly onReleaseRq?: (connection: SpyConnection) => void;
}

interface SpyOptions {
  readonly script?: SpyScript;
  /** The length that the spy announces; default 16384. */
  readonly maxPduLength?: number;
  /** false: counts and hashes only, for instances that are too long to keep. */
  readonly keepsBytes?: boolean;
  readonly tls?: TlsOptions;
  /** Default: any free one. */
  readonly port?: number;
}

export class SpyUpstream {
  readonly connections: SpyConnection[] = [];
  /** May be replaced at any time; connections ask it again at every event. */
  script: SpyScript;
  readonly #server: Server;
  readonly #changes = new Changes();

  readonly options: SpyOptions;

  private constructor(options: SpyOptions) {
    this.options = options;
    this.script = options.script ?? {};
    const listener = (socket: Socket) => this.#take(socket);
    this.#server =
      options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  }

  static async start(options: SpyOptions = {}): Promise<SpyUpstream> {
    const spy = new SpyUpstream(options);
    spy.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(spy.#server, 'listening');
    onCleanUp(() => spy.stop());
    return spy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that came so far. 0 proves that no byte, and not even a connection, went upstream. */
  get connects(): number {
    return this.connections.length;
  }

  /** Bytes of all connections. */
  get receivedBytes(): number {
    return this.connections.reduce((total, connection) => total + connection.receivedBytes, 0);
  }

  /** Requests of all connections, in order within each. */
  get requests(): DicomMessage[] {
    return this.connections.flatMap((connection) => connection.requests);
  }

  /** Resolves once the condition holds; it is looked at after every event of the spy. */
  async waitUntil(
    condition: (spy: SpyUpstream) => boolean,
    what: string,
    deadlineMs?: number,
  ): Promise<void> {
    await this.#changes.waitFor(`${what} at the spy`, () => condition(this), deadlineMs);
  }

  /**
   * Stops listening and ends what is open. Rejects when a peer sent what does not parse, or a script failed:
   * nothing upstream of the product may ever see such bytes.
   */
  async stop(): Promise<void> {
    if (this.#server.listening) {
      const closed = once(this.#server, 'close');
      this.#server.close();
      for (const connection of this.connections) connection.destroy();
      await closed;
    }
    const failures = this.connections.flatMap((connection) => connection.failures.splice(0));
    if (failures.length > 0) throw new AggregateError(failures, `the spy failed: ${failures[0]!.message}`);
  }

  #take(socket: Socket): void {
    const connection = new SpyConnection(this, socket, () => this.#changes.announce());
    this.connections.push(connection);
    connection.start();
  }
}

export class SpyConnection {
  /** Empty where the spy keeps no bytes. */
  readonly transcript: TranscriptEntry[] = [];
  readonly requests: DicomMessage[] = [];
  readonly pduTypes: number[] = [];
  readonly failures: Error[] = [];
  /** Kept from the start: a socket forgets it when it closes. */
  readonly remoteAddress: string | undefined;
  receivedBytes = 0;
  associateRq: AssociateRq | undefined;
  /** Source and reason of an A-ABORT that came. */
  aborted: { readonly source: number; readonly reason: number } | undefined;
  /** How the peer ended the connection: `end` for FIN, else the error's code; undefined while it is open. */
  closed: string | undefined;
  readonly #splitter = new PduSplitter();
  readonly #assembler: MessageAssembler;
  readonly #awaitedResponses = new Map<number, (response: DicomMessage) => void>();
  #lastMessageId = 0;

  readonly #spy: SpyUpstream;
  readonly socket: Socket;
  readonly #notify: () => void;

  constructor(spy: SpyUpstream, socket: Socket, notify: () => void) {
    this.#spy = spy;
    this.socket = socket;
    this.#notify = notify;
    this.#assembler = new MessageAssembler(spy.options.keepsBytes);
    this.remoteAddress = socket.remoteAddress;
  }

  start(): void {
    this.socket.setNoDelay(true);
    this.socket.on('data', (chunk) => this.#guarded(() => this.#receive(chunk)));
    this.socket.once('end', () => this.#close('end'));
    this.socket.on('error', (error: NodeJS.ErrnoException) => this.#close(error.code ?? error.message));
    this.socket.once('close', () => this.#close('close'));
    this.#guarded(() => this.#spy.script.onConnect?.(this));
    this.#notify();
  }

  /** Writes the bytes as they are. */
  send(...bytes: readonly Buffer[]): void {
    const joined = Buffer.concat(bytes);
    this.#record('acceptor', joined);
    this.socket.write(joined);
  }

  /** A-ASSOCIATE-AC: every proposed context with its first transfer syntax, unless the fields say otherwise. */
  accept(fields: AssociateAcFields = {}): void {
    const rq = this.associateRq!;
    const contexts = rq.contexts.map(({ id, transferSyntaxes }) => ({
      id,
      result: 0,
      transferSyntax: transferSyntaxes[0] ?? '',
    }));
    const maxPduLength = this.#spy.options.maxPduLength ?? 16384;
    this.send(associateAc({ called: rq.called, calling: rq.calling, maxPduLength, contexts, ...fields }));
  }

  /** A-ASSOCIATE-RJ, then close. */
  reject(result: number, source: number, reason: number): void {
    this.send(associateRj(result, source, reason));
    this.socket.end();
  }

  /** A-ABORT, then close. */
  abort(source = 0, reason = 0): void {
    this.send(abort(source, reason));
    this.socket.end();
  }

  /** A response to a request; success unless the fields say otherwise. */
  respond(request: DicomMessage, fields: CommandSet = {}, dataSet?: Buffer): void {
    const type = dataSet === undefined ? CommandDataSetType.None : CommandDataSetType.Present;
    const command = responseTo(request.command, { CommandDataSetType: type, ...fields });
    this.send(...messagePdus(request.contextId, command, dataSet, this.#peerMaxPduLength));
  }

  /** Sends a request of its own, as in C-GET and N-EVENT-REPORT; resolves with the response. */
  request(contextId: number, command: CommandSet, dataSet?: Buffer): Promise<DicomMessage> {
    this.#lastMessageId += 1;
    const complete = numberedRequest(this.#lastMessageId, command, dataSet !== undefined);
    const response = new Promise<DicomMessage>((resolve) => {
      this.#awaitedResponses.set(complete.MessageID!, resolve);
    });
    this.send(...messagePdus(contextId, complete, dataSet, this.#peerMaxPduLength));
    return response;
  }

  /** Leaves further bytes in the kernel's buffers until `resumeReading`. */
  stopReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** Sends FIN. */
  end(): void {
    this.socket.end();
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  destroy(): void {
    this.socket.destroy();
  }

  get #peerMaxPduLength(): number {
    return this.associateRq?.maxPduLength || 16384;
  }

  #receive(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    this.#record('requestor', chunk);
    for (const pdu of this.#splitter.push(chunk)) this.#receivePdu(pdu);
    this.#notify();
  }

  #receivePdu(pdu: Buffer): void {
    const { script } = this.#spy;
    this.pduTypes.push(pdu[0]!);
    switch (pdu[0]) {
      case PduType.AssociateRq:
        this.associateRq = readAssociateRq(pdu);
        (script.onAssociateRq ?? ((connection) => connection.accept()))(this, this.associateRq);
        break;
      case PduType.PDataTf:
        for (const message of this.#assembler.push(pdu)) this.#receiveMessage(message);
        break;
      case PduType.ReleaseRq:
        (script.onReleaseRq ?? ((connection) => connection.#answerRelease()))(this);
        break;
      case PduType.ReleaseRp:
        this.end();
        break;
      case PduType.Abort:
        this.aborted = { source: pdu[8]!, reason: pdu[9]! };
        this.end();
        break;
      default:
        throw new Error(`a PDU of type ${pdu[0]} came`);
    }
  }

  #receiveMessage(message: DicomMessage): void {
    if ((message.command.CommandField! & RESPONSE_BIT) === 0) {
      this.requests.push(message);
      (this.#spy.script.onRequest ?? ((connection, request) => connection.respond(request)))(this, message);
      return;
    }
    const messageId = message.command.MessageIDBeingRespondedTo!;
    const resolve = this.#awaitedResponses.get(messageId);
    if (resolve === undefined)
      throw new Error(`a response to message ${messageId} came, which was never sent`);
    this.#awaitedResponses.delete(messageId);
    resolve(message);
  }

  #answerRelease(): void {
    this.send(releaseRp());
    this.end();
  }

  #record(from: TranscriptEntry['from'], bytes: Buffer): void {
    if (this.#spy.options.keepsBytes !== false) this.transcript.push({ from, bytes });
  }

  #close(how: string): void {
    this.closed ??= how;
    this.#notify();
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.failures.push(error as Error);
      this.destroy();
    }
  }
}
