import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { registerCheck } from '../../../src/commands/check';
import { ExitCode, OperatorError } from '../../../src/errors';
import { testCertificates } from '../../support/certificates';
import { runCommand } from '../../support/commandLine';
import { temporaryFolder } from '../../support/processes';
import { type SpyScript, SpyUpstream } from '../../support/spyUpstream';

const certificates = testCertificates();
const folder = temporaryFolder();

/** Certificates that no date has anything against for a year. */
function server() {
  return certificates.issue('check-server', { issuer: ca(), purposes: ['serverAuth'], validToDays: 400 });
}

function ca() {
  return certificates.issue('Check CA', { isCa: true, validToDays: 400 });
}

interface Parts {
  readonly servers?: readonly string[];
  readonly privateKey?: string;
  readonly modality?: Record<string, unknown>;
  readonly health?: Record<string, unknown>;
  readonly syslog?: Record<string, unknown>;
  /** Of the listener. */
  readonly host?: string;
  readonly port?: number;
}

function write(parts: Parts): string {
  const { servers = [], privateKey = server().privateKeyFile, modality = {}, health } = parts;
  const { host, port = 0, syslog } = parts;
  const file = join(folder, 'aegis.jsonc');
  const configuration = {
    listeners: [
      {
        name: 'tls',
        host,
        port,
        tls: {
          certificate: server().certificateFile,
          privateKey,
          trustedCertificates: ca().certificateFile,
        },
      },
    ],
    upstreams: { ORTHANC: { servers, health } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', allow: 'store', ...modality } },
    timeouts: { upstreamConnectSeconds: 5 },
    audit: { syslog },
  };
  writeFileSync(file, JSON.stringify(configuration, undefined, 1));
  return file;
}

function check(file: string, ...options: string[]) {
  return runCommand(registerCheck, ['--config', file, 'check', ...options]);
}

/** An archive, and where it listens. */
async function archive(script: SpyScript = {}): Promise<{ address: string; spy: SpyUpstream }> {
  const spy = await SpyUpstream.start({ script });
  return { address: `127.0.0.1:${spy.port}`, spy };
}

/** An address where nothing listens any more. */
async function unusedAddress(): Promise<string> {
  const { address, spy } = await archive();
  await spy.stop();
  return address;
}

/** What expires first: all certificates of these tests last for 400 days. */
const FIRST = / {2}first to expire: .*\.crt on \d{4}-\d\d-\d\d \(399 days\)\n/;

function lines(...patterns: readonly (string | RegExp)[]): RegExp {
  const sources = patterns.map((pattern) => (typeof pattern === 'string' ? `${pattern}\n` : pattern.source));
  return new RegExp(`^${sources.join('')}$`);
}

// As an ordinary user: containers run the tests as root, which is a warning of its own.
let getuid: jest.SpiedFunction<() => number>;
beforeEach(() => {
  getuid = jest.spyOn(process as Required<typeof process>, 'getuid').mockReturnValue(1000);
});
afterEach(() => getuid.mockRestore());

describe('aegis check', () => {
  it('says what it reached, what it found good and what expires first, in 80 columns', async () => {
    const { address } = await archive();
    const { exitCode, printed } = await check(write({ servers: [address] }));
    const reached = / {2}ORTHANC 127\.0\.0\.1:\d+ answered in \d+ ms\n/;
    expect(printed).toMatch(lines(reached, 'ok: 1 listener, 1 upstream, 1 modality', FIRST));
    expect(exitCode).toBe(ExitCode.Done);
  });

  it('counts warnings and does not fail for them', async () => {
    const file = write({ servers: ['127.0.0.1:4242'], modality: { allow: [] } });
    const { exitCode, printed } = await check(file, '--offline');
    const warning = 'warning: .*aegis\\.jsonc:\\d+:\\d+ modalities\\.ct1 .*';
    expect(printed).toMatch(lines(warning, 'ok: 1 listener, 1 upstream, 1 modality, 1 warning', FIRST));
    expect(exitCode).toBe(ExitCode.Done);
  });

  it('fails when an upstream refuses the connection, and says where it is written', async () => {
    const address = await unusedAddress();
    const { exitCode, printed } = await check(write({ servers: [address] }));
    expect(printed).toMatch(
      new RegExp(
        `^error: .*aegis\\.jsonc:\\d+:\\d+ upstreams\\.ORTHANC\\.servers\\[0\\] ${address} refused the connection ` +
          '\\(ECONNREFUSED\\); start the archive, or correct the address\n1 problem\n$',
      ),
    );
    expect(exitCode).toBe(ExitCode.Failed);
  });

  it('says whether the syslog server can be reached, and only warns where it cannot', async () => {
    const { address } = await archive();
    const syslog = (server: string) => write({ servers: [address], syslog: { server, protocol: 'tcp' } });
    const well = await check(syslog(address));
    expect(well.printed).toContain(`  the syslog server ${address} can be reached\n`);
    const away = syslog(await unusedAddress());
    const { exitCode, printed } = await check(away);
    expect(printed).toMatch(
      /warning: .* audit\.syslog\.server 127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED.*; until it can, messages wait/,
    );
    expect(exitCode).toBe(ExitCode.Done);
    expect((await check(away, '--offline')).printed).not.toContain('cannot be reached');
  });

  it('only warns of a server as long as another one of its upstream answers', async () => {
    const { address } = await archive();
    const { exitCode, printed } = await check(write({ servers: [await unusedAddress(), address] }));
    expect(printed).toMatch(
      lines('  ORTHANC .* answered in .*', 'warning: .*servers\\[0\\] .*', 'ok: .*, 1 warning', FIRST),
    );
    expect(exitCode).toBe(ExitCode.Done);
  });

  it('asks an upstream for a C-ECHO and releases, as it is called there', async () => {
    const { address, spy } = await archive();
    await check(write({ servers: [address] }));
    const [connection] = spy.connections;
    expect(connection?.associateRq).toMatchObject({ calling: 'AEGIS', called: 'ORTHANC' });
    expect(connection?.pduTypes).toEqual([0x01, 0x04, 0x05]);
  });

  it('only connects to an upstream whose health check does no more', async () => {
    const { address, spy } = await archive({ onAssociateRq: () => {} });
    const { exitCode } = await check(write({ servers: [address], health: { check: 'tcp' } }));
    expect(exitCode).toBe(ExitCode.Done);
    await spy.waitUntil(({ connections }) => connections[0]?.closed !== undefined, 'the end');
    expect(spy.connections.map(({ pduTypes }) => pduTypes)).toEqual([[]]);
  });

  it('asks an upstream whose health check is off, because the operator wants to know', async () => {
    const { address, spy } = await archive();
    await check(write({ servers: [address], health: { check: 'off' } }));
    expect(spy.connections[0]?.pduTypes).toEqual([0x01, 0x04, 0x05]);
  });

  it('takes an archive that does not know it for one that answers', async () => {
    const { address } = await archive({ onAssociateRq: (connection) => connection.reject(1, 1, 3) });
    expect((await check(write({ servers: [address] }))).exitCode).toBe(ExitCode.Done);
  });

  it.each<[string, SpyScript]>([
    [
      'rejects the called AE title "ORTHANC"; correct calledAeTitle',
      { onAssociateRq: (c) => c.reject(1, 1, 7) },
    ],
    ['does not answer as a DICOM archive without TLS', { onConnect: (c) => c.end() }],
    [
      'does not answer as a DICOM archive without TLS',
      { onConnect: (c) => c.send(Buffer.from('220 mail ready')) },
    ],
  ])('fails where an upstream %s', async (words, script) => {
    const { address } = await archive(script);
    const { exitCode, printed } = await check(write({ servers: [address] }));
    expect(printed).toContain(words);
    expect(exitCode).toBe(ExitCode.Failed);
  });

  it('reaches no upstream with --offline', async () => {
    const { exitCode, printed } = await check(write({ servers: [await unusedAddress()] }), '--offline');
    expect(printed).toMatch(lines('ok: 1 listener, 1 upstream, 1 modality', FIRST));
    expect(exitCode).toBe(ExitCode.Done);
  });

  it('reports configuration, files and upstreams in one run', async () => {
    const shared = join(folder, 'shared.key');
    copyFileSync(server().privateKeyFile, shared);
    chmodSync(shared, 0o644);
    const address = await unusedAddress();
    const { exitCode, printed } = await check(
      write({ servers: [address], privateKey: shared, modality: { from: 'ct1' } }),
    );
    const lines = printed.split('\n');
    expect(lines[0]).toMatch(/^error: .* modalities\.ct1\.from "ct1" is not an IP address/);
    expect(lines[1]).toMatch(/^error: .* listeners\[0\]\.tls\.privateKey .*chmod 600/);
    expect(lines[2]).toMatch(/^error: .* upstreams\.ORTHANC\.servers\[0\] /);
    expect(lines.slice(3)).toEqual(['3 problems', '']);
    expect(exitCode).toBe(ExitCode.Usage);
  });

  it('fails for a certificate that ends within the days asked for', async () => {
    const file = write({ servers: ['127.0.0.1:4242'] });
    expect((await check(file, '--offline', '--expiring-within', '300')).exitCode).toBe(ExitCode.Done);
    const { exitCode, printed } = await check(file, '--offline', '--expiring-within', '500');
    expect(printed).toMatch(/^error: .*CN=check-server\) expires in 399 days/);
    expect(exitCode).toBe(ExitCode.Failed);
  });

  it.each(['-1', 'soon', '1e3', '40000'])('refuses --expiring-within %s', async (days) => {
    await expect(check(write({}), `--expiring-within=${days}`)).rejects.toThrow(OperatorError);
  });

  it('says which file is missing', async () => {
    const { exitCode, printed } = await check(join(folder, 'none.jsonc'));
    expect(printed).toMatch(/^error: .*none\.jsonc does not exist; .*\n1 problem\n$/);
    expect(exitCode).toBe(ExitCode.Usage);
  });

  it('prints JSON for machines', async () => {
    const good = write({ servers: ['127.0.0.1:4242'] });
    expect(JSON.parse((await check(good, '--offline', '--json')).printed)).toEqual({
      ok: true,
      problems: [],
      reached: [],
      revocationLists: [],
      firstToExpire: { file: expect.stringMatching(/\.crt$/), notAfter: expect.stringMatching(/^\d{4}-/) },
    });
    const bad = write({ servers: ['127.0.0.1:4242'], modality: { mode: 'observ' } });
    const { exitCode, printed } = await check(bad, '--offline', '--json');
    expect(JSON.parse(printed)).toEqual({
      ok: false,
      problems: [
        {
          file: bad,
          line: 25,
          column: 12,
          path: 'modalities.ct1.mode',
          message: '"observ" is not accepted; did you mean "observe"?',
          severity: 'error',
          kind: 'configuration',
        },
      ],
      reached: [],
      revocationLists: [],
      firstToExpire: null,
    });
    expect(exitCode).toBe(ExitCode.Usage);
  });
});

