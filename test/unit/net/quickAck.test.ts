import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { loadQuickAck } from '../../../src/net/quickAck';

interface Call {
  readonly fd: number;
  readonly level: number;
  readonly option: number;
  readonly value: number;
  readonly length: number;
}

function recorder() {
  const calls: Call[] = [];
  const load = () => (fd: number, level: number, option: number, value: Buffer, length: number) => {
    calls.push({ fd, level, option, value: value.readInt32LE(), length });
    return 0;
  };
  return { calls, load };
}

/** A connected socket, and the listener's end of it. */
async function connected(): Promise<[Socket, () => void]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { connect } = await import('node:net');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [other] = (await once(server, 'connection')) as [Socket];
  await once(socket, 'connect');
  const close = () => {
    socket.destroy();
    other.destroy();
    server.close();
  };
  return [socket, close];
}

describe('quick acknowledgement', () => {
  it('sets TCP_QUICKACK on the descriptor of the socket', async () => {
    const { calls, load } = recorder();
    const quickAck = loadQuickAck('auto', 'linux', load);
    const [socket, close] = await connected();
    quickAck.acknowledge(socket);
    const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
    expect(fd).toBeGreaterThan(2);
    expect(calls).toEqual([{ fd, level: 6, option: 12, value: 1, length: 4 }]);
    close();
  });

  it('leaves closed sockets alone', async () => {
    const { calls, load } = recorder();
    const [socket, close] = await connected();
    close();
    loadQuickAck('auto', 'linux', load).acknowledge(socket);
    expect(calls).toEqual([]);
  });

  it.each([
    ['off', 'linux', /off by configuration/],
    ['auto', 'darwin', /only Linux/],
    ['auto', 'win32', /only Linux/],
  ] as const)('is off for %s on %s, and says why', (mode, platform, why) => {
    const { calls, load } = recorder();
    const quickAck = loadQuickAck(mode, platform, load);
    quickAck.acknowledge({} as Socket);
    expect(quickAck.description).toMatch(why);
    expect(calls).toEqual([]);
  });

  it('works without the optional package, and says so', () => {
    const quickAck = loadQuickAck('auto', 'linux', () => {
      throw new Error("Cannot find module 'koffi'\nRequire stack:");
    });
    expect(quickAck.description).toBe(
      "off: the optional package koffi cannot be loaded (Cannot find module 'koffi')",
    );
    quickAck.acknowledge({} as Socket);
  });

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux('is on where koffi is installed, and the kernel takes it', async () => {
    const quickAck = loadQuickAck('auto');
    expect(quickAck.description).toBe('on');
    const [socket, close] = await connected();
    quickAck.acknowledge(socket);
    close();
  });
});
