import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { type ConnectionOptions, type SecureVersion, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { openListener } from '../../../src/net/listener';
import { testCertificates } from '../../support/certificates';
import { onCleanUp } from '../../support/cleanUp';
import { describeWithPeers } from '../../support/peers';
import { startProcess } from '../../support/processes';
import {
  openTestListener,
  type TestListener,
  testTlsMaterial,
  withOptions,
} from '../../support/testListener';
import { waitFor } from '../../support/waiting';

const certificates = testCertificates();
const versions: SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

function dial(port: number, options: ConnectionOptions = {}): TLSSocket {
  const { cert, key } = certificates.client;
  const socket = tlsConnect({ port, host: '127.0.0.1', ca: [certificates.ca.cert], cert, key, ...options });
  socket.on('error', () => {});
  onCleanUp(() => void socket.destroy());
  return socket;
}

async function secured(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = dial(port, options);
  await once(socket, 'secureConnect');
  return socket;
}

function dialPlain(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  onCleanUp(() => void socket.destroy());
  return socket;
}

/** Everything that the peer sent until it closed. */
async function receivedUntilClose(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

describe('a plain listener', () => {
  it('hands on the socket paused and unread, with the address of the peer', async () => {
    const listener = await openTestListener();
    const client = dialPlain(listener.port);
    client.write('first');
    const connection = await listener.nextConnection();
    expect(connection).toMatchObject({
      listener: 'test',
      connectionId: expect.stringMatching(/^[0-9a-f]{16}$/),
      sourceAddress: '127.0.0.1',
      sourcePort: client.localPort,
    });
    expect(connection).not.toHaveProperty('tls');
    expect(connection).not.toHaveProperty('certificate');
    expect(connection.socket.isPaused()).toBe(true);
    connection.socket.once('data', () => {});
    expect(connection.socket.isPaused()).toBe(true);
    const received = once(connection.socket, 'data');
    connection.socket.resume();
    expect(String((await received)[0])).toBe('first');
  });

  it('survives an error of a socket without a listener for it', async () => {
    const listener = await openTestListener();
    const client = dialPlain(listener.port);
    const { socket } = await listener.nextConnection();
    const closed = new Promise((resolve) => socket.on('close', resolve));
    client.resetAndDestroy();
    socket.resume();
    await closed;
    dialPlain(listener.port);
    await listener.nextConnection();
  });

  it('says what to do when the port is in use', async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => void other.close());
    const { port } = other.address() as { port: number };
    const opening = openListener(
      { name: 'plain', host: '127.0.0.1', port },
      { timeouts: { tlsHandshakeSeconds: 1 }, maxPendingConnectionsPerAddress: 1 },
      { admitAddress: () => ({ allowed: true }), connected: () => {}, refused: () => {} },
    );
    await expect(opening).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the port is in use (EADDRINUSE); stop the other program or choose another port`,
    );
  });

  it('puts an IPv6 address in brackets where the port cannot be had', async () => {
    const opening = openListener(
      { name: 'plain', host: '2001:db8::1', port: 11112 },
      { timeouts: { tlsHandshakeSeconds: 1 }, maxPendingConnectionsPerAddress: 1 },
      { admitAddress: () => ({ allowed: true }), connected: () => {}, refused: () => {} },
    );
    await expect(opening).rejects.toThrow('cannot listen on [2001:db8::1]:11112: ');
  });

  it('never opens a TLS listener without its certificates', async () => {
    const tls = { ...testTlsMaterial(certificates) };
    const opening = openListener(
      { name: 'plain', host: '127.0.0.1', port: 0 },
      { timeouts: { tlsHandshakeSeconds: 1 }, maxPendingConnectionsPerAddress: 1, tls },
      { admitAddress: () => ({ allowed: true }), connected: () => {}, refused: () => {} },
    );
    await expect(opening).rejects.toThrow('do not go together');
  });
});

describe('gate 1', () => {
  it.each(['plain', 'tls'])('closes a refused address without a byte, %s', async (kind) => {
    const asked: string[] = [];
    const listener = await openTestListener({
      ...(kind === 'tls' ? { tls: testTlsMaterial(certificates) } : {}),
      admitAddress: (address) => {
        asked.push(address);
        return { allowed: false, reason: 'source-address-unknown' };
      },
    });
    const client = dialPlain(listener.port);
    client.write(Buffer.from('1603010200', 'hex'));
    expect(await receivedUntilClose(client)).toHaveLength(0);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'source-address-unknown' });
    expect(asked).toEqual(['127.0.0.1']);
    expect(listener.outcomes).toHaveLength(1);
  });

  it('limits the connections of one address that have no association yet', async () => {
    const listener = await openTestListener({ maxPendingConnectionsPerAddress: 2 });
    dialPlain(listener.port);
    const first = await listener.nextConnection();
    const second = dialPlain(listener.port);
    await listener.nextConnection();
    dialPlain(listener.port);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'connection-limit' });

    // Asked twice, it frees one place, not two.
    first.pendingDone();
    first.pendingDone();
    dialPlain(listener.port);
    await listener.nextConnection();
    dialPlain(listener.port);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'connection-limit' });

    const closing = listener.outcomes[1];
    if (closing?.kind !== 'connected') throw new Error('the second connection was refused');
    closing.connection.socket.resume();
    second.destroy();
    await once(closing.connection.socket, 'close');
    dialPlain(listener.port);
    await listener.nextConnection();
  });

  it('lets connections of one address wait that come faster than they may, and closes more', async () => {
    const listener = await openTestListener({ connectionsPerSecondPerAddress: 2 });
    const refusals = () => listener.outcomes.filter(({ kind }) => kind === 'refused').length;
    const connections = () => listener.outcomes.length - refusals();
    for (let count = 0; count < 100; count += 1) dialPlain(listener.port);
    await waitFor('what is closed', () => refusals() >= 100 - 20 - 64 - 2);
    // Twenty at once, and what comes to two a second meanwhile.
    expect(connections()).toBeGreaterThanOrEqual(20);
    expect(connections()).toBeLessThanOrEqual(24);
    const [refusal] = listener.outcomes.filter(({ kind }) => kind === 'refused');
    expect(refusal).toMatchObject({ refusal: { reason: 'connection-rate' } });
    const before = connections();
    await waitFor('the next in line', () => connections() >= before + 2);
  });

  it('gives back the turn of a connection that came to an association', async () => {
    const listener = await openTestListener({ connectionsPerSecondPerAddress: 1 });
    for (let count = 0; count < 50; count += 1) {
      const client = dialPlain(listener.port);
      const { pendingDone } = await listener.nextConnection();
      pendingDone();
      client.destroy();
    }
  });

  it('frees the place of a connection whose handshake failed', async () => {
    const listener = await openTestListener({
      tls: testTlsMaterial(certificates),
      maxPendingConnectionsPerAddress: 1,
    });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const client = dialPlain(listener.port);
      client.write('GET / HTTP/1.1\r\n');
      expect(await listener.nextRefusal()).toMatchObject({ reason: 'plain-on-tls-port' });
      await once(client, 'close');
    }
  });
});

describe('a TLS listener', () => {
  it.each(versions)('connects a client with a good certificate, %s', async (version) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const client = await secured(listener.port, { minVersion: version, maxVersion: version });
    const connection = await listener.nextConnection();
    const { x509 } = certificates.client;
    expect(connection).toMatchObject({
      sourceAddress: '127.0.0.1',
      sourcePort: client.localPort,
      certificate: {
        commonName: 'ct1',
        dnsNames: ['ct1.radiology.example'],
        fingerprint256: x509.fingerprint256,
        serialNumber: x509.serialNumber,
      },
      tls: {
        protocol: version,
        cipher: version === 'TLSv1.3' ? 'TLS_AES_256_GCM_SHA384' : 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
        subject: 'CN=ct1',
        issuer: 'CN=Test CA',
        serialNumber: x509.serialNumber,
        fingerprint256: x509.fingerprint256,
      },
    });
    expect(connection.socket.isPaused()).toBe(true);

    // What the client sent at once waits, and answers reach it.
    client.write('request');
    connection.socket.on('data', (chunk) => connection.socket.write(`re: ${chunk}`));
    connection.socket.resume();
    expect(String((await once(client, 'data'))[0])).toBe('re: request');
    expect(listener.outcomes).toHaveLength(1);
  });

  it('reports the certificate of each connection, seen before or not', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const { client, rsaClient } = certificates;
    const fingerprints: (string | undefined)[] = [];
    for (const { cert, key } of [client, rsaClient, client, rsaClient]) {
      dial(listener.port, { cert, key });
      fingerprints.push((await listener.nextConnection()).certificate?.fingerprint256);
    }
    const expected = [client.x509.fingerprint256, rsaClient.x509.fingerprint256];
    expect(fingerprints).toEqual([...expected, ...expected]);
  });

  it('takes a client whose certificate names no purpose', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const { cert, key } = certificates.clientWithoutPurpose;
    dial(listener.port, { cert, key });
    await listener.nextConnection();
  });

  it('takes a good certificate while there is a revocation list', async () => {
    const tls = testTlsMaterial(certificates, { crl: [certificates.crl.crlFile] });
    const listener = await openTestListener({ tls });
    dial(listener.port);
    await listener.nextConnection();
  });

  it('asks for no certificate where none is required', async () => {
    const tls = testTlsMaterial(certificates, { clientCertificate: 'none', trustedCertificates: undefined });
    const listener = await openTestListener({ tls });
    dial(listener.port);
    const connection = await listener.nextConnection();
    expect(connection).not.toHaveProperty('certificate');
    expect(connection.tls).not.toHaveProperty('subject');
  });

  it('serves an RSA and an ECDSA certificate side by side', async () => {
    const { server, rsaServer } = certificates;
    const tls = testTlsMaterial(certificates, {
      certificate: [rsaServer.certificateFile, server.certificateFile],
      privateKey: [rsaServer.privateKeyFile, server.privateKeyFile],
    });
    const listener = await openTestListener({ tls });
    const shown = async (ciphers: string) => {
      const client = await secured(listener.port, { maxVersion: 'TLSv1.2', ciphers });
      return client.getPeerCertificate().subject.CN;
    };
    expect(await shown('ECDHE-RSA-AES256-GCM-SHA384')).toBe('rsa-server');
    expect(await shown('ECDHE-ECDSA-AES256-GCM-SHA384')).toBe('server');
    const modern = await secured(listener.port);
    expect(modern.getPeerCertificate().subject.CN).toBe('server');
  });

  it.each([
    [['dicom'], 'dicom'],
    [['h2', 'dicom'], 'dicom'],
    [undefined, false],
  ])('agrees on the application protocol with a client that offers %j', async (offered, agreed) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const client = await secured(listener.port, offered === undefined ? {} : { ALPNProtocols: offered });
    expect(client.alpnProtocol).toBe(agreed);
    await listener.nextConnection();
  });
});

describe('the deadline of the handshake', () => {
  it('closes 200 silent and 20 dripping connections, and serves others meanwhile', async () => {
    const handshakeSeconds = 2;
    const listener = await openTestListener({ tls: testTlsMaterial(certificates), handshakeSeconds });
    const started = performance.now();
    const clients = Array.from({ length: 220 }, () => dialPlain(listener.port));
    // A ClientHello of 508 bytes, one byte at a time: it would take 25 seconds.
    const clientHello = Buffer.concat([Buffer.from('1603010200010001fc0303', 'hex'), Buffer.alloc(506)]);
    const dripping = clients.slice(200);
    let sent = 0;
    const drip = setInterval(() => {
      for (const client of dripping) client.write(clientHello.subarray(sent, sent + 1));
      sent += 1;
    }, 50);
    onCleanUp(() => clearInterval(drip));
    // One that drips may learn of the close by an error of its own writing.
    const closed = clients.map(
      (client) =>
        new Promise((resolve) =>
          client
            .on('error', () => {})
            .once('close', resolve)
            .resume(),
        ),
    );

    await secured(listener.port);
    await listener.nextConnection();

    await Promise.all(closed);
    clearInterval(drip);
    const refusals = listener.outcomes.filter((outcome) => outcome.kind === 'refused');
    const reasons = refusals.map(({ refusal }) => refusal.reason);
    expect(listener.outcomes[0]?.kind).toBe('connected');
    expect(performance.now() - started).toBeGreaterThanOrEqual(handshakeSeconds * 1000 - 10);
    expect(new Set(reasons)).toEqual(new Set(['tls-handshake-timeout']));
    expect(reasons).toHaveLength(220);
    expect(refusals.filter(({ refusal }) => refusal.detail === 'no byte came in 2 s')).toHaveLength(200);
  });

  it('leaves an established connection alone', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates), handshakeSeconds: 1 });
    const client = await secured(listener.port);
    const { socket } = await listener.nextConnection();
    // Another one, refused by its deadline, tells that the time of the first is over too.
    dialPlain(listener.port);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'tls-handshake-timeout' });
    socket.resume();
    socket.write('still here');
    expect(String((await once(client, 'data'))[0])).toBe('still here');
  });
});

describe('a certificate that is judged again', () => {
  const { ca, issue } = certificates;
  const intermediate = issue('Device CA', { issuer: ca, isCa: true });
  const leaf = issue('device', { issuer: intermediate, purposes: ['clientAuth'] });

  it.each(versions)('is judged with the chain that came with it, %s', async (version) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const limits = { minVersion: version, maxVersion: version };
    dial(listener.port, { ...limits, cert: leaf.cert + intermediate.cert, key: leaf.key });
    const connection = await listener.nextConnection();
    expect(connection.certificate?.fingerprint256).toBe(leaf.x509.fingerprint256);
    // As often as a reload asks: what Node takes out of the TLS state is missing the second time.
    expect(listener.listener.certificateRefusal(connection)).toBeUndefined();
    expect(listener.listener.certificateRefusal(connection)).toBeUndefined();
    const root = issue('Another root', { isCa: true });
    listener.reconfigure({
      tls: testTlsMaterial(certificates, { trustedCertificates: [root.certificateFile] }),
    });
    expect(listener.listener.certificateRefusal(connection)).toBe('certificate-untrusted');
  });
});

describe('resumption', () => {
  /** Connects once with a certificate and gives what a client would resume with. */
  async function sessionOf(listener: TestListener, limits: ConnectionOptions): Promise<Buffer> {
    const client = dial(listener.port, limits);
    // Node tells of a session whether or not there is a ticket in it.
    const session = new Promise<Buffer>((resolve) => client.once('session', resolve));
    client.resume();
    await listener.nextConnection();
    return session;
  }

  it.each(versions)(
    'is not offered, so that no client gets in without a certificate, %s',
    async (version) => {
      const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
      const limits = { minVersion: version, maxVersion: version };
      const session = await sessionOf(listener, limits);
      dial(listener.port, { ...limits, session, cert: undefined, key: undefined }).resume();
      expect(await listener.nextRefusal()).toMatchObject({ reason: 'certificate-missing' });

      // With its certificate the same client is welcome, after a whole handshake.
      const welcome = await secured(listener.port, { ...limits, session });
      await listener.nextConnection();
      expect(welcome.isSessionReused()).toBe(false);
    },
  );

  it.each(versions)('is refused even where OpenSSL allows it, %s', async (version) => {
    const tls = withOptions(testTlsMaterial(certificates), { secureOptions: 0 });
    const listener = await openTestListener({ tls });
    const limits = { minVersion: version, maxVersion: version };
    const session = await sessionOf(listener, limits);
    dial(listener.port, { ...limits, session, cert: undefined, key: undefined }).resume();
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'tls-handshake-failed',
      detail: 'the peer resumed a session, which is never offered',
      tls: { protocol: version },
    });
  });

  it('does not outlive a certificate that was revoked meanwhile', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const { cert, key } = certificates.revokedClient;
    const session = await sessionOf(listener, { cert, key });
    listener.reconfigure({ tls: testTlsMaterial(certificates, { crl: [certificates.crl.crlFile] }) });
    dial(listener.port, { cert, key, session }).resume();
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'certificate-revoked' });
  });
});

describe('a ClientHello', () => {
  const RECORD_HEADER_BYTES = 5;

  function record(body: Buffer): Buffer {
    return Buffer.concat([Buffer.of(0x16, 3, 1, body.length >> 8, body.length & 0xff), body]);
  }

  const cuts: [string, (hello: Buffer) => Buffer[]][] = [
    ['byte by byte', (hello) => Array.from(hello, (byte) => Buffer.of(byte))],
    [
      'in records of 100 bytes',
      (hello) => {
        const body = hello.subarray(RECORD_HEADER_BYTES);
        const count = Math.ceil(body.length / 100);
        return Array.from({ length: count }, (_, index) =>
          record(body.subarray(index * 100, index * 100 + 100)),
        );
      },
    ],
  ];

  it.each(cuts)('is taken %s', async (_name, cut) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const proxy = createTcpServer((fromClient) => {
      const toListener = dialPlain(listener.port);
      toListener.setNoDelay(true);
      toListener.pipe(fromClient);
      fromClient
        .on('error', () => {})
        .once('data', async (hello: Buffer) => {
          fromClient.pause();
          for (const piece of cut(hello)) {
            toListener.write(piece);
            await new Promise((resolve) => setImmediate(resolve));
          }
          fromClient.pipe(toListener);
        });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    onCleanUp(() => void proxy.close());
    const client = await secured((proxy.address() as { port: number }).port);
    const { socket } = await listener.nextConnection();
    const received = once(socket, 'data');
    client.write('here');
    socket.resume();
    expect(String((await received)[0])).toBe('here');
  });
});

describe('renegotiation', () => {
  it('is refused', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const client = await secured(listener.port, { maxVersion: 'TLSv1.2' });
    const { socket } = await listener.nextConnection();
    socket.resume();
    const error = await new Promise<Error | null>((resolve) => {
      client.renegotiate({}, resolve);
      client.on('error', resolve);
    });
    expect(error?.message).toMatch(/no renegotiation/);
  });
});

describe('reconfigure', () => {
  it('shows the new certificate from the next handshake on', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const before = await secured(listener.port);
    const { rsaServer } = certificates;
    listener.reconfigure({
      tls: testTlsMaterial(certificates, {
        certificate: [rsaServer.certificateFile],
        privateKey: [rsaServer.privateKeyFile],
      }),
    });
    const after = await secured(listener.port);
    expect(before.getPeerCertificate().subject.CN).toBe('server');
    expect(after.getPeerCertificate().subject.CN).toBe('rsa-server');
    expect(before.destroyed).toBe(false);
  });

  it('applies the new revocation list', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const { cert, key } = certificates.revokedClient;
    dial(listener.port, { cert, key });
    await listener.nextConnection();
    listener.reconfigure({ tls: testTlsMaterial(certificates, { crl: [certificates.crl.crlFile] }) });
    dial(listener.port, { cert, key });
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'certificate-revoked' });
  });
});

describe('reconfigure of a plain listener', () => {
  it('speaks TLS from the next connection on, and the other way round', async () => {
    const listener = await openTestListener();
    dialPlain(listener.port);
    expect((await listener.nextConnection()).tls).toBeUndefined();
    listener.reconfigure({ tls: testTlsMaterial(certificates) });
    const client = await secured(listener.port);
    expect((await listener.nextConnection()).tls?.protocol).toBe('TLSv1.3');
    client.destroy();
    listener.reconfigure({});
    dialPlain(listener.port);
    expect((await listener.nextConnection()).tls).toBeUndefined();
  });

  it('asks for a PROXY protocol header from then on', async () => {
    const listener = await openTestListener();
    listener.reconfigure({ trustedProxies: ['127.0.0.2'] });
    dialPlain(listener.port);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'proxy-protocol-untrusted' });
  });
});

describe('close', () => {
  it('refuses handshakes, leaves connections alone, and frees the port', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const client = await secured(listener.port);
    const { socket } = await listener.nextConnection();
    const silent = dialPlain(listener.port);
    await once(silent, 'connect');
    // Accepted in order: once this one is refused, the silent one has been accepted too.
    dialPlain(listener.port).write('GET / HTTP/1.1\r\n');
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'plain-on-tls-port' });

    await listener.listener.close();
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'draining' });
    const [error] = await once(dialPlain(listener.port), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
    socket.resume();
    socket.write('still here');
    expect(String((await once(client, 'data'))[0])).toBe('still here');
  });
});

describeWithPeers(['openssl'], 'openssl s_client', () => {
  it('gets no renegotiation', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const openssl = spawn('openssl', [
      's_client',
      '-tls1_2',
      ...identity(),
      ...['-connect', `127.0.0.1:${listener.port}`],
    ]);
    onCleanUp(() => void openssl.kill());
    let output = '';
    let isAsked = false;
    const ended = new Promise((resolve) => openssl.on('close', resolve));
    for (const stream of [openssl.stdout, openssl.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        // The last line of its report on the handshake; after it, an R on a line renegotiates.
        if (!isAsked && output.includes('Extended master secret')) {
          isAsked = true;
          openssl.stdin.write('R\n');
        }
      });
    }
    const { socket } = await listener.nextConnection();
    socket.resume();
    await ended;
    expect(output).toContain('RENEGOTIATING');
    expect(output).toContain('no renegotiation');
    expect(listener.outcomes).toHaveLength(1);
  });

  const identity = () => {
    const { ca, client } = certificates;
    return ['-CAfile', ca.certificateFile, '-cert', client.certificateFile, '-key', client.privateKeyFile];
  };

  it('learns why its certificate is missing', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const openssl = startProcess('openssl', [
      's_client',
      '-tls1_2',
      '-connect',
      `127.0.0.1:${listener.port}`,
    ]);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'certificate-missing' });
    await openssl.waitForOutput(/alert handshake failure/);
  });

  it.each(['-tls1', '-tls1_1'])('gets no further with %s', async (version) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    startProcess('openssl', [
      's_client',
      version,
      '-cipher',
      'ALL:@SECLEVEL=0',
      '-connect',
      `127.0.0.1:${listener.port}`,
    ]);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'tls-version' });
  });

  it('says why it does not trust the gateway', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    startProcess('openssl', [
      's_client',
      '-verify_return_error',
      ...['-CAfile', certificates.otherCa.certificateFile],
      ...['-connect', `127.0.0.1:${listener.port}`],
    ]);
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'tls-handshake-failed',
      detail: 'the peer ended the handshake with the alert "unknown ca"',
    });
  });

  it('is offered no ticket', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const openssl = startProcess('openssl', [
      's_client',
      '-tls1_2',
      ...identity(),
      ...['-connect', `127.0.0.1:${listener.port}`],
    ]);
    await listener.nextConnection();
    await openssl.waitForOutput(/Verify return code: 0/);
    expect(openssl.output).not.toMatch(/TLS session ticket/);
  });
});
