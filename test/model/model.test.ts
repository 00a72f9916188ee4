/**
 * Random traffic from both sides through the real gateway, against the reference model: each side hears what the model
 * says, in that order, and nothing else. MODEL_RUNS and MODEL_SEED make it longer and repeat it.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { onCleanUp } from '../support/cleanUp';
import { readConversation } from '../support/conversationOracle';
import {
  abort,
  associateAc,
  associateRj,
  associateRq,
  PduType,
  type Pdv,
  pDataTf,
  pdu,
  releaseRp,
  releaseRq,
} from '../support/dicomBytes';
import { MessageAssembler, PduSplitter } from '../support/dicomReading';
import { plainConfiguration, TestGateway } from '../support/gateway';
import { turnsUntil } from '../support/waiting';
import { type Message, type Pdu, ReferenceModel, type Side, shown } from './referenceModel';
import {
  answer,
  cancel,
  contexts,
  messageOf,
  request,
  type Sent,
  type SentPdv,
  STRANGE_CONTEXT,
  type Step,
  type Traffic,
  traffic,
} from './traffic';

const RUNS = Number(process.env.MODEL_RUNS ?? 150);
const SEED = Number(process.env.MODEL_SEED ?? 1);
/** What is sent is through the gateway after some ten turns of the event loop, which all sides share. */
const QUIET_TURNS = 12;
/** Of a run that does not hear what it should. */
const MAX_TURNS = 1000;
const MINUTE_MS = 60_000;

const pduNames: Readonly<Record<number, Pdu>> = {
  [PduType.AssociateRq]: 'A-ASSOCIATE-RQ',
  [PduType.AssociateAc]: 'A-ASSOCIATE-AC',
  [PduType.AssociateRj]: 'A-ASSOCIATE-RJ',
  [PduType.ReleaseRq]: 'A-RELEASE-RQ',
  [PduType.ReleaseRp]: 'A-RELEASE-RP',
  [PduType.Abort]: 'A-ABORT',
};
const pduBytes: Readonly<Record<Pdu | 'garbage', Buffer>> = {
  'A-ASSOCIATE-RQ': associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts }),
  'A-ASSOCIATE-AC': associateAc({ contexts: [] }),
  'A-ASSOCIATE-RJ': associateRj(1, 1, 1),
  'A-RELEASE-RQ': releaseRq(),
  'A-RELEASE-RP': releaseRp(),
  'A-ABORT': abort(0, 0),
  garbage: pdu(0x20, Buffer.alloc(4)),
};

/** One peer on its socket: what it heard, in the words of the model. */
class Wire {
  readonly heard: string[] = [];
  readonly socket: Socket;
  /** Fragments of its last message that wait for a later step. */
  held: readonly SentPdv[] = [];
  /** What it asked or answered last. */
  last: Sent | undefined;
  readonly asked: Sent[] = [];
  readonly sent = new Map<Message, Sent>();
  readonly #chunks: Buffer[] = [];
  readonly #splitter = new PduSplitter();
  readonly #assembler = new MessageAssembler();

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      for (const bytes of this.#splitter.push(chunk)) this.#hear(bytes);
    });
  }

  get conversation() {
    return readConversation(Buffer.concat(this.#chunks));
  }

  #hear(bytes: Buffer): void {
    if (bytes[0] !== PduType.PDataTf) {
      this.heard.push(pduNames[bytes[0]!] ?? `PDU ${bytes[0]}`);
      return;
    }
    for (const { contextId, command, dataSet, sha256 } of this.#assembler.push(bytes)) {
      this.heard.push(shown(messageOf(contextId, command, sha256 === undefined ? undefined : dataSet)));
    }
  }
}

let gateway: TestGateway;
const called: Socket[] = [];

