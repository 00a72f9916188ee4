/** What one half of a relay does with the messages of its peer, on two legs without a network. */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CommandSet as Command } from '../../../src/dimse/commandSet';
import type { Decision } from '../../../src/policy/reasons';
import {
  type CommandSet,
  commandSet,
  messagePdus,
  numberedRequest,
  CommandField as RequestField,
  responseTo,
} from '../../support/dicomBytes';
import type { DicomMessage } from '../../support/dicomReading';
import { fragmented, RelayedLegs, receivedFrom, turn } from '../../support/relayedLegs';
import { SopClass } from '../../support/uids';

const REFUSED = 0x0124;

const all: RelayedLegs[] = [];
afterEach(async () => {
  for (const legs of all.splice(0)) legs.end();
  await turn();
});

/** Refuses what has an odd message ID. */
function refuseOdd({ MessageID = 0 }: Command): Decision {
  return MessageID % 2 === 0 ? { allowed: true } : { allowed: false, reason: 'command-not-allowed' };
}

async function relayed(...options: ConstructorParameters<typeof RelayedLegs>): Promise<RelayedLegs> {
  const legs = new RelayedLegs({ decideCommand: refuseOdd, ...options[0] });
  all.push(legs);
  await turn();
  return legs;
}

function storeRequest(messageId: number) {
  return numberedRequest(
    messageId,
    {
      CommandField: RequestField.CStoreRq,
      AffectedSOPClassUID: SopClass.CTImageStorage,
      AffectedSOPInstanceUID: '1.2.3',
      Priority: 0,
    },
    true,
  );
}

function getRequest(messageId: number) {
  const request = {
    CommandField: RequestField.CGetRq,
    AffectedSOPClassUID: SopClass.StudyRootGet,
    Priority: 0,
  };
  return numberedRequest(messageId, request, true);
}

function bytesOf(length: number, seed = 7): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + seed) & 0xff));
}

/** Message ID (of a response, the one it answers), status, and a digest of the data set. */
function outlineOf({ command, dataSet }: DicomMessage): string {
  const id = command.MessageID ?? `re ${command.MessageIDBeingRespondedTo}`;
  const status = command.Status === undefined ? '' : ` ${command.Status.toString(16)}`;
  return `${id}${status} ${createHash('sha256').update(dataSet).digest('hex').slice(0, 8)} ${dataSet.length}`;
}

function taken({ socket }: RelayedLegs['inbound']): string[] {
  return receivedFrom(socket.takeWritten()).messages.map(outlineOf);
}

function sent(command: CommandSet, dataSet: Buffer, contextId = 3): string {
  return outlineOf({ contextId, command, dataSet, sha256: undefined, dataSetBytes: dataSet.length });
}

