/**
 * What goes wrong on either side ends on both, at once or at its deadline, and never as a message that looks
 * whole; others notice nothing.
 */
import { describe, expect, it } from '@jest/globals';
import {
  CommandField,
  commandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  proposedContext,
  releaseRp,
  releaseRq,
  unsigned32,
} from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { type SpyConnection, type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];

interface Setting {
  readonly spy: SpyUpstream;
  readonly gateway: TestGateway;
}

async function setUp(
  script: SpyScript = {},
  timeouts: ConfigurationInput['timeouts'] = {},
  spyOptions: Parameters<typeof SpyUpstream.start>[0] = {},
): Promise<Setting> {
  const spy = await SpyUpstream.start({ script, ...spyOptions });
  const gateway = await TestGateway.start(
    plainConfiguration(spy.port, { allow: ['store', 'echo'], dataSets: 'off' }, { timeouts }),
  );
  return { spy, gateway };
}

function established({ gateway }: Setting): Promise<RawScu> {
  return RawScu.associated(gateway.port(), { contexts });
}

const storeCommand = numberedRequest(
  1,
  {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  },
  true,
);
const half = pDataTf({ contextId: 3, isCommand: false, isLast: false, fragment: Buffer.alloc(10_000, 7) });

/** Sends a C-STORE that stops in the middle of its data set, and waits until the archive has what came. */
async function storeHalf(setting: Setting): Promise<[RawScu, SpyConnection]> {
  const scu = await established(setting);
  const upstream = setting.spy.connections.at(-1)!;
  await scu.send(...messagePdus(3, storeCommand), half);
  await setting.spy.waitUntil(() => upstream.receivedBytes > 10_000, 'half an instance');
  return [scu, upstream];
}

async function expectServed(setting: Setting): Promise<void> {
  const scu = await established(setting);
  expect(await scu.echo(1)).toBe(0x0000);
  await scu.release();
}

const anAbort = expect.objectContaining({ kind: 'aborted' });

describe('a modality that goes away in the middle of an instance', () => {
  it.each<[string, string, (scu: RawScu) => unknown]>([
    ['aborts', 'modality-aborted', (scu) => scu.abort()],
    ['closes', 'modality-closed', (scu) => scu.end()],
    ['resets', 'modality-closed', (scu) => scu.reset()],
    [
      'closes inside a PDU',
      'modality-closed',
      (scu) => scu.send(half.subarray(0, 500)).then(() => scu.end()),
    ],
  ])('%s: the archive gets an A-ABORT and no last fragment', async (_what, reason, goAway) => {
    const setting = await setUp();
    const [scu, upstream] = await storeHalf(setting);
    await goAway(scu);
    await setting.spy.waitUntil(() => upstream.aborted !== undefined, 'an A-ABORT');
    expect(upstream.requests).toEqual([]);
    const aborted = await setting.gateway.event({ event: 'association.aborted' });
    expect(aborted.reason).toBe(reason);
    expect(await setting.gateway.event({ event: 'command.completed', outcome: 'failed' })).toMatchObject({
      command: 'C-STORE',
      reason,
    });
    await expectServed(setting);
  });
});

describe('an archive that goes away in the middle of an instance', () => {
  it.each<[string, string, (upstream: SpyConnection) => void]>([
    ['aborts', 'upstream-aborted', (upstream) => upstream.abort()],
    ['closes', 'upstream-closed', (upstream) => upstream.end()],
    ['resets', 'upstream-closed', (upstream) => upstream.reset()],
    ['releases', 'upstream-released', (upstream) => upstream.send(releaseRq())],
    [
      'answers what nobody asked',
      'state-response-unexpected',
      (upstream) =>
        upstream.respond({
          contextId: 3,
          command: { ...storeCommand, MessageID: 9 },
          dataSet: undefined,
        } as never),
    ],
    [
      'asks on its own',
      'state-request-unexpected',
      (upstream) =>
        void upstream.request(1, {
          CommandField: CommandField.CEchoRq,
          AffectedSOPClassUID: SopClass.Verification,
        }),
    ],
  ])('%s: the modality gets an A-ABORT at once', async (_what, reason, goAway) => {
    const setting = await setUp();
    const [scu, upstream] = await storeHalf(setting);
    goAway(upstream);
    expect(await scu.readAssociateAnswer()).toEqual(anAbort);
    scu.end();
    expect((await setting.gateway.event({ event: 'association.aborted' })).reason).toBe(reason);
    await expectServed(setting);
  });
});

