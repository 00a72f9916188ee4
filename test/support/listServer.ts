/** An HTTP server that serves a revocation list, or whatever a test wants it to answer. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onCleanUp } from './cleanUp';

export class ListServer {
  /** What it sends; undefined: it closes each connection without an answer, as one that is away. */
  body: string | Buffer | undefined;
  answer: RequestListener | undefined;
  requests = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.requests += 1;
      if (this.answer !== undefined) this.answer(request, response);
      else if (this.body === undefined) request.socket.destroy();
      else response.setHeader('connection', 'close').end(this.body);
    });
  }

  static async start(body?: string | Buffer): Promise<ListServer> {
    const server = new ListServer();
    server.body = body;
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => {
      server.#server.closeAllConnections();
      server.#server.close();
    });
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/ca.crl`;
  }
}
