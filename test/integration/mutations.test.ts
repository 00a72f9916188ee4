/**
 * Thousands of conversations with bytes flipped on the way, from either side. The gateway goes on; what reaches
 * the archive is DICOM that an independent reader takes, and a prefix of what policy allows of what was sent;
 * what reaches the modality can be read too.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { beforeAll, expect, it } from '@jest/globals';
import { Random } from '../fuzz/random';
import { onCleanUp } from '../support/cleanUp';
import { type ReadMessage, readConversation, whyNotCanonical } from '../support/conversationOracle';
import {
  associateAc,
  associateRq,
  CommandField,
  type CommandSet,
  messagePdus,
  numberedRequest,
  PduType,
  proposedContext,
  RESPONSE_BIT,
  releaseRp,
  releaseRq,
  responseTo,
} from '../support/dicomBytes';
import { type AssociateRq, MessageAssembler, PduSplitter } from '../support/dicomReading';
import { plainConfiguration, TestGateway } from '../support/gateway';
import { SopClass, TransferSyntax } from '../support/uids';

/** Of each kind. */
const CONVERSATIONS = 1500;
/**
 * A peer that was silent for so many turns of the event loop has no more to say: gateway, archive and modality share
 * the loop, and a message passes through all three in some ten turns. Unlike a time, this holds on a busy machine.
 */
const QUIET_TURNS = 100;
/** Each lane has an archive of its own and one conversation at a time, so that it is known whose bytes come. */
const lanes = [...'ABCDEFGHIJKLMNOP'].map((letter) => letter.repeat(12));

const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootFind),
  proposedContext(7, SopClass.StudyRootMove),
  proposedContext(9, SopClass.MRImageStorage),
];
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
const find = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind };
const move = {
  CommandField: CommandField.CMoveRq,
  AffectedSOPClassUID: SopClass.StudyRootMove,
  MoveDestination: 'ELSEWHERE',
};

function store(sopClass: string) {
  return {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: sopClass,
    AffectedSOPInstanceUID: '1.2.3',
  };
}

/** What may reach the archive, by the entry below. */
const allowed: readonly CommandSet[] = [echo, find, store(SopClass.CTImageStorage)];

function request(messageId: number, contextId: number, command: CommandSet, dataSet?: Buffer): Buffer {
  const complete = numberedRequest(messageId, command, dataSet !== undefined);
  return Buffer.concat(messagePdus(contextId, complete, dataSet, 500));
}

/** What an SCU sends; among it what is refused. */
function conversation(called: string): readonly Buffer[] {
  return [
    associateRq({ calling: 'CT1', called, contexts }),
    request(1, 1, echo),
    request(2, 3, store(SopClass.CTImageStorage), Buffer.alloc(1500, 'an instance ')),
    request(3, 9, store(SopClass.MRImageStorage), Buffer.alloc(900, 'a refused instance ')),
    request(4, 5, find, Buffer.alloc(64, 'query ')),
    request(5, 7, move, Buffer.alloc(64, 'a refused query ')),
    request(6, 3, store(SopClass.CTImageStorage), Buffer.alloc(100, 'a second instance ')),
    releaseRq(),
  ];
}

/** Few bytes of many PDUs, or many bytes of one; sometimes a PDU is lost, or comes twice, or out of order. */
function damaged(pdus: readonly Buffer[], random: Random): Buffer {
  const copies: Buffer[] = pdus.map((pdu) => Buffer.from(pdu));
  if (random.below(4) === 0) {
    const target = random.pick(copies);
    for (let count = 1 + Math.floor(target.length / 40); count > 0; count -= 1) flip(target, random);
  } else {
    for (let count = random.below(4); count > 0; count -= 1) flip(random.pick(copies), random);
  }
  if (random.below(6) === 0) copies.splice(random.below(copies.length), 1);
  if (random.below(6) === 0) copies.splice(random.below(copies.length + 1), 0, random.pick(pdus));
  return Buffer.concat(copies);
}

/** Half of the time in the first 200 bytes, where headers and command sets are. */
function flip(bytes: Buffer, random: Random): void {
  const index = random.below(random.below(2) === 0 ? Math.min(200, bytes.length) : bytes.length);
  bytes[index] = random.below(2) === 0 ? bytes[index]! ^ (1 << random.below(8)) : random.below(256);
}

/** An archive that answers everything, in bytes that go through `send`. */
function answer(socket: Socket, send: (...pdus: Buffer[]) => void): void {
  const splitter = new PduSplitter();
  const assembler = new MessageAssembler();
  const accepted = contexts.map(({ id }) => ({
    id,
    result: 0,
    transferSyntax: TransferSyntax.ExplicitVrLittleEndian,
  }));
  socket.on('data', (chunk) => {
    for (const pdu of splitter.push(chunk)) {
      if (pdu[0] === PduType.AssociateRq) send(associateAc({ contexts: accepted }));
      else if (pdu[0] === PduType.ReleaseRq) send(releaseRp());
      else if (pdu[0] !== PduType.PDataTf) socket.end();
      else for (const message of assembler.push(pdu)) send(...responses(message.contextId, message.command));
    }
  });
}

