/** The way of events to real sockets that stand for a syslog server, and what a reload does to it. */

import { generateKeyPairSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { AuditExport } from '../../../src/atna/auditExport';
import { unreachableBecause } from '../../../src/atna/transport';
import { AuditLog, type AuditLogOptions } from '../../../src/audit/auditLog';
import type { Configuration } from '../../../src/config/schema';
import { onCleanUp } from '../../support/cleanUp';
import { configurationOf } from '../../support/policyOf';
import { temporaryFolder } from '../../support/processes';
import { waitFor } from '../../support/waiting';

type Protocol = 'tcp' | 'udp';

/** A TCP server that counts what is framed. */
async function tcpServer({ closesToo = true } = {}) {
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: !closesToo }, (socket) => {
    sockets.push(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString();
      for (let space = text.indexOf(' '); space > 0; space = text.indexOf(' ')) {
        const end = space + 1 + Number(text.slice(0, space));
        if (text.length < end) break;
        received.push(text.slice(space + 1, end));
        text = text.slice(end);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanUp(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, received, sockets };
}

async function udpServer() {
  const received: string[] = [];
  const socket = createSocket('udp4', (message) => received.push(message.toString()));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  onCleanUp(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, received };
}

/** An audit log that nobody reads, but for its copies. */
function auditLogOf(options: Partial<AuditLogOptions> = {}): AuditLog {
  const stream = new PassThrough().resume();
  const refusals = configurationOf({}, {}).audit.refusals;
  return new AuditLog({ stream, isReadable: false, refusals, say: () => {}, ...options });
}

/** An export that a reload can switch, with the names of its own events. */
async function setUp(first: Configuration) {
  const reported: string[] = [];
  const log = auditLogOf();
  const sut = await AuditExport.start(first, log, (text) => reported.push(text));
  sut.attach(sut);
  onCleanUp(() => sut.close());
  return {
    sut,
    reported,
    record: (detail: string, changes?: readonly string[]) =>
      sut.record({ event: 'crl.fetched', outcome: 'info', detail, changes }),
    reload: async (configuration: Configuration) => (await sut.prepareReload(configuration))(),
    close: () => sut.close(),
  };
}

function configurations() {
  const stateDirectory = join(temporaryFolder(), 'state');
  return {
    off: configurationOf({}, { stateDirectory }),
    to: (server: string, protocol: Protocol) =>
      configurationOf({}, { stateDirectory, audit: { syslog: { server, protocol } } }),
  };
}

function detailsIn(messages: readonly string[]): string[] {
  return messages.map((message) => JSON.parse(message.slice(message.indexOf('{'))).detail as string);
}

function detailsOf(received: readonly string[], count: number): Promise<string[]> {
  return waitFor(`${count} messages`, () => received.length >= count && detailsIn(received));
}

describe.each([
  ['tcp', tcpServer],
  ['udp', udpServer],
] as const)('a syslog server over %s', (protocol, start) => {
  it('gets each event as a message of RFC 5424, in order', async () => {
    const server = await start();
    const { to } = configurations();
    const { record, close } = await setUp(to(server.address, protocol));
    for (const detail of ['one', 'two', 'three']) record(detail);
    expect(await detailsOf(server.received, 3)).toEqual(['one', 'two', 'three']);
    expect(server.received[0]).toMatch(/^<86>1 \S+Z \S+ aegis \d+ crl\.fetched - \{/);
    await close();
    expect(server.received).toHaveLength(3);
  });
});

it('gets the lines as they are in the file, with their place in the chain, also the last ones', async () => {
  const server = await tcpServer();
  const folder = temporaryFolder();
  const file = join(folder, 'audit.jsonl');
  const key = join(folder, 'audit.key');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const { to } = configurations();
  const log = auditLogOf({ file, chain: { key, everySeconds: 60 } });
  const sut = await AuditExport.start(to(server.address, 'tcp'), log, () => {});
  // Before anybody listens.
  sut.record({ event: 'crl.fetched', outcome: 'info', detail: 'early' });
  log.attach(sut);
  sut.attach(sut);
  sut.record({ event: 'crl.fetched', outcome: 'info', detail: 'late' });
  await waitFor('the connection', () => server.received.length > 0);
  await sut.close();
  await log.close();
  const texts = server.received.map((message) => message.slice(message.indexOf('{')));
  expect(texts.map((text) => JSON.parse(text).event)).toEqual([
    'crl.fetched',
    'crl.fetched',
    'audit.checkpoint',
  ]);
  expect(`${texts.join('\n')}\n`).toBe(readFileSync(file, 'latin1'));
});

it('says since when the server is away, and how many messages wait', async () => {
  const server = await tcpServer();
  const { off, to } = configurations();
  const { sut, record, reload } = await setUp(to('127.0.0.1:1', 'tcp'));
  expect(sut.status).toMatchObject({ server: '127.0.0.1:1', isUp: true });
  record('one');
  await waitFor('the first attempt', () => sut.status?.isUp === false);
  record('two');
  sut.flush();
  // Its own line about the server waits too.
  expect(sut.status).toMatchObject({ since: expect.stringMatching(/Z$/), waiting: 3 });
  expect(sut.status?.detail).toMatch(/ECONNREFUSED/);
  await reload(to(server.address, 'tcp'));
  await waitFor('the way back', () => sut.status?.isUp === true && sut.status.waiting === 0);
  expect(sut.status?.since).toBeUndefined();
  await reload(off);
  expect(sut.status).toBeUndefined();
});

describe('a reload', () => {
  it('switches it on and off, and what comes between is not sent', async () => {
    const server = await tcpServer();
    const { off, to } = configurations();
    const { record, reload } = await setUp(off);
    record('before');
    await reload(to(server.address, 'tcp'));
    record('one');
    await detailsOf(server.received, 1);
    await reload(off);
    record('between');
    await reload(to(server.address, 'tcp'));
    record('two');
    await waitFor('two', () => detailsIn(server.received).at(-1) === 'two');
    expect(new Set(detailsIn(server.received))).toEqual(new Set(['one', 'two']));
  });

  it('opens the spool again only when the connection before is closed', async () => {
    const server = await tcpServer({ closesToo: false });
    const { off, to } = configurations();
    const { record, reload } = await setUp(to(server.address, 'tcp'));
    record('one');
    await detailsOf(server.received, 1);
    await reload(off);
    let isBack = false;
    const back = reload(to(server.address, 'tcp')).then(() => {
      isBack = true;
    });
    await waitFor('the end of the first', () => server.sockets[0]!.readableEnded);
    expect(isBack).toBe(false);
    // The server closes only now, or the gateway gives up.
    server.sockets[0]!.end();
    await back;
    record('two');
    await waitFor('two', () => detailsIn(server.received).at(-1) === 'two');
    expect(new Set(detailsIn(server.received))).toEqual(new Set(['one', 'two']));
  });

  it('switches over to another server at once, and loses nothing', async () => {
    const [first, second] = [await tcpServer(), await udpServer()];
    const { to } = configurations();
    const { record, reload } = await setUp(to(first.address, 'tcp'));
    record('one');
    await reload(to(second.address, 'udp'));
    record('two');
    await waitFor('two', () => detailsIn(second.received).at(-1) === 'two');
    expect(new Set(detailsIn([...first.received, ...second.received]))).toEqual(new Set(['one', 'two']));
  });

  it('reports what was lost shortly before it switches off', async () => {
    const { off, to } = configurations();
    const { record, reload, reported, close } = await setUp(to('127.0.0.1:1', 'udp'));
    record(
      'long',
      Array.from({ length: 200 }, () => 'x'.repeat(500)),
    );
    await reload(off);
    await close();
    expect(reported).toContain(
      'warning: 1 messages to the syslog server are lost: it is longer than a datagram',
    );
  });

  it('is rejected where the spool cannot be made, before anything is taken over', async () => {
    const stateDirectory = join(__filename, 'state');
    const syslog = { server: '127.0.0.1:1', protocol: 'tcp' } as const;
    const { reload } = await setUp(configurations().off);
    await expect(reload(configurationOf({}, { stateDirectory, audit: { syslog } }))).rejects.toThrow(
      /spool of audit.syslog cannot be opened/,
    );
  });
});

describe('for aegis check, a server', () => {
  const syslogOf = (server: string, protocol: Protocol) =>
    configurations().to(server, protocol).audit.syslog!;

  it('can be reached, or why it cannot', async () => {
    const { address, received } = await tcpServer();
    expect(await unreachableBecause(syslogOf(address, 'tcp'))).toBeUndefined();
    expect(await unreachableBecause(syslogOf('127.0.0.1:1', 'tcp'))).toMatch(/ECONNREFUSED|refused/);
    expect(await unreachableBecause(syslogOf('127.0.0.1:1', 'udp'))).toBeUndefined();
    expect(received).toEqual([]);
  });
});

it('leaves the spool to the gateway that runs, where this one does not come to serve', async () => {
  const { address, received } = await udpServer();
  const stateDirectory = join(temporaryFolder(), 'state');
  const configuration = configurationOf(
    {},
    { stateDirectory, audit: { syslog: { server: address, protocol: 'udp' } } },
  );
  const running = await AuditExport.start(configuration, auditLogOf(), () => {});
  running.attach(running);
  const second = await AuditExport.start(configuration, auditLogOf(), () => {});
  second.record({ event: 'gateway.started', outcome: 'info', detail: 'of the second' });
  await second.close();
  running.record({ event: 'gateway.started', outcome: 'info', detail: 'of the first' });
  await waitFor('the message', () => received.length > 0);
  await running.close();
  expect(received).toEqual([expect.stringContaining('of the first')]);
});
