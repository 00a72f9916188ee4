/**
 * Devices with a bad certificate: no byte of DICOM is read before the verdict, and the log and every tool say which
 * certificate it was and what to do. Revocation lists of every kind: each works, or is refused before it refuses anybody.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, type SecureVersion, connect as tlsConnect } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../src/audit/events';
import { registerModality } from '../../src/commands/modality/modality';
import { registerStatus } from '../../src/commands/status/status';
import { type TestCertificate, testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { runCommand } from '../support/commandLine';
import { associateRq, proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { freePort, runProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const { ca, server, client, issue, issueCrl } = certificates;
const purposes = ['clientAuth'] as const;
const contexts = [proposedContext(1, SopClass.Verification)];
const request = associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts });

function configurationOf(archivePort: number, tls: object = {}): ConfigurationInput {
  const files = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: ca.certificateFile,
    crl: certificates.crl.crlFile,
  };
  return {
    listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls: { ...files, ...tls } }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities: {
      ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' },
      ct2: { callingAeTitle: 'CT2', from: '127.0.0.2', allow: 'echo' },
    },
  };
}

async function setUp(tls: object = {}) {
  const spy = await SpyUpstream.start();
  const gateway = await TestGateway.start(configurationOf(spy.port, tls));
  return { spy, gateway };
}

/** Sends all that TLS gives it behind the ClientHello at once, when `flush` is called. */
function oneFlight(port: number) {
  const raw = connect(port, '127.0.0.1');
  let isHolding = false;
  const held: Buffer[] = [];
  const duplex = new Duplex({
    read() {
      raw.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      if (isHolding) held.push(chunk);
      else raw.write(chunk);
      isHolding = true;
      done();
    },
  });
  raw.on('data', (chunk) => duplex.push(chunk));
  raw.on('error', () => {});
  const closed = new Promise<void>((resolve) => raw.on('close', () => resolve()));
  onCleanUp(() => void raw.destroy());
  return { duplex, closed, flush: () => raw.write(Buffer.concat(held)) };
}

const bad: [string, () => TestCertificate, AuditEvent['reason'], RegExp | undefined][] = [
  ['expired', () => certificates.expiredClient, 'certificate-expired', undefined],
  ['not valid yet', () => certificates.notYetValidClient, 'certificate-not-yet-valid', undefined],
  ['of a foreign CA', () => certificates.clientOfOtherCa, 'certificate-untrusted', undefined],
  ['self-signed', () => certificates.selfSignedClient, 'certificate-untrusted', undefined],
  ['revoked', () => certificates.revokedClient, 'certificate-revoked', undefined],
  [
    'for servers',
    () => certificates.serverAsClient,
    'certificate-purpose',
    /^its extended key usage lacks clientAuth: it is for serverAuth; public CAs issue no certificates for clients/,
  ],
  [
    'with a key for other things',
    () => issue('ct-crl-sign', { issuer: ca, purposes, keyUsage: 0x02 }),
    'certificate-purpose',
    /^its key usage lacks digitalSignature or keyAgreement: it is for cRLSign$/,
  ],
  [
    'with an unknown critical extension',
    () => issue('ct-strange', { issuer: ca, purposes, isStrange: true }),
    'certificate-invalid',
    /^it has a critical extension that OpenSSL does not know$/,
  ],
];

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('before the verdict on a certificate, %s', (version) => {
  const limits: ConnectionOptions = { minVersion: version, maxVersion: version, ca: ca.cert };

  it.each(bad)('no byte of DICOM is read: %s', async (_what, pick, reason, detail) => {
    const { spy, gateway } = await setUp();
    const { cert, key, x509 } = pick();
    const socket = tlsConnect({ ...limits, host: '127.0.0.1', port: gateway.port(), cert, key });
    // Goes out with the end of the handshake.
    socket.write(request);
    const received: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => received.push(chunk)).on('error', () => {});
    await new Promise((resolve) => socket.on('close', resolve));
    const event = await gateway.event({ event: 'connection.refused' });
    expect(event).toMatchObject({
      reason,
      outcome: 'denied',
      tls: {
        subject: x509.subject,
        issuer: x509.issuer,
        serialNumber: x509.serialNumber,
        fingerprint256: x509.fingerprint256,
        notBefore: new Date(x509.validFrom).toISOString(),
        notAfter: new Date(x509.validTo).toISOString(),
      },
    });
    if (detail !== undefined) expect(event.detail).toMatch(detail);
    expect(received).toEqual([]);
    expect(gateway.events.map(({ event: name }) => name)).toEqual(['gateway.started', 'connection.refused']);
    expect(spy.connects).toBe(0);
  });

  it('no byte of DICOM is read of a peer without a certificate', async () => {
    const { spy, gateway } = await setUp();
    const socket = tlsConnect({ ...limits, host: '127.0.0.1', port: gateway.port() });
    socket.write(request);
    socket.on('error', () => {}).resume();
    await new Promise((resolve) => socket.on('close', resolve));
    const { reason, tls } = await gateway.event({ event: 'connection.refused' });
    expect(reason).toBe('certificate-missing');
    expect(tls).not.toHaveProperty('subject');
    expect(spy.connects).toBe(0);
  });
});

