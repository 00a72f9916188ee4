/**
 * An archive that costs as little as can be: plain TCP, no delay, one write a response, success at once, nothing
 * stored. Its own process. Answers C-STORE, C-ECHO, C-FIND with a fixed number of answers, and C-GET with a study.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  abort,
  associateAc,
  CommandDataSetType,
  CommandField,
  type CommandSet,
  messagePdus,
  PduType,
  releaseRp,
  responseTo,
  unsigned16,
} from '../../test/support/dicomBytes';
import { readAssociateRq } from '../../test/support/dicomReading';
import { SopClass } from '../../test/support/uids';
import { findAnswer } from '../wire/identifiers';
import { storeRequest } from '../wire/instances';
import { PduWalker, type WalkedMessage } from '../wire/pduWalker';

export interface RawSinkOptions {
  readonly findAnswers: number;
  readonly studyInstances: number;
  readonly studyInstanceBytes: number;
}

const MAX_PDU_LENGTH = 131072;
const ROLE_SELECTION = 0x54;

const options = JSON.parse(process.argv[2] ?? '{}') as RawSinkOptions;
class SinkAssociation {
  #peerMaxPduLength = MAX_PDU_LENGTH;
  #storageContextId = 0;
  #pendingGet: { readonly contextId: number; readonly command: CommandSet; rest: number } | undefined;
  #studyWrites: readonly Buffer[] = [];
  #pendingAnswer: { readonly key: string; readonly bytes: Buffer } | undefined;

  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    const walker = new PduWalker(this);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => walker.push(chunk));
    // A peer that goes away is the benchmark's business.
    socket.on('error', () => socket.destroy());
  }

  takePdu(type: number, pdu: Buffer): void {
    if (type === PduType.AssociateRq) this.#accept(pdu);
    else if (type === PduType.ReleaseRq) this.#socket.end(releaseRp());
    else if (type === PduType.Abort) this.#socket.destroy();
    else this.#socket.end(abort(0, 0));
  }

  takeMessage({ contextId, command }: WalkedMessage): void {
    switch (command.CommandField) {
      case CommandField.CFindRq:
        this.#find(contextId, command);
        break;
      case CommandField.CGetRq:
        this.#pendingGet = { contextId, command, rest: options.studyInstances };
        this.#continueGet();
        break;
      case CommandField.CStoreRq:
      case CommandField.CEchoRq:
        this.#send(messagePdus(contextId, responseTo(command)));
        break;
      default:
        this.#continueGet();
    }
  }

  #accept(pdu: Buffer): void {
    const { contexts, called, calling, maxPduLength, userItems } = readAssociateRq(pdu);
    this.#peerMaxPduLength = maxPduLength || MAX_PDU_LENGTH;
    this.#storageContextId =
      contexts.find(({ abstractSyntax }) => abstractSyntax === SopClass.CTImageStorage)?.id ?? 0;
    const roles = (userItems.get(ROLE_SELECTION) ?? []).map((body) =>
      Buffer.concat([Buffer.from([ROLE_SELECTION, 0]), unsigned16(body.length), body]),
    );
    const accepted = contexts.map(({ id, transferSyntaxes }) => ({
      id,
      result: 0,
      transferSyntax: transferSyntaxes[0]!,
    }));
    const fields = { called, calling, maxPduLength: MAX_PDU_LENGTH, contexts: accepted, userItems: roles };
    this.#socket.write(associateAc(fields));
  }

  #find(contextId: number, command: CommandSet): void {
    const pending = this.#pendingAnswerTo(contextId, command);
    for (let sent = 0; sent < options.findAnswers; sent += 1) this.#socket.write(pending);
    this.#send(messagePdus(contextId, responseTo(command)));
  }

  /** Built once for an association: the same request comes again and again. */
  #pendingAnswerTo(contextId: number, command: CommandSet): Buffer {
    const key = `${contextId} ${command.MessageID}`;
    if (this.#pendingAnswer?.key === key) return this.#pendingAnswer.bytes;
    const fields = { Status: 0xff00, CommandDataSetType: CommandDataSetType.Present };
    const bytes = Buffer.concat(messagePdus(contextId, responseTo(command, fields), findAnswer));
    this.#pendingAnswer = { key, bytes };
    return bytes;
  }

  /** The next instance of the study, or the final response. */
  #continueGet(): void {
    const get = this.#pendingGet;
    if (get === undefined) return;
    if (get.rest === 0) {
      this.#pendingGet = undefined;
      const counts = { NumberOfCompletedSuboperations: options.studyInstances };
      this.#send(messagePdus(get.contextId, responseTo(get.command, counts)));
      return;
    }
    get.rest -= 1;
    if (this.#studyWrites.length === 0) {
      const { studyInstanceBytes } = options;
      this.#studyWrites = [
        ...storeRequest(this.#storageContextId, 1, studyInstanceBytes, this.#peerMaxPduLength).writes,
      ];
    }
    this.#send(this.#studyWrites);
  }

  #send(pdus: readonly Buffer[]): void {
    this.#socket.write(pdus.length === 1 ? pdus[0]! : Buffer.concat(pdus));
  }
}

process.on('disconnect', () => process.exit());
const server = createServer((socket) => void new SinkAssociation(socket));
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => {
  process.send?.((server.address() as AddressInfo).port);
});
