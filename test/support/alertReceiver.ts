/**
 * Receivers of alerts: an HTTP(S) server that keeps what is posted to it, and a mail server. Independent of src/.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import * as z from 'zod';
import { onCleanUp } from './cleanUp';
import { Changes } from './waiting';

/** The body of a webhook, as docs/alert.schema.json has it. */
export const alertMessage = z.strictObject({
  version: z.literal(1),
  gateway: z.string(),
  aegis: z.string(),
  time: z.iso.datetime(),
  isTest: z.boolean(),
  text: z.string(),
  alerts: z.array(
    z.strictObject({
      id: z.uuid(),
      time: z.iso.datetime(),
      lastTime: z.iso.datetime().optional(),
      event: z.string(),
      severity: z.enum(['critical', 'warning', 'info']),
      text: z.string(),
      action: z.string(),
      count: z.int().min(1),
      modality: z.string().optional(),
      listener: z.string().optional(),
      sourceAddress: z.string().optional(),
      callingAeTitle: z.string().optional(),
      calledAeTitle: z.string().optional(),
      upstream: z.string().optional(),
      reason: z.string().optional(),
      notAfter: z.iso.datetime().optional(),
    }),
  ),
  leftOut: z.int().min(0),
});

export interface Posted {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ReceiverOptions {
  readonly port?: number;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Default: 204. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export class WebhookReceiver {
  readonly posted: Posted[] = [];
  status: number;
  readonly #server: Server;
  readonly #changes = new Changes();

  private constructor({ tls, status = 204, headers = {} }: ReceiverOptions) {
    this.status = status;
    this.#server = tls === undefined ? createServer() : createTlsServer(tls);
    this.#server.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        this.posted.push({ path: request.url ?? '', headers: request.headers, body });
        response.writeHead(this.status, headers).end();
        this.#changes.announce();
      });
    });
  }

  static async start(options: ReceiverOptions = {}): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(options);
    receiver.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    onCleanUp(() => receiver.stop());
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Every message so far, checked against the schema. */
  get messages(): z.output<typeof alertMessage>[] {
    return this.posted.map(({ body }) => alertMessage.parse(JSON.parse(body)));
  }

  /** What is posted, as soon as there are so many. */
  received(count: number, deadlineMs?: number): Promise<readonly Posted[]> {
    return this.#changes.waitFor(
      `messages of alerts: ${count}`,
      () => this.posted.length >= count && this.posted,
      deadlineMs,
    );
  }

  /** An alert in any message so far, as soon as there is one. */
  alert(event: string, deadlineMs?: number) {
    return this.#changes.waitFor(
      () => `${event} among ${this.posted.map(({ body }) => body).join('\n')}`,
      () => this.messages.flatMap(({ alerts }) => alerts).find((alert) => alert.event === event),
      deadlineMs,
    );
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly isSecure: boolean;
  /** Headers and body, as they came. */
  readonly raw: string;
}

export class MailReceiver {
  readonly mails: ReceivedMail[] = [];
  readonly #server: SMTPServer;
  readonly #changes = new Changes();

  private constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      authOptional: true,
      onAuth: ({ username, password }, _session, done) =>
        password === 'correct horse' ? done(null, { user: username }) : done(new Error('wrong password')),
      onData: (stream, session, done) => {
        let raw = '';
        stream.setEncoding('utf8').on('data', (chunk: string) => {
          raw += chunk;
        });
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope;
          this.mails.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            user: session.user as string | undefined,
            isSecure: session.secure,
            raw,
          });
          done();
          this.#changes.announce();
        });
      },
      ...options,
    });
    // A client that does not trust the certificate ends the handshake.
    this.#server.on('error', () => {});
  }

  static async start(options: SMTPServerOptions = {}): Promise<MailReceiver> {
    const receiver = new MailReceiver(options);
    const listening = receiver.#server.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    onCleanUp(() => new Promise<void>((resolve) => receiver.#server.close(() => resolve())));
    return receiver;
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  received(count: number): Promise<readonly ReceivedMail[]> {
    return this.#changes.waitFor(`mails: ${count}`, () => this.mails.length >= count && this.mails);
  }
}
