/** Two joined associations: how each end of one is an end of the other, in every phase, and the timers between them. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  abort,
  type CommandSet,
  messagePdus,
  numberedRequest,
  pdu,
  CommandField as RequestField,
  releaseRp,
  releaseRq,
  responseTo,
} from '../../support/dicomBytes';
import { RelayedLegs, receivedFrom, turn } from '../../support/relayedLegs';
import { SopClass } from '../../support/uids';

const all: RelayedLegs[] = [];
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
});
afterEach(async () => {
  for (const legs of all.splice(0)) legs.end();
  await turn();
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

async function relayed(...options: ConstructorParameters<typeof RelayedLegs>): Promise<RelayedLegs> {
  const legs = new RelayedLegs(...options);
  all.push(legs);
  await turn();
  return legs;
}

async function passed(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await turn();
}

function request(messageId: number, field: number, sopClass: string, hasDataSet = true): CommandSet {
  const instance = hasDataSet && field === RequestField.CStoreRq ? { AffectedSOPInstanceUID: '1.2.3' } : {};
  const priority = field === RequestField.CEchoRq ? {} : { Priority: 0 };
  return numberedRequest(
    messageId,
    { CommandField: field, AffectedSOPClassUID: sopClass, ...instance, ...priority },
    hasDataSet,
  );
}

const store = request(2, RequestField.CStoreRq, SopClass.CTImageStorage);
const echo = request(4, RequestField.CEchoRq, SopClass.Verification, false);
const get = request(6, RequestField.CGetRq, SopClass.StudyRootGet);
const dataSet = Buffer.alloc(40, 5);
const storePdus = messagePdus(3, store, dataSet, 26);
const getPdus = messagePdus(7, get, dataSet);
const subStorePdus = messagePdus(3, { ...store, MessageID: 9 }, dataSet, 26);

/** Where an association can be when something ends it; each leaves nothing unread. */
const phases: Readonly<Record<string, (legs: RelayedLegs) => Promise<void>>> = {
  idle: async () => {},
  'inside a request': async ({ inbound }) => inbound.socket.deliver(...storePdus.slice(0, 2)),
  'awaiting the response': async ({ inbound }) => inbound.socket.deliver(...storePdus),
  'inside a message of the upstream': async ({ inbound, upstream }) => {
    inbound.socket.deliver(...getPdus);
    await turn();
    upstream.socket.deliver(...subStorePdus.slice(0, 2));
  },
  releasing: async ({ inbound }) => inbound.socket.deliver(releaseRq()),
  'releasing, with a response due': async ({ inbound }) => inbound.socket.deliver(...storePdus, releaseRq()),
};

/** Operations without a final response in each phase. */
const unanswered: Readonly<Record<string, number>> = {
  idle: 0,
  'inside a request': 1,
  'awaiting the response': 1,
  'inside a message of the upstream': 2,
  releasing: 0,
  'releasing, with a response due': 1,
};

interface Failure {
  readonly how: string;
  readonly fail: (socket: RelayedLegs['inbound']['socket']) => void;
  readonly reasonOf: (side: 'inbound' | 'upstream') => string;
  /** What the other side gets. */
  readonly passedOn: Buffer;
}

function nameOf(side: 'inbound' | 'upstream') {
  return side === 'inbound' ? 'modality' : 'upstream';
}

const failures: readonly Failure[] = [
  {
    how: 'closes',
    fail: (socket) => socket.closeByPeer(),
    reasonOf: (side) => `${nameOf(side)}-closed`,
    passedOn: abort(2, 0),
  },
  {
    how: 'resets',
    fail: (socket) => socket.closeByPeer('ECONNRESET'),
    reasonOf: (side) => `${nameOf(side)}-closed`,
    passedOn: abort(2, 0),
  },
  {
    how: 'aborts',
    fail: (socket) => socket.deliver(abort(0, 4)),
    reasonOf: (side) => `${nameOf(side)}-aborted`,
    passedOn: abort(0, 4),
  },
  {
    how: 'sends what is not a PDU',
    fail: (socket) => socket.deliver(pdu(0x99)),
    reasonOf: () => 'pdu-type-unknown',
    passedOn: abort(2, 0),
  },
];

const endings = Object.entries(phases)
  .flatMap(([phase, reach]) =>
    (['inbound', 'upstream'] as const).flatMap((side) =>
      failures.map((failure) => ({ phase, reach, side, ...failure })),
    ),
  )
  // No failure: the work was done (see "a release").
  .filter(({ phase, how }) => !(phase === 'releasing' && (how === 'closes' || how === 'resets')));

