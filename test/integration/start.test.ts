/**
 * `aegis start` as operators and supervisors see it: a process with signals, exit codes, stdout and stderr.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { PduType, proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { type AssociateAnswer, RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const certificates = testCertificates();
/** Of the only listener, plain or TLS. */
const LISTENER = 'dicom';
const contexts = [proposedContext(1, SopClass.Verification)];

let spy: SpyUpstream;
/** Its port is taken. */
let other: SpyUpstream;
beforeAll(async () => {
  spy = await SpyUpstream.start();
  other = await SpyUpstream.start();
});

function configurationWith(changes: Partial<ConfigurationInput> = {}): ConfigurationInput {
  return {
    listeners: [{ name: LISTENER, host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: LISTENER, allow: 'echo' } },
    ...changes,
  };
}

function withMr1(): Partial<ConfigurationInput> {
  return {
    modalities: {
      ...configurationWith().modalities,
      mr1: { callingAeTitle: 'MR1', from: '127.0.0.1', listeners: LISTENER, allow: 'echo' },
    },
  };
}

async function call(gateway: GatewayProcess, calling = 'CT1'): Promise<[RawScu, AssociateAnswer]> {
  const scu = await RawScu.connect({ port: gateway.port(LISTENER) });
  return [scu, await scu.associate({ calling, called: 'ARCHIVE', contexts })];
}

/** Associates, asks for an echo and releases. */
async function echo(gateway: GatewayProcess, calling = 'CT1'): Promise<number> {
  const [scu] = await call(gateway, calling);
  const status = await scu.echo(1);
  await scu.release();
  return status;
}

const onLinux = process.platform === 'linux' ? it : it.skip;

describe('aegis start', () => {
  it('tells where it listens on stderr, and nothing but audit lines on stdout', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    expect(await echo(gateway)).toBe(0x0000);
    await gateway.event('association.released');
    await call(gateway, 'NOBODY');
    await gateway.event('association.rejected');
    expect(gateway.process.stderr).toBe(
      `aegis: listening on 127.0.0.1:${gateway.port(LISTENER)} (${LISTENER})\n`,
    );
    for (const line of gateway.auditLines) {
      expect(Object.keys(line).slice(0, 3)).toEqual(['time', 'event', 'outcome']);
    }
    expect(gateway.auditLines.map(({ event, outcome }) => `${event} ${outcome}`)).toEqual([
      'gateway.started info',
      'association.accepted allowed',
      'command.completed allowed',
      'association.released info',
      'association.rejected denied',
    ]);
  });

  it('writes the same lines to audit.file', async () => {
    const file = join(temporaryFolder(), 'audit.jsonl');
    const gateway = await GatewayProcess.start(configurationWith({ audit: { file } }));
    await echo(gateway);
    await gateway.process.stop();
    expect(readFileSync(file, 'utf8')).toBe(gateway.process.stdout);
    expect(gateway.auditLines.at(-1)).toMatchObject({ event: 'gateway.stopped' });
  });

  it('goes on when the reader of its stdout goes away, and says so', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    gateway.process.closeStdout();
    expect(await echo(gateway)).toBe(0x0000);
    await gateway.process.waitForOutput(/aegis: the audit log on stdout cannot be written: .*\n/);
    expect(await echo(gateway)).toBe(0x0000);
    expect(await gateway.process.stop()).toEqual({ exitCode: 0, signal: null });
  });

  it('warns of a certificate that is about to end, and starts', async () => {
    const ending = certificates.issue('ending', { issuer: certificates.ca, validToDays: 5.5 });
    const gateway = await GatewayProcess.start(
      configurationWith({
        listeners: [{ name: LISTENER, host: '127.0.0.1', port: 0, tls: tlsWith(ending) }],
      }),
    );
    expect(gateway.process.stderr).toMatch(
      /warning: .*aegis\.jsonc:\d+:\d+ listeners\[0\]\.tls\.certificate.* expires in 5 days/,
    );
  });
});