describe('an A-ASSOCIATE-RQ in one flight with the end of the handshake, TLS 1.3', () => {
  it.each<[string, TestCertificate | undefined, boolean]>([
    ['is served with a good certificate', client, true],
    ['is not read with a revoked one', certificates.revokedClient, false],
    ['is not read with a self-signed one', certificates.selfSignedClient, false],
    ['is not read without one', undefined, false],
  ])('%s', async (_what, shown, isServed) => {
    const { spy, gateway } = await setUp();
    const { duplex, closed, flush } = oneFlight(gateway.port());
    const identity = shown === undefined ? {} : { cert: shown.cert, key: shown.key };
    const socket = tlsConnect({ socket: duplex, servername: 'localhost', ca: ca.cert, ...identity });
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    await new Promise((resolve) => socket.write(request, resolve));
    flush();
    if (isServed) {
      await gateway.event({ event: 'association.accepted' });
      return;
    }
    await closed;
    await gateway.event({ event: 'connection.refused' });
    expect(gateway.events).toHaveLength(2);
    expect(spy.connects).toBe(0);
  });
});

describeWithPeers(['openssl', 'echoscu'], 'a refused certificate', () => {
  const reports: [string, TestCertificate, AuditEvent['reason'], string][] = [
    ['expired', certificates.expiredClient, 'certificate-expired', 'aegis pki renew NAME'],
    ['untrusted', certificates.clientOfOtherCa, 'certificate-untrusted', 'add its CA to trustedCertificates'],
    ['revoked', certificates.revokedClient, 'certificate-revoked', 'install its new certificate'],
    [
      'self-signed',
      certificates.selfSignedClient,
      'certificate-untrusted',
      'add its CA to trustedCertificates',
    ],
  ];

  it('is named with what to do by the log, modality test and show, pending and status', async () => {
    const spy = await SpyUpstream.start();
    const file = join(temporaryFolder(), 'audit.jsonl');
    const gateway = await GatewayProcess.start({
      ...configurationOf(spy.port),
      audit: { file },
      admin: { port: await freePort() },
    });
    const run = async (register: typeof registerModality, ...words: string[]) =>
      (await runCommand(register, ['--config', gateway.configurationFile, ...words])).printed;
    for (const [index, [, shown, reason, remedy]] of reports.entries()) {
      await runProcess('echoscu', [
        ...['+tls', shown.privateKeyFile, shown.certificateFile, '+cf', ca.certificateFile],
        ...['-aet', 'CT1', '-aec', 'ARCHIVE', '127.0.0.1', String(gateway.port('tls'))],
      ]);
      const line = (await gateway.events('connection.refused', index + 1))[index];
      const { subject, serialNumber } = shown.x509;
      expect(line).toMatchObject({ reason, tls: { subject, serialNumber } });
      await gateway.process.waitFor('the line in the file', () =>
        readFileSync(file, 'utf8').includes(serialNumber),
      );
      const texts = [
        await run(registerModality, 'modality', 'show', 'ct1'),
        await run(registerModality, 'modality', 'pending'),
        await run(registerStatus, 'status'),
      ];
      let printed = '';
      await runCommand(registerModality, [
        '--config',
        gateway.configurationFile,
        'modality',
        'test',
        'ct1',
      ]).catch((error: Error) => expect(error.message).toMatch(/has no address/));
      printed += (await run(registerModality, 'modality', 'test', 'ct1', '--json').catch(() => '')) ?? '';
      expect(JSON.parse(printed)).toMatchObject({ lastSeen: { denied: { reason, tls: { subject } } } });
      for (const text of texts) {
        expect(text).toContain(subject);
        expect(text).toContain(serialNumber);
        expect(text).toContain(reason);
        expect(text).toContain(remedy);
      }
      // The other entry has another address.
      expect(await run(registerModality, 'modality', 'show', 'ct2')).not.toContain('last refused');
    }
    // The archive is probed, so it has connections; an association of a device it has not.
    expect(gateway.auditLines.filter(({ event }) => event === 'association.accepted')).toEqual([]);
  });

  it('is the same for openssl s_client, which offers authentication after the handshake too', async () => {
    const { spy, gateway } = await setUp();
    await runProcess('openssl', [
      ...['s_client', '-enable_pha', '-connect', `127.0.0.1:${gateway.port()}`],
      ...[
        '-cert',
        certificates.expiredClient.certificateFile,
        '-key',
        certificates.expiredClient.privateKeyFile,
      ],
    ]);
    await gateway.event({ event: 'connection.refused', reason: 'certificate-expired' });
    expect(spy.connects).toBe(0);
  });
});

