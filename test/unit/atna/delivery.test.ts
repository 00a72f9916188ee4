/** Sending from the spool over ways that break, with a clock that the test moves. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Delivery } from '../../../src/atna/delivery';
import { Spool } from '../../../src/atna/spool';
import type { Connect, Loss, Transport } from '../../../src/atna/transport';
import { temporaryFolder } from '../../support/processes';

class FakeServer {
  readonly received: string[] = [];
  readonly reported: string[] = [];
  isReachable = true;
  takes = true;
  attempts = 0;
  connections = 0;
  lose: (loss: Loss) => void = () => {};

  readonly connect: Connect = async (lost) => {
    this.attempts += 1;
    if (!this.isReachable) throw new Error('nobody listens');
    this.connections += 1;
    this.lose = lost;
    const transport: Transport = {
      write: (messages, taken) => {
        if (!this.takes) return;
        this.received.push(...messages.toString().split(/(?<=\.)/));
        queueMicrotask(taken);
      },
      end: async () => true,
      destroy: () => lost({ detail: 'destroyed', isOrderly: false }),
    };
    return transport;
  };
}

function setUp(isReachable = true) {
  const server = new FakeServer();
  server.isReachable = isReachable;
  const spool = new Spool(temporaryFolder(), 1024 * 1024, { lost: () => {} });
  const delivery = new Delivery(spool, server.connect, {
    down: (detail) => server.reported.push(`down: ${detail}`),
    up: () => server.reported.push('up'),
  });
  const send = async (text: string) => {
    spool.append([Buffer.from(text)]);
    delivery.wake();
    await settle();
  };
  return { server, spool, delivery, send };
}

/** Lets promises and microtasks go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

async function pass(ms: number): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
  await settle();
}

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate', 'clearImmediate'] });
});
afterEach(() => {
  jest.useRealTimers();
});

it('sends what comes, and reports nothing while all is well', async () => {
  const { server, send, delivery } = setUp();
  await send('one.');
  await send('two.');
  await pass(5000);
  expect(server.received).toEqual(['4 one.', '4 two.']);
  expect([server.reported, server.connections]).toEqual([[], 1]);
  await delivery.close();
});

it('keeps everything while the server is away, asks ever less often, and reports it once', async () => {
  const { server, send, delivery } = setUp(false);
  await pass(120_000);
  expect(server.attempts).toBe(8);
  for (const text of ['one.', 'two.', 'three.']) await send(text);
  expect(server.received).toEqual([]);
  server.isReachable = true;
  await pass(31_000);
  expect(server.received).toEqual(['4 one.', '4 two.', '6 three.']);
  expect(server.reported).toEqual(['down: nobody listens', 'up']);
  await delivery.close();
});

it('sends the last seconds again where the server closed, and longer ago where the connection broke', async () => {
  const { server, send, delivery } = setUp();
  await send('old.');
  await pass(60_000);
  await send('new.');
  server.received.length = 0;
  server.lose({ detail: 'closed', isOrderly: true });
  await pass(2000);
  expect(server.received).toEqual(['4 new.']);
  server.received.length = 0;
  server.lose({ detail: 'ETIMEDOUT', isOrderly: false });
  await pass(3000);
  expect(server.received).toEqual(['4 old.', '4 new.']);
  await pass(25 * 60_000);
  server.received.length = 0;
  server.lose({ detail: 'ETIMEDOUT', isOrderly: false });
  await pass(3000);
  expect(server.received).toEqual([]);
  await delivery.close();
});

it('leaves a server that takes nothing, and sends the same again', async () => {
  const { server, send, delivery } = setUp();
  await settle();
  server.takes = false;
  await send('one.');
  await pass(29_000);
  expect(server.reported).toEqual([]);
  server.takes = true;
  await pass(5000);
  expect(server.reported).toEqual(['down: destroyed', 'up']);
  expect(server.received).toEqual(['4 one.']);
  await delivery.close();
});

it('is not up before a connection has lasted, and waits longer after each that did not', async () => {
  const { server, send, delivery } = setUp();
  await settle();
  for (let time = 0; time < 4; time += 1) {
    server.lose({ detail: 'the certificate was refused', isOrderly: false });
    await pass(1000 * 2 ** time);
  }
  expect([server.reported, server.connections]).toEqual([['down: the certificate was refused'], 5]);
  await pass(1000);
  expect(server.reported).toEqual(['down: the certificate was refused', 'up']);
  await send('one.');
  await delivery.close();
});

it('lets the next process go on where the server had taken everything', async () => {
  const { server, spool, send, delivery } = setUp();
  await send('one.');
  const kept = jest.spyOn(spool, 'keepSent');
  await delivery.close();
  expect(kept).toHaveBeenLastCalledWith(spool.position);
  expect(server.received).toEqual(['4 one.']);
});

it('takes another server at once, and goes on where it was', async () => {
  const { server, send, delivery } = setUp();
  await send('one.');
  const other = new FakeServer();
  delivery.replace(other.connect, true);
  await pass(10);
  await send('two.');
  expect([server.received, other.received]).toEqual([['4 one.'], ['4 two.']]);
  expect(server.reported).toEqual([]);
  await delivery.close();
});

it('reports that the other server is away too, and why', async () => {
  const { server, delivery } = setUp(false);
  await pass(60_000);
  const other = new FakeServer();
  other.isReachable = false;
  delivery.replace(other.connect, true);
  await pass(60_000);
  expect(server.reported).toEqual(['down: nobody listens', 'down: nobody listens']);
  other.isReachable = true;
  await pass(60_000);
  expect(server.reported.slice(2)).toEqual(['up']);
  await delivery.close();
});