describe('SIGTERM', () => {
  it('ends a gateway without associations at once, with exit code 0', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    expect(await gateway.process.stop()).toEqual({ exitCode: 0, signal: null });
    expect(gateway.process.stderr).toContain(
      'aegis: SIGTERM: draining, no connection is open\naegis: stopped\n',
    );
    expect(gateway.auditLines.at(-1)).toMatchObject({ event: 'gateway.stopped', outcome: 'info' });
  });

  it('lets an association end, rejects new ones meanwhile, and exits with 0', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    const [scu] = await call(gateway);
    gateway.process.kill('SIGTERM');
    await gateway.process.waitForOutput(/draining, open connections: 1, which have 60 s to end/);
    const [late, answer] = await call(gateway);
    expect(answer).toEqual({ kind: 'rejected', result: 2, source: 3, reason: 1 });
    late.end();
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
    expect(await gateway.event('association.rejected')).toMatchObject({ reason: 'draining' });
  });

  it('aborts what has not ended at the deadline, and exits with 1', async () => {
    const gateway = await GatewayProcess.start(configurationWith({ timeouts: { drainSeconds: 0.2 } }));
    const [scu] = await call(gateway);
    gateway.process.kill('SIGTERM');
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 0 });
    scu.end();
    expect(await gateway.process.exited).toEqual({ exitCode: 1, signal: null });
    expect(gateway.process.stderr).toContain('aegis: stopped, associations aborted: 1\n');
    expect(await gateway.event('association.aborted')).toMatchObject({ reason: 'gateway-stopped' });
  });

  it('a second time ends the drain, and exits with 1', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    const [scu] = await call(gateway);
    gateway.process.kill('SIGTERM');
    await gateway.process.waitForOutput(/draining/);
    gateway.process.kill('SIGINT');
    expect(await scu.readAssociateAnswer()).toMatchObject({ kind: 'aborted' });
    scu.end();
    expect(await gateway.process.exited).toEqual({ exitCode: 1, signal: null });
    expect(gateway.process.stderr).toContain('aegis: SIGINT again: stopping at once\n');
  });
});

describe('signals that come at a bad time', () => {
  it('SIGHUP in a drain and twice in a row, and SIGPIPE, do not end a gateway that serves', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    const [scu] = await call(gateway);
    for (const signal of ['SIGPIPE', 'SIGHUP', 'SIGHUP'] as const) gateway.process.kill(signal);
    await gateway.process.waitForOutput(/was reloaded/);
    gateway.process.kill('SIGTERM');
    await gateway.process.waitForOutput(/draining/);
    gateway.process.kill('SIGHUP');
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe('SIGTERM with a reader of stdout that takes nothing', () => {
  it('ends all the same, after timeouts.closeSeconds', async () => {
    const gateway = await GatewayProcess.start(configurationWith({ timeouts: { closeSeconds: 0.3 } }));
    gateway.process.pauseStdout();
    // More lines than the pipe and our own buffer hold: some 800 bytes each, against 64 KiB and 208 KiB.
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 30 }, async () => {
          const [scu] = await call(gateway, 'NOBODY'.repeat(2));
          scu.end();
        }),
      );
    }
    gateway.process.kill('SIGTERM');
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
  });
});

describe('SIGTERM with alerts that take longer than timeouts.closeSeconds', () => {
  it('signs the last lines of the audit log all the same', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'audit.jsonl');
    const key = join(folder, 'site.key');
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const silent = createServer(() => {});
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onCleanUp(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const gateway = await GatewayProcess.start(
      configurationWith({
        audit: { file, chain: { key } },
        alerts: { webhooks: [{ url: `http://127.0.0.1:${port}/` }] },
        canaryAeTitles: ['HONEY'],
        timeouts: { closeSeconds: 0.3 },
      }),
    );
    await call(gateway, 'HONEY');
    await gateway.event('association.rejected');
    gateway.process.kill('SIGTERM');
    expect(await gateway.process.exited).toEqual({ exitCode: 0, signal: null });
    const lines = readFileSync(file, 'latin1').trimEnd().split('\n');
    expect(lines.at(-2)).toContain('"event":"gateway.stopped"');
    expect(lines.at(-1)).toMatch(/"event":"audit.checkpoint".*"signature"/);
  });
});