describe('a revocation list', () => {
  const point = 'http://pki.example/ca-1.crl';
  const device = issue('ct-point', { issuer: ca, purposes, distributionPoints: [point] });
  const lost = issue('ct-lost', { issuer: ca, purposes, distributionPoints: [point] });

  async function outcomeOf(gateway: TestGateway, { cert, key }: TestCertificate) {
    const before = gateway.events.length;
    const socket = tlsConnect({ host: '127.0.0.1', port: gateway.port(), ca: ca.cert, cert, key });
    socket.on('error', () => {}).resume();
    socket.write(request);
    const event = await gateway.waitFor(
      () => 'a verdict',
      () => gateway.events.slice(before).find(({ event }) => /accepted|refused/.test(event)),
    );
    socket.destroy();
    return event.reason ?? event.event;
  }

  it('in DER is taken, as a job fetches it from the CA', async () => {
    const { spy, gateway } = await setUp();
    await gateway.reload(configurationOf(spy.port, { crl: certificates.crl.derFile }));
    expect(await outcomeOf(gateway, client)).toBe('association.accepted');
    expect(await outcomeOf(gateway, certificates.revokedClient)).toBe('certificate-revoked');
  });

  it('with an issuing distribution point works for the certificates that it is for', async () => {
    const list = issueCrl('scoped', { issuer: ca, revoked: [lost], distributionPoint: point, only: 'user' });
    const { gateway } = await setUp({ crl: list.derFile });
    expect(await outcomeOf(gateway, device)).toBe('association.accepted');
    expect(await outcomeOf(gateway, lost)).toBe('certificate-revoked');
    expect(await outcomeOf(gateway, client)).toBe('crl-scope');
    const { detail } = await gateway.event({ reason: 'crl-scope' });
    expect(detail).toMatch(`is only for certificates of devices with the distribution point URI:${point}`);
  });

  const forged = issue('Test CA again', { isCa: true });
  it.each([
    [
      'by another key',
      { issuer: { ...forged, x509: ca.x509 } },
      /is not signed by the key of the CA CN=Test CA/,
    ],
    ['that is not valid yet', { issuer: ca, issuedDays: 1 }, /is not valid before/],
    ['of a CA that is not trusted', { issuer: certificates.otherCa }, /is of the CA CN=Other CA/],
    ['for some reasons only', { issuer: ca, only: 'someReasons' as const }, /is only for some reasons/],
  ])(
    '%s is found by check and refused by the reload, and devices get in as before',
    async (name, options, problem) => {
      const { spy, gateway } = await setUp();
      const list = issueCrl(`bad ${name}`, { revoked: [], ...options });
      const input = configurationOf(spy.port, { crl: [certificates.crl.crlFile, list.derFile] });
      await expect(gateway.reload(input)).rejects.toThrow(problem);
      expect(await outcomeOf(gateway, client)).toBe('association.accepted');
      expect(await problemsOfCheck(input)).toMatch(problem);
    },
  );
});

async function problemsOfCheck(input: ConfigurationInput): Promise<string> {
  const { inspectTlsFiles } = await import('../../src/config/files');
  const { configurationSchema } = await import('../../src/config/schema');
  const findings = inspectTlsFiles(configurationSchema.parse(input));
  return findings
    .filter(({ severity = 'error' }) => severity === 'error')
    .map(({ message }) => message)
    .join('\n');
}

it('a good device is served as ever', async () => {
  const { gateway } = await setUp();
  const scu = await RawScu.connect({
    port: gateway.port(),
    tls: { ca: ca.cert, cert: client.cert, key: client.key },
  });
  expect((await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
});
