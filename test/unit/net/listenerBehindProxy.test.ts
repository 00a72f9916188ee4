import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import { describe, expect, it, jest } from '@jest/globals';
import { testCertificates } from '../../support/certificates';
import { onCleanUp } from '../../support/cleanUp';
import { describeWithPeers } from '../../support/peers';
import { freePort, startProcess } from '../../support/processes';
import { openTestListener, testTlsMaterial } from '../../support/testListener';
import { acceptedSockets, turnsUntil } from '../../support/waiting';

const certificates = testCertificates();
const trustedProxies = ['127.0.0.1'];
const HEADER_V1 = Buffer.from('PROXY TCP4 10.1.2.10 192.168.0.11 56324 2762\r\n');
//                 signature 12               PROXY TCP4 length 12, 10.1.2.10, 192.168.0.11, ports
const HEADER_V2 = Buffer.from('0d0a0d0a000d0a515549540a21' + '11' + '000c0a01020ac0a8000bdc040aca', 'hex');

async function dialPlain(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  socket.on('error', () => {});
  onCleanUp(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A way into the socket that puts the prefix and the first bytes into one write. */
function withPrefix(raw: Socket, prefix: Buffer): Duplex {
  let waiting = prefix;
  const duplex = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      raw.write(Buffer.concat([waiting, chunk]), done);
      waiting = Buffer.alloc(0);
    },
  });
  raw.on('data', (chunk) => duplex.push(chunk));
  raw.on('end', () => duplex.push(null));
  return duplex;
}

function read(socket: Socket): Promise<string> {
  const text = once(socket, 'data').then(([chunk]) => String(chunk));
  socket.resume();
  return text;
}

describe('a plain listener behind a proxy', () => {
  it.each([
    ['version 1', HEADER_V1],
    ['version 2', HEADER_V2],
  ])('takes the source from a header of %s and leaves what follows in the socket', async (_name, header) => {
    const listener = await openTestListener({ trustedProxies });
    const client = await dialPlain(listener.port);
    client.write(Buffer.concat([header, Buffer.from('request')]));
    const connection = await listener.nextConnection();
    expect(connection).toMatchObject({ sourceAddress: '10.1.2.10', sourcePort: 56324 });
    expect(connection.socket.isPaused()).toBe(true);
    connection.socket.once('data', () => {});
    expect(connection.socket.isPaused()).toBe(true);
    expect(await read(connection.socket)).toBe('request');
  });

  it('puts a header together that comes byte by byte', async () => {
    const listener = await openTestListener({ trustedProxies });
    const client = await dialPlain(listener.port);
    for (const byte of Buffer.concat([HEADER_V2, Buffer.from('r')])) client.write(Buffer.from([byte]));
    const { socket, sourceAddress } = await listener.nextConnection();
    expect(sourceAddress).toBe('10.1.2.10');
    expect(await read(socket)).toBe('r');
  });

  it('gives everything to the next owner, much and in order', async () => {
    const listener = await openTestListener({ trustedProxies });
    const client = await dialPlain(listener.port);
    const payload = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => index % 251));
    client.end(Buffer.concat([HEADER_V1, payload]));
    const { socket } = await listener.nextConnection();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    const ended = once(socket, 'end');
    socket.resume();
    await ended;
    expect(Buffer.concat(chunks).equals(payload)).toBe(true);
  });

  it('asks gate 1 about the modality, not about the proxy', async () => {
    const asked: string[] = [];
    const listener = await openTestListener({
      trustedProxies,
      admitAddress: (address) => {
        asked.push(address);
        return { allowed: false, reason: 'source-address-unknown' };
      },
    });
    const client = await dialPlain(listener.port);
    client.write('PROXY TCP6 ::ffff:10.1.2.10 ::1 56324 2762\r\n');
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'source-address-unknown',
      sourceAddress: '10.1.2.10',
      sourcePort: 56324,
    });
    expect(asked).toEqual(['10.1.2.10']);
  });

  it.each([
    ['LOCAL', Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')],
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
  ])('takes the proxy for the source of a connection of its own: %s', async (_name, header) => {
    const listener = await openTestListener({ trustedProxies });
    const client = await dialPlain(listener.port);
    client.write(header);
    expect(await listener.nextConnection()).toMatchObject({
      sourceAddress: '127.0.0.1',
      sourcePort: client.localPort,
    });
  });

  it('reads nothing from a peer that is not a trusted proxy', async () => {
    const listener = await openTestListener({ trustedProxies: ['192.0.2.1'] });
    const client = await dialPlain(listener.port);
    client.write(HEADER_V1);
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'proxy-protocol-untrusted',
      sourceAddress: '127.0.0.1',
    });
  });

  it.each([
    ['no header', Buffer.from('0100000000cd0001', 'hex'), 'the first bytes are not a PROXY protocol header'],
    [
      'a malformed header',
      Buffer.from('PROXY TCP4 10.1.2.10 nowhere 1 2\r\n'),
      'a field of the version 1 line is malformed',
    ],
  ])('refuses %s', async (_name, bytes, detail) => {
    const listener = await openTestListener({ trustedProxies });
    const client = await dialPlain(listener.port);
    client.write(bytes);
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'proxy-protocol-invalid', detail });
    expect(listener.outcomes).toHaveLength(1);
  });

  it('refuses half a header that is followed by a close, or by nothing', async () => {
    const listener = await openTestListener({ trustedProxies, handshakeSeconds: 0.2 });
    const closing = await dialPlain(listener.port);
    closing.end(HEADER_V1.subarray(0, 20));
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'proxy-protocol-invalid',
      detail: 'the connection was closed before the header was complete',
    });
    const silent = await dialPlain(listener.port);
    silent.write(HEADER_V2.subarray(0, 20));
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'proxy-protocol-invalid',
      detail: 'the header was not complete after 0.2 s',
    });
    expect(listener.outcomes).toHaveLength(2);
  });
});

