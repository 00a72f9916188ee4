/**
 * What comes whole is delivered, whatever the peer does behind it: abort, release, close its side or all of it. And a
 * connection on which nothing was said is nobody's refusal.
 */
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import {
  abort,
  associateRq,
  CommandField,
  messagePdus,
  numberedRequest,
  proposedContext,
  releaseRp,
  releaseRq,
  responseTo,
} from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
const rq = associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts });
const store = numberedRequest(
  1,
  {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  },
  true,
);
/** More than is held of what comes behind a request that is not answered yet. */
const storePdus = messagePdus(3, store, Buffer.alloc(400_000, 5), 16384);

async function setUp(script: SpyScript = {}) {
  const spy = await SpyUpstream.start({ script });
  const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.server;
  const configuration = (rest: Partial<ConfigurationInput> = {}) =>
    plainConfiguration(
      spy.port,
      { allow: ['store', 'echo'], dataSets: 'off', listeners: ['plain', 'tls'] },
      {
        listeners: [
          { name: 'plain', host: '127.0.0.1', port: 0 },
          {
            name: 'tls',
            host: '127.0.0.1',
            port: 0,
            tls: { certificate, privateKey, trustedCertificates: certificates.ca.certificateFile },
          },
          {
            name: 'balanced',
            host: '127.0.0.1',
            port: 0,
            proxyProtocol: { trustedProxies: ['127.0.0.0/8'] },
          },
        ],
        ...rest,
      },
    );
  return { spy, configuration, gateway: await TestGateway.start(configuration()) };
}

type Setting = Awaited<ReturnType<typeof setUp>>;

function outline({ gateway }: Setting): string[] {
  return gateway.events
    .filter(({ event }) => !event.startsWith('gateway.'))
    .map(({ event, reason }) => (reason === undefined ? event : `${event} ${reason}`));
}

/** An SCU whose socket stays open for reading once it has sent its FIN. */
async function scuOf({ gateway }: Setting, listener: 'plain' | 'tls'): Promise<RawScu> {
  const { cert, key } = certificates.client;
  const tls = { ca: certificates.ca.cert, cert, key, allowHalfOpen: true };
  return RawScu.connect({
    port: gateway.port(listener),
    allowHalfOpen: true,
    ...(listener === 'tls' ? { tls } : {}),
  });
}

describe.each(['plain', 'tls'] as const)('everything sent, then the side closed: %s', (listener) => {
  it('all in one, with a release: the instance is stored, and everything is answered', async () => {
    const setting = await setUp();
    const scu = await scuOf(setting, listener);
    await scu.send(rq, ...storePdus, releaseRq());
    scu.end();
    expect(await scu.readAssociateAnswer()).toMatchObject({ kind: 'accepted' });
    expect((await scu.readResponses(1)).at(-1)?.command.Status).toBe(0);
    expect((await scu.readPdu())[0]).toBe(6);
    expect(await scu.expectClosed()).toBe('end');
    await setting.gateway.untilIdle();
    expect(setting.spy.requests).toHaveLength(1);
    expect(outline(setting)).toEqual(['association.accepted', 'command.completed', 'association.released']);
  });

  it('after the association, without a release: the instance is stored and answered', async () => {
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const setting = await setUp({
      onRequest: (connection, request) => {
        void asked.then(() => connection.respond(request));
      },
    });
    const scu = await scuOf(setting, listener);
    await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    await scu.send(...storePdus);
    scu.end();
    await setting.spy.waitUntil(({ requests }) => requests.length === 1, 'the instance');
    answer();
    expect((await scu.readResponses(1)).at(-1)?.command.Status).toBe(0);
    expect(await scu.expectClosed()).toBe('end');
    await setting.gateway.untilIdle();
    expect(outline(setting)).toEqual([
      'association.accepted',
      'command.completed',
      'association.aborted modality-closed',
    ]);
    expect(setting.gateway.places.taken).toBe(0);
  });

  it('with nothing to wait for: as before', async () => {
    const setting = await setUp();
    const scu = await scuOf(setting, listener);
    await scu.send(rq.subarray(0, 30));
    scu.end();
    await scu.expectClosed();
    await setting.gateway.untilIdle();
    expect(outline(setting)).toEqual(['connection.refused modality-closed']);
    const established = await scuOf(setting, listener);
    await established.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    established.end();
    await established.expectClosed();
    await setting.gateway.untilIdle();
    expect(outline(setting).at(-1)).toBe('association.aborted modality-closed');
  });
});