describe('deadlines', () => {
  it('end a connection that never asks for an association', async () => {
    const setting = await setUp({}, { artimSeconds: 0.2 });
    const silent = await RawScu.connect({ port: setting.gateway.port() });
    await silent.expectClosed(2000);
    expect(await setting.gateway.event({ reason: 'artim-timeout' })).toMatchObject({
      event: 'connection.refused',
    });
    expect(setting.spy.connects).toBe(0);
  });

  it('end a request that comes byte by byte', async () => {
    const setting = await setUp({}, { artimSeconds: 0.3 });
    const slow = await RawScu.connect({ port: setting.gateway.port() });
    const drip = setInterval(() => void slow.send(Buffer.from([1])), 20);
    await slow.send(Buffer.concat([Buffer.from([1, 0]), unsigned32(200)]));
    await slow.expectClosed(3000);
    clearInterval(drip);
    await setting.gateway.event({ reason: 'artim-timeout' });
  });

  it('end a PDU that comes byte by byte, on both sides', async () => {
    const setting = await setUp({}, { pduSeconds: 0.3 });
    const scu = await established(setting);
    const bytes = messagePdus(3, storeCommand)[0]!;
    let sent = 0;
    const drip = setInterval(() => void scu.send(bytes.subarray(sent, ++sent)), 20);
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 0 });
    clearInterval(drip);
    await setting.gateway.event({ event: 'association.aborted', reason: 'stall-timeout' });
    await setting.spy.waitUntil((spy) => spy.connections[0]?.aborted !== undefined, 'an A-ABORT');
    scu.end();
  });

  it('end an idle association', async () => {
    const setting = await setUp({}, { idleSeconds: 0.2 });
    const scu = await established(setting);
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 0 });
    await setting.gateway.event({ event: 'association.aborted', reason: 'idle-timeout' });
    scu.end();
  });

  it('end an association whose response does not come, and not an idle one while it is awaited', async () => {
    const setting = await setUp({ onRequest: () => {} }, { responseSeconds: 0.5, idleSeconds: 0.1 });
    const scu = await established(setting);
    await scu.sendRequest(1, {
      CommandField: CommandField.CEchoRq,
      AffectedSOPClassUID: SopClass.Verification,
    });
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 0 });
    expect((await setting.gateway.event({ event: 'association.aborted' })).reason).toBe('response-timeout');
    scu.end();
  });

  it('release the modality where the archive does not answer the release', async () => {
    const setting = await setUp({ onReleaseRq: () => {} }, { releaseSeconds: 0.2 });
    const scu = await established(setting);
    await scu.release();
    await setting.gateway.event({ event: 'association.released', reason: 'release-timeout' });
    await setting.spy.waitUntil((spy) => spy.connections[0]?.aborted !== undefined, 'an A-ABORT');
  });

  it('end an association whose archive stops reading, without keeping what the modality sends', async () => {
    const setting = await setUp({}, { stallSeconds: 0.5 }, { keepsBytes: false });
    const scu = await established(setting);
    const upstream = setting.spy.connections.at(-1)!;
    upstream.stopReading();
    await scu.send(...messagePdus(3, storeCommand));
    // Far more than the kernel's buffers take.
    void scu.send(...Array.from({ length: 2000 }, () => Buffer.concat([half, half, half])));
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 0 });
    await setting.gateway.event({ event: 'association.aborted', reason: 'stall-timeout' });
    // The kernel's buffers of four sockets took some; the rest was never read.
    expect(scu.socket.writableLength).toBeGreaterThan(30_000_000);
    scu.end();
    upstream.destroy();
  });

  it('close the connection of a peer that does not after its rejection', async () => {
    const setting = await setUp({}, { closeSeconds: 0.2 });
    const scu = await RawScu.connect({ port: setting.gateway.port(), allowHalfOpen: true });
    expect((await scu.associate({ calling: 'NOBODY', called: 'ARCHIVE', contexts })).kind).toBe('rejected');
    await scu.expectClosed(2000);
  });

  it('leave others alone', async () => {
    const setting = await setUp({}, { artimSeconds: 0.5, idleSeconds: 5 });
    const silent = await Promise.all(
      Array.from({ length: 100 }, () => RawScu.connect({ port: setting.gateway.port() })),
    );
    for (let count = 0; count < 20; count += 1) await expectServed(setting);
    for (const connection of silent) await connection.expectClosed(3000);
  });
});