describe('a leg that fails', () => {
  it.each(endings)(
    'ends the other one too: $side $how, $phase',
    async ({ phase, reach, side, fail, reasonOf, passedOn }) => {
      const legs = await relayed();
      await reach(legs);
      await turn();
      const other = side === 'inbound' ? legs.upstream : legs.inbound;
      legs.inbound.socket.takeWritten();
      legs.upstream.socket.takeWritten();
      const recordedAtWrite: string[] = [];
      other.socket.wrote = () => recordedAtWrite.push(legs.outline.at(-1) ?? '');
      fail(legs[side].socket);
      await turn();
      const reason = reasonOf(side);
      expect(other.socket.takeWritten()).toEqual(passedOn);
      expect(legs.outline).toEqual([
        ...Array(unanswered[phase]).fill(`command.completed ${reason}`),
        `association.aborted ${reason}`,
      ]);
      // The line comes before the bytes.
      expect(recordedAtWrite).toEqual([`association.aborted ${reason}`]);
      expect([legs.endings, legs.relay.isOver]).toEqual([1, true]);
      // What still comes from either peer changes nothing.
      for (const { socket } of [legs.inbound, legs.upstream]) socket.deliver(...messagePdus(1, echo));
      legs.inbound.socket.closeByPeer();
      legs.upstream.socket.closeByPeer();
      await turn();
      expect([legs.endings, legs.outline.length]).toEqual([1, 1 + unanswered[phase]!]);
    },
  );

  it.each(Object.entries(phases))('may be both, by order of the gateway: %s', async (phase, reach) => {
    const legs = await relayed();
    await reach(legs);
    await turn();
    legs.inbound.socket.takeWritten();
    legs.upstream.socket.takeWritten();
    const recordedAtWrite: string[] = [];
    for (const { socket } of [legs.inbound, legs.upstream]) {
      socket.wrote = () => recordedAtWrite.push(legs.outline.at(-1) ?? '');
    }
    legs.relay.abort('gateway-stopped');
    legs.relay.abort('gateway-stopped');
    await turn();
    expect(legs.inbound.socket.takeWritten()).toEqual(abort(2, 0));
    expect(legs.upstream.socket.takeWritten()).toEqual(abort(2, 0));
    expect(recordedAtWrite).toEqual(Array(2).fill('association.aborted gateway-stopped'));
    expect([legs.endings, legs.outline.length]).toEqual([1, 1 + unanswered[phase]!]);
  });
});

describe('what came whole before the end, in the same read, still goes out', () => {
  const refusal = messagePdus(3, responseTo(store, { Status: 0xa700 }));

  it.each([
    ['an A-ABORT', [abort(0, 4)], 'association.aborted upstream-aborted', abort(0, 4)],
    ['a release', [releaseRq()], 'association.aborted upstream-released', abort(2, 0)],
    ['a second response', refusal, 'association.aborted state-response-unexpected', abort(2, 0)],
    ['what is not a PDU', [pdu(0x99)], 'association.aborted pdu-type-unknown', abort(2, 0)],
  ] as const)('an answer and %s', async (_name, behind, end, passedOn) => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus);
    await turn();
    legs.upstream.socket.deliver(Buffer.concat([...refusal, ...behind]));
    await turn();
    const written = legs.inbound.socket.takeWritten();
    expect(receivedFrom(written)).toMatchObject({ messages: [{ command: { Status: 0xa700 } }], others: [7] });
    expect(written.subarray(-passedOn.length)).toEqual(passedOn);
    expect(legs.outline).toEqual(['command.completed', end]);
    expect(legs.recorded[0]).toMatchObject({ status: '0xA700', outcome: 'allowed' });
  });

  it('an answer and the end of the connection', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus);
    await turn();
    legs.upstream.socket.deliver(...refusal);
    legs.upstream.socket.closeByPeer();
    await turn();
    expect(receivedFrom(legs.inbound.socket.takeWritten())).toMatchObject({ messages: [{}], others: [7] });
  });

  it('a whole instance and an A-ABORT, to the archive; of the next one no Last fragment', async () => {
    const legs = await relayed();
    const next = messagePdus(3, { ...store, MessageID: 3 }, dataSet, 26).slice(0, -1);
    legs.inbound.socket.deliver(Buffer.concat([...storePdus, ...next, abort(0, 0)]));
    await turn();
    const { messages, others } = receivedFrom(legs.upstream.socket.takeWritten());
    expect([messages.length, messages[0]?.dataSet, others]).toEqual([1, dataSet, [7]]);
  });

  it('and is not recorded as answered where it could not be written', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus);
    await turn();
    legs.inbound.socket.destroyed = true;
    legs.upstream.socket.deliver(...messagePdus(3, responseTo(store)));
    legs.inbound.socket.destroyed = false;
    legs.inbound.socket.closeByPeer('EPIPE');
    await turn();
    expect(legs.outline).toEqual([
      'command.completed modality-closed',
      'association.aborted modality-closed',
    ]);
  });
});