function responses(contextId: number, command: CommandSet): Buffer[] {
  const final = messagePdus(contextId, responseTo(command));
  if (command.CommandField !== CommandField.CFindRq) return final;
  const pending = responseTo(command, { Status: 0xff00, CommandDataSetType: 1 });
  return [...messagePdus(contextId, pending, Buffer.alloc(200, 'match ')), ...final];
}

const UNANSWERED = {
  upstreamAssociationSeconds: 1,
  pduSeconds: 1,
  idleSeconds: 1,
  responseSeconds: 1,
  retrieveResponseSeconds: 1,
  releaseSeconds: 1,
};
let gateway: TestGateway;
/** Connections that came to each archive. */
const archives = lanes.map(() => [] as { readonly chunks: Buffer[]; readonly socket: Socket }[]);
/** What damages the answers of an archive now, if anything. */
let archiveDamage: ((lane: number) => Random) | undefined;

beforeAll(async () => {
  const upstreams: Record<string, { servers: string[] }> = {};
  for (const [index, lane] of lanes.entries()) {
    const server = createServer((socket) => {
      const chunks: Buffer[] = [];
      archives[index]?.push({ chunks, socket });
      socket.on('error', () => {});
      socket.on('data', (chunk) => chunks.push(chunk));
      answer(socket, (...pdus) =>
        socket.write(archiveDamage ? damaged(pdus, archiveDamage(index)) : Buffer.concat(pdus)),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onCleanUp(() => void server.close());
    upstreams[lane] = { servers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] };
  }
  gateway = await TestGateway.start(
    plainConfiguration(
      0,
      { allow: ['echo', 'store', 'find', 'move'], storeSopClasses: 'CTImageStorage', dataSets: 'off' },
      // A peer that has closed its side waits for an answer that a damaged archive may never give.
      { upstreams, timeouts: { closeSeconds: 0.2, ...UNANSWERED } },
    ),
  );
});

/** Sends the bytes, closes when nothing more comes, and gives what came. */
async function converse(bytes: Buffer): Promise<Buffer> {
  const socket = connect(gateway.port(), '127.0.0.1');
  const chunks: Buffer[] = [];
  let turns = 0;
  let hasEnded = false;
  socket.on('error', () => {});
  socket.once('close', () => {
    hasEnded = true;
  });
  socket.on('data', (chunk) => {
    turns = 0;
    chunks.push(chunk);
    // These have ten bytes, and nothing follows them.
    const { AssociateRj, ReleaseRp, Abort } = PduType;
    if ([AssociateRj, ReleaseRp, Abort].some((type) => type === chunk.at(-10))) socket.end();
  });
  socket.write(bytes);
  for (; turns < QUIET_TURNS && !hasEnded; turns += 1) await nextTurn();
  socket.end();
  if (!hasEnded) await once(socket, 'close');
  return Buffer.concat(chunks);
}

interface Outcome {
  readonly lane: string;
  readonly sent: Buffer;
  readonly answered: Buffer;
  /** What came to the archive, if it was connected. */
  readonly forwarded: Buffer | undefined;
}

/** Runs conversations in all lanes; `check` throws where one went wrong. */
async function run(makeBytes: (lane: string, number: number) => Buffer, check: (outcome: Outcome) => void) {
  let next = 0;
  let hasFailed = false;
  const inLane = async (lane: string, index: number) => {
    const connections = archives[index]!;
    for (let number = next++; number < CONVERSATIONS && !hasFailed; number = next++) {
      connections.length = 0;
      const sent = makeBytes(lane, number);
      const answered = await converse(sent);
      for (const { socket } of connections) if (!socket.destroyed) await once(socket, 'close');
      // One without a byte was dialled when its modality was gone already.
      const spoken = connections.filter(({ chunks }) => chunks.length > 0);
      const forwarded = spoken[0] && Buffer.concat(spoken[0].chunks);
      try {
        expect(spoken.length).toBeLessThanOrEqual(1);
        check({ lane, sent, answered, forwarded });
      } catch (error) {
        hasFailed = true;
        throw new Error(`conversation ${number} went wrong: ${(error as Error).message}`);
      }
    }
  };
  const results = await Promise.allSettled(lanes.map(inLane));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** One letter for each PDU type, so that an order of PDUs is a regular expression. */
const letters: Readonly<Record<number, string>> = {
  [PduType.AssociateRq]: 'q',
  [PduType.AssociateAc]: 'c',
  [PduType.AssociateRj]: 'j',
  [PduType.PDataTf]: 'd',
  [PduType.ReleaseRq]: 'r',
  [PduType.ReleaseRp]: 'p',
  [PduType.Abort]: 'a',
};

function order(pduTypes: readonly number[]) {
  return pduTypes.map((type) => letters[type]).join('');
}

function titles(rq: AssociateRq | undefined) {
  return [rq?.calling ?? '', rq?.called ?? ''].map((title) => title.toUpperCase());
}

function expectCanonical(messages: readonly ReadMessage[]): void {
  for (const { commandBytes } of messages) expect(whyNotCanonical(commandBytes)).toBeUndefined();
}

/**
 * What was forwarded was sent in this order and is allowed; the last message may be cut. Between them messages may be
 * missing: a damaged request is refused alone, and the association goes on.
 */
function expectOnlyAllowed({ lane, sent, forwarded }: Outcome): void {
  if (forwarded === undefined) return;
  const said = readConversation(sent);
  const heard = readConversation(forwarded);
  expect([heard.fault, heard.restBytes]).toEqual([undefined, 0]);
  // A second A-ABORT answers what comes behind the first (PS3.8 Table 9-10, AA-7).
  expect(order(heard.pduTypes)).toMatch(/^qd*r?a*$/);
  expect(titles(heard.associateRq)).toEqual(['CT1', lane]);
  // Read from the bytes: what is broken behind the titles no longer keeps the gateway from reading them.
  const saidTitles = [sent.toString('latin1', 26, 42), sent.toString('latin1', 10, 26)];
  expect(saidTitles.map((title) => title.replace(/\0.*/s, '').trim().toUpperCase())).toEqual(['CT1', lane]);
  expectCanonical(heard.messages);
  const allowedMessages = said.messages.filter(({ command }) =>
    allowed.some(
      ({ CommandField: field, AffectedSOPClassUID: sopClass }) =>
        command.CommandField === field && command.AffectedSOPClassUID === sopClass,
    ),
  );
  let next = 0;
  for (const [index, message] of heard.messages.entries()) {
    const found = allowedMessages.findIndex(
      ({ contextId, command }, at) =>
        at >= next && contextId === message.contextId && isDeepStrictEqual(command, message.command),
    );
    const original = allowedMessages[found === -1 ? next : found];
    next = found + 1;
    expect([message.contextId, message.command]).toEqual([original?.contextId, original?.command]);
    const { dataSet, isComplete } = message;
    expect(isComplete && original?.isComplete !== true).toBe(false);
    const expected = isComplete ? original!.dataSet : original!.dataSet.subarray(0, dataSet.length);
    expect(dataSet.equals(expected)).toBe(true);
    if (!isComplete) expect(index).toBe(heard.messages.length - 1);
  }
}

/** What the modality got can be read, and answers what it sent. */
function expectReadable({ sent, answered }: Outcome): void {
  const said = readConversation(sent);
  const got = readConversation(answered);
  expect([got.fault, got.restBytes]).toEqual([undefined, 0]);
  expect(order(got.pduTypes)).toMatch(/^(j?a*|cd*(p?a*))$/);
  expectCanonical(got.messages);
  for (const { contextId, command } of got.messages) {
    expect(
      said.messages.some(
        (message) =>
          message.contextId === contextId &&
          message.command.MessageID === command.MessageIDBeingRespondedTo &&
          (message.command.CommandField! | RESPONSE_BIT) === command.CommandField,
      ),
    ).toBe(true);
  }
}

/** Nothing is left, and every connection was reported once. */
async function expectBaseline(): Promise<void> {
  await gateway.untilIdle();
  expect(gateway.places.taken).toBe(0);
  const ends = ['connection.refused', 'association.rejected', 'association.released', 'association.aborted'];
  const reports = new Map<string, number>();
  for (const { event, connectionId, reason, detail } of gateway.events.splice(0)) {
    if (reason === 'gateway-error') throw new Error(`a defect: ${detail}`);
    if (ends.includes(event)) reports.set(connectionId!, (reports.get(connectionId!) ?? 0) + 1);
  }
  expect(reports.size).toBe(CONVERSATIONS);
  expect([...reports.values()].filter((count) => count !== 1)).toEqual([]);
}

it('lets nothing through that is not allowed, whatever a modality sends', async () => {
  let forwardedCount = 0;
  await run(
    (lane, number) => damaged(conversation(lane), new Random(number)),
    (outcome) => {
      if (outcome.forwarded !== undefined) forwardedCount += 1;
      expectOnlyAllowed(outcome);
      expectReadable(outcome);
    },
  );
  // Most of them get as far as the archive, or the test shows little.
  expect(forwardedCount).toBeGreaterThan(CONVERSATIONS / 2);
  await expectBaseline();
}, 60_000);

it('passes nothing on that cannot be read, whatever an archive answers', async () => {
  const randomByLane = lanes.map(() => new Random(0));
  archiveDamage = (index) => randomByLane[index]!;
  await run(
    (lane, number) => {
      randomByLane[lanes.indexOf(lane)] = new Random(number);
      return Buffer.concat(conversation(lane));
    },
    (outcome) => {
      expectOnlyAllowed(outcome);
      expectReadable(outcome);
    },
  );
  await expectBaseline();
}, 60_000);
