/** A reload under associations that are open: by default they keep what they were allowed, enforced they do not. */
import { describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { finalStatus, RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const { ca, server, client } = certificates;
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
const instance = {
  sopClassUid: SopClass.CTImageStorage,
  sopInstanceUid: '1.2.3',
  dataSet: Buffer.alloc(100),
};

type Entry = ConfigurationInput['modalities'][string];
const ct1: Entry = {
  callingAeTitle: 'CT1',
  from: '127.0.0.1',
  certificate: 'cn:ct1',
  allow: ['echo', 'store'],
  dataSets: 'off',
};

function configurationOf(port: number, modalities: Record<string, Entry>, crl?: string): ConfigurationInput {
  const tls = {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: ca.certificateFile,
    ...(crl === undefined ? {} : { crl }),
  };
  return {
    listeners: [
      { name: 'tls', host: '127.0.0.1', port: 0, tls },
      { name: 'plain', host: '127.0.0.1', port: 0 },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${port}`] } },
    modalities: {
      other: { callingAeTitle: 'OTHER', from: '127.0.0.1', certificate: 'cn:ct1' },
      ...modalities,
    },
  };
}

async function setUp(modalities: Record<string, Entry> = { ct1 }) {
  const spy = await SpyUpstream.start();
  const gateway = await TestGateway.start(configurationOf(spy.port, modalities));
  const scu = await RawScu.connect({
    port: gateway.port('tls'),
    tls: { ca: ca.cert, cert: client.cert, key: client.key },
  });
  expect((await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
  const reload = (changed: Record<string, Entry>, enforce: boolean, crl?: string) =>
    gateway.reload(configurationOf(spy.port, changed, crl), { enforce });
  return { spy, gateway, scu, reload };
}

const { certificate: _, ...withoutCertificate } = ct1;

function noList() {
  return undefined;
}

/** What changed, the reason that follows, the new modalities, the new revocation list. */
const changes: [string, string, Record<string, Entry>, () => string | undefined][] = [
  ['an entry that is gone', 'calling-ae-title-unknown', {}, noList],
  ['another AE title', 'calling-ae-title-unknown', { ct1: { ...ct1, callingAeTitle: 'CT2' } }, noList],
  ['another address', 'source-address-mismatch', { ct1: { ...ct1, from: '10.1.2.3' } }, noList],
  ['another certificate', 'certificate-mismatch', { ct1: { ...ct1, certificate: 'cn:ct2' } }, noList],
  ['another listener', 'listener-not-allowed', { ct1: { ...ct1, listeners: 'plain' } }, noList],
  [
    'a certificate that is revoked',
    'certificate-revoked',
    { ct1: withoutCertificate },
    () => certificates.issueCrl('of-client', { issuer: ca, revoked: [client] }).crlFile,
  ],
];

it('refuses to widen a listener that is open, in words, and goes on as before', async () => {
  const spy = await SpyUpstream.start();
  const first = configurationOf(spy.port, {});
  const gateway = await TestGateway.start(first);
  const port = gateway.port('plain');
  const at = (host: string, name: string) => ({
    ...first,
    listeners: [first.listeners[0]!, { name, host, port }],
  });
  // The port that the system chose is known now.
  await gateway.reload(at('127.0.0.2', 'other'));
  await expect(gateway.reload(at('0.0.0.0', 'plain'))).rejects.toThrow(
    `cannot listen on 0.0.0.0:${port}: the gateway itself listens on 127.0.0.2:${port}, and a reload closes nothing`,
  );
  expect(gateway.port('other')).toBe(port);
});

describe('an association that is open', () => {
  it.each(changes)('outlives a reload with %s', async (_what, _reason, changed, crl) => {
    const { scu, gateway, reload } = await setUp();
    expect(await reload(changed, false, crl())).toEqual({ ended: 0 });
    expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
    expect(await scu.store(3, instance)).toBe(0x0000);
    await scu.release();
    expect(gateway.events.some(({ event }) => event === 'association.aborted')).toBe(false);
  });

  it.each(changes)(
    'ends where %s is enforced, on both sides, and the log says why',
    async (_what, reason, changed, crl) => {
      const { spy, scu, gateway, reload } = await setUp();
      expect(await reload(changed, true, crl())).toEqual({ ended: 1 });
      expect([...(await scu.readPdu())].slice(0, 10)).toEqual([7, 0, 0, 0, 0, 4, 0, 0, 2, 0]);
      await spy.waitUntil(() => spy.connections[0]!.aborted !== undefined, 'an A-ABORT');
      expect(await gateway.event({ event: 'association.aborted' })).toMatchObject({
        reason,
        detail: 'a reload no longer allows the association',
      });
    },
  );

  it.each([false, true])(
    'has the commands of the new entry from the next one on where enforced: %s',
    async (enforce) => {
      const { scu, reload } = await setUp();
      expect(await reload({ ct1: { ...ct1, allow: 'echo' } }, enforce)).toEqual({ ended: 0 });
      expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
      expect(await scu.store(3, instance)).toBe(enforce ? 0x0124 : 0x0000);
      await scu.release();
    },
  );

  it('stays where nothing that concerns it has changed, however often', async () => {
    const { scu, reload } = await setUp();
    for (let round = 0; round < 3; round += 1) {
      expect(await reload({ ct1, mr1: { ...ct1, callingAeTitle: `MR${round}` } }, true)).toEqual({
        ended: 0,
      });
      expect(finalStatus(await scu.request(1, echo))).toBe(0x0000);
    }
    await scu.release();
  });
});

describe('an association that waits for the archive', () => {
  it('is rejected where it would be refused now', async () => {
    const spy = await SpyUpstream.start({ script: { onAssociateRq: () => {} } });
    const gateway = await TestGateway.start(configurationOf(spy.port, { ct1 }));
    const tls = { ca: ca.cert, cert: client.cert, key: client.key };
    const scu = await RawScu.connect({ port: gateway.port('tls'), tls });
    const answer = scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    await spy.waitUntil(({ connections }) => connections[0]?.associateRq !== undefined, 'a request');
    expect(await gateway.reload(configurationOf(spy.port, {}), { enforce: true })).toEqual({ ended: 1 });
    expect(await answer).toEqual({ kind: 'rejected', result: 1, source: 1, reason: 3 });
    await spy.waitUntil(() => spy.connections[0]!.aborted !== undefined, 'an A-ABORT');
    await gateway.event({ event: 'association.rejected', reason: 'calling-ae-title-unknown' });
  });
});

describe('associations that store while reloads come', () => {
  it('lose nothing: 50 of them, through 20 reloads', async () => {
    const spy = await SpyUpstream.start({ keepsBytes: false });
    const gateway = await TestGateway.start(configurationOf(spy.port, { ct1 }));
    const tls = { ca: ca.cert, cert: client.cert, key: client.key };
    let isOver = false;
    const dataSet = Buffer.alloc(50_000, 1);
    const sender = async (index: number) => {
      let stored = 0;
      while (!isOver) {
        const scu = await RawScu.connect({ port: gateway.port('tls'), tls });
        expect((await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
        for (let count = 0; count < 3; count += 1) {
          const sopInstanceUid = `1.2.${index}.${stored}`;
          expect(await scu.store(3, { ...instance, sopInstanceUid, dataSet })).toBe(0x0000);
          stored += 1;
        }
        await scu.release();
      }
      return stored;
    };
    const senders = Array.from({ length: 50 }, (_value, index) => sender(index));
    for (let round = 0; round < 20; round += 1) {
      const crl = round % 2 === 0 ? certificates.crl.crlFile : undefined;
      const changed = { ct1, mr1: { ...ct1, callingAeTitle: `MR${round}` } };
      await gateway.reload(configurationOf(spy.port, changed, crl), { enforce: round % 3 === 0 });
      await spy.waitUntil(({ requests }) => requests.length > round * 20, 'further instances');
    }
    isOver = true;
    const stored = await Promise.all(senders);
    expect(spy.requests).toHaveLength(stored.reduce((sum, count) => sum + count, 0));
    expect(gateway.events.some(({ event }) => event === 'association.aborted')).toBe(false);
  });
});
