/** A real redis-server for tests, on a port of its own, with nothing on the disk. Knows nothing of the gateway. */
import { freePort, startProcess, type TestProcess } from './processes';

export class RedisServer {
  readonly port: number;
  readonly #options: readonly string[];
  #process: TestProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
  }

  /** `options` as on its command line. With `isTls`, the port takes TLS alone. */
  static async start(options: readonly string[] = [], isTls = false): Promise<RedisServer> {
    const port = await freePort();
    const ports = isTls ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)];
    const server = new RedisServer(port, [...ports, ...options]);
    await server.begin();
    return server;
  }

  /** Starts it, or starts it again with nothing in its memory. */
  async begin(): Promise<void> {
    const fixed = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.#process = startProcess('redis-server', [...fixed, ...this.#options]);
    await this.#process.waitForOutput(/Ready to accept connections/);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** At once, as a crash does. */
  async kill(): Promise<void> {
    await this.#process?.stop('SIGKILL');
  }
}