describe('SIGHUP', () => {
  it('takes a modality that was added, and leaves associations that are open alone', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    const [open] = await call(gateway);
    const [, before] = await call(gateway, 'MR1');
    expect(before).toMatchObject({ kind: 'rejected', result: 1, source: 1, reason: 3 });
    gateway.reload(configurationWith(withMr1()));
    expect(await gateway.event('configuration.reloaded')).toMatchObject({ outcome: 'info' });
    expect(await echo(gateway, 'MR1')).toBe(0x0000);
    expect(await open.echo(1)).toBe(0x0000);
    expect(gateway.process.stderr).toContain(`aegis: ${gateway.configurationFile} was reloaded\n`);
  });

  it('tells in words what is different, on stderr and in the audit log', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    gateway.reload(configurationWith({ ...withMr1(), timeouts: { idleSeconds: 60 } }));
    const changes = ['modality "mr1" added: MR1 from 127.0.0.1, allow echo', 'timeouts.idleSeconds 300 → 60'];
    expect(await gateway.event('configuration.reloaded')).toMatchObject({ detail: changes.join('; ') });
    await gateway.process.waitForOutput(/idleSeconds 300/);
    for (const change of changes) expect(gateway.process.stderr).toContain(`aegis:   ${change}\n`);
    gateway.process.kill('SIGHUP');
    await gateway.process.waitForOutput(/was reloaded, nothing has changed\n/);
  });

  it('opens a listener and closes another one, and says so', async () => {
    const gateway = await GatewayProcess.start(configurationWith());
    const port = gateway.port(LISTENER);
    gateway.reload(configurationWith({ listeners: [{ name: LISTENER, host: '127.0.0.2', port: 0 }] }));
    await gateway.process.waitForOutput(/aegis: listening on 127\.0\.0\.2:\d+ \(dicom\)\n/);
    await gateway.process.waitForOutput(new RegExp(`no longer listening on 127\\.0\\.0\\.1:${port} `));
    await expect(RawScu.connect({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('ends associations that are no longer allowed where aegis start says --enforce', async () => {
    const gateway = await GatewayProcess.start(configurationWith(withMr1()), ['--enforce']);
    const [stays] = await call(gateway);
    const [ends] = await call(gateway, 'MR1');
    gateway.reload(configurationWith());
    expect((await ends.readPdu())[0]).toBe(PduType.Abort);
    await gateway.process.waitForOutput(/aegis: {3}associations ended: 1\n/);
    expect(await stays.echo(1)).toBe(0x0000);
    await stays.release();
  });

  it('the same over several workers', async () => {
    const gateway = await GatewayProcess.start(configurationWith({ ...withMr1(), workers: 2 }), [
      '--enforce',
    ]);
    const open = [await call(gateway, 'MR1'), await call(gateway, 'MR1'), await call(gateway, 'MR1')];
    gateway.reload(configurationWith({ workers: 2 }));
    for (const [scu] of open) expect((await scu.readPdu())[0]).toBe(PduType.Abort);
    await gateway.process.waitForOutput(/aegis: {3}associations ended: 3\n/);
  });

  it('is not needed with --watch: a change of a file is enough', async () => {
    const gateway = await GatewayProcess.start(configurationWith(), ['--watch']);
    await gateway.process.waitForOutput(/watching the configuration file\n/);
    writeFileSync(gateway.configurationFile, JSON.stringify(configurationWith(withMr1())));
    await gateway.event('configuration.reloaded');
    expect(await echo(gateway, 'MR1')).toBe(0x0000);
  });

  it('shows the renewed certificate from the next connection on', async () => {
    const folder = temporaryFolder();
    const install = async ({ certificateFile, privateKeyFile }: typeof certificates.server) => {
      await copyFile(certificateFile, join(folder, 'server.crt'));
      await copyFile(privateKeyFile, join(folder, 'server.key'));
      await chmod(join(folder, 'server.key'), 0o600);
    };
    await install(certificates.server);
    const tls = {
      ...tlsWith(certificates.server),
      certificate: join(folder, 'server.crt'),
      privateKey: join(folder, 'server.key'),
    };
    const configuration = configurationWith({
      listeners: [{ name: LISTENER, host: '127.0.0.1', port: 0, tls }],
    });
    const gateway = await GatewayProcess.start(configuration);
    const fingerprint = async () => {
      const scu = await RawScu.connect({
        port: gateway.port(LISTENER),
        tls: { ca: certificates.ca.cert, cert: certificates.client.cert, key: certificates.client.key },
      });
      scu.end();
      return (scu.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256;
    };
    expect(await fingerprint()).toBe(certificates.server.x509.fingerprint256);
    const renewed = certificates.issue('renewed', { issuer: certificates.ca, names: ['127.0.0.1'] });
    await install(renewed);
    gateway.reload(configuration);
    await gateway.event('configuration.reloaded');
    expect(await fingerprint()).toBe(renewed.x509.fingerprint256);
    expect(await gateway.event('certificate.reloaded')).toMatchObject({
      outcome: 'info',
      detail: expect.stringMatching(/server\.crt now holds CN=renewed \(serial number [0-9A-F]+, to \d{4}-/),
    });
  });

  it.each([
    {
      what: 'a broken text',
      change: () => '{\n  "listeners": [],\n  "modality": {}\n}',
      why: /aegis\.jsonc:3:3 unknown key "modality"; did you mean "modalities"\?/,
    },
    {
      what: 'a port that is taken',
      change: () =>
        configurationWith({
          listeners: [
            { name: LISTENER, host: '127.0.0.1', port: 0 },
            { name: 'second', host: '127.0.0.1', port: other.port },
          ],
        }),
      why: /cannot listen on 127\.0\.0\.1:\d+: the port is in use \(EADDRINUSE\)/,
    },
    {
      what: 'another audit file',
      change: () => configurationWith({ audit: { file: join(temporaryFolder(), 'audit.jsonl') } }),
      why: /audit\.file changed: that takes a restart of the gateway/,
    },
  ])('changes nothing for $what, and says why', async ({ change, why }) => {
    const gateway = await GatewayProcess.start(configurationWith());
    gateway.reload(change());
    const line = await gateway.event('configuration.rejected');
    expect(line).toMatchObject({ outcome: 'failed', detail: expect.stringMatching(why) });
    await gateway.process.waitForOutput(/was not reloaded, the running configuration stays/);
    expect(gateway.process.stderr).toMatch(why);
    expect(await echo(gateway)).toBe(0x0000);
  });
});

describe('a gateway that cannot start', () => {
  async function failure(configuration: ConfigurationInput | string) {
    const { process } = GatewayProcess.launch(configuration);
    const { exitCode } = await process.exited;
    expect(process.stdout).toBe('');
    return { exitCode, stderr: process.stderr };
  }

  it('names a port in use, and exits with 1', async () => {
    const other = createServer();
    onCleanUp(() => {
      other.close();
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    const { exitCode, stderr } = await failure(
      configurationWith({ listeners: [{ name: LISTENER, host: '127.0.0.1', port }] }),
    );
    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      `error: cannot listen on 127.0.0.1:${port}: the port is in use (EADDRINUSE); stop the other program or choose another port\n`,
    );
  });

  it('tells every problem of a broken configuration with its place, and exits with 2', async () => {
    const text = JSON.stringify(configurationWith(), undefined, 2)
      .replace('"CT1"', '"CT-SCANNER-ROOM-12"')
      .replace('"from"', '"form"');
    const { exitCode, stderr } = await failure(text);
    expect(exitCode).toBe(2);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^error: \S*aegis\.jsonc:\d+:\d+ modalities\.ct1/);
  });

  it('refuses a private key that others can read, and exits with 2', async () => {
    const shared = certificates.issue('shared', { issuer: certificates.ca });
    await chmod(shared.privateKeyFile, 0o644);
    const { exitCode, stderr } = await failure(
      configurationWith({
        listeners: [{ name: LISTENER, host: '127.0.0.1', port: 0, tls: tlsWith(shared) }],
      }),
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain('has mode 644, so others than its owner have access to the private key');
  });

  it('refuses to run without the audit file of the configuration, and exits with 2', async () => {
    const file = join(temporaryFolder(), 'missing', 'audit.jsonl');
    const { exitCode, stderr } = await failure(configurationWith({ audit: { file } }));
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`audit.file ${file} cannot be written`);
  });
});

function tlsWith(server: typeof certificates.server) {
  return {
    certificate: server.certificateFile,
    privateKey: server.privateKeyFile,
    trustedCertificates: certificates.ca.certificateFile,
  };
}

describe('a limit of open files', () => {
  const MAX_FILES = 100;

  onLinux('is warned of where it is too low, and outlived', async () => {
    const limited = ['prlimit', `--nofile=${MAX_FILES}:${MAX_FILES}`];
    const gateway = GatewayProcess.launch(configurationWith(), [], limited);
    await gateway.process.waitForOutput(/aegis: listening on .*\n/);
    expect(gateway.process.stderr).toContain(
      `aegis: warning: this process may open ${MAX_FILES} files, limits.maxAssociations 1000 can need 2064; `,
    );
    const port = gateway.port(LISTENER);
    const sockets = Array.from({ length: MAX_FILES + 20 }, () => connect(port, '127.0.0.1'));
    const firstClosed = Promise.race(
      sockets.map((socket) =>
        once(
          socket.on('error', () => {}),
          'close',
        ),
      ),
    );
    for (const socket of sockets) socket.resume();
    await firstClosed;
    for (const socket of sockets) socket.destroy();
    const isServed = async () => (await echo(gateway).catch(() => undefined)) === 0x0000;
    await waitFor('an answer to an echo', isServed);
  });
});
