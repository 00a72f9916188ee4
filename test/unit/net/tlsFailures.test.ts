import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, type SecureVersion, connect as tlsConnect } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { certificateFailure, handshakeFailure } from '../../../src/net/tlsFailures';
import type { ReasonCode } from '../../../src/policy/reasons';
import { spkiSha256 } from '../../../src/x509/fingerprints';
import { type TestCertificate, type TestCertificates, testCertificates } from '../../support/certificates';
import { openTestListener, testTlsMaterial, withOptions } from '../../support/testListener';

const certificates = testCertificates();
const { cert, key } = certificates.client;
const goodClient = { cert, key };

/** Runs one client to its end, whichever that is. */
async function shakeHands(port: number, options: ConnectionOptions): Promise<void> {
  const socket = tlsConnect({
    port,
    host: '127.0.0.1',
    ca: [certificates.ca.cert],
    ...options,
  });
  await closeOf(socket);
}

function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
}

/** What the log has to say of a refused certificate. */
function factsOf({ x509 }: TestCertificate) {
  return {
    subject: x509.subject,
    issuer: x509.issuer,
    serialNumber: x509.serialNumber,
    fingerprint256: x509.fingerprint256,
    spkiSha256: spkiSha256(x509.publicKey),
    notBefore: new Date(x509.validFrom).toISOString(),
    notAfter: new Date(x509.validTo).toISOString(),
  };
}

const versions: SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];

describe.each(versions)('a refused certificate, %s', (version) => {
  const badClients: [string, (all: TestCertificates) => TestCertificate, ReasonCode][] = [
    ['expired', (all) => all.expiredClient, 'certificate-expired'],
    ['not valid yet', (all) => all.notYetValidClient, 'certificate-not-yet-valid'],
    ['of a foreign CA', (all) => all.clientOfOtherCa, 'certificate-untrusted'],
    ['self-signed', (all) => all.selfSignedClient, 'certificate-untrusted'],
    ['of a server', (all) => all.serverAsClient, 'certificate-purpose'],
    ['with a key of 1024 bits', (all) => all.weakClient, 'certificate-invalid'],
  ];

  it.each(badClients)('names the reason for one %s', async (_name, pick, reason) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const shown = pick(certificates);
    await shakeHands(listener.port, {
      minVersion: version,
      maxVersion: version,
      cert: shown.cert,
      key: shown.key,
      // A client that sets itself no limits.
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    expect(await listener.nextRefusal()).toMatchObject({
      listener: 'test',
      sourceAddress: '127.0.0.1',
      sourcePort: expect.any(Number),
      reason,
      tls: factsOf(shown),
    });
    expect(listener.outcomes).toHaveLength(1);
  });

  it('names the reason for a missing certificate', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    await shakeHands(listener.port, { minVersion: version, maxVersion: version });
    expect(await listener.nextRefusal()).toMatchObject({ reason: 'certificate-missing' });
    expect(listener.outcomes).toHaveLength(1);
  });

  const lists: [
    string,
    (all: TestCertificates) => string,
    (all: TestCertificates) => TestCertificate,
    string,
  ][] = [
    ['a revoked certificate', (all) => all.crl.crlFile, (all) => all.revokedClient, 'certificate-revoked'],
    ['an expired list', (all) => all.expiredCrl.crlFile, (all) => all.client, 'crl-expired'],
    ['no list of its CA', (all) => all.crlOfOtherCa.crlFile, (all) => all.client, 'crl-missing'],
  ];

  it.each(lists)('names the reason for %s', async (_name, pickList, pickClient, reason) => {
    const { ca, otherCa } = certificates;
    // Lists of none of the trusted CAs are not even loaded.
    const trusted = pickList(certificates) === certificates.crlOfOtherCa.crlFile ? [ca, otherCa] : [ca];
    const tls = testTlsMaterial(certificates, {
      crl: [pickList(certificates)],
      trustedCertificates: trusted.map(({ certificateFile }) => certificateFile),
    });
    const listener = await openTestListener({ tls });
    const shown = pickClient(certificates);
    await shakeHands(listener.port, {
      minVersion: version,
      maxVersion: version,
      cert: shown.cert,
      key: shown.key,
    });
    const refusal = await listener.nextRefusal();
    expect(refusal).toMatchObject({ reason, tls: factsOf(shown) });
    // OpenSSL does not say which list has ended.
    if (reason === 'crl-expired') expect(refusal.detail).toMatch(`${pickList(certificates)} ended at 20`);
    else expect(refusal.detail).toBeUndefined();
    expect(listener.outcomes).toHaveLength(1);
  });
});