describe('a modality that has closed its side', () => {
  it('gets the answer it waits for, and is gone then', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus);
    legs.inbound.socket.endByPeer();
    await turn();
    expect(legs.outline).toEqual([]);
    expect(receivedFrom(legs.upstream.socket.takeWritten()).messages).toHaveLength(1);
    legs.upstream.socket.deliver(...messagePdus(3, responseTo(store)));
    await turn();
    expect(receivedFrom(legs.inbound.socket.takeWritten())).toMatchObject({ messages: [{}], others: [] });
    expect(legs.outline).toEqual(['command.completed', 'association.aborted modality-closed']);
    expect(legs.upstream.socket.takeWritten()).toEqual(abort(2, 0));
    expect(legs.inbound.socket.destroyed).toBe(true);
  });

  it.each(['idle', 'inside a request', 'inside a message of the upstream'])(
    'is gone at once where it waits for nothing: %s',
    async (phase) => {
      const legs = await relayed();
      await phases[phase]!(legs);
      await turn();
      legs.inbound.socket.endByPeer();
      await turn();
      expect(legs.outline.at(-1)).toBe('association.aborted modality-closed');
    },
  );

  it('waits no longer than the answer may take', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus);
    legs.inbound.socket.endByPeer();
    await passed(60_100);
    expect(legs.outline.at(-1)).toBe('association.aborted response-timeout');
    expect(legs.inbound.socket.destroyed).toBe(true);
  });

  it('is gone when it resets', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus);
    legs.inbound.socket.endByPeer();
    await turn();
    legs.inbound.socket.closeByPeer('ECONNRESET');
    await turn();
    expect(legs.outline.at(-1)).toBe('association.aborted modality-closed');
  });
});

