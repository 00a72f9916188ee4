/**
 * What an archive sends: from a plain connection on loopback to modalities over TLS, by their called AE titles. The
 * archive is a raw SCU, the modalities are spies.
 */
import type { TlsOptions } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { type TestCertificate, testCertificates } from '../support/certificates';
import { encodeElement, explicitLittleEndian, uidValue } from '../support/dataElements';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { finalStatus, RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const { ca, otherCa, server, client } = certificates;
/** What modalities show, besides the good one that names 127.0.0.1. */
const localhost = { issuer: ca, names: ['127.0.0.1'] };
const nameless = certificates.issue('ws1', { issuer: ca });
const selfSigned = certificates.issue('self-signed-ws1', {});
const expired = certificates.issue('expired-ws1', { ...localhost, validFromDays: -30, validToDays: -1 });
const revoked = certificates.issue('revoked-ws1', localhost);
const crl = certificates.issueCrl('ws1', { issuer: ca, revoked: [revoked] });
const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootGet),
];
const titles = { calling: 'ORTHANC', called: 'WS1' };
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };

function ct(sopInstanceUid: string, dataSet: Buffer) {
  return {
    sopClassUid: SopClass.CTImageStorage,
    sopInstanceUid,
    dataSet,
  };
}

type Address = NonNullable<ConfigurationInput['modalities'][string]['address']>;
type AddressTls = NonNullable<Address['tls']>;

/** What a modality shows, and that it asks for the gateway's certificate. */
function listening(shown: TestCertificate = server): TlsOptions {
  return {
    cert: shown.cert,
    key: shown.key,
    ca: ca.cert,
    requestCert: true,
    rejectUnauthorized: true,
  };
}

const trusting: AddressTls = {
  trustedCertificates: ca.certificateFile,
  certificate: client.certificateFile,
  privateKey: client.privateKeyFile,
};

async function setUp(
  spyOptions: Parameters<typeof SpyUpstream.start>[0] = {},
  address: Partial<Address> = {},
  modality: Partial<ConfigurationInput['modalities'][string]> = {},
  configuration: Partial<ConfigurationInput> = {},
) {
  const spy = await SpyUpstream.start(spyOptions);
  const gateway = await TestGateway.start({
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    modalities: {
      ws1: {
        callingAeTitle: ['WS1', 'WS1_QR'],
        from: '10.1.2.3',
        listeners: 'plain',
        // What is relayed here is not a data set.
        dataSets: 'off',
        address: { host: '127.0.0.1', port: spy.port, ...address },
        ...modality,
      },
    },
    egress: { port: 0 },
    ...configuration,
  });
  const call = async (fields: Partial<typeof titles> = {}, localAddress?: string) => {
    const port = gateway.port('egress');
    const scu = await RawScu.connect({ port, ...(localAddress === undefined ? {} : { localAddress }) });
    return [scu, await scu.associate({ ...titles, contexts, ...fields })] as const;
  };
  const established = async (fields: Partial<typeof titles> = {}) => {
    const [scu, answer] = await call(fields);
    expect(answer.kind).toBe('accepted');
    return scu;
  };
  return { spy, gateway, call, established };
}

