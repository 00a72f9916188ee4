/**
 * Revocation lists that are fetched: a server that is away, that serves garbage, the list of somebody else or an older one
 * costs no honest association, each step is in the log, and a revocation counts within the refresh interval.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { inspectFetchedLists } from '../../src/commands/inspectFetchedLists';
import { loadConfiguration } from '../../src/config/load';
import { fetchBytes } from '../../src/net/fetchBytes';
import { ListRefresh } from '../../src/service/listRefresh';
import { type TestCertificate, testCertificates } from '../support/certificates';
import { proposedContext } from '../support/dicomBytes';
import { TestGateway } from '../support/gateway';
import { ListServer } from '../support/listServer';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const { ca, otherCa, server, client, issueCrl } = certificates;
const HOUR_MS = 60 * 60 * 1000;

beforeEach(() => {
  jest.useFakeTimers({
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
});

afterEach(() => {
  jest.useRealTimers();
});

function passTime(hours: number): void {
  jest.setSystemTime(Date.now() + hours * HOUR_MS);
}

async function setUp(crl: unknown, tls: object = {}) {
  const spy = await SpyUpstream.start();
  const file = join(temporaryFolder(), 'aegis.jsonc');
  const write = (lists: unknown) => {
    const files = {
      certificate: server.certificateFile,
      privateKey: server.privateKeyFile,
      trustedCertificates: ca.certificateFile,
      crl: lists,
    };
    const text = JSON.stringify({
      listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls: { ...files, ...tls } }],
      upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
      modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
    });
    writeFileSync(file, text);
    return loadConfiguration(file).configuration;
  };
  const configuration = write(crl);
  const lists = new ListRefresh({
    fetch: fetchBytes,
    record: (event) => gateway.record(event),
    takeOver: async () => void (await gateway.gateway.reload(configuration)),
  });
  const ready = await lists.prepare(configuration, false);
  const gateway = await TestGateway.start(configuration as never);
  ready();
  await lists.refresh();
  return { gateway, lists, write, spy };
}

async function isLetIn(gateway: TestGateway, { cert, key }: TestCertificate = client): Promise<boolean> {
  try {
    const scu = await RawScu.connect({ port: gateway.port(), tls: { ca: ca.cert, cert, key } });
    const contexts = [proposedContext(1, SopClass.Verification)];
    const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    scu.end();
    return answer.kind === 'accepted';
  } catch {
    return false;
  }
}

function steps(gateway: TestGateway): string[] {
  return gateway.events
    .filter(({ event }) => event.startsWith('crl.'))
    .map(({ event, detail = '' }) => `${event} ${detail}`);
}

describe('a server of lists', () => {
  it('that is away for a day, then serves garbage, a foreign list, an older one and a good one', async () => {
    const list = (name: string, number: string, revoked: TestCertificate[] = []) =>
      issueCrl(name, { issuer: ca, revoked, number, nextUpdateDays: 7 });
    const source = await ListServer.start(list('second', '2').crl);
    const { gateway, lists } = await setUp(source.url);
    expect(await isLetIn(gateway)).toBe(true);

    source.body = undefined;
    for (let hour = 0; hour < 24; hour += 1) {
      passTime(1);
      await lists.refresh();
    }
    expect(source.requests).toBeGreaterThan(20);
    expect(lists.statuses[0]).toMatchObject({ failure: expect.stringMatching(/closed the connection/) });
    expect(await isLetIn(gateway)).toBe(true);

    for (const [body, words] of [
      ['<html>maintenance</html>', /that are not a revocation list/],
      [
        issueCrl('foreign', { issuer: otherCa, revoked: [client] }).crl,
        /of the CA CN=Other CA, which trustedCertificates does not name/,
      ],
      [list('first', '1').crl, /is older than the one that is held: its number is 1, not 2 or more/],
    ] as const) {
      source.body = body;
      passTime(1);
      await lists.refresh();
      expect(lists.statuses[0]?.failure).toMatch(words);
      expect(await isLetIn(gateway)).toBe(true);
    }

    source.body = readFileSync(list('third', '3', [client]).derFile);
    passTime(1);
    await lists.refresh();
    expect(await isLetIn(gateway)).toBe(false);
    expect(await gateway.event({ event: 'connection.refused' })).toMatchObject({
      reason: 'certificate-revoked',
    });
    expect(lists.statuses[0]).not.toHaveProperty('failure');
    expect(steps(gateway)).toEqual([
      expect.stringMatching(/^crl.fetched http:.*: list 2 of CN=Test CA, .*, 0 revoked$/),
      expect.stringMatching(/^crl.failed .* closed the connection.*; the list of .* counts until /),
      expect.stringMatching(/^crl.failed .* not a revocation list; /),
      expect.stringMatching(/^crl.failed .* CN=Other CA/),
      expect.stringMatching(/^crl.failed .* is older/),
      expect.stringMatching(/^crl.fetched .*: list 3 of CN=Test CA, .*, 1 revoked$/),
    ]);
  });

  it('that stays away until the list ends: from then on the certificates are refused', async () => {
    const source = await ListServer.start(certificates.crl.crl);
    const { gateway, lists } = await setUp(source.url);
    source.body = undefined;
    passTime(24 * 8);
    await lists.refresh();
    expect(await isLetIn(gateway)).toBe(false);
    expect(await gateway.event({ event: 'connection.refused' })).toMatchObject({ reason: 'crl-expired' });
    expect(steps(gateway).at(-1)).toMatch(/so its certificates are refused$/);
  });

  it('that is away at the first start: its certificates are refused until the list comes', async () => {
    const source = await ListServer.start();
    const { gateway, lists } = await setUp(source.url);
    expect(await isLetIn(gateway)).toBe(false);
    expect(await gateway.event({ event: 'connection.refused' })).toMatchObject({ reason: 'crl-missing' });
    expect(steps(gateway)[0]).toMatch(/^crl.failed .*no list of it is held/);
    source.body = certificates.crl.crl;
    passTime(1);
    await lists.refresh();
    expect(await isLetIn(gateway)).toBe(true);
  });

  it('that is away at a later start: the list that is kept counts', async () => {
    const source = await ListServer.start(certificates.crl.crl);
    const { write } = await setUp(source.url);
    source.body = undefined;
    const events: unknown[] = [];
    const again = new ListRefresh({
      fetch: fetchBytes,
      record: (event) => void events.push(event),
      takeOver: async () => undefined,
    });
    (await again.prepare(write(source.url), false))();
    expect(again.statuses[0]?.list).toMatch(/^list 1 of CN=Test CA/);
    await again.refresh();
    expect(events).toMatchObject([{ event: 'crl.failed', detail: expect.stringMatching(/counts until/) }]);
    again.close();
  });

  it('whose list is gone from the disk: the next reload fetches it again', async () => {
    const source = await ListServer.start(certificates.crl.crl);
    const { gateway, lists, write } = await setUp(source.url);
    const configuration = write(source.url);
    const [file] = configuration.listeners[0]?.tls?.crl ?? [];
    rmSync(file!);
    const takeOver = await lists.prepare(configuration, true);
    await gateway.gateway.reload(configuration);
    takeOver();
    expect(await isLetIn(gateway)).toBe(true);
  });

  it('that is away at a reload which names it: the reload is refused', async () => {
    const source = await ListServer.start(certificates.crl.crl);
    const { lists, write } = await setUp(source.url);
    const away = await ListServer.start();
    const wanted = write([source.url, away.url]);
    await expect(lists.prepare(wanted, true)).rejects.toThrow(`crl ${away.url} closed the connection`);
    expect(lists.statuses.map(({ url }) => url)).toEqual([source.url]);
  });
});

describe('crl "auto"', () => {
  it('fetches the list that the certificate of the listener names, and nothing that a peer shows', async () => {
    const source = await ListServer.start(certificates.crl.crl);
    const lure = await ListServer.start(certificates.crl.crl);
    const own = certificates.issue('auto-server', {
      issuer: ca,
      names: ['127.0.0.1'],
      distributionPoints: ['ldap://dc.example/cn=ca?certificateRevocationList', source.url],
    });
    const device = certificates.issue('lured', {
      issuer: ca,
      purposes: ['clientAuth'],
      distributionPoints: [lure.url],
    });
    const { gateway, lists } = await setUp('auto', {
      certificate: own.certificateFile,
      privateKey: own.privateKeyFile,
    });
    expect(lists.statuses.map(({ url }) => url)).toEqual([source.url]);
    expect(await isLetIn(gateway, device)).toBe(true);
    expect(await isLetIn(gateway, certificates.revokedClient)).toBe(false);
    await lists.refresh();
    expect(lure.requests).toBe(0);
  });

  it('is refused where no certificate names a list over HTTP', async () => {
    await expect(setUp('auto')).rejects.toThrow(
      /crl is "auto", but the certificates here name no list over HTTP \(none at all\); name the http:\/\/ address/,
    );
  });
});

describe('aegis check', () => {
  async function checked(crl: unknown, isOffline: boolean, trusted = [ca.certificateFile]) {
    const file = join(temporaryFolder(), 'aegis.jsonc');
    const tls = {
      certificate: server.certificateFile,
      privateKey: server.privateKeyFile,
      trustedCertificates: trusted,
      crl,
    };
    const text = JSON.stringify({
      listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }],
      upstreams: { ARCHIVE: { servers: ['127.0.0.1:4242'] } },
      modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } },
    });
    writeFileSync(file, text);
    const found: string[] = [];
    const { configuration } = loadConfiguration(file);
    const findings = await inspectFetchedLists(configuration, isOffline, ({ list }) => void found.push(list));
    return { found, findings: findings.map(({ path, severity, message }) => ({ path, severity, message })) };
  }

  it('fetches each list, says how old it is, and keeps nothing', async () => {
    const source = await ListServer.start(certificates.crl.crl);
    expect(await checked(source.url, false)).toEqual({
      found: [expect.stringMatching(/^list 1 of CN=Test CA, .*, 1 revoked \(1 hour old\)$/)],
      findings: [],
    });
    const { findings } = await checked(source.url, true);
    expect(source.requests).toBe(1);
    expect(findings).toMatchObject([
      { severity: 'warning', message: expect.stringMatching(/was not fetched yet/) },
    ]);
  });

  it('reports a list that cannot be had, and a trusted CA that no list is of', async () => {
    const away = await ListServer.start();
    expect(await checked(away.url, false)).toMatchObject({
      found: [],
      findings: [
        {
          path: ['listeners', 0, 'tls', 'crl'],
          severity: 'error',
          message: expect.stringMatching(/closed the connection.*; no list of it is held/),
        },
      ],
    });
    const source = await ListServer.start(certificates.crl.crl);
    expect(
      (await checked(source.url, false, [ca.certificateFile, otherCa.certificateFile])).findings,
    ).toEqual([
      {
        path: ['listeners', 0, 'tls', 'crl'],
        severity: 'warning',
        message:
          'has no list of the trusted CA CN=Other CA, so its certificates are refused; name its address or file too',
      },
    ]);
  });
});

it.each([
  ['ldap://dc.example/cn=ca', /is an LDAP address, which is not supported; name the http:\/\/ address/],
  ['ftp://pki.example/ca.crl', /is not an address that lists are fetched from/],
  ['http://me:secret@pki.example/ca.crl', /has a user name or a password in it/],
  [`http://pki.example/${'a'.repeat(300)}`, /is too long an address/],
])('crl %s is not accepted', async (url, words) => {
  await expect(setUp(url)).rejects.toThrow(words);
});

describe('an answer', () => {
  it.each<[string, (server: ListServer) => void, RegExp]>([
    [
      'with another status',
      (source) => {
        source.answer = (_request, response) => void response.writeHead(503).end('busy');
      },
      /^answered with HTTP 503$/,
    ],
    [
      'that leads to another host',
      (source) => {
        source.answer = (_request, response) =>
          void response.writeHead(302, { location: 'http://localhost:9762/api/v1/status' }).end();
      },
      /^redirects to another host, which is not followed/,
    ],
    [
      'that leads in a circle',
      (source) => {
        source.answer = (_request, response) => void response.writeHead(302, { location: '/ca.crl' }).end();
      },
      /^redirected more than 3 times$/,
    ],
    [
      'that does not end',
      (source) => {
        source.answer = (_request, response) => {
          const chunk = Buffer.alloc(4 * 1024 * 1024);
          const more = () => {
            while (!response.destroyed && response.write(chunk));
            response.once('drain', more);
          };
          more();
        };
      },
      /^sent more than 64 MiB$/,
    ],
  ])('%s is not taken', async (_what, prepare, words) => {
    const source = await ListServer.start();
    prepare(source);
    await expect(fetchBytes(source.url)).rejects.toThrow(words);
  });

  it('is followed to another place of the same host', async () => {
    const source = await ListServer.start();
    source.answer = ({ url }, response) => {
      if (url === '/there') response.end('here');
      else response.writeHead(301, { location: '/there' }).end();
    };
    expect(String(await fetchBytes(source.url))).toBe('here');
  });
});