describe('the last answer of an archive', () => {
  it.each([
    ['an A-ABORT', abort(0, 0)],
    ['a release', releaseRq()],
    ['a second answer', messagePdus(3, responseTo(store))[0]!],
  ])('arrives, with %s in the same segment', async (_name, behind) => {
    const refusal = responseTo(store, { Status: 0xa700 });
    const setting = await setUp({
      onRequest: (connection) => connection.send(...messagePdus(3, refusal), behind),
    });
    for (let round = 0; round < 20; round += 1) {
      const scu = await RawScu.associated(setting.gateway.port('plain'), { contexts });
      await scu.send(...storePdus);
      expect((await scu.readMessage()).command.Status).toBe(0xa700);
      expect((await scu.readPdu())[0]).toBe(7);
      scu.end();
    }
  });
});

it('a whole instance reaches the archive, with an A-ABORT in the same segment', async () => {
  const setting = await setUp({ onRequest: () => {} });
  const scu = await RawScu.associated(setting.gateway.port('plain'), { contexts });
  await scu.send(...storePdus, abort(0, 0));
  scu.end();
  await setting.spy.waitUntil(({ connections }) => connections[0]?.aborted !== undefined, 'the A-ABORT');
  expect(setting.spy.requests).toHaveLength(1);
});

describe('a release', () => {
  it.each(['end', 'reset'] as const)('and a close at once is a success: %s', async (how) => {
    const setting = await setUp();
    const scu = await RawScu.associated(setting.gateway.port('plain'), { contexts });
    expect(await scu.echo(1)).toBe(0);
    await scu.send(releaseRq());
    // The whole connection, not only its side.
    if (how === 'end') scu.socket.destroy();
    else {
      await setting.spy.waitUntil(({ connections }) => connections[0]!.pduTypes.includes(5), 'the release');
      scu.reset();
    }
    await setting.gateway.event({ event: 'association.released' });
    await setting.gateway.untilIdle();
    expect(outline(setting)).toEqual(['association.accepted', 'command.completed', 'association.released']);
    await setting.spy.waitUntil(({ connections }) => connections[0]!.closed !== undefined, 'the end');
    expect(setting.spy.connections[0]!.aborted).toBeUndefined();
  });

  it.each(['end', 'reset'] as const)('is confirmed where the archive only closes: %s', async (how) => {
    const setting = await setUp({ onReleaseRq: (connection) => connection[how]() });
    const scu = await RawScu.associated(setting.gateway.port('plain'), { contexts });
    await scu.send(releaseRq());
    expect(await scu.readPdu()).toEqual(releaseRp());
    scu.end();
    await setting.gateway.untilIdle();
    expect(outline(setting)).toEqual(['association.accepted', 'association.released']);
  });
});

describe('a health check of a load balancer', () => {
  const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
  const UNKNOWN = Buffer.from('PROXY UNKNOWN\r\n');
  const NOTHING = Buffer.alloc(0);
  const ways = (['end', 'reset'] as const).flatMap((how) => [
    { how, listener: 'plain', name: 'nothing', bytes: NOTHING, localAddress: '127.0.0.1' },
    { how, listener: 'tls', name: 'nothing', bytes: NOTHING, localAddress: '127.0.0.1' },
    { how, listener: 'balanced', name: 'nothing', bytes: NOTHING, localAddress: '127.0.0.1' },
    { how, listener: 'balanced', name: 'LOCAL', bytes: LOCAL, localAddress: '127.0.0.1' },
    {
      how,
      listener: 'balanced',
      name: 'LOCAL of an address without an entry',
      bytes: LOCAL,
      localAddress: '127.0.0.9',
    },
    {
      how,
      listener: 'balanced',
      name: 'UNKNOWN of an address without an entry',
      bytes: UNKNOWN,
      localAddress: '127.0.0.9',
    },
  ]);

  it.each(ways)('is counted, not refused: $how, $listener, $name', async (way) => {
    const setting = await setUp();
    const socket = connect({
      port: setting.gateway.port(way.listener),
      host: '127.0.0.1',
      localAddress: way.localAddress,
    }).on('error', () => {});
    onCleanUp(() => void socket.destroy());
    await once(socket, 'connect');
    if (way.bytes.length > 0) await new Promise<void>((resolve) => socket.write(way.bytes, () => resolve()));
    if (way.how === 'end') socket.destroy();
    else socket.resetAndDestroy();
    await setting.gateway.event({ event: 'connection.refused', outcome: 'debug', listener: way.listener });
    await setting.gateway.untilIdle();
    expect(outline(setting)).toHaveLength(1);
  });

  it('is none where something was sent that is refused', async () => {
    const setting = await setUp();
    const scu = await RawScu.connect({ port: setting.gateway.port('balanced'), localAddress: '127.0.0.9' });
    await scu.send(LOCAL, rq);
    await setting.gateway.event({ outcome: 'denied', reason: 'source-address-unknown' });
    await scu.expectClosed();
  });
});