describe('a message', () => {
  const dataSet = bytesOf(60);
  const stream = Buffer.concat(messagePdus(3, storeRequest(2), dataSet, 32));

  it('arrives whole, wherever its bytes are cut', async () => {
    for (let cut = 0; cut <= stream.length; cut += 1) {
      const legs = await relayed();
      legs.inbound.socket.deliver(stream.subarray(0, cut), stream.subarray(cut));
      await turn();
      expect(taken(legs.upstream)).toEqual([sent(storeRequest(2), dataSet)]);
      expect(legs.inbound.socket.written.length).toBe(0);
    }
  });

  it('that is refused leaves no byte upstream, wherever it is cut; its answer comes once', async () => {
    const refused = Buffer.concat(messagePdus(3, storeRequest(1), dataSet, 32));
    for (let cut = 0; cut <= refused.length; cut += 1) {
      const legs = await relayed();
      legs.inbound.socket.deliver(refused.subarray(0, cut));
      await turn();
      // Not before the data set is drained: half-duplex senders write everything before they read.
      expect(taken(legs.inbound)).toHaveLength(cut === refused.length ? 1 : 0);
      legs.inbound.socket.deliver(refused.subarray(cut));
      await turn();
      if (cut < refused.length)
        expect(taken(legs.inbound)).toEqual([
          sent({ MessageIDBeingRespondedTo: 1, Status: REFUSED }, Buffer.alloc(0)),
        ]);
      expect(legs.upstream.socket.written.length).toBe(0);
      expect(legs.outline).toEqual(['command.refused command-not-allowed']);
    }
  });

  it('may be odd, and is padded then', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...messagePdus(5, storeRequest(2), bytesOf(7)));
    await turn();
    expect(taken(legs.upstream)).toEqual([
      sent(storeRequest(2), Buffer.concat([bytesOf(7), Buffer.alloc(1)])),
    ]);
  });

  it('that cancels is passed on only where there is something to cancel', async () => {
    const legs = await relayed();
    const cancel = (id: number) => ({
      CommandField: RequestField.CCancelRq,
      MessageIDBeingRespondedTo: id,
      CommandDataSetType: 0x0101,
    });
    legs.inbound.socket.deliver(
      ...messagePdus(7, getRequest(2), bytesOf(10)),
      ...messagePdus(7, cancel(4)),
      ...messagePdus(3, cancel(2)),
      ...messagePdus(7, cancel(2)),
    );
    await turn();
    const { messages } = receivedFrom(legs.upstream.socket.takeWritten());
    // It names the operation by its message ID, and goes on the context of the operation.
    expect(messages.map(({ contextId, command }) => [contextId, command.CommandField])).toEqual([
      [7, RequestField.CGetRq],
      [7, RequestField.CCancelRq],
      [7, RequestField.CCancelRq],
    ]);
  });

  it.each<[string, Buffer[]]>([
    [
      'names no operation',
      messagePdus(7, { CommandField: RequestField.CCancelRq, CommandDataSetType: 0x0101 }),
    ],
    [
      'has a data set',
      messagePdus(
        7,
        { CommandField: RequestField.CCancelRq, MessageIDBeingRespondedTo: 2, CommandDataSetType: 1 },
        bytesOf(4),
      ),
    ],
  ])('that cancels and %s is left out and noted', async (_what, cancel) => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...messagePdus(7, getRequest(2), bytesOf(10)), ...cancel);
    await turn();
    const { messages } = receivedFrom(legs.upstream.socket.takeWritten());
    expect(messages.map(({ command }) => command.CommandField)).toEqual([RequestField.CGetRq]);
    expect(legs.inbound.socket.written.length).toBe(0);
    expect(legs.outline).toEqual(['command.refused command-set-refused']);
    expect(legs.recorded.at(-1)).toMatchObject({
      command: 'C-CANCEL',
      detail: expect.stringContaining('C-CANCEL'),
    });
  });
});

describe('a response on another context that was accepted', () => {
  it('goes out on the context of its request', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...messagePdus(3, storeRequest(2), bytesOf(10)));
    await turn();
    legs.upstream.socket.deliver(...messagePdus(5, responseTo(storeRequest(2))));
    await turn();
    const [message] = receivedFrom(legs.inbound.socket.takeWritten()).messages;
    expect([message?.contextId, message?.command.Status, legs.outline]).toEqual([
      3,
      0,
      ['command.completed'],
    ]);
  });

  it.each([
    [3, 7],
    [5, 5],
  ])('and has a data set: from %d on %d, so that it can be read', async (context, expected) => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...messagePdus(7, getRequest(2), bytesOf(10)));
    await turn();
    const response = responseTo(getRequest(2), { Status: 0xff00, CommandDataSetType: 1 });
    legs.upstream.socket.deliver(...messagePdus(context, response, bytesOf(10)));
    // A pending answer waits for a turn that brings nothing more.
    await turn();
    await turn();
    const [message] = receivedFrom(legs.inbound.socket.takeWritten()).messages;
    expect([message?.contextId, message?.dataSet]).toEqual([expected, bytesOf(10)]);
  });
});

describe('a warning with more responses behind it', () => {
  it('is relayed, and so are they; the command has one line', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...messagePdus(7, getRequest(2), bytesOf(10)));
    await turn();
    for (const Status of [0xff00, 0xb001, 0]) {
      legs.upstream.socket.deliver(...messagePdus(7, responseTo(getRequest(2), { Status })));
    }
    await turn();
    const { messages } = receivedFrom(legs.inbound.socket.takeWritten());
    expect(messages.map(({ command }) => command.Status)).toEqual([0xff00, 0xb001, 0]);
    expect(legs.recorded.map(({ event, status }) => `${event} ${status}`)).toEqual([
      'command.completed 0xB001',
    ]);
  });
});