describe('a TLS listener behind a proxy', () => {
  it('shakes hands where the header and the ClientHello come in one segment', async () => {
    const listener = await openTestListener({ trustedProxies, tls: testTlsMaterial(certificates) });
    const raw = await dialPlain(listener.port);
    const { cert, key } = certificates.client;
    const client = tlsConnect({
      socket: withPrefix(raw, HEADER_V2),
      host: '127.0.0.1',
      ca: [certificates.ca.cert],
      cert,
      key,
    });
    client.on('error', () => {});
    await once(client, 'secureConnect');
    const connection = await listener.nextConnection();
    expect(connection).toMatchObject({
      sourceAddress: '10.1.2.10',
      sourcePort: 56324,
      certificate: { commonName: 'ct1' },
    });
    client.write('request');
    expect(await read(connection.socket)).toBe('request');
  });

  it('names what is not TLS behind the header', async () => {
    const listener = await openTestListener({ trustedProxies, tls: testTlsMaterial(certificates) });
    const client = await dialPlain(listener.port);
    client.write(Buffer.concat([HEADER_V1, Buffer.from('0100000000cd0001', 'hex')]));
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'plain-on-tls-port',
      sourceAddress: '10.1.2.10',
      detail: 'a DICOM A-ASSOCIATE-RQ without TLS',
    });
  });

  it('counts header and handshake against one deadline', async () => {
    const tls = testTlsMaterial(certificates);
    const listener = await openTestListener({ trustedProxies, tls, handshakeSeconds: 1 });
    const accepted = acceptedSockets();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance', 'Date'] });
    try {
      const client = await dialPlain(listener.port);
      await turnsUntil(() => accepted.length === 1 && jest.getTimerCount() > 0);
      // Most of the time goes by before the header is there.
      jest.advanceTimersByTime(999);
      client.write(HEADER_V1);
      await turnsUntil(() => accepted[0]!.bytesRead === HEADER_V1.length);
      expect(listener.outcomes).toEqual([]);
      jest.advanceTimersByTime(1);
    } finally {
      jest.useRealTimers();
    }
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'tls-handshake-timeout',
      sourceAddress: '10.1.2.10',
      detail: 'no byte came in 1 s',
    });
  });
});

describeWithPeers(['haproxy'], 'HAProxy in front', () => {
  it.each(['send-proxy', 'send-proxy-v2'])('passes the source on with %s', async (option) => {
    const listener = await openTestListener({ trustedProxies, tls: testTlsMaterial(certificates) });
    const port = await freePort();
    const configurationFile = `${certificates.folder}/haproxy-${option}.cfg`;
    writeFileSync(
      configurationFile,
      [
        'defaults',
        '  mode tcp',
        '  timeout connect 5s',
        '  timeout client 30s',
        '  timeout server 30s',
        'listen dicom',
        `  bind 127.0.0.1:${port}`,
        `  server aegis 127.0.0.1:${listener.port} ${option}`,
        '',
      ].join('\n'),
    );
    const haproxy = startProcess('haproxy', ['-f', configurationFile, '-db']);
    await haproxy.waitForPort(port);

    const { cert, key } = certificates.client;
    const client = tlsConnect({ port, host: '127.0.0.1', ca: [certificates.ca.cert], cert, key });
    onCleanUp(() => void client.destroy());
    await once(client, 'secureConnect');
    // The look at the port may have gone through to the listener, and away again.
    let outcome = await listener.next();
    while (outcome.kind === 'refused') outcome = await listener.next();
    expect(outcome.connection).toMatchObject({
      sourceAddress: '127.0.0.1',
      sourcePort: client.localPort,
    });
  });
});