describe('release', () => {
  it('waits for the answers that are due', async () => {
    const script: SpyScript = {
      onRequest: (connection, request) => {
        setTimeout(() => connection.respond(request), 200);
      },
      onReleaseRq: (connection) => {
        setTimeout(() => connection.send(releaseRp()), 220);
      },
    };
    const setting = await setUp(script, { releaseSeconds: 0.05 });
    const scu = await established(setting);
    const messageId = await scu.sendRequest(1, {
      CommandField: CommandField.CEchoRq,
      AffectedSOPClassUID: SopClass.Verification,
    });
    await scu.send(releaseRq());
    const [response] = await scu.readResponses(messageId);
    expect(response?.command.Status).toBe(0x0000);
    expect(await scu.nextEvent()).toMatchObject({ kind: 'pdu', type: 0x06 });
    scu.end();
  });

  it('survives a collision with a release of the archive', async () => {
    const setting = await setUp({
      onReleaseRq: (connection) => connection.send(releaseRq(), releaseRp()),
    });
    const scu = await established(setting);
    await scu.release();
    await setting.gateway.event({ event: 'association.released' });
  });

  it('is refused in the middle of a message', async () => {
    const setting = await setUp();
    const [scu] = await storeHalf(setting);
    await scu.send(releaseRq());
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 2 });
    scu.end();
  });
});

describe('many at once', () => {
  it('stores on 200 associations, each its own instance, none lost, none mixed', async () => {
    const setting = await setUp();
    const dataSets = Array.from({ length: 200 }, (_value, index) =>
      Buffer.alloc(100_000, `instance ${index} `),
    );
    const statuses = await Promise.all(
      dataSets.map(async (dataSet, index) => {
        const scu = await established(setting);
        const status = await scu.store(3, {
          sopClassUid: SopClass.CTImageStorage,
          sopInstanceUid: `1.2.3.${index}`,
          dataSet,
        });
        await scu.release();
        return status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([0]));
    const expected = new Map(dataSets.map((dataSet, index) => [`1.2.3.${index}`, sha256(dataSet)]));
    const received = setting.spy.requests.map(
      ({ command, dataSet }) => [command.AffectedSOPInstanceUID, sha256(dataSet!)] as const,
    );
    expect(received.length).toBe(200);
    for (const [instance, hash] of received) expect(hash).toBe(expected.get(instance!));
    expect(setting.gateway.places.taken).toBe(0);
  });

  it('frees its place however an association ends', async () => {
    const setting = await setUp();
    const endings: ((scu: RawScu) => unknown)[] = [
      (scu) => scu.release(),
      (scu) => scu.abort(),
      (scu) => scu.reset(),
      (scu) => scu.end(),
      (scu) => scu.send(Buffer.from('rubbish')),
      (scu) =>
        scu.send(
          pDataTf({ contextId: 3, isCommand: true, isLast: true, fragment: commandSet(storeCommand) }),
          releaseRq(),
        ),
    ];
    for (let round = 0; round < 60; round += 1) {
      const scu = await established(setting);
      await endings[round % endings.length]!(scu);
      scu.end();
    }
    await setting.spy.waitUntil(
      (spy) => spy.connections.every(({ closed }) => closed !== undefined),
      'every close',
    );
    expect(setting.gateway.places.taken).toBe(0);
  });
});

describe('the stop of the gateway', () => {
  it('lets a running association end, and takes no new one', async () => {
    const setting = await setUp();
    const port = setting.gateway.port();
    const [scu] = await storeHalf(setting);
    const stopping = setting.gateway.gateway.stop();
    const late = await RawScu.connect({ port });
    expect(await late.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).toEqual({
      kind: 'rejected',
      result: 2,
      source: 3,
      reason: 1,
    });
    await setting.gateway.event({ event: 'association.rejected', reason: 'draining' });
    late.end();
    await scu.send(pDataTf({ contextId: 3, isCommand: false, isLast: true, fragment: Buffer.alloc(10) }));
    const [response] = await scu.readResponses(1);
    expect(response?.command.Status).toBe(0x0000);
    await scu.release();
    expect(await stopping).toEqual({ aborted: 0 });
    await setting.gateway.event({ event: 'gateway.stopped' });
    await expect(RawScu.connect({ port })).rejects.toThrow();
  });

  it('aborts at the deadline what has not ended', async () => {
    const setting = await setUp({}, { drainSeconds: 0.2, closeSeconds: 0.2 });
    const [scu] = await storeHalf(setting);
    const stopping = setting.gateway.gateway.stop();
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 0 });
    expect(await stopping).toEqual({ aborted: 1 });
    await setting.gateway.event({ event: 'association.aborted', reason: 'gateway-stopped' });
  });
});
