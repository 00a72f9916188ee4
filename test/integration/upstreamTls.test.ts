/**
 * TLS to the archive: what modalities send, the health checks, and what becomes of an archive that cannot be trusted. The
 * archives are spies; peers/archiveTls.test.ts has the real ones.
 */
import type { TlsOptions } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { archiveCertificates, upstreamTls } from '../support/archiveOverTls';
import { type TestCertificate, testCertificates } from '../support/certificates';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort } from '../support/processes';
import { finalStatus, RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const { ca, server } = archiveCertificates();
const { issue, issueCrl, otherCa } = testCertificates();
const ofHost = { issuer: ca, names: ['127.0.0.1'] };
const nameless = issue('pacs', { issuer: ca });
const expired = issue('expired-pacs', { ...ofHost, validFromDays: -30, validToDays: -1 });
const revoked = issue('revoked-pacs', ofHost);
const crl = issueCrl('pacs', { issuer: ca, revoked: [revoked] });
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
const titles = { calling: 'CT1', called: 'ORTHANC' };
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
const unavailable = { kind: 'rejected', result: 2, source: 3, reason: 1 };

type Upstream = ConfigurationInput['upstreams'][string];

/** What the archive shows, and that it wants the certificate of the gateway. */
function listening(own: TestCertificate = server): TlsOptions {
  return { cert: own.cert, key: own.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
}

function configurationOf(port: number, upstream: Partial<Upstream> = {}): ConfigurationInput {
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ORTHANC: { servers: `127.0.0.1:${port}`, tls: upstreamTls(), ...upstream } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        listeners: 'plain',
        allow: ['echo', 'store'],
        dataSets: 'off',
      },
    },
  };
}

async function associate(port: number) {
  const scu = await RawScu.connect({ port });
  return [scu, await scu.associate({ ...titles, contexts })] as const;
}

async function setUp(archive: Parameters<typeof SpyUpstream.start>[0], upstream: Partial<Upstream> = {}) {
  const spy = await SpyUpstream.start(archive);
  const gateway = await TestGateway.start(configurationOf(spy.port, upstream));
  return { spy, gateway };
}

describe('an archive over TLS', () => {
  it('gets what modalities send, byte for byte, and the log says which TLS that was', async () => {
    const { spy, gateway } = await setUp({ tls: listening() });
    const [scu, answer] = await associate(gateway.port());
    expect(answer.kind).toBe('accepted');
    const dataSet = Buffer.alloc(300_000, 7);
    const image = { sopClassUid: SopClass.CTImageStorage, sopInstanceUid: '1.2.3.4', dataSet };
    expect(await scu.store(3, image)).toBe(0x0000);
    await scu.release();
    expect(sha256(spy.requests[0]!.dataSet)).toBe(sha256(dataSet));
    const accepted = await gateway.event({ event: 'association.accepted' });
    expect(accepted).toMatchObject({
      direction: 'ingress',
      upstream: `127.0.0.1:${spy.port}`,
      upstreamTls: {
        protocol: 'TLSv1.3',
        cipher: expect.stringContaining('AES'),
        subject: 'CN=server',
        fingerprint256: server.x509.fingerprint256,
        spkiSha256: expect.any(String),
      },
    });
    // The caller came without TLS, and the lines of its commands stay short.
    expect(accepted).not.toHaveProperty('tls');
    expect(await gateway.event({ event: 'command.completed' })).not.toHaveProperty('upstreamTls');
  });

  it('is asked for its health over TLS', async () => {
    const { spy, gateway } = await setUp({ tls: listening() });
    const expected = { upstream: 'ORTHANC', server: `127.0.0.1:${spy.port}`, isTls: true };
    expect(await gateway.gateway.health?.servers()).toMatchObject([{ ...expected, isUp: true }]);
    await gateway.reload(
      configurationOf(spy.port, { tls: { ...upstreamTls(), serverName: 'other.example' } }),
    );
    expect(await gateway.gateway.health?.servers()).toMatchObject([{ ...expected, isUp: false }]);
    expect(await gateway.event({ event: 'upstream.down' })).toMatchObject({
      calledAeTitle: 'ORTHANC',
      detail: expect.stringContaining('other.example'),
    });
  });

  it('is taken over by a reload, which refuses files that cannot be used', async () => {
    const { spy, gateway } = await setUp(
      { tls: listening() },
      { tls: { ...upstreamTls(), trustedCertificates: otherCa.certificateFile } },
    );
    expect((await associate(gateway.port()))[1]).toEqual(unavailable);
    await expect(
      gateway.reload(configurationOf(spy.port, { tls: { trustedCertificates: '/nowhere/ca.crt' } })),
    ).rejects.toThrow('upstreams.ORTHANC.tls: /nowhere/ca.crt does not exist');
    await gateway.reload(configurationOf(spy.port));
    const [scu, answer] = await associate(gateway.port());
    expect(answer.kind).toBe('accepted');
    await scu.release();
  });

  it('is left for the next server where its certificate is refused', async () => {
    const good = await SpyUpstream.start({ tls: listening() });
    const bad = await SpyUpstream.start({ tls: listening(expired) });
    const servers = [bad, good].map(({ port }) => `127.0.0.1:${port}`);
    const gateway = await TestGateway.start(configurationOf(good.port, { servers }));
    const [scu, answer] = await associate(gateway.port());
    expect(answer.kind).toBe('accepted');
    expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
    await scu.release();
    expect(bad.requests).toHaveLength(0);
  });
});