describe('egress', () => {
  it('takes plain DICOM of the archive to the modality over TLS, and writes it down', async () => {
    const { spy, gateway, established } = await setUp({ tls: listening() }, { tls: trusting });
    const scu = await established();
    expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
    const dataSet = Buffer.alloc(300_000, 7);
    expect(await scu.store(3, ct('1.2.3.4', dataSet))).toBe(0x0000);
    await scu.release();
    expect(spy.connections[0]!.associateRq).toMatchObject({ called: 'WS1', calling: 'ORTHANC' });
    expect(spy.requests.map(({ command }) => command.CommandField)).toEqual([0x0030, 0x0001]);
    expect(sha256(spy.requests[1]!.dataSet)).toBe(sha256(dataSet));

    const common = {
      direction: 'egress',
      modality: 'ws1',
      listener: 'egress',
      callingAeTitle: 'ORTHANC',
    } as const;
    const upstream = `127.0.0.1:${spy.port}`;
    expect(await gateway.event({ event: 'association.accepted' })).toMatchObject({
      ...common,
      outcome: 'allowed',
      calledAeTitle: 'WS1',
      upstream,
      tls: { protocol: 'TLSv1.3', subject: 'CN=server', fingerprint256: server.x509.fingerprint256 },
    });
    expect(await gateway.event({ event: 'command.completed', command: 'C-STORE' })).toMatchObject({
      ...common,
      outcome: 'allowed',
      sopInstance: '1.2.3.4',
      bytes: dataSet.length,
    });
    expect(await gateway.event({ event: 'association.released' })).toMatchObject({ ...common, upstream });
  });

  it('passes the originator of a C-MOVE, extended negotiation and private titles unchanged', async () => {
    const { spy, established } = await setUp();
    const scu = await established({ called: 'WS1_QR' });
    const store = {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: SopClass.CTImageStorage,
      AffectedSOPInstanceUID: '1.2.3.4',
      MoveOriginatorApplicationEntityTitle: 'CT1',
      MoveOriginatorMessageID: 17,
    };
    expect(finalStatus(await scu.request(3, store, Buffer.alloc(64)))).toBe(0x0000);
    expect(spy.requests[0]!.command).toMatchObject({
      MoveOriginatorApplicationEntityTitle: 'CT1',
      MoveOriginatorMessageID: 17,
    });
    expect(spy.connections[0]!.associateRq).toMatchObject({ called: 'WS1_QR', calling: 'ORTHANC' });
    await scu.release();
  });

  it('puts the titles of the address in place of those of the archive, and echoes the latter back', async () => {
    const { spy, call } = await setUp({}, { calledAeTitle: 'WS1_SCP', callingAeTitle: 'PACS' });
    const [scu, answer] = await call();
    expect(answer).toMatchObject({ kind: 'accepted', ac: { called: 'WS1', calling: 'ORTHANC' } });
    expect(spy.connections[0]!.associateRq).toMatchObject({ called: 'WS1_SCP', calling: 'PACS' });
    await scu.release();
  });

  it('lets the modality answer a C-GET of the archive with C-STORE', async () => {
    const { spy, established } = await setUp();
    spy.script = {
      onRequest: async (connection, request) => {
        const command = {
          CommandField: CommandField.CStoreRq,
          AffectedSOPClassUID: SopClass.CTImageStorage,
          AffectedSOPInstanceUID: '1.2.3.4',
        };
        const stored = await connection.request(3, command, Buffer.alloc(10));
        expect(stored.command.Status).toBe(0x0000);
        connection.respond(request);
      },
    };
    const scu = await established();
    const get = { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet };
    expect(finalStatus(await scu.request(5, get, Buffer.alloc(10)))).toBe(0x0000);
    expect(scu.peerRequests).toHaveLength(1);
    await scu.release();
  });

  it('has its own count of the associations of a modality', async () => {
    const { gateway, call, established } = await setUp({}, {}, { maxAssociations: 1 });
    const first = await established();
    const [, second] = await call();
    expect(second).toEqual({ kind: 'rejected', result: 2, source: 3, reason: 2 });
    await gateway.event({ event: 'association.rejected', reason: 'association-limit', direction: 'egress' });
    await first.release();
  });
});

