/**
 * Posts a message to a URL: signed where there is a secret, over TLS with the certificate checked, to the host that was
 * named and nowhere else. Nothing of the answer counts but its status. Knows no queue.
 */
import { createHmac } from 'node:crypto';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { version } from '../../package.json';
import { ExitCode, OperatorError } from '../errors';
import { NETWORK_FAILURES } from '../net/fetchBytes';
import type { AlertMessage } from './message';

/** From the first packet to the last byte of the answer. */
const TIMEOUT_MS = 15_000;
/** Of an answer that nobody reads: a receiver that goes on sending is left. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface WebhookTarget {
  readonly url: string;
  readonly secret: string | undefined;
  /** PEM; undefined: the CAs of Node.js. */
  readonly trusted: readonly string[] | undefined;
}

/** What happens on the way, for a person who waits. */
export type Stepped = (step: string, text: string) => void;

/** `sha256=` and the HMAC of the timestamp, a full stop and the body, in hex. docs/alerts.md shows how to check it. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** Rejects with OperatorError, in words that never hold the URL: of some services it is the secret. */
export async function postAlerts(
  { url, secret, trusted }: WebhookTarget,
  message: AlertMessage,
  stepped: Stepped = () => {},
): Promise<void> {
  const { protocol, host } = new URL(url);
  const { request } = protocol === 'https:' ? await import('node:https') : await import('node:http');
  const body = JSON.stringify(message);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const options: RequestOptions & { ca?: string[] } = {
    method: 'POST',
    // One message a minute at most is worth no connection that stays.
    agent: false,
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `dicom-aegis/${version}`,
      'aegis-timestamp': timestamp,
      ...(secret === undefined ? {} : { 'aegis-signature': signatureOf(secret, timestamp, body) }),
    },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(trusted === undefined ? {} : { ca: [...trusted] }),
  };
  let status: number;
  try {
    const outgoing = request(url, options);
    reportSteps(outgoing, protocol === 'https:', stepped);
    status = await answerTo(outgoing, body);
  } catch (error) {
    throw new OperatorError(`${host} ${describeFailure(error as Error)}`, ExitCode.Failed);
  }
  if (status < 200 || status > 299) {
    const why =
      status >= 300 && status < 400 ? ', a redirect, which is not followed: name that address instead' : '';
    throw new OperatorError(`${host} answered with HTTP ${status}${why}`, ExitCode.Failed);
  }
  stepped('answer', `HTTP ${status}`);
}

function answerTo(outgoing: ClientRequest, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming: IncomingMessage) => {
      let length = 0;
      // Its status is known, and that is all that counts.
      const done = () => resolve(incoming.statusCode ?? 0);
      incoming.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) outgoing.destroy();
      });
      incoming.on('error', done);
      incoming.on('close', done);
    });
    outgoing.end(body);
  });
}

function reportSteps(outgoing: ClientRequest, isTls: boolean, stepped: Stepped): void {
  outgoing.on('socket', (socket) => {
    socket.on('connect', () =>
      stepped('TCP', `connected to ${socket.remoteAddress} port ${socket.remotePort}`),
    );
    if (!isTls) return;
    const secured = socket as TLSSocket;
    socket.on('secureConnect', () => stepped('TLS', `${secured.getProtocol()}, certificate checked`));
  });
}

function describeFailure({ name, message, cause, ...rest }: Error): string {
  const { code = '' } = rest as NodeJS.ErrnoException;
  const why = (cause as Error | undefined)?.name ?? name;
  if (why === 'TimeoutError' || name === 'AbortError')
    return `gave no whole answer in ${TIMEOUT_MS / 1000} s`;
  return describeNetworkError(code, message);
}

/** In words that follow the name of the server. */
export function describeNetworkError(code: string, message: string): string {
  const suffix = code === '' || message.includes(code) ? '' : ` (${code})`;
  return NETWORK_FAILURES[code] ?? `cannot be reached: ${message}${suffix}`;
}
