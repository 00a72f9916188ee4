import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { dialTcp, dialTls } from '../../../src/net/dial';
import { loadClientTlsContext } from '../../../src/net/tlsContext';
import { tlsProfiles } from '../../../src/net/tlsProfiles';
import { type TestCertificate, testCertificates } from '../../support/certificates';
import { onCleanUp } from '../../support/cleanUp';
import { freePort } from '../../support/processes';
import { openTestListener, testTlsMaterial } from '../../support/testListener';

const certificates = testCertificates();
const { ca, client, otherCa } = certificates;
const patient = { timeoutMs: 10_000 };

async function listen(onConnection: (socket: Socket) => void, tls?: TlsOptions): Promise<number> {
  const sockets: Socket[] = [];
  const accept = (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    onConnection(socket);
  };
  const server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onCleanUp(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

function trusting(authority: TestCertificate, serverName?: string) {
  return loadClientTlsContext({
    profile: 'bcp195',
    trustedCertificates: [authority.certificateFile],
    certificate: client.certificateFile,
    privateKey: client.privateKeyFile,
    serverName,
  });
}

describe('dialling TCP', () => {
  it('gives a connected socket, paused and unread', async () => {
    const port = await listen((socket) => socket.write('hello'));
    const socket = await dialTcp('127.0.0.1', port, patient);
    onCleanUp(() => void socket.destroy());
    expect(socket.isPaused()).toBe(true);
    const hello = once(socket, 'data');
    expect(socket.isPaused()).toBe(true);
    socket.resume();
    expect(String((await hello)[0])).toBe('hello');
  });

  it('dials from the local address that was asked for', async () => {
    const remote = new Promise<string | undefined>((resolve) => {
      void listen((socket) => resolve(socket.remoteAddress)).then(async (port) => {
        const socket = await dialTcp('127.0.0.1', port, { ...patient, localAddress: '127.0.0.9' });
        onCleanUp(() => void socket.destroy());
      });
    });
    expect(await remote).toBe('127.0.0.9');
  });

  it('says that no program listens', async () => {
    await expect(dialTcp('127.0.0.1', await freePort(), patient)).rejects.toMatchObject({
      name: 'DialError',
      step: 'tcp',
      code: 'ECONNREFUSED',
      message: 'nobody listens on this port, or a firewall rejects the connection (ECONNREFUSED)',
    });
  });

  it('says that a name is unknown', async () => {
    await expect(dialTcp('archive.invalid', 104, patient)).rejects.toMatchObject({
      step: 'tcp',
      message: expect.stringMatching(/^the host name cannot be resolved/),
    });
  });

  it('survives an error between two owners of the socket', async () => {
    const port = await listen((socket) => socket.resetAndDestroy());
    const socket = await dialTcp('127.0.0.1', port, patient).catch(() => undefined);
    if (socket === undefined) return;
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    await closed;
  });
});

/** Node 22 may agree on the post-quantum group, and has no name for it. */
const groupOfThisNode = !tlsProfiles.bcp195.options.ecdhCurve?.startsWith('*')
  ? { group: 'X25519' }
  : Number(process.versions.node.split('.')[0]) >= 24
    ? { group: 'X25519MLKEM768' }
    : {};

describe('dialling TLS', () => {
  it('reports what was agreed on, and the certificate of the peer', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const connection = await dialTls('127.0.0.1', listener.port, { ...patient, tls: trusting(ca) });
    onCleanUp(() => void connection.socket.destroy());
    expect(connection).toMatchObject({
      tls: {
        protocol: 'TLSv1.3',
        cipher: 'TLS_AES_256_GCM_SHA384',
        ...groupOfThisNode,
        subject: 'CN=server',
        issuer: 'CN=Test CA',
        fingerprint256: certificates.server.x509.fingerprint256,
      },
      certificate: { commonName: 'server', dnsNames: ['localhost'] },
      tcpMs: expect.any(Number),
      tlsMs: expect.any(Number),
    });
    expect(connection.socket.alpnProtocol).toBe('dicom');
    expect(connection.socket.isPaused()).toBe(true);
    expect(await listener.nextConnection()).toMatchObject({ certificate: { commonName: 'ct1' } });
  });

  it.each(['localhost', '127.0.0.1'])('takes the expected name for the host: %s', async (serverName) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const tls = trusting(ca, serverName);
    const { socket } = await dialTls('127.0.0.1', listener.port, { ...patient, tls });
    socket.destroy();
  });

  it.each(['archive.example', '127.0.0.2'])(
    'refuses a certificate for another name: %s',
    async (serverName) => {
      const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
      const tls = trusting(ca, serverName);
      await expect(dialTls('127.0.0.1', listener.port, { ...patient, tls })).rejects.toMatchObject({
        step: 'tls',
        code: 'ERR_TLS_CERT_ALTNAME_INVALID',
        message: expect.stringContaining('set serverName to a name that is in the certificate'),
      });
    },
  );

  it('reports the certificate of a peer that it refuses', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const { fingerprint256 } = certificates.server.x509;
    for (const tls of [trusting(otherCa), trusting(ca, 'archive.example')]) {
      const dialled = dialTls('127.0.0.1', listener.port, { ...patient, tls });
      await expect(dialled).rejects.toMatchObject({ tls: { subject: 'CN=server', fingerprint256 } });
    }
  });

  it('refuses a certificate of a foreign CA', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const dialled = dialTls('127.0.0.1', listener.port, { ...patient, tls: trusting(otherCa) });
    await expect(dialled).rejects.toMatchObject({
      step: 'tls',
      message: expect.stringMatching(/^the certificate is not signed by a trusted CA \(/),
    });
  });

  it('says that the peer does not speak TLS', async () => {
    const port = await listen((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    await expect(dialTls('127.0.0.1', port, { ...patient, tls: trusting(ca) })).rejects.toMatchObject({
      step: 'tls',
      message: 'the peer does not speak TLS on this port (ERR_SSL_WRONG_VERSION_NUMBER)',
    });
  });

  it('says which alert the peer sent', async () => {
    const { cert, key } = certificates.server;
    const port = await listen(() => {}, { cert, key, ALPNProtocols: ['h2'] });
    await expect(dialTls('127.0.0.1', port, { ...patient, tls: trusting(ca) })).rejects.toMatchObject({
      step: 'tls',
      message:
        'the peer refused with the TLS alert "no application protocol" ' +
        '(ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL)',
    });
  });

  it('says that the peer closed in the handshake', async () => {
    const port = await listen((socket) => socket.once('data', () => socket.destroy()));
    await expect(dialTls('127.0.0.1', port, { ...patient, tls: trusting(ca) })).rejects.toMatchObject({
      step: 'tls',
      message: 'the peer closed the connection during the TLS handshake (ECONNRESET)',
    });
  });

  it('gives up on a silent peer at the deadline and closes', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const port = await listen((socket) => {
      socket.resume();
      closed = new Promise((resolve) => socket.on('close', resolve));
    });
    await expect(dialTls('127.0.0.1', port, { timeoutMs: 200, tls: trusting(ca) })).rejects.toMatchObject({
      step: 'tls',
      code: 'ETIMEDOUT',
      message: 'the TLS handshake was not complete within 0.2 s',
    });
    await closed;
  });
});