function pinOf({ x509 }: TestCertificate) {
  return `sha256:${x509.fingerprint256}`;
}

describe('an archive whose certificate', () => {
  it.each<[string, TestCertificate, Partial<Upstream['tls']>]>([
    ['names the server name', server, { serverName: 'localhost' }],
    ['is pinned, and names nobody', nameless, { pin: pinOf(nameless) }],
  ])('%s is reached', async (_what, own, tls) => {
    const { gateway } = await setUp({ tls: listening(own) }, { tls: { ...upstreamTls(), ...tls } });
    const [scu, answer] = await associate(gateway.port());
    expect(answer.kind).toBe('accepted');
    await scu.release();
  });

  it.each<[string, TestCertificate, Partial<Upstream['tls']>, string]>([
    ['is of a foreign CA', server, { trustedCertificates: otherCa.certificateFile }, 'certificate-untrusted'],
    ['names another server', server, { serverName: 'other.example' }, 'certificate-mismatch'],
    ['is not the one that is pinned', server, { pin: pinOf(nameless) }, 'certificate-mismatch'],
    ['has expired', expired, {}, 'certificate-expired'],
    ['is revoked', revoked, { crl: crl.crlFile }, 'certificate-revoked'],
  ])('%s is not, and the modality gets 2/3/1', async (_what, own, tls, reason) => {
    const { spy, gateway } = await setUp({ tls: listening(own) }, { tls: { ...upstreamTls(), ...tls } });
    expect((await associate(gateway.port()))[1]).toEqual(unavailable);
    expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
      direction: 'ingress',
      outcome: 'failed',
      modality: 'ct1',
      reason,
      upstream: `127.0.0.1:${spy.port}`,
      // What it showed: the operator needs it for the fix.
      upstreamTls: { fingerprint256: own.x509.fingerprint256 },
    });
    expect(spy.receivedBytes).toBe(0);
  });

  it('is good does not get in without a certificate of the gateway', async () => {
    const tls = { trustedCertificates: ca.certificateFile };
    const { spy, gateway } = await setUp({ tls: listening() }, { tls });
    expect((await associate(gateway.port()))[1]).toEqual(unavailable);
    expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
      reason: 'tls-handshake-failed',
      detail: expect.stringContaining('certificate required'),
    });
    expect(spy.receivedBytes).toBe(0);
  });
});

describe('several workers', () => {
  it('all reach the archive over TLS, and the primary asks for its health', async () => {
    const spy = await SpyUpstream.start({ tls: listening() });
    const adminPort = await freePort();
    const gateway = await GatewayProcess.start({
      ...configurationOf(spy.port),
      admin: { port: adminPort },
      workers: 2,
    });
    for (let count = 0; count < 4; count += 1) {
      const [scu, answer] = await associate(gateway.port('plain'));
      expect(answer.kind).toBe('accepted');
      await scu.release();
    }
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/status`);
    expect(await response.json()).toMatchObject({ upstreams: [{ isTls: true, isUp: true }] });
  });
});