describe('what the start would fail on', () => {
  let holder: Server | undefined;
  afterEach(() => void holder?.close());

  async function heldPort(): Promise<number> {
    const { port } = await new Promise<{ port: number }>((resolve) => {
      holder = createServer().listen({ host: '127.0.0.1', port: 0 }, () =>
        resolve(holder?.address() as { port: number }),
      );
    });
    return port;
  }

  async function found(parts: Parts, ...options: string[]) {
    const { address } = await archive();
    const { exitCode, printed } = await check(write({ servers: [address], ...parts }), ...options);
    return { exitCode, problems: printed.split('\n').filter((line) => /^(error|warning)/.test(line)) };
  }

  it('is a port that another program has, with the name of the program', async () => {
    const port = await heldPort();
    const { exitCode, problems } = await found({ host: '127.0.0.1', port });
    const where = `listeners\\[0\\]\\.port 127\\.0\\.0\\.1:${port} is in use`;
    const words =
      process.platform === 'linux' ? `by .* \\(PID ${process.pid}\\); stop it or choose` : ', by the';
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^.*${where}.*${words}`))]);
    expect(exitCode).toBe(process.platform === 'linux' ? ExitCode.Failed : ExitCode.Done);
  });

  it('is an address that this machine does not have', async () => {
    const { exitCode, problems } = await found({ host: '192.0.2.1' });
    expect(problems).toEqual([
      expect.stringMatching(
        /^error: .*listeners\[0\]\.host 192\.0\.2\.1:0 cannot be listened on: this machine does not have/,
      ),
    ]);
    expect(exitCode).toBe(ExitCode.Failed);
  });

  it('is not looked for with --offline, which may run on another machine', async () => {
    expect(await found({ host: '192.0.2.1' }, '--offline')).toEqual({
      exitCode: ExitCode.Done,
      problems: [],
    });
  });

  it('warns where it runs as root', async () => {
    getuid.mockReturnValue(0);
    const { exitCode, problems } = await found({});
    expect(problems).toEqual([
      expect.stringMatching(/^warning: .* is checked as root; a gateway that runs as root/),
    ]);
    expect(exitCode).toBe(ExitCode.Done);
  });
});
