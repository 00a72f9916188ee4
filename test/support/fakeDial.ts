/** Stands in for net/dial: each call waits until a test lets it succeed or fail. */
import type { Socket } from 'node:net';
import { FakeSocket } from './fakeSocket';

export interface DialCall {
  readonly target: string;
  readonly isTls: boolean;
  readonly timeoutMs: number;
  readonly socket: FakeSocket;
  succeed(): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** The calls so far, in order. */
export const dialled: DialCall[] = [];

export const fakeTlsFacts = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };

function settled() {
  return new Promise<void>((resolve) => setImmediate(resolve));
}

function dial<T>(
  isTls: boolean,
  host: string,
  port: number,
  timeoutMs: number,
  of: (socket: Socket) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = new FakeSocket();
    dialled.push({
      target: `${host}:${port}`,
      isTls,
      timeoutMs,
      socket,
      succeed: () => {
        resolve(of(socket.asSocket));
        return settled();
      },
      fail: (error) => {
        reject(error);
        return settled();
      },
    });
  });
}

export function fakeDialTcp(
  host: string,
  port: number,
  { timeoutMs }: { timeoutMs: number },
): Promise<Socket> {
  return dial(false, host, port, timeoutMs, (socket) => socket);
}

export function fakeDialTls(
  host: string,
  port: number,
  { timeoutMs }: { timeoutMs: number },
): Promise<object> {
  return dial(true, host, port, timeoutMs, (socket) => ({ socket, tls: fakeTlsFacts }));
}
