import { EventEmitter, once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { EventStream } from '../../../src/admin/eventStream';
import { onCleanUp } from '../../support/cleanUp';
import { waitFor } from '../../support/waiting';

/** Shorter than the time between two frames. */
const CONNECTION_TIMEOUT_MS = 300;

async function setUp(state: (count: number) => string) {
  const counted = { made: 0 };
  const stream = new EventStream({
    name: 'state',
    maxReaders: 2,
    state: async () => {
      counted.made += 1;
      return state(counted.made);
    },
  });
  const server = createServer((_request, response) => stream.add(response, { 'x-own': 'yes' }));
  server.setTimeout(CONNECTION_TIMEOUT_MS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanUp(() => {
    stream.close();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const asked = get({ host: '127.0.0.1', port, agent: false });
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    const reader = { text: '', isOver: false, answer };
    answer.setEncoding('utf8').on('data', (chunk: string) => {
      reader.text += chunk;
    });
    answer.on('error', () => {});
    answer.on('close', () => {
      reader.isOver = true;
    });
    return reader;
  };
  return { stream, open, counted };
}

/** Its state is the number of the frame; its clock is that of the test. */
function fakeStream() {
  jest.useFakeTimers({ now: 0 });
  onCleanUp(() => void jest.useRealTimers());
  const counted = { made: 0 };
  const state = async () => {
    counted.made += 1;
    return String(counted.made);
  };
  return { counted, stream: new EventStream({ name: 'state', maxReaders: 2, state }) };
}

/** A response whose reader takes nothing while it is full. */
function fakeResponse() {
  const written: string[] = [];
  const response = Object.assign(new EventEmitter(), {
    isFull: false,
    isDestroyed: false,
    writeHead: () => {},
    write: (text: string) => {
      written.push(text);
      return !response.isFull;
    },
    destroy: () => {
      response.isDestroyed = true;
    },
  });
  return { written, response: response as unknown as ServerResponse & typeof response };
}

function framesOf(text: string): string[] {
  return text.split('\n\n').filter((frame) => frame.startsWith('event: state\ndata: '));
}

describe('EventStream', () => {
  it('goes on beyond the time limit of connections', async () => {
    const { open } = await setUp((count) => String(count));
    const reader = await open();
    expect(reader.answer.headers).toMatchObject({ 'x-own': 'yes', connection: 'close' });
    await waitFor('three frames', () => framesOf(reader.text).length >= 3);
    expect(
      framesOf(reader.text)
        .slice(0, 3)
        .map((frame) => frame.slice(-1)),
    ).toEqual(['1', '2', '3']);
  });

  it('makes nothing before somebody looks, nor after the last one has gone', async () => {
    const { response } = fakeResponse();
    const { stream, counted } = fakeStream();
    await jest.advanceTimersByTimeAsync(5000);
    expect(counted.made).toBe(0);
    stream.add(response, {});
    await jest.advanceTimersByTimeAsync(3000);
    expect(counted.made).toBe(4);
    response.emit('close');
    await jest.advanceTimersByTimeAsync(5000);
    expect(counted.made).toBe(4);
  });

  it('makes one frame for all who look, and ends the oldest of too many', async () => {
    const { open, counted } = await setUp(() => '{}');
    const first = await open();
    await waitFor('a frame', () => framesOf(first.text).length >= 1);
    const others = [await open(), await open()];
    await waitFor('the end of the oldest', () => first.isOver);
    await waitFor('a frame for each', () => others.every(({ text }) => framesOf(text).length >= 1));
    expect(counted.made).toBeLessThanOrEqual(2);
    expect(others.map(({ isOver }) => isOver)).toEqual([false, false]);
  });

  it('gives a slow reader the newest state, and keeps no queue for it', async () => {
    const { response, written } = fakeResponse();
    const { stream } = fakeStream();
    stream.add(response, {});
    await jest.advanceTimersByTimeAsync(0);
    expect(written.splice(0)).toEqual(['retry: 2000\n\n', 'event: state\ndata: 1\n\n']);
    response.isFull = true;
    await jest.advanceTimersByTimeAsync(5000);
    expect(written.splice(0)).toEqual(['event: state\ndata: 2\n\n']);
    response.isFull = false;
    response.emit('drain');
    await jest.advanceTimersByTimeAsync(1000);
    expect(written).toEqual(['event: state\ndata: 7\n\n']);
  });

  it('ends a reader that takes nothing for half a minute', async () => {
    const { response } = fakeResponse();
    const { stream } = fakeStream();
    response.isFull = true;
    stream.add(response, {});
    await jest.advanceTimersByTimeAsync(29_000);
    expect(response.isDestroyed).toBe(false);
    await jest.advanceTimersByTimeAsync(2000);
    expect(response.isDestroyed).toBe(true);
  });

  it('ends the readers where the state cannot be made', async () => {
    const { open } = await setUp(() => {
      throw new Error('no state');
    });
    const reader = await open();
    await waitFor('the end', () => reader.isOver);
  });
});
