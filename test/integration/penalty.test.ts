/**
 * The penalty box and canary AE titles: thousands of guesses cost some answers and some lines, and an honest device behind
 * the same address goes on.
 */
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { PendingCallers } from '../../src/admin/pendingCallers';
import type { AuditEvent } from '../../src/audit/events';
import { LineSums } from '../../src/audit/lineSums';
import { spkiSha256 } from '../../src/x509/fingerprints';
import { testCertificates } from '../support/certificates';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { runProcess } from '../support/processes';
import { type AssociateAnswer, RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const certificates = testCertificates();
const { ca, server, client } = certificates;
/** From one echo of a device to its next. */
const TURN_MS = 250;
const contexts = [proposedContext(1, SopClass.Verification)];

async function start(rest: Partial<ConfigurationInput>) {
  const spy = await SpyUpstream.start();
  const configuration = plainConfiguration(spy.port, {}, rest);
  return { configuration, gateway: await TestGateway.start(configuration) };
}

async function ask(gateway: TestGateway, calling: string, called = 'ARCHIVE', tls?: object) {
  const scu = await RawScu.connect({ port: gateway.port(), ...(tls === undefined ? {} : { tls }) });
  const answer = await scu.associate({ calling, called, contexts }).catch(() => undefined);
  scu.end();
  return answer;
}

function isAnswer(answer: AssociateAnswer | undefined): boolean {
  return answer?.kind === 'rejected' || answer?.kind === 'accepted';
}

afterEach(() => {
  jest.useRealTimers();
});

describe('the penalty box', () => {
  it('answers 20 of 1,000 guesses, with few lines and an untouched pending list', async () => {
    const { gateway } = await start({ penalty: {} });
    let answers = 0;
    for (let guess = 0; guess < 1000; guess += 10) {
      const batch = Array.from({ length: 10 }, (_, index) => ask(gateway, `GUESS${guess + index}`));
      answers += (await Promise.all(batch)).filter(isAnswer).length;
    }
    expect(answers).toBeLessThanOrEqual(30);
    expect(answers).toBeGreaterThanOrEqual(20);
    await gateway.untilIdle();
    expect(gateway.events.filter(({ event }) => event === 'penalty.imposed')).toMatchObject(
      [
        {
          outcome: 'info',
          reason: 'penalty',
          sourceAddress: '127.0.0.1',
          detail: /^127.0.0.1 is in the pen/,
        },
      ].map(({ detail, ...facts }) => ({ ...facts, detail: expect.stringMatching(detail) })),
    );
    // As the log sums them up, and as the pending list sees them.
    const lines: AuditEvent[] = [];
    const sums = new LineSums(
      { refusals: { whole: 40, everySeconds: 10 } },
      { write: (sum) => void lines.push(sum), isBlocked: () => false },
    );
    for (const event of gateway.events) if (!sums.adds(event)) lines.push(event);
    sums.close();
    expect(lines.length).toBeLessThanOrEqual(50);
    expect(lines.at(-1)).toMatchObject({
      reason: 'penalty',
      detail: expect.stringMatching(/^9\d\d more in/),
    });
    const pending = new PendingCallers({ maxEntries: 1000 });
    for (const event of gateway.events) pending.record(event);
    expect(pending.size).toBeLessThanOrEqual(30);
  });

  it('lets out after its time, and at once who is exempt after a reload', async () => {
    const { gateway, configuration } = await start({ penalty: { faults: 1, seconds: 60 } });
    expect(await ask(gateway, 'GUESS')).toMatchObject({ kind: 'rejected' });
    expect(isAnswer(await ask(gateway, 'CT1'))).toBe(false);
    expect(gateway.gateway.penalties.list).toMatchObject([{ key: '127.0.0.1' }]);
    jest.useFakeTimers({
      now: Date.now() + 61_000,
      doNotFake: [
        'nextTick',
        'setImmediate',
        'clearImmediate',
        'queueMicrotask',
        'setTimeout',
        'clearTimeout',
        'setInterval',
        'clearInterval',
        'performance',
        'hrtime',
      ],
    });
    expect(await ask(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
    expect(await ask(gateway, 'GUESS')).toMatchObject({ kind: 'rejected' });
    expect(isAnswer(await ask(gateway, 'CT1'))).toBe(false);
    await gateway.reload({ ...configuration, penalty: { faults: 1, exempt: '127.0.0.0/8' } });
    expect(await ask(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
  });

  it('lets in a device with a bound certificate from an address that is in it, and nobody else', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await TestGateway.start({
      listeners: [
        {
          name: 'tls',
          host: '127.0.0.1',
          port: 0,
          tls: {
            certificate: server.certificateFile,
            privateKey: server.privateKeyFile,
            trustedCertificates: ca.certificateFile,
          },
        },
      ],
      upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
      modalities: {
        ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo', certificate: 'cn:ct1' },
        ct2: { callingAeTitle: 'CT2', from: '127.0.0.1', allow: 'echo' },
      },
      penalty: { faults: 5 },
    });
    const shows = ({ cert, key }: { cert: string; key: string }) => ({ ca: ca.cert, cert, key });
    const other = certificates.issue('ct2', { issuer: ca, purposes: ['clientAuth'] });
    const stranger = certificates.clientOfOtherCa;
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await ask(gateway, 'CT1', 'ARCHIVE', shows(stranger)).catch(() => {});
    }
    expect(gateway.gateway.penalties.list).toMatchObject([{ key: '127.0.0.1' }]);
    expect(await ask(gateway, 'CT1', 'ARCHIVE', shows(client))).toMatchObject({ kind: 'accepted' });
    expect(isAnswer(await ask(gateway, 'CT2', 'ARCHIVE', shows(other)))).toBe(false);
    expect(await gateway.event({ event: 'connection.refused', reason: 'penalty' })).toBeDefined();
    // The pending list does not learn what somebody in the box shows.
    await ask(gateway, 'CT1', 'ARCHIVE', shows(stranger)).catch(() => {});
    const untrusted = gateway.events.filter(({ reason }) => reason === 'certificate-untrusted');
    expect(untrusted).toHaveLength(5);
    // Its guesses cost the certificate, wherever it comes from.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(await ask(gateway, `GUESS${attempt}`, 'ARCHIVE', shows(client))).toMatchObject({
        kind: 'rejected',
      });
    }
    expect(isAnswer(await ask(gateway, 'CT1', 'ARCHIVE', shows(client)))).toBe(false);
  });

  it('a new self-signed certificate for each guess does not help: its address pays; a pinned key pays itself', async () => {
    const spy = await SpyUpstream.start();
    const pinned = certificates.issue('pinned', { purposes: ['clientAuth'] });
    const pin = `spki-sha256:${spkiSha256(new X509Certificate(pinned.cert).publicKey)}`;
    const gateway = await TestGateway.start({
      listeners: [
        {
          name: 'tls',
          host: '127.0.0.1',
          port: 0,
          tls: { certificate: server.certificateFile, privateKey: server.privateKeyFile },
        },
      ],
      upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
      modalities: {
        ct1: {
          callingAeTitle: 'CT1',
          from: '127.0.0.1',
          allow: 'echo',
          certificate: pin,
        },
      },
      unknownAddresses: 'reject',
      penalty: { faults: 5 },
    });
    const shows = ({ cert, key }: { cert: string; key: string }) => ({ ca: ca.cert, cert, key });
    for (let guess = 0; guess < 6; guess += 1) {
      const fresh = certificates.issue(`fresh${guess}`, { purposes: ['clientAuth'] });
      await ask(gateway, `GUESS${guess}`, 'ARCHIVE', shows(fresh)).catch(() => {});
    }
    expect(gateway.gateway.penalties.list).toMatchObject([{ key: '127.0.0.1' }]);
    expect(gateway.events.filter(({ event }) => event === 'association.rejected')).toHaveLength(5);
    expect(await ask(gateway, 'CT1', 'ARCHIVE', shows(pinned))).toMatchObject({ kind: 'accepted' });
    for (let guess = 0; guess < 5; guess += 1) {
      expect(await ask(gateway, `GUESS${guess}`, 'ARCHIVE', shows(pinned))).toMatchObject({
        kind: 'rejected',
      });
    }
    expect(isAnswer(await ask(gateway, 'CT1', 'ARCHIVE', shows(pinned)))).toBe(false);
    expect(gateway.gateway.penalties.list.map(({ key }) => key)).toContain(pin);
  });

  it('charges nothing where it is left out', async () => {
    const { gateway } = await start({});
    for (let guess = 0; guess < 50; guess += 1) {
      expect(await ask(gateway, `GUESS${guess}`)).toMatchObject({ kind: 'rejected' });
    }
    expect(await ask(gateway, 'CT1')).toMatchObject({ kind: 'accepted' });
  });
});