describe('contexts that the archive refused', () => {
  it('are in the line of the association', async () => {
    const setting = await setUp({
      onAssociateRq: (connection) =>
        connection.accept({
          contexts: [
            { id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' },
            { id: 3, result: 4, transferSyntax: '' },
          ],
        }),
    });
    const scu = await RawScu.associated(setting.gateway.port('plain'), { contexts });
    expect((await setting.gateway.event({ event: 'association.accepted' })).refusedContexts).toEqual([
      { sopClass: 'CTImageStorage', result: 'transfer syntaxes not supported' },
    ]);
    await scu.release();
    expect(outline(setting)).toEqual(['association.accepted', 'association.released']);
  });

  it('have a line of their own where they are all', async () => {
    const setting = await setUp({
      onAssociateRq: (connection) =>
        connection.accept({ contexts: [1, 3].map((id) => ({ id, result: 3, transferSyntax: '' })) }),
    });
    const scu = await RawScu.associated(setting.gateway.port('plain'), { contexts });
    expect(await setting.gateway.event({ event: 'association.unusable' })).toMatchObject({
      outcome: 'failed',
      upstream: `127.0.0.1:${setting.spy.port}`,
      refusedContexts: [
        { sopClass: 'Verification', result: 'abstract syntax not supported' },
        { sopClass: 'CTImageStorage', result: 'abstract syntax not supported' },
      ],
    });
    await scu.release();
  });
});

describe('what can be set for each modality and upstream', () => {
  /** An association on which nothing happens; the gateway ends it. */
  async function idle(own: { readonly upstream?: number; readonly modality?: number }): Promise<void> {
    const spy = await SpyUpstream.start();
    const timeouts = (idleSeconds?: number) =>
      idleSeconds === undefined ? {} : { timeouts: { idleSeconds } };
    const gateway = await TestGateway.start(
      plainConfiguration(spy.port, timeouts(own.modality), {
        upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`], ...timeouts(own.upstream) } },
      }),
    );
    const scu = await RawScu.associated(gateway.port(), { contexts });
    await gateway.event({ event: 'association.aborted', reason: 'idle-timeout' });
    scu.end();
  }

  it('is a timeout of the upstream', () => idle({ upstream: 0.1 }));
  it('is a timeout of the modality, which wins', () => idle({ upstream: 500, modality: 0.1 }));
});

(process.platform === 'linux' ? describe : describe.skip)('TCP keep-alive', () => {
  it.each([
    ['runs on both legs, also with TLS', 60, true],
    ['is off', 0, false],
  ])('%s', async (_name, keepAliveSeconds, isOn) => {
    const set = jest.spyOn(Socket.prototype, 'setKeepAlive');
    set.mockClear();
    onCleanUp(() => set.mockRestore());
    const setting = await setUp();
    await setting.gateway.reload(setting.configuration({ tcp: { keepAliveSeconds } }));
    const scu = await scuOf(setting, 'tls');
    await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    const calls = set.mock.calls.filter(([isEnabled]) => isEnabled === true);
    expect(calls).toEqual(
      isOn
        ? [
            [true, 60_000],
            [true, 60_000],
          ]
        : [],
    );
    await scu.release();
  });
});