describe('a release', () => {
  it('goes through both legs, recorded before it is confirmed', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(releaseRq());
    expect(legs.upstream.socket.takeWritten()).toEqual(releaseRq());
    expect([legs.inbound.socket.written.length, legs.outline]).toEqual([0, []]);
    let recorded: string[] = [];
    legs.inbound.socket.wrote = () => {
      recorded = legs.outline;
    };
    legs.upstream.socket.deliver(releaseRp());
    expect(legs.inbound.socket.takeWritten()).toEqual(releaseRp());
    expect(recorded).toEqual(['association.released']);
    expect([legs.endings, legs.upstream.socket.isEnded]).toEqual([1, true]);
  });

  it('waits for answers that are due, and they come before it', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus, releaseRq());
    await turn();
    expect(receivedFrom(legs.upstream.socket.takeWritten())).toMatchObject({ messages: [{}], others: [5] });
    legs.upstream.socket.deliver(...messagePdus(3, responseTo(store)), releaseRp());
    await turn();
    const pdus = receivedFrom(legs.inbound.socket.takeWritten());
    expect([pdus.messages.length, pdus.others]).toEqual([1, [6]]);
    expect(legs.outline).toEqual(['command.completed', 'association.released']);
  });

  it('inside a message is an error', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus.slice(0, 2), releaseRq());
    await turn();
    expect(legs.outline.at(-1)).toBe('association.aborted state-release-in-message');
    expect(receivedFrom(legs.upstream.socket.takeWritten()).others).toEqual([7]);
    expect(receivedFrom(legs.inbound.socket.takeWritten()).others).toEqual([7]);
  });

  it('that the upstream confirms inside a message does not pass for a whole one', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...getPdus, releaseRq());
    await turn();
    legs.upstream.socket.deliver(...subStorePdus.slice(0, 2), releaseRp());
    await turn();
    expect(legs.outline.at(-1)).toBe('association.aborted state-release-in-message');
    expect(receivedFrom(legs.inbound.socket.takeWritten()).others).toEqual([7]);
  });

  it('by the upstream ends the association of the peer that dialled us by an abort', async () => {
    const legs = await relayed();
    legs.upstream.socket.deliver(releaseRq());
    expect(legs.upstream.socket.takeWritten()).toEqual(releaseRp());
    expect(legs.inbound.socket.takeWritten()).toEqual(abort(2, 0));
    expect(legs.outline).toEqual(['association.aborted upstream-released']);
  });

  it('that both ask for at once is confirmed on both legs', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(releaseRq());
    legs.upstream.socket.takeWritten();
    legs.upstream.socket.deliver(releaseRq());
    expect(legs.upstream.socket.takeWritten()).toEqual(releaseRp());
    legs.upstream.socket.deliver(releaseRp());
    expect(legs.inbound.socket.takeWritten()).toEqual(releaseRp());
    expect(legs.outline).toEqual(['association.released']);
  });

  it('that the upstream does not confirm in time is confirmed by the gateway', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(releaseRq());
    legs.upstream.socket.takeWritten();
    await passed(4900);
    expect(legs.outline).toEqual([]);
    await passed(200);
    expect(legs.outline).toEqual(['association.released release-timeout']);
    expect(legs.inbound.socket.takeWritten()).toEqual(releaseRp());
    expect(legs.upstream.socket.takeWritten()).toEqual(abort(2, 0));
  });

  it.each([undefined, 'ECONNRESET'])(
    'is one where the modality closes at once (%s), and the upstream may still answer',
    async (code) => {
      const legs = await relayed();
      legs.inbound.socket.deliver(releaseRq());
      legs.inbound.socket.closeByPeer(code);
      await turn();
      expect([legs.outline, legs.recorded.at(-1)?.outcome]).toEqual([['association.released'], 'info']);
      expect(legs.upstream.socket.takeWritten()).toEqual(releaseRq());
      legs.upstream.socket.deliver(releaseRp());
      await turn();
      expect([legs.outline, legs.endings, legs.upstream.socket.isEnded]).toEqual([
        ['association.released'],
        1,
        true,
      ]);
    },
  );

  it('that nobody waits for any more does not keep the upstream for ever', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(releaseRq());
    legs.inbound.socket.closeByPeer();
    await turn();
    legs.upstream.socket.takeWritten();
    await passed(5100);
    expect(legs.upstream.socket.takeWritten()).toEqual(abort(2, 0));
    expect(legs.outline).toEqual(['association.released']);
  });

  it('is answered where the modality has closed its side only', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus, releaseRq());
    legs.inbound.socket.endByPeer();
    await turn();
    legs.upstream.socket.deliver(...messagePdus(3, responseTo(store)), releaseRp());
    await turn();
    const pdus = receivedFrom(legs.inbound.socket.takeWritten());
    expect([pdus.messages.length, pdus.others, legs.inbound.socket.destroyed]).toEqual([1, [6], true]);
    expect(legs.outline).toEqual(['command.completed', 'association.released']);
  });

  it.each([undefined, 'ECONNRESET'])(
    'is confirmed where the upstream closes instead of an answer (%s)',
    async (code) => {
      const legs = await relayed();
      legs.inbound.socket.deliver(releaseRq());
      legs.upstream.socket.closeByPeer(code);
      await turn();
      expect(legs.inbound.socket.takeWritten()).toEqual(releaseRp());
      expect(legs.outline).toEqual(['association.released']);
      expect(legs.recorded[0]).toMatchObject({ outcome: 'info', detail: expect.stringContaining('closed') });
    },
  );

  it('without the answer to a command says so of the command', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus, releaseRq());
    await turn();
    legs.upstream.socket.deliver(releaseRp());
    await turn();
    expect(legs.outline).toEqual(['command.completed response-missing', 'association.released']);
  });

  it('with an answer due is not timed before that answer', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...storePdus, releaseRq());
    await passed(50_000);
    expect(legs.outline).toEqual([]);
    legs.upstream.socket.deliver(...messagePdus(3, responseTo(store)));
    await passed(4900);
    expect(legs.outline).toEqual(['command.completed']);
    await passed(200);
    expect(legs.outline.at(-1)).toBe('association.released release-timeout');
  });
});