describe('egress refuses', () => {
  it.each([
    ['a stranger', { calling: 'CT1' }, 3, 'calling-ae-title-unknown', undefined],
    ['a modality that nobody knows', { called: 'WS2' }, 7, 'called-ae-title-unknown', undefined],
  ])('%s', async (_what, fields, rejectReason, reason, modality) => {
    const { spy, gateway, call } = await setUp();
    const [scu, answer] = await call(fields);
    expect(answer).toEqual({ kind: 'rejected', result: 1, source: 1, reason: rejectReason });
    scu.end();
    expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
      direction: 'egress',
      outcome: 'denied',
      reason,
    });
    expect((await gateway.event({ event: 'association.rejected' })).modality).toBe(modality);
    expect(spy.connects).toBe(0);
  });

  it('an address that is not an archive, without a byte', async () => {
    const { spy, gateway } = await setUp({}, {}, {}, { egress: { port: 0, from: '127.0.0.1' } });
    const scu = await RawScu.connect({ port: gateway.port('egress'), localAddress: '127.0.0.2' });
    await scu.expectClosed();
    expect(await gateway.event({ event: 'connection.refused' })).toMatchObject({
      direction: 'egress',
      listener: 'egress',
      reason: 'source-address-unknown',
      sourceAddress: '127.0.0.2',
    });
    expect(spy.connects).toBe(0);
  });

  it('a command that the modality is not to have, and goes on', async () => {
    const { spy, gateway, established } = await setUp({}, {}, { egressAllow: ['echo'] });
    const scu = await established();
    expect(await scu.store(3, ct('1.2.3.4', Buffer.alloc(1000)))).toBe(0x0124);
    expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
    await scu.release();
    expect(spy.requests.map(({ command }) => command.CommandField)).toEqual([0x0030]);
    expect(await gateway.event({ event: 'command.refused' })).toMatchObject({
      direction: 'egress',
      modality: 'ws1',
      command: 'C-STORE',
      reason: 'command-not-allowed',
    });
  });

  it('a data set of another class or instance than its command, and goes on', async () => {
    const { spy, gateway, established } = await setUp({}, {}, { dataSets: 'verify' });
    const scu = await established();
    const dataSet = (sopClass: string, instance: string) =>
      Buffer.concat([
        encodeElement(explicitLittleEndian, 0x0008, 0x0016, 'UI', uidValue(sopClass)),
        encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', uidValue(instance)),
      ]);
    const right = dataSet(SopClass.CTImageStorage, '1.2.3.4');
    expect(await scu.store(3, ct('1.2.3.4', dataSet(SopClass.MRImageStorage, '1.2.3.4')))).toBe(0xa900);
    expect(await scu.store(3, ct('1.2.3.4', dataSet(SopClass.CTImageStorage, '1.2.3.5')))).toBe(0xa900);
    expect(await scu.store(3, ct('1.2.3.4', right))).toBe(0x0000);
    await scu.release();
    expect(spy.requests.map(({ dataSet: stored }) => sha256(stored))).toEqual([sha256(right)]);
    expect(await gateway.event({ event: 'command.refused' })).toMatchObject({
      direction: 'egress',
      modality: 'ws1',
      reason: 'data-set-mismatch',
    });
  });

  it('to be reached by TLS', async () => {
    const { gateway } = await setUp();
    await RawScu.connect({ port: gateway.port('egress'), tls: { ca: ca.cert } }).catch(() => undefined);
    await gateway.event({ event: 'connection.refused', reason: 'tls-on-plain-port', direction: 'egress' });
  });
});

const unavailable = { kind: 'rejected', result: 2, source: 3, reason: 1 };

function pinOf({ x509 }: TestCertificate) {
  return `sha256:${x509.fingerprint256}`;
}

describe('a modality whose certificate', () => {
  it.each<[string, TestCertificate, Partial<AddressTls>]>([
    ['names the host', server, {}],
    ['names the server name', server, { serverName: 'localhost' }],
    ['is pinned, and names nobody', nameless, { pin: pinOf(nameless) }],
    ['is one of those that are pinned', server, { pin: [pinOf(nameless), pinOf(server)] }],
    [
      'is self-signed, trusted itself, and pinned',
      selfSigned,
      { trustedCertificates: selfSigned.certificateFile, pin: pinOf(selfSigned) },
    ],
  ])('%s is reached', async (_what, shown, tls) => {
    const { call } = await setUp({ tls: listening(shown) }, { tls: { ...trusting, ...tls } });
    const [scu, answer] = await call();
    expect(answer.kind).toBe('accepted');
    await scu.release();
  });

  it.each<[string, TestCertificate, Partial<AddressTls>, string]>([
    ['is of a foreign CA', server, { trustedCertificates: otherCa.certificateFile }, 'certificate-untrusted'],
    ['names somebody else', server, { serverName: 'other.example' }, 'certificate-mismatch'],
    ['is not one of those that are pinned', server, { pin: pinOf(nameless) }, 'certificate-mismatch'],
    ['is pinned, but not trusted', selfSigned, { pin: pinOf(selfSigned) }, 'certificate-untrusted'],
    [
      'is pinned, but names another server than was asked for',
      server,
      { pin: pinOf(server), serverName: 'other.example' },
      'certificate-mismatch',
    ],
    ['has expired', expired, {}, 'certificate-expired'],
    ['is revoked', revoked, { crl: crl.crlFile }, 'certificate-revoked'],
  ])('%s is not, and the archive gets 2/3/1', async (_what, shown, tls, reason) => {
    const { spy, gateway, call } = await setUp({ tls: listening(shown) }, { tls: { ...trusting, ...tls } });
    const [, answer] = await call();
    expect(answer).toEqual(unavailable);
    expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
      direction: 'egress',
      outcome: 'failed',
      modality: 'ws1',
      reason,
      upstream: `127.0.0.1:${spy.port}`,
      // What it showed: the operator needs it for the fix.
      tls: { fingerprint256: shown.x509.fingerprint256, spkiSha256: expect.any(String) },
    });
    expect(spy.receivedBytes).toBe(0);
  });
});