describe('a refusal, while a message of the upstream goes out to the same peer', () => {
  const retrieved = bytesOf(50, 3);
  const get = getRequest(2);
  const command = commandSet(storeRequest(9));
  const parts = [...fragmented(3, command, true, [20]), ...fragmented(3, retrieved, false, [1, 10, 24, 49])];

  it('comes before or after it, never within, wherever the two meet', async () => {
    const refused = messagePdus(3, storeRequest(1), bytesOf(8));
    for (let meeting = 0; meeting <= parts.length; meeting += 1) {
      const legs = await relayed();
      legs.inbound.socket.deliver(...messagePdus(7, get, bytesOf(10)));
      await turn();
      legs.upstream.socket.deliver(...parts.slice(0, meeting));
      await turn();
      legs.inbound.socket.deliver(...refused);
      await turn();
      legs.upstream.socket.deliver(...parts.slice(meeting));
      await turn();
      // The command goes out with its last fragment, the second.
      const isFirst = meeting < 2;
      const reply = `re 1 ${REFUSED.toString(16)} e3b0c442 0`;
      const store = sent(storeRequest(9), retrieved);
      expect(taken(legs.inbound)).toEqual(isFirst ? [reply, store] : [store, reply]);
    }
  });

  it('is not read on without bound: the sender waits after sixteen', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...messagePdus(7, get, bytesOf(10)));
    await turn();
    legs.upstream.socket.deliver(...parts.slice(0, 4));
    for (let count = 0; count < 40; count += 1) {
      legs.inbound.socket.deliver(
        ...messagePdus(3, storeRequest(2 * count + 1), bytesOf(8)).map((pdu) => Buffer.from(pdu)),
      );
    }
    await turn();
    const refused = () => legs.outline.filter((name) => name.startsWith('command.refused')).length;
    expect(refused()).toBe(16);
    expect(legs.inbound.socket.isPaused).toBe(true);
    legs.upstream.socket.deliver(...parts.slice(4));
    await turn();
    await turn();
    expect(refused()).toBe(40);
    expect(taken(legs.inbound)).toHaveLength(41);
    expect(legs.inbound.socket.isPaused).toBe(false);
  });
});

describe('a peer that does not take its bytes', () => {
  it.each([
    ['the upstream', 'upstream', 'inbound'],
    ['the peer that dialled us', 'inbound', 'upstream'],
  ] as const)('stops the other one, and nothing else: %s', async (_name, slow, fast) => {
    const legs = await relayed();
    const dataSet = bytesOf(400_000);
    const request = storeRequest(slow === 'upstream' ? 2 : 9);
    if (slow === 'inbound') {
      legs.inbound.socket.deliver(...messagePdus(7, getRequest(2), bytesOf(10)));
      await turn();
      legs.upstream.socket.takeWritten();
    }
    legs[slow].socket.isTaking = false;
    const pdus = messagePdus(3, request, dataSet, 16_384);
    const got: Buffer[] = [];
    for (const pdu of pdus) {
      legs[fast].socket.deliver(pdu);
      await turn();
    }
    expect(legs[fast].socket.isPaused).toBe(true);
    expect(legs[slow].socket.isPaused).toBe(false);
    const waiting = legs[fast].socket.undeliveredBytes;
    expect(waiting).toBeGreaterThan(200_000);
    for (let rounds = 0; legs[fast].socket.undeliveredBytes > 0 && rounds < 50; rounds += 1) {
      legs[slow].socket.takeAgain();
      await turn();
    }
    await turn();
    got.push(legs[slow].socket.takeWritten());
    expect(receivedFrom(Buffer.concat(got)).messages.map(outlineOf)).toEqual([sent(request, dataSet)]);
    expect(legs[fast].socket.isPaused).toBe(false);
  });

  it('and asks without reading the answers, is not read until it takes them', async () => {
    const legs = await relayed();
    const request = messagePdus(3, storeRequest(1), bytesOf(2));
    legs.inbound.socket.isTaking = false;
    for (let count = 0; count < 2000 && !legs.inbound.socket.isPaused; count += 1) {
      legs.inbound.socket.deliver(...request);
      await turn();
    }
    expect(legs.inbound.socket.isPaused).toBe(true);
    legs.inbound.socket.takeAgain();
    await turn();
    expect(legs.inbound.socket.isPaused).toBe(false);
  });
});

