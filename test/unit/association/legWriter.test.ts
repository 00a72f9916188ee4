import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LegWriter } from '../../../src/association/legWriter';
import { FakeSocket } from '../../support/fakeSocket';
import { legOptions } from '../../support/relayedLegs';

interface Pdv {
  readonly bytes: Buffer;
  readonly isCommand: boolean;
  readonly isLast: boolean;
}

/** Every PDV of a stream of P-DATA-TF PDUs with one PDV each. */
function pdvsOf(stream: Buffer): Pdv[] {
  const pdvs: Pdv[] = [];
  for (let offset = 0; offset < stream.length; ) {
    const length = stream.readUInt32BE(offset + 2);
    const control = stream[offset + 11]!;
    pdvs.push({
      bytes: stream.subarray(offset + 12, offset + 6 + length),
      isCommand: (control & 1) === 1,
      isLast: (control & 2) === 2,
    });
    offset += 6 + length;
  }
  return pdvs;
}

function turn() {
  return new Promise<void>((resolve) => setImmediate(resolve));
}

const sockets: LegWriter[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.dispose();
  jest.useRealTimers();
});

function setUp(stallSeconds = 60) {
  const socket = new FakeSocket();
  const calls: string[] = [];
  const options = legOptions({ timeouts: { stallSeconds } });
  const writer = new LegWriter(socket.asSocket, options, (detail) => calls.push(detail));
  writer.relay({
    awaitsMore: false,
    awaitsDataSet: false,
    isPeerOwed: false,
    active: () => {},
    congested: () => calls.push('congested'),
    drained: () => calls.push('drained'),
    releaseRequested: () => {},
    releaseConfirmed: () => {},
    failed: () => {},
  });
  sockets.push(writer);
  writer.negotiated(131072);
  return { socket, calls, writer };
}

describe('what a leg writes', () => {
  it('gathers the fragments of one turn of the event loop', async () => {
    const { socket, writer } = setUp();
    for (let count = 0; count < 5; count += 1) writer.fragment(3, Buffer.alloc(1000, count));
    writer.dataSetEnd(3);
    expect(socket.writes).toEqual([]);
    await turn();
    expect(socket.writes).toHaveLength(1);
    const [pdv, ...more] = pdvsOf(Buffer.concat(socket.writes));
    expect([pdv?.bytes.length, pdv?.isLast, more]).toEqual([5000, true, []]);
  });

  it.each([16_384, 65_536, 131_066, 262_144, 300_000])(
    'never marks an empty fragment Last, with fragments of %d bytes read in one turn',
    async (fragmentBytes) => {
      for (let fragments = 1; fragments <= 40; fragments += 3) {
        const { socket, writer } = setUp();
        for (let count = 0; count < fragments; count += 1) writer.fragment(3, Buffer.alloc(fragmentBytes, 1));
        writer.dataSetEnd(3);
        await turn();
        const pdvs = pdvsOf(Buffer.concat(socket.writes));
        expect(pdvs.map(({ bytes }) => bytes.length)).not.toContain(0);
        expect(pdvs.filter(({ isLast }) => isLast)).toHaveLength(1);
        expect(pdvs.reduce((total, { bytes }) => total + bytes.length, 0)).toBe(fragments * fragmentBytes);
      }
    },
  );

  it('says when the peer does not take its bytes, and when it has', async () => {
    const { socket, calls, writer } = setUp();
    socket.isTaking = false;
    writer.fragment(3, Buffer.alloc(200_000));
    await turn();
    expect([calls, writer.isCongested]).toEqual([['congested'], true]);
    socket.takeAgain();
    await turn();
    expect([calls, writer.isCongested]).toEqual([['congested', 'drained'], false]);
  });

  it('says that a peer stalls when it takes nothing in time', () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
    const { socket, calls, writer } = setUp(20);
    socket.isTaking = false;
    writer.pdu(Buffer.from([5]));
    jest.advanceTimersByTime(19_999);
    expect(calls).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(calls).toEqual(['the peer does not take its bytes']);
  });

  it('writes at the end what was queued, and takes no more', async () => {
    const { socket, writer } = setUp();
    writer.fragment(3, Buffer.alloc(1000));
    writer.flushLast();
    writer.pdu(Buffer.from([7]));
    writer.fragment(3, Buffer.alloc(1000));
    await turn();
    const written = Buffer.concat(socket.writes);
    expect([written.length, written[11], written.at(-1)]).toEqual([1013, 0, 7]);
  });
});

describe('messages that have more behind them', () => {
  const command = Buffer.alloc(100);

  it('wait while each turn brings more, and go out when one brings nothing', async () => {
    const { socket, writer } = setUp();
    for (let count = 0; count < 3; count += 1) {
      writer.commandSet(1, command, true);
      await turn();
      expect(socket.writes).toEqual([]);
    }
    await turn();
    await turn();
    expect(pdvsOf(Buffer.concat(socket.writes))).toHaveLength(3);
  });

  it('wait for eight turns at most, and not beyond the length of a TLS record', async () => {
    const slow = setUp();
    for (let count = 0; count < 10; count += 1) {
      slow.writer.commandSet(1, command, true);
      await turn();
    }
    expect(pdvsOf(Buffer.concat(slow.socket.writes)).length).toBeGreaterThanOrEqual(8);
    const fast = setUp();
    fast.writer.commandSet(1, Buffer.alloc(17_000), true);
    await turn();
    expect(fast.socket.writes).toHaveLength(1);
  });

  it('do not make wait what nothing comes behind', async () => {
    const { socket, writer } = setUp();
    writer.commandSet(1, command);
    writer.commandSet(1, command, true);
    await turn();
    expect(pdvsOf(Buffer.concat(socket.writes))).toHaveLength(2);
    writer.commandSet(1, command, true);
    writer.commandSet(1, command);
    await turn();
    expect(pdvsOf(Buffer.concat(socket.writes))).toHaveLength(4);
  });
});