describe('a drain', () => {
  const titlesOfCt1 = { calling: 'CT1', called: 'ORTHANC' };

  it('lets the archive send as long as an association is open, and no longer', async () => {
    const archive = await SpyUpstream.start();
    const { spy, gateway, call } = await setUp(
      {},
      {},
      { callingAeTitle: ['CT1', 'WS1'], from: '127.0.0.1', allow: 'echo' },
      {
        upstreams: { ORTHANC: { servers: [`127.0.0.1:${archive.port}`] } },
      },
    );
    const modality = await RawScu.connect({ port: gateway.port('plain') });
    expect((await modality.associate({ ...titlesOfCt1, contexts })).kind).toBe('accepted');
    const stopping = gateway.gateway.stop();
    const late = await RawScu.connect({ port: gateway.port('plain') });
    expect(await late.associate({ ...titlesOfCt1, contexts })).toEqual(unavailable);
    late.end();
    // A C-MOVE of the association that is open, say.
    const [sent, answer] = await call();
    expect(answer.kind).toBe('accepted');
    await modality.release();
    expect(finalStatus(await sent.request(1, echo))).toBe(0x0000);
    await sent.release();
    expect(await stopping).toEqual({ aborted: 0 });
    expect(spy.connects).toBe(1);
  });

  it('rejects the archive where nothing else is open', async () => {
    const { spy, gateway, call } = await setUp();
    const stopping = gateway.gateway.stop();
    const [scu, answer] = await call().catch(() => [undefined, undefined] as const);
    // The port may be closed by then.
    if (scu !== undefined) expect(answer).toEqual(unavailable);
    scu?.end();
    await stopping;
    expect(spy.connects).toBe(0);
  });
});

/** As a plain DICOM listener does when a TLS handshake comes. */
const abortsOnFirstByte: SpyScript = {
  onConnect: (connection) => connection.socket.once('data', () => connection.abort(2, 1)),
};