interface Request {
  readonly isAllowed: boolean;
  readonly dataBytes: number;
}

describe('any conversation', () => {
  it('gives each side what a model gives, in order, whatever the chunks and whichever comes first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ isAllowed: fc.boolean(), dataBytes: fc.nat({ max: 60 }).map((n) => n * 2 + 2) }),
          {
            minLength: 1,
            maxLength: 6,
          },
        ),
        fc.array(fc.record({ isInbound: fc.boolean(), bytes: fc.integer({ min: 1, max: 90 }) }), {
          maxLength: 60,
        }),
        fc.integer({ min: 20, max: 200 }),
        async (requests: readonly Request[], steps, maxPduLength) => {
          const legs = await relayed({
            maxPduLengths: { inbound: maxPduLength, upstream: 300 - maxPduLength },
          });
          const messages = requests.map(({ isAllowed, dataBytes }, index) => ({
            isAllowed,
            command: storeRequest(2 * index + (isAllowed ? 2 : 1)),
            dataSet: bytesOf(dataBytes, index),
          }));
          let toGateway = Buffer.concat(
            messages.flatMap(({ command, dataSet }) => messagePdus(3, command, dataSet, maxPduLength)),
          );
          let fromUpstream = Buffer.alloc(0);
          const upstreamGot: Buffer[] = [];
          let answered = 0;
          const step = async (isInbound: boolean, count: number) => {
            if (isInbound) {
              legs.inbound.socket.deliver(toGateway.subarray(0, count));
              toGateway = toGateway.subarray(count);
            } else {
              legs.upstream.socket.deliver(fromUpstream.subarray(0, count));
              fromUpstream = fromUpstream.subarray(count);
            }
            await turn();
            upstreamGot.push(legs.upstream.socket.takeWritten());
            const whole = wholeMessages(Buffer.concat(upstreamGot));
            for (const { command } of whole.slice(answered)) {
              fromUpstream = Buffer.concat([fromUpstream, ...messagePdus(3, responseTo(command))]);
            }
            answered = whole.length;
          };
          for (const { isInbound, bytes } of steps) await step(isInbound, bytes);
          while (toGateway.length > 0) await step(true, 97);
          while (fromUpstream.length > 0) await step(false, 97);
          const allowed = messages.filter(({ isAllowed }) => isAllowed);
          expect(receivedFrom(Buffer.concat(upstreamGot)).messages.map(outlineOf)).toEqual(
            allowed.map(({ command, dataSet }) => sent(command, dataSet)),
          );
          const answers = receivedFrom(legs.inbound.socket.takeWritten()).messages.map(
            ({ command }) => `${command.MessageIDBeingRespondedTo} ${command.Status}`,
          );
          const expected = messages.map(
            ({ command, isAllowed }) => `${command.MessageID} ${isAllowed ? 0 : REFUSED}`,
          );
          expect(answers.toSorted()).toEqual(expected.toSorted());
          // Each kind of answer keeps the order of its requests.
          for (const kind of [' 0', ` ${REFUSED}`]) {
            expect(answers.filter((answer) => answer.endsWith(kind))).toEqual(
              expected.filter((answer) => answer.endsWith(kind)),
            );
          }
          expect(legs.outline.toSorted()).toEqual(
            messages
              .map(({ isAllowed }) =>
                isAllowed ? 'command.completed' : 'command.refused command-not-allowed',
              )
              .toSorted(),
          );
          legs.end();
        },
      ),
      { numRuns: 80 },
    );
  });
});

/** The messages that are complete; an unfinished PDU or message at the end is left out. */
function wholeMessages(bytes: Buffer): DicomMessage[] {
  let end = 0;
  while (end + 6 <= bytes.length && end + 6 + bytes.readUInt32BE(end + 2) <= bytes.length) {
    end += 6 + bytes.readUInt32BE(end + 2);
  }
  return receivedFrom(bytes.subarray(0, end)).messages;
}