it('with workers, who is in the box of one is in that of the others', async () => {
  const spy = await SpyUpstream.start();
  const gateway = await GatewayProcess.start(plainConfiguration(spy.port, {}, { workers: 2, penalty: {} }));
  const port = gateway.port('plain');
  let answers = 0;
  for (let guess = 0; guess < 100; guess += 1) {
    const scu = await RawScu.connect({ port });
    const answer = await scu
      .associate({ calling: `G${guess}`, called: 'ARCHIVE', contexts })
      .catch(() => undefined);
    scu.end();
    if (isAnswer(answer)) answers += 1;
  }
  expect(answers).toBeGreaterThanOrEqual(10);
  expect(answers).toBeLessThanOrEqual(21);
});

describeWithPeers(['nmap'], 'nmap with its scripts for DICOM', () => {
  it('gets some answers and some lines, while five devices with bound certificates keep their rate', async () => {
    const spy = await SpyUpstream.start();
    const names = ['ct1', 'ct2', 'ct3', 'ct4', 'ct5'];
    const devices = names.map((name) => certificates.issue(name, { issuer: ca, purposes: ['clientAuth'] }));
    const tls = {
      certificate: server.certificateFile,
      privateKey: server.privateKeyFile,
      trustedCertificates: ca.certificateFile,
    };
    const gateway = await GatewayProcess.start({
      listeners: [
        { name: 'tls', host: '127.0.0.1', port: 0, tls },
        { name: 'plain', host: '127.0.0.1', port: 0 },
      ],
      upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
      modalities: Object.fromEntries(
        names.map((name) => [
          name,
          { callingAeTitle: name.toUpperCase(), from: '127.0.0.1', allow: 'echo', certificate: `cn:${name}` },
        ]),
      ),
      penalty: {},
    });
    // An association of its own for every echo.
    const echoes = async (until: () => boolean) => {
      const beganMs = performance.now();
      let done = 0;
      let lost = 0;
      const ofDevice = async ({ cert, key }: { cert: string; key: string }, calling: string) => {
        for (let turn = 1; !until(); turn += 1) {
          try {
            const scu = await RawScu.connect({ port: gateway.port('tls'), tls: { ca: ca.cert, cert, key } });
            const { kind } = await scu.associate({ calling, called: 'ARCHIVE', contexts });
            if (kind !== 'accepted') throw new Error(kind);
            await scu.echo(1);
            await scu.release();
            done += 1;
          } catch {
            lost += 1;
          }
          await waitFor('the next turn', () => until() || performance.now() >= beganMs + turn * TURN_MS);
        }
      };
      await Promise.all(devices.map((device, index) => ofDevice(device, names[index]!.toUpperCase())));
      return { perSecond: (done * 1000) / (performance.now() - beganMs), lost };
    };
    const quietUntilMs = performance.now() + 3000;
    const quiet = await echoes(() => performance.now() >= quietUntilMs);
    let isOver = false;
    const honest = echoes(() => isOver);
    for (const listener of ['plain', 'tls']) {
      await runProcess('nmap', [
        ...['-Pn', '-n', '--script', '+dicom-ping,+dicom-brute', '--script-timeout', '20s'],
        ...['-p', String(gateway.port(listener)), '127.0.0.1'],
      ]);
    }
    isOver = true;
    const { perSecond, lost } = await honest;
    expect(lost).toBe(0);
    expect(perSecond).toBeGreaterThanOrEqual(0.95 * quiet.perSecond);
    const refused = gateway.auditLines.filter(({ outcome }) => outcome === 'denied');
    expect(refused.length).toBeGreaterThan(1);
    expect(refused.length).toBeLessThanOrEqual(50);
  }, 90_000);
});

describe('a canary AE title', () => {
  it.each([
    ['calling', 'OLDPACS', 'ARCHIVE'],
    ['called', 'CT1', 'oldpacs'],
  ])('is an alarm and a penalty at its first use as %s AE title', async (_kind, calling, called) => {
    const { gateway } = await start({ canaryAeTitles: ['OLDPACS'] });
    for (let guess = 0; guess < 30; guess += 1) await ask(gateway, `GUESS${guess}`);
    expect(await ask(gateway, calling, called)).toMatchObject({
      kind: 'rejected',
      result: 1,
      source: 1,
      reason: 3,
    });
    expect(await gateway.event({ reason: 'canary' })).toMatchObject({
      event: 'association.rejected',
      outcome: 'denied',
    });
    expect(isAnswer(await ask(gateway, 'CT1'))).toBe(false);
  });

  it('is refused as a configuration where a device has it', async () => {
    await expect(start({ canaryAeTitles: ['ct1'] })).rejects.toThrow(
      '"ct1" is the AE title of an entry or an upstream; name one that no device uses',
    );
  });
});