describe('a modality that', () => {
  it.each<[string, Parameters<typeof SpyUpstream.start>[0], Partial<Address>, string, string]>([
    [
      'does not speak TLS',
      { script: abortsOnFirstByte },
      { tls: trusting },
      'tls-handshake-failed',
      'does not speak TLS',
    ],
    ['wants TLS and gets none', { tls: listening() }, {}, 'upstream-unavailable', 'closed'],
    [
      'wants a certificate and gets none',
      { tls: listening() },
      { tls: { trustedCertificates: ca.certificateFile } },
      'tls-handshake-failed',
      'certificate required',
    ],
    [
      'wants another certificate',
      { tls: { ...listening(), ca: otherCa.cert } },
      { tls: trusting },
      'upstream-unavailable',
      'closed',
    ],
    [
      'aborts',
      { script: { onAssociateRq: (connection) => connection.abort(2, 0) } },
      {},
      'upstream-unavailable',
      'abort',
    ],
    [
      'closes',
      { script: { onAssociateRq: (connection) => connection.end() } },
      {},
      'upstream-unavailable',
      'closed',
    ],
  ])('%s is unavailable, and the log says why', async (_what, spyOptions, address, reason, detail) => {
    const { gateway, call } = await setUp(spyOptions, address);
    const [, answer] = await call();
    expect(answer).toEqual(unavailable);
    expect(await gateway.event({ event: 'association.rejected' })).toMatchObject({
      outcome: 'failed',
      reason,
      detail: expect.stringContaining(detail),
    });
  });

  it('does not listen is unavailable', async () => {
    const { spy, gateway, call } = await setUp();
    await spy.stop();
    const [, answer] = await call();
    expect(answer).toEqual(unavailable);
    await gateway.event({ event: 'association.rejected', reason: 'upstream-unavailable', modality: 'ws1' });
  });

  it.each(['does not shake hands', 'does not answer'])('%s ends at the deadline', async (what) => {
    const tls = what === 'does not shake hands' ? { tls: trusting } : {};
    const { gateway, call } = await setUp(
      { script: { onAssociateRq: () => {} } },
      tls,
      {},
      {
        timeouts: { upstreamConnectSeconds: 0.2, upstreamAssociationSeconds: 0.2 },
      },
    );
    const [, answer] = await call();
    expect(answer).toEqual(unavailable);
    const reason = what === 'does not shake hands' ? 'tls-handshake-timeout' : 'upstream-unavailable';
    await gateway.event({ event: 'association.rejected', reason });
  });

  it('rejects says so itself', async () => {
    const { gateway, call } = await setUp({
      script: { onAssociateRq: (connection) => connection.reject(1, 1, 3) },
    });
    const [, answer] = await call();
    expect(answer).toEqual({ kind: 'rejected', result: 1, source: 1, reason: 3 });
    await gateway.event({ event: 'association.rejected', reason: 'upstream-rejected', outcome: 'failed' });
  });

  it.each(['modality', 'archive'])('ends with the %s: one aborts, the other gets an A-ABORT', async (who) => {
    const { spy, gateway, established } = await setUp();
    const scu = await established();
    if (who === 'archive') scu.socket.destroy();
    else spy.connections[0]!.reset();
    const reason = who === 'archive' ? 'archive-closed' : 'upstream-closed';
    await gateway.event({ event: 'association.aborted', reason, direction: 'egress' });
    if (who === 'archive') await spy.waitUntil(() => spy.connections[0]!.aborted !== undefined, 'an A-ABORT');
    else expect((await scu.readPdu())[0]).toBe(0x07);
  });

  it('aborts is passed to the archive as the modality sent it, and the other way round', async () => {
    const { spy, gateway, established } = await setUp();
    const scu = await established();
    spy.connections[0]!.abort(0, 0);
    expect([...(await scu.readPdu())]).toEqual([7, 0, 0, 0, 0, 4, 0, 0, 0, 0]);
    await gateway.event({ event: 'association.aborted', reason: 'upstream-aborted' });
    const other = await established();
    await other.abort();
    await gateway.event({ event: 'association.aborted', reason: 'archive-aborted' });
  });
});

describe('a reload', () => {
  const address = (port: number) => ({ host: '127.0.0.1', port });
  const configuration = (egress: boolean, port: number): ConfigurationInput => ({
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    modalities: {
      ws1: { callingAeTitle: 'WS1', from: '10.1.2.3', listeners: 'plain', address: address(port) },
    },
    ...(egress ? { egress: { port: 0 } } : {}),
  });

  it('opens egress, sends elsewhere, and closes it, while what runs goes on', async () => {
    const [one, other] = [await SpyUpstream.start(), await SpyUpstream.start()];
    const gateway = await TestGateway.start(configuration(false, one.port));
    await gateway.reload(configuration(true, one.port));
    const port = gateway.port('egress');
    const first = await RawScu.connect({ port });
    await first.associate({ ...titles, contexts });
    await gateway.reload(configuration(true, other.port));
    expect(gateway.port('egress')).toBe(port);
    const second = await RawScu.connect({ port });
    await second.associate({ ...titles, contexts });
    await gateway.reload(configuration(false, other.port));
    await expect(RawScu.connect({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    for (const scu of [first, second]) {
      expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
      await scu.release();
    }
    expect([one.requests.length, other.requests.length]).toEqual([1, 1]);
  });

  it('that names a file that cannot be used changes nothing', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await TestGateway.start(configuration(true, spy.port));
    const broken = configuration(true, spy.port);
    broken.modalities.ws1!.address!.tls = { trustedCertificates: '/nowhere/ca.crt' };
    await expect(gateway.reload(broken)).rejects.toThrow(
      'modalities.ws1.address.tls: /nowhere/ca.crt does not exist',
    );
    const scu = await RawScu.connect({ port: gateway.port('egress') });
    expect((await scu.associate({ ...titles, contexts })).kind).toBe('accepted');
    await scu.release();
  });
});
