/** The admin HTTP, as any program on the machine can reach it: raw bytes on a real socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { AdminAccess } from '../../src/admin/adminAccess';
import { AdminPort } from '../../src/admin/adminPort';
import { AdminServer } from '../../src/admin/adminServer';
import { CertificateExpiries } from '../../src/admin/certificateExpiries';
import { PendingCallers } from '../../src/admin/pendingCallers';
import { configurationSchema } from '../../src/config/schema';
import { Finding, type FuzzTarget } from './target';

const configuration = configurationSchema.parse({
  listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
  upstreams: { ORTHANC: { servers: '127.0.0.1:4242' } },
  modalities: {},
  admin: { host: '127.0.0.1', port: 0, token: '0123456789-no-input-has-it' },
});
/** The whole of any answer; the dashboard is larger than the metrics of an idle gateway. */
const MAX_ANSWER_BYTES = 256 * 1024;
const STATUS = /^HTTP\/1\.1 (1\d\d|200|204|400|401|403|404|405|408|411|413|414|415|417|431|501|503|505) /;

interface Server {
  readonly port: AdminPort;
  /** How often an input changed something, which none may. */
  changes: number;
}

let started: Promise<Server> | undefined;

async function start(): Promise<Server> {
  const admin = configuration.admin!;
  const port = await AdminPort.open(admin);
  const server: Server = { port, changes: 0 };
  const gateway = {
    addresses: [],
    isListening: true,
    health: undefined,
    progress: async () => [],
    penalties: { list: [] },
  };
  const changed = async (): Promise<never> => {
    server.changes += 1;
    throw new Finding('an input changed something');
  };
  const locks = { list: [], lock: changed, unlock: changed };
  const source = { file: '/nowhere/aegis.jsonc', sha256: '' };
  const control = { gateway, workers: 1, source, locks, reload: changed };
  const sources = {
    expiries: new CertificateExpiries(configuration),
    pending: new PendingCallers({ maxEntries: 10 }),
    warn: () => {},
    inventory: {
      text: async () => '{}',
      silent: [],
      lastSeen: [],
      reportOf: () => undefined,
      silenceOf: () => undefined,
      lastHeard: () => undefined,
    },
  };
  const answering = new AdminServer(
    { access: new AdminAccess(admin), port },
    { configuration, control, ...sources },
  );
  await answering.start();
  return server;
}

/** Sends the bytes and closes its side; what came back until the other side closed, too. */
async function ask(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: false });
  const chunks: Buffer[] = [];
  let length = 0;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) socket.destroy();
  });
  socket.end(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

const AUTHORIZATION = 'authorization: bearer 0123456789abcdef\r\n';

export const httpTarget: FuzzTarget = {
  name: 'http',
  invariant:
    'answers that are HTTP and bounded, no 500, nothing changed without the token; it goes on answering',
  seeds: [
    'GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n',
    'GET /readyz HTTP/1.0\r\n\r\n',
    'GET /api/v1/status HTTP/1.1\r\nhost: localhost:9762\r\nconnection: close\r\n\r\n',
    `DELETE /api/v1/pending/0123456789ab HTTP/1.1\r\nhost: [::1]\r\n${AUTHORIZATION}\r\n`,
    `POST /api/v1/reload?enforce=true HTTP/1.1\r\nhost: 127.0.0.1\r\n${AUTHORIZATION}content-length: 2\r\n\r\n{}`,
    'POST /api/v1/reload HTTP/1.1\r\nhost: 127.0.0.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'HEAD / HTTP/1.1\r\nhost: evil.example\r\nexpect: 100-continue\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n',
  ].map((text) => Buffer.from(text)),
  words: [
    '\r\n',
    ' ',
    '%2e',
    '%',
    '..',
    '/',
    '?',
    'a=b',
    ':',
    'HTTP/1.1',
    'content-length: 9\r\n',
    'host: x\r\n',
    '\0',
  ],
  maxInputMs: 2000,
  async check(input) {
    started ??= start();
    const server = await started;
    const answer = await ask(server.port.address.port, input);
    if (answer.length > MAX_ANSWER_BYTES)
      throw new Finding(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    const text = answer.toString('latin1', 0, 200);
    if (answer.length > 0 && !STATUS.test(text)) throw new Finding(`it answered ${JSON.stringify(text)}`);
    if (server.changes > 0) throw new Finding('something was changed without the token');
  },
  async close() {
    await (await started)?.port.close();
    started = undefined;
  },
};