describe('deadlines of a relay', () => {
  it('end what is too old, between two messages', async () => {
    const legs = await relayed({ timeouts: { maxAgeSeconds: 100, responseSeconds: 1000 } });
    await passed(99_000);
    legs.inbound.socket.deliver(...storePdus);
    await passed(5000);
    expect(legs.outline).toEqual([]);
    legs.upstream.socket.deliver(...messagePdus(3, responseTo(store)));
    await passed(1100);
    expect(legs.outline).toEqual(['command.completed', 'association.aborted age-limit']);
  });

  it('end a message that comes too slowly, and no fast one', async () => {
    const timeouts = { minBytesPerSecond: 10, pduSeconds: 1000, idleSeconds: 1000 };
    const [slow, fast] = [await relayed({ timeouts }), await relayed({ timeouts })];
    const begin = messagePdus(3, store, Buffer.alloc(200_000), 1000);
    slow.inbound.socket.deliver(begin[0]!);
    fast.inbound.socket.deliver(begin[0]!);
    for (let minute = 0; minute < 3; minute += 1) {
      fast.inbound.socket.deliver(...begin.slice(1 + 10 * minute, 11 + 10 * minute));
      await passed(60_050);
    }
    expect(slow.outline).toEqual(['command.completed stall-timeout', 'association.aborted stall-timeout']);
    expect(fast.outline).toEqual([]);
  });

  it.each([
    ['idle', 'idle', 300, 'idle-timeout'],
    ['inside a request', 'inside a request', 300, 'idle-timeout'],
    ['awaiting a response', 'awaiting the response', 60, 'response-timeout'],
  ] as const)('end it: %s', async (_name, phase, seconds, reason) => {
    const legs = await relayed({ timeouts: { pduSeconds: 1000 } });
    await phases[phase]!(legs);
    await passed((seconds - 1) * 1000);
    expect(legs.relay.isOver).toBe(false);
    await passed(1100);
    expect(legs.outline.at(-1)).toBe(`association.aborted ${reason}`);
  });

  it.each(['inbound', 'upstream'] as const)(
    'end it where an announced data set does not come: %s',
    async (side) => {
      const legs = await relayed();
      if (side === 'upstream') legs.inbound.socket.deliver(...getPdus);
      await turn();
      legs[side].socket.deliver((side === 'inbound' ? storePdus : subStorePdus)[0]!);
      await passed(59_900);
      expect(legs.relay.isOver).toBe(false);
      await passed(200);
      expect(legs.recorded.at(-1)).toMatchObject({
        reason: 'stall-timeout',
        detail: 'the data set that a command announced did not come whole',
      });
    },
  );

  it('give a C-GET longer, and again after each response', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...getPdus);
    for (let pending = 0; pending < 3; pending += 1) {
      await passed(599_000);
      legs.upstream.socket.deliver(...messagePdus(7, responseTo(get, { Status: 0xff00 })));
      await turn();
    }
    expect(legs.relay.isOver).toBe(false);
    await passed(601_000);
    expect(legs.outline.at(-1)).toBe('association.aborted response-timeout');
  });
});

describe('a request of the upstream', () => {
  it('is recorded as one', async () => {
    const legs = await relayed();
    legs.inbound.socket.deliver(...getPdus);
    await turn();
    legs.upstream.socket.deliver(...subStorePdus);
    await turn();
    legs.inbound.socket.deliver(...messagePdus(3, responseTo({ ...store, MessageID: 9 }, { Status: 0 })));
    legs.upstream.socket.deliver(...messagePdus(7, responseTo(get, { Status: 0 })));
    await turn();
    expect(legs.recorded.map(({ command, requestor }) => [command, requestor])).toEqual([
      ['C-STORE', 'upstream'],
      ['C-GET', undefined],
    ]);
  });

  it('is taken for a C-GET under way only', async () => {
    const without = await relayed();
    without.upstream.socket.deliver(...subStorePdus);
    await turn();
    expect(without.outline).toEqual(['association.aborted state-request-unexpected']);
    expect(receivedFrom(without.inbound.socket.takeWritten())).toEqual({ messages: [], others: [7] });
    const within = await relayed({
      decideCommand: ({ CommandField }) =>
        ({ allowed: CommandField === 0x10, reason: 'command-not-allowed' }) as never,
    });
    within.inbound.socket.deliver(...getPdus);
    await turn();
    within.upstream.socket.deliver(...subStorePdus);
    await turn();
    expect(receivedFrom(within.inbound.socket.takeWritten()).messages).toHaveLength(1);
  });

  it.each([RequestField.CEchoRq, RequestField.CFindRq, RequestField.CMoveRq, RequestField.CGetRq])(
    'of command field %d is never taken',
    async (field) => {
      const legs = await relayed();
      const isEcho = field === RequestField.CEchoRq;
      const wanted = request(1, field, isEcho ? SopClass.Verification : SopClass.StudyRootGet, !isEcho);
      const move = field === RequestField.CMoveRq ? { MoveDestination: 'X' } : {};
      legs.upstream.socket.deliver(
        ...messagePdus(isEcho ? 1 : 7, { ...wanted, ...move }, isEcho ? undefined : dataSet),
      );
      await turn();
      expect(legs.outline).toEqual(['association.aborted state-request-unexpected']);
      expect(receivedFrom(legs.inbound.socket.takeWritten())).toEqual({ messages: [], others: [7] });
    },
  );
});