describe.each(versions)('a handshake that cannot be agreed on, %s', (version) => {
  const other = version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2';
  const strangers: [string, Parameters<typeof withOptions>[1], ConnectionOptions, ReasonCode][] = [
    ['no common version', { minVersion: other, maxVersion: other }, {}, 'tls-version'],
    [
      'no common cipher suite',
      { ciphers: 'TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384' },
      { ciphers: version === 'TLSv1.2' ? 'AES128-SHA' : 'TLS_AES_128_GCM_SHA256' },
      'tls-cipher',
    ],
    ['no common group', { ecdhCurve: 'P-384' }, { ecdhCurve: 'P-256' }, 'tls-cipher'],
    [
      'no common signature algorithm',
      { sigalgs: 'ecdsa_secp256r1_sha256' },
      { sigalgs: 'rsa_pss_rsae_sha256' },
      'tls-cipher',
    ],
    ['another application protocol', {}, { ALPNProtocols: ['h2'] }, 'tls-application-protocol'],
  ];

  it.each(strangers)('names the reason: %s', async (_name, serverOptions, clientOptions, reason) => {
    const tls = withOptions(testTlsMaterial(certificates), serverOptions);
    const listener = await openTestListener({ tls });
    await shakeHands(listener.port, {
      ...goodClient,
      minVersion: version,
      maxVersion: version,
      ...clientOptions,
    });
    expect(await listener.nextRefusal()).toMatchObject({ reason });
    expect(listener.outcomes).toHaveLength(1);
  });
});

describe('a peer that does not shake hands', () => {
  it('refuses TLS 1.1', async () => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    await shakeHands(listener.port, {
      ...goodClient,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    expect(await listener.nextRefusal()).toMatchObject({
      reason: 'tls-version',
      detail: 'unsupported protocol',
    });
  });

  const A_ASSOCIATE_RQ = Buffer.from('0100000000cd00010000', 'hex');
  const strangers: [string, Buffer, ReasonCode, unknown][] = [
    ['plain DICOM', A_ASSOCIATE_RQ, 'plain-on-tls-port', 'a DICOM A-ASSOCIATE-RQ without TLS'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'plain-on-tls-port', 'an HTTP request'],
    [
      'a record that is not a ClientHello',
      Buffer.from('1603010005ffffffffff', 'hex'),
      'tls-handshake-failed',
      'unexpected message',
    ],
    [
      'a record longer than TLS allows',
      Buffer.concat([Buffer.from('160301ffff', 'hex'), Buffer.alloc(70_000)]),
      'tls-handshake-failed',
      // OpenSSL's words: the first up to 3.4, the second from 3.5 on.
      expect.stringMatching(/^(packet|data) length too long$/),
    ],
  ];

  it.each(strangers)('names the reason: %s', async (_name, bytes, reason, detail) => {
    const listener = await openTestListener({ tls: testTlsMaterial(certificates) });
    const socket = connect(listener.port, '127.0.0.1', () => socket.write(bytes));
    await closeOf(socket);
    expect(await listener.nextRefusal()).toMatchObject({ reason, detail });
    expect(listener.outcomes).toHaveLength(1);
  });

  it.each([
    ['closes without a byte', (socket: Socket) => socket.end(), 'no byte came'],
    ['resets without a byte', (socket: Socket) => socket.resetAndDestroy(), 'no byte came'],
    [
      'closes in its ClientHello',
      (socket: Socket) => socket.end(Buffer.from('1603010200', 'hex')),
      undefined,
    ],
    [
      'resets in its ClientHello',
      (socket: Socket) => socket.write(Buffer.from('1603010200', 'hex'), () => socket.resetAndDestroy()),
      undefined,
    ],
  ])('tells that it %s', async (_name, act, detail) => {
    let accepted = () => {};
    const isAccepted = new Promise<void>((resolve) => {
      accepted = resolve;
    });
    const listener = await openTestListener({
      tls: testTlsMaterial(certificates),
      admitAddress: () => {
        accepted();
        return { allowed: true };
      },
    });
    const socket = connect(listener.port, '127.0.0.1');
    await isAccepted;
    act(socket);
    await closeOf(socket);
    const refusal = await listener.nextRefusal();
    expect(refusal).toMatchObject({ reason: 'tls-closed', sourceAddress: '127.0.0.1' });
    expect(refusal.detail).toBe(detail);
    expect(listener.outcomes).toHaveLength(1);
  });
});

describe('codes that loopback does not produce', () => {
  const failure = (code: string, reason?: string) =>
    Object.assign(new Error('openssl text'), { code, reason });

  it.each([
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'unknown ca'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'certificate expired'],
    ['ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE', 'bad certificate'],
  ])('says which alert the peer sent: %s', (code, alert) => {
    expect(handshakeFailure(failure(code))).toEqual({
      reason: 'tls-handshake-failed',
      detail: `the peer ended the handshake with the alert "${alert}"`,
    });
  });

  it('keeps the words of OpenSSL for a code that it does not know', () => {
    expect(handshakeFailure(failure('ERR_SSL_BAD_EXTENSION', 'bad extension'))).toEqual({
      reason: 'tls-handshake-failed',
      detail: 'bad extension',
    });
  });

  it('takes a verification result without a reason of its own for an invalid certificate', () => {
    expect(
      certificateFailure(
        { authorizationError: 'INVALID_CA' as unknown as Error },
        certificates.client.x509.raw,
      ),
    ).toEqual({
      reason: 'certificate-invalid',
      detail: 'INVALID_CA',
    });
  });
});