beforeAll(async () => {
  // A peer that goes on sending after the end is part of the traffic.
  const server = createServer({ allowHalfOpen: true }, (socket) => called.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanUp(() => void server.close());
  const { port } = server.address() as AddressInfo;
  gateway = await TestGateway.start(
    plainConfiguration(
      port,
      {
        // All contexts are open on both sides: what is refused in the negotiation has tests of its own.
        presentationContexts: 'proposed',
        allow: ['echo', 'store', 'find', 'get', 'storageCommitment'],
        storeSopClasses: 'CTImageStorage',
        address: { host: '127.0.0.1', port },
        egressAllow: ['echo', 'store', 'storageCommitment'],
      },
      { egress: { port: 0 }, timeouts: { closeSeconds: 0.2 } },
    ),
  );
});

/** Both peers of an association that was accepted, but for the context that the callee refuses. */
async function associate({ direction, refused }: Traffic): Promise<Record<Side, Wire>> {
  const titles =
    direction === 'ingress' ? { calling: 'CT1', called: 'ARCHIVE' } : { calling: 'ARCHIVE', called: 'CT1' };
  const port = gateway.port(direction === 'ingress' ? 'plain' : 'egress');
  const caller = new Wire(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
  caller.socket.write(associateRq({ ...titles, contexts }));
  await turnsUntil(() => called.length > 0);
  const callee = new Wire(called.shift()!);
  await turnsUntil(() => callee.heard.length > 0);
  const answered = contexts.map(({ id, transferSyntaxes }) => ({
    id,
    result: id === refused ? 3 : 0,
    transferSyntax: transferSyntaxes[0]!,
  }));
  callee.socket.write(associateAc({ contexts: answered }));
  await turnsUntil(() => caller.heard.length > 0);
  expect([caller.heard.shift(), callee.heard.shift()]).toEqual(['A-ASSOCIATE-AC', 'A-ASSOCIATE-RQ']);
  return { caller, callee };
}

/** One run: the gateway and the model get the same. */
class Run {
  readonly model: ReferenceModel;
  readonly #wires: Record<Side, Wire>;
  readonly #traffic: Traffic;

  constructor(wires: Record<Side, Wire>, run: Traffic) {
    this.#wires = wires;
    this.#traffic = run;
    this.model = new ReferenceModel(new Set(contexts.map(({ id }) => id).filter((id) => id !== run.refused)));
  }

  async take(step: Step): Promise<void> {
    const { from } = step;
    const wire = this.#wires[from];
    if (this.model[from].hasEnded) return;
    if ('pdu' in step) this.#sendPdu(from, step.pdu);
    else if ('end' in step) this.#end(from, step.end);
    else if ('rest' in step)
      this.#send(from, wire.held.slice(0, step.rest), wire.held.slice(step.rest), false);
    else if ('odd' in step) this.#sendOdd(from, step.odd);
    else this.#sendMessage(step);
    await this.settle();
  }

  #sendMessage(step: Extract<Step, { request: string } | { answer: number } | { cancel: number }>): void {
    const { from } = step;
    const wire = this.#wires[from];
    const opposite = this.#wires[from === 'caller' ? 'callee' : 'caller'];
    const isOpen = this.model[from].open;
    // Inside a command set, more of it would change it: nobody can say what is read then.
    const mayInterrupt = 'isImpatient' in step && step.isImpatient && isOpen?.phase === 'data';
    if (wire.held.length > 0 && !mayInterrupt) this.#send(from, wire.held, [], true);
    if (this.model.isOver) return;
    const message = this.#messageOf(step, wire, opposite);
    if (message === undefined) return;
    const { heldBack = 0, isJoined = false } = 'pieces' in step ? step : {};
    const count = Math.max(1, message.pdvs.length - heldBack);
    wire.last = message;
    wire.sent.set(message.message, message);
    if ('request' in step) wire.asked.unshift(message);
    this.#send(from, message.pdvs.slice(0, count), message.pdvs.slice(count), isJoined);
  }

  #messageOf(
    step: Extract<Step, { request: string } | { answer: number } | { cancel: number }>,
    wire: Wire,
    opposite: Wire,
  ): Sent | undefined {
    const { direction } = this.#traffic;
    const { from } = step;
    if ('request' in step) {
      return request(step.request, step.id, step.pieces, from === 'caller' ? direction : undefined);
    }
    if ('cancel' in step) return cancel(this.#pick(wire, step.cancel, from));
    const asker = from === 'caller' ? 'callee' : 'caller';
    // Most runs would be over at once if each answer that nobody waits for was sent.
    if (step.which !== 3 && this.model[asker].outstanding.size === 0) return undefined;
    const asked = this.#pick(opposite, step.which, asker);
    const elsewhere = step.isElsewhere
      ? contexts.find(({ id }) => id !== this.#traffic.refused)?.id
      : undefined;
    return answer(asked, step.answer, elsewhere, step.pieces);
  }

  /** One of the requests of a side that are not answered; undefined where there is none. */
  #pick(wire: Wire, which: number, side: Side): Sent | undefined {
    const { outstanding } = this.model[side];
    const open = wire.asked.filter(({ message }) => outstanding.get(message.id) === message);
    return open[which % Math.max(1, open.length)] ?? (which === 3 ? wire.asked[0] : undefined);
  }

  #send(from: Side, pdvs: readonly SentPdv[], held: readonly SentPdv[], isJoined: boolean): void {
    const wire = this.#wires[from];
    wire.held = held;
    if (pdvs.length === 0) return;
    for (const each of isJoined ? [pdvs] : pdvs.map((pdv) => [pdv])) wire.socket.write(pDataTf(...each));
    for (const { contextId, isCommand, isLast, tells } of pdvs) {
      if (this.model.isOver) return;
      const kind = isCommand ? 'command' : 'data';
      this.model.fragment(from, {
        kind,
        contextId,
        isLast,
        tells,
        ...(wire.last && { message: wire.last.message }),
      });
    }
  }

  #sendPdu(from: Side, name: Pdu | 'garbage'): void {
    this.#wires[from].socket.write(pduBytes[name]);
    this.model.pdu(from, name);
  }

  #end(from: Side, how: 'FIN' | 'RST'): void {
    // The model knows what a callee does after the work is done. It does not know a caller that leaves then.
    if (from === 'caller' && this.model.state !== 'established') return;
    if (how === 'FIN') {
      this.#wires[from].socket.end();
      this.model.ends(from);
    } else if (this.model.state === 'established') {
      this.#wires[from].socket.resetAndDestroy();
      this.model.resets(from);
    }
  }

  #sendOdd(from: Side, odd: Extract<Step, { odd: string }>['odd']): void {
    const { open } = this.model[from];
    const contextId = open?.contextId ?? contexts[0]!.id;
    const fragment = Buffer.alloc(4);
    const send = (pdv: Omit<Pdv, 'isLast'>) => {
      this.#wires[from].socket.write(pDataTf({ ...pdv, isLast: false }));
      this.model.fragment(from, {
        kind: pdv.isCommand ? 'command' : 'data',
        contextId: pdv.contextId,
        isLast: false,
      });
    };
    if (odd === 'strange context') send({ contextId: STRANGE_CONTEXT, isCommand: true, fragment });
    else if (odd === 'empty fragment') {
      send({ contextId, isCommand: open?.phase !== 'data', fragment: Buffer.alloc(0) });
    } else if (odd === 'data first' && open?.phase !== 'data')
      send({ contextId, isCommand: false, fragment });
    else if (odd === 'foreign context' && open !== undefined) {
      send({ contextId: contextId === 1 ? 3 : 1, isCommand: open.phase === 'command', fragment });
    }
  }

  /** Until both sides have heard what they must, and what is on its way has come. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < QUIET_TURNS || (!this.#hasHeardAll && turns < MAX_TURNS); turns += 1) {
      await nextTurn();
    }
    this.expectAgreement();
  }

  get #hasHeardAll(): boolean {
    return (['caller', 'callee'] as const).every(
      (side) => this.#wires[side].heard.length >= this.model[side].sees.length,
    );
  }

  expectAgreement(): void {
    const { caller, callee } = this.#wires;
    expect({ caller: caller.heard, callee: callee.heard }).toEqual({
      caller: this.model.caller.sees,
      callee: this.model.callee.sees,
    });
  }

  /** Of a message that did not end, at most the beginning came, and only where it may pass. */
  expectPrefixes(): void {
    for (const [from, to] of [
      ['caller', 'callee'],
      ['callee', 'caller'],
    ] as const) {
      const { messages, fault, restBytes } = this.#wires[to].conversation;
      expect([fault, restBytes]).toEqual([undefined, 0]);
      const partial = messages.find(({ isComplete }) => !isComplete);
      if (partial === undefined) continue;
      const passing = this.model.mayPassFrom(from);
      expect(passing?.dataSet).toBeDefined();
      const { arriving } = this.#wires[from].sent.get(passing!)!;
      expect(arriving.subarray(0, partial.dataSet.length).equals(partial.dataSet)).toBe(true);
    }
  }

  async close(): Promise<void> {
    if (!this.model.isOver && !this.model.caller.hasEnded) this.#sendPdu('caller', 'A-ABORT');
    else if (!this.model.isOver) this.#sendPdu('callee', 'A-ABORT');
    await this.settle();
    this.expectPrefixes();
    for (const { socket } of Object.values(this.#wires)) socket.destroy();
    await gateway.untilIdle();
    for (const { reason, detail } of gateway.events.splice(0)) {
      if (reason === 'gateway-error') throw new Error(`a defect: ${detail}`);
    }
  }
}

async function agree(run: Traffic): Promise<void> {
  const wires = await associate(run);
  try {
    const conversation = new Run(wires, run);
    for (const step of run.steps) {
      if (conversation.model.isOver) break;
      await conversation.take(step);
    }
    await conversation.close();
  } finally {
    for (const { socket } of Object.values(wires)) socket.destroy();
    await gateway.untilIdle();
    gateway.events.length = 0;
  }
}

it(
  `each side sees what the model says, whatever both send (MODEL_RUNS=${RUNS} MODEL_SEED=${SEED})`,
  async () => {
    await fc.assert(fc.asyncProperty(traffic, agree), { numRuns: RUNS, seed: SEED, endOnFailure: false });
    expect(gateway.places.taken).toBe(0);
  },
  MINUTE_MS + RUNS * 1000,
);
