/**
 * The ways to a syslog server: TLS (RFC 5425) and TCP with the length in front of each message, or UDP with one datagram
 * for each (RFC 5426). Takes messages as the spool has them. Sends nothing twice and keeps nothing.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Configuration } from '../config/schema';
import { describeTcpError, describeTlsError, dialTcp, dialTls } from '../net/dial';
import { loadClientTlsContext, withoutAlpn } from '../net/tlsContext';
import { parseHostAndPort } from '../text/hostAndPort';
import { lengthAt } from './framing';

export type SyslogConfiguration = NonNullable<Configuration['audit']['syslog']>;

const CONNECT_MS = 10_000;
/** With TLS 1.3, a server refuses our certificate after the handshake; it has said so by then. */
const REFUSAL_MS = 500;
const KEEP_ALIVE_MS = 60_000;
/** Nobody listens on a port of UDP: the answer comes after the first datagram. */
const UDP_FIRST_MS = 200;
/** What one datagram can hold, with some room for the headers of IPv6. */
export const MAX_DATAGRAM_BYTES = 65_000;

/** Why the way is gone. `isOrderly`: the server closed it and read what came before. */
export interface Loss {
  readonly detail: string;
  readonly isOrderly: boolean;
}

export interface Transport {
  /** `taken` is called, never at once, when the system has them and takes more; not after the way is lost. */
  write(messages: Buffer, taken: () => void): void;
  /** Resolves when the other side has closed too, or the time is over. True: it has taken everything. */
  end(forMs: number): Promise<boolean>;
  /** `lost` is called then. */
  destroy(): void;
}

/** Rejects where the server cannot be reached. `lost` is called once. */
export type Connect = (lost: (loss: Loss) => void) => Promise<Transport>;

/** Reads the files of TLS, and throws OperatorError where something is wrong with them. */
export function connectTo({ server, protocol, tls }: SyslogConfiguration): Connect {
  const { host, port } = parseHostAndPort(server);
  if (protocol === 'udp') return (lost) => connectUdp(host, port, lost);
  const material = tls === undefined ? undefined : withoutAlpn(loadClientTlsContext(tls));
  return async (lost) => {
    const options = { timeoutMs: CONNECT_MS };
    const socket =
      material === undefined
        ? await dialTcp(host, port, options)
        : (await dialTls(host, port, { ...options, tls: material })).socket;
    return new StreamTransport(socket, lost);
  };
}

/**
 * Why the server cannot be reached, or undefined; for `aegis check`. Sends no message. So of UDP it only knows whether the
 * name of the server can be resolved. Throws OperatorError where something is wrong with the files of TLS.
 */
export async function unreachableBecause(syslog: SyslogConfiguration): Promise<string | undefined> {
  const connect = connectTo(syslog);
  try {
    return await new Promise<string | undefined>((resolve, reject) => {
      const connected = async (transport: Transport) => {
        if (syslog.protocol === 'tls') await delay(REFUSAL_MS);
        resolve(undefined);
        transport.destroy();
      };
      connect(({ detail }) => resolve(detail)).then(connected, reject);
    });
  } catch (error) {
    return (error as Error).message;
  }
}

class StreamTransport implements Transport {
  readonly #socket: Socket;

  constructor(socket: Socket, lost: (loss: Loss) => void) {
    this.#socket = socket;
    let detail = 'it closed the connection';
    let isOrderly = false;
    socket.once('end', () => {
      isOrderly = true;
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      isOrderly = false;
      const isReset = error.code === 'ECONNRESET';
      detail = isReset ? 'it broke off the connection (ECONNRESET)' : describeTlsError(error);
    });
    socket.once('close', () => lost({ detail, isOrderly }));
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    // A syslog server says nothing. But only who reads sees that it has closed.
    socket.on('data', () => {});
    socket.resume();
  }

  write(messages: Buffer, taken: () => void): void {
    this.#socket.write(messages, (error) => {
      if (error == null) taken();
    });
  }

  async end(forMs: number): Promise<boolean> {
    const timer = setTimeout(() => this.#socket.destroy(new Error('it took too long')), forMs);
    let isWhole = true;
    this.#socket.once('error', () => {
      isWhole = false;
    });
    this.#socket.end();
    if (!this.#socket.destroyed) await once(this.#socket, 'close').catch(() => {});
    clearTimeout(timer);
    return isWhole;
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

async function connectUdp(host: string, port: number, lost: (loss: Loss) => void): Promise<Transport> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  // The collector says nothing; the socket alone must not keep the process.
  socket.unref();
  socket.connect(port, host);
  await once(socket, 'connect').catch((error: unknown) => {
    socket.close();
    throw new Error(describeTcpError(error as Error));
  });
  return new DatagramTransport(socket, lost);
}

class DatagramTransport implements Transport {
  readonly #socket: UdpSocket;
  readonly #lost: (loss: Loss) => void;
  #isFirst = true;
  #isLost = false;

  constructor(socket: UdpSocket, lost: (loss: Loss) => void) {
    this.#socket = socket;
    this.#lost = lost;
    socket.on('error', (error) => this.#lose(describeTcpError(error)));
  }

  write(messages: Buffer, taken: () => void): void {
    const length = lengthAt(messages, 0);
    if (length === undefined) {
      setImmediate(taken);
      return;
    }
    const start = messages.indexOf(' ') + 1;
    this.#socket.send(messages.subarray(start, length), (error) => {
      if (error !== null) this.#lose(describeTcpError(error));
      if (this.#isLost) return;
      const next = () => {
        if (!this.#isLost) this.write(messages.subarray(length), taken);
      };
      if (this.#isFirst) setTimeout(next, UDP_FIRST_MS);
      else next();
      this.#isFirst = false;
    });
  }

  async end(): Promise<boolean> {
    this.destroy();
    return true;
  }

  destroy(): void {
    this.#lose('it was closed');
  }

  #lose(detail: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#socket.close();
    this.#lost({ detail, isOrderly: true });
  }
}
