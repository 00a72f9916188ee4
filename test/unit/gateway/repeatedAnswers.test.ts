/** The fast path beside the way that every message takes: what is cut inside a message takes the latter. */
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AcceptedContexts } from '../../../src/association/negotiation';
import { LastAnswer } from '../../../src/gateway/repeatedAnswers';
import {
  type CommandSet,
  commandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  CommandField as RequestField,
  releaseRq,
  responseTo,
} from '../../support/dicomBytes';
import { contexts, RelayedLegs, receivedFrom, turn } from '../../support/relayedLegs';
import { SopClass, TransferSyntax } from '../../support/uids';

const PENDING = 0xff00;

const all: RelayedLegs[] = [];
afterEach(async () => {
  for (const legs of all.splice(0)) legs.end();
  await turn();
});

function request(field: number, sopClass: string, messageId: number): CommandSet {
  return numberedRequest(
    messageId,
    { CommandField: field, AffectedSOPClassUID: sopClass, Priority: 0 },
    true,
  );
}

function getRequest(messageId: number): CommandSet {
  return request(RequestField.CGetRq, SopClass.StudyRootGet, messageId);
}

function answer(messageId: number, dataSet: Buffer, contextId = 7, more: Partial<CommandSet> = {}): Buffer {
  const response = responseTo(getRequest(messageId), { Status: PENDING, CommandDataSetType: 1, ...more });
  return Buffer.concat(messagePdus(contextId, response, dataSet));
}

/** On 9, answers to the same requests are written in another transfer syntax. */
const withSecondWay: AcceptedContexts = new Map<number, { abstractSyntax: string; transferSyntax: string }>([
  ...contexts,
  [9, { abstractSyntax: SopClass.StudyRootGet, transferSyntax: TransferSyntax.ExplicitVrLittleEndian }],
]);

/** A command set on one context and its data set on another, which ends the association. */
function mixedAnswer(contextId: number, dataSetContextId: number): Buffer {
  const [command] = messagePdus(
    contextId,
    responseTo(getRequest(2), { Status: PENDING, CommandDataSetType: 1 }),
  );
  const dataSet = { contextId: dataSetContextId, isCommand: false, isLast: true, fragment: Buffer.alloc(8) };
  return Buffer.concat([command!, pDataTf(dataSet)]);
}

/** Each piece of what the upstream sends, mostly answers that are alike. */
const pieces = fc.oneof(
  {
    weight: 12,
    arbitrary: fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => answer(2, Buffer.from(bytes.length % 2 === 0 ? bytes : [...bytes, 0]))),
  },
  { weight: 1, arbitrary: fc.constant(answer(2, Buffer.alloc(7, 1))) },
  { weight: 1, arbitrary: fc.constant(answer(4, Buffer.alloc(8, 4))) },
  { weight: 1, arbitrary: fc.constant(answer(2, Buffer.alloc(8, 3), 3)) },
  { weight: 1, arbitrary: fc.constant(answer(2, Buffer.alloc(8, 5), 5)) },
  { weight: 3, arbitrary: fc.constant(answer(2, Buffer.alloc(8, 9), 9)) },
  { weight: 1, arbitrary: fc.constantFrom(mixedAnswer(7, 9), mixedAnswer(9, 7)) },
  {
    weight: 1,
    arbitrary: fc.constant(answer(2, Buffer.alloc(8, 6), 7, { NumberOfRemainingSuboperations: 3 })),
  },
  // Longer than what the inbound peer takes.
  { weight: 1, arbitrary: fc.constant(answer(2, Buffer.alloc(400, 9))) },
  { weight: 1, arbitrary: fc.constant(answer(2, Buffer.alloc(8, 7), 7, { Status: 0 })) },
  // The upstream asks meanwhile, and not rightly.
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      Buffer.concat(messagePdus(1, request(RequestField.CEchoRq, SopClass.Verification, 9))),
      pDataTf({
        contextId: 7,
        isCommand: true,
        isLast: true,
        fragment: commandSet(responseTo(getRequest(2), { Status: PENDING, CommandDataSetType: 1 })),
      }),
      pDataTf({ contextId: 7, isCommand: false, isLast: true, fragment: Buffer.alloc(8) }),
      releaseRq(),
      Buffer.from([4, 0, 0, 0, 0, 4, 0, 0, 0, 0]),
    ),
  },
);

/** What the inbound peer got and what was recorded, when the upstream sends this in one chunk or in many. */
async function outcomeOf(chunks: readonly Buffer[]) {
  const legs = new RelayedLegs({ maxPduLengths: { inbound: 256 }, contexts: withSecondWay });
  all.push(legs);
  await turn();
  for (const messageId of [2, 4]) {
    legs.inbound.socket.deliver(...messagePdus(7, getRequest(messageId), Buffer.alloc(8)));
  }
  await turn();
  for (const chunk of chunks) legs.upstream.socket.deliver(chunk);
  for (let turns = 0; turns < 12; turns += 1) await turn();
  const written = legs.inbound.socket.takeWritten();
  const recorded = legs.recorded.map(({ durationMs, excerpt, ...facts }) => facts);
  return { written: written.toString('hex'), recorded, endings: legs.endings };
}

function cutInTwos(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  // Shorter than a PDU, so that no chunk holds a message.
  for (let start = 0; start < bytes.length; start += 10) chunks.push(bytes.subarray(start, start + 10));
  return chunks;
}

describe('answers that are as the one before', () => {
  it('are passed and recorded as each of them would be alone', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { minLength: 3, maxLength: 30 }), async (sent) => {
        const bytes = Buffer.concat(sent);
        expect(await outcomeOf([bytes])).toEqual(await outcomeOf(cutInTwos(bytes)));
      }),
      { numRuns: 40 },
    );
  });

  it('end the association where a data set is on the context of an answer before', async () => {
    const onTwo = [9, 9, 7].map((contextId) => answer(2, Buffer.alloc(8), contextId));
    const bytes = Buffer.concat([...onTwo, mixedAnswer(9, 7)]);
    const outcome = await outcomeOf([bytes]);
    expect(outcome).toMatchObject({ endings: 1 });
    expect(outcome).toEqual(await outcomeOf(cutInTwos(bytes)));
  });

  it('are taken many in one go', async () => {
    const legs = new RelayedLegs();
    all.push(legs);
    await turn();
    legs.inbound.socket.deliver(...messagePdus(7, getRequest(2), Buffer.alloc(8)));
    await turn();
    const takes: number[] = [];
    const answers = Buffer.concat([1, 2, 3, 4, 5].map((byte) => answer(2, Buffer.alloc(10, byte))));
    const { take } = LastAnswer.prototype;
    LastAnswer.prototype.take = function (this: LastAnswer, chunk, offset) {
      const taken = take.call(this, chunk, offset);
      takes.push(this.pdus);
      return taken;
    };
    try {
      legs.upstream.socket.deliver(answers);
    } finally {
      LastAnswer.prototype.take = take;
    }
    // The first two show that they are alike. The data set of the second is asked about too.
    expect(takes).toEqual([0, 6]);
    await turn();
    await turn();
    const { messages } = receivedFrom(legs.inbound.socket.takeWritten());
    expect(messages.map(({ dataSet }) => dataSet?.[0])).toEqual([1, 2, 3, 4, 5]);
    expect(legs.relay.progress()?.bytes).toBe(8 + 50);
  });
});
