/** The gateway as a service of systemd: a stand-in speaks its two protocols, because the real one wants to be process 1. */
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import { expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { onCleanUp } from '../support/cleanUp';
import { proposedContext } from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { describeWithPeers } from '../support/peers';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const contexts = [proposedContext(1, SopClass.Verification)];
/** The gateway starts twice, which takes long on a busy machine. */
const TEST_MS = 120_000;
const PATIENCE_MS = 60_000;
const standIn = resolve(__dirname, '../support/serviceManager.py');

interface Service {
  readonly gateway: GatewayProcess;
  readonly port: number;
  /** What was reported so far, one line each. */
  reported(): string[];
}

const { ca, server, client } = testCertificates();
const clientTls = { ca: ca.cert, cert: client.cert, key: client.key };

async function startService(configuration: ConfigurationInput, runs = 1): Promise<Service> {
  const port = await freePort();
  const log = join(temporaryFolder(), 'reported.jsonl');
  const options = ['--watchdog', '2000000', '--socket', `plain=127.0.0.1:${port}`, '--'];
  const gateway = GatewayProcess.launch(
    configuration,
    [],
    ['python3', standIn, log, String(runs), ...options],
  );
  const reported = () =>
    existsSync(log)
      ? readFileSync(log, 'utf8')
          .split('\n')
          .slice(0, -1)
          .flatMap((line) => (JSON.parse(line) as [number, string[]])[1])
      : [];
  await waitFor('the first READY=1', () => reported().includes('READY=1'), PATIENCE_MS);
  return { gateway, port, reported };
}

/** TCP alone. */
async function dial({ port }: Service): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  onCleanUp(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function associate({ port }: Service, tls?: ConnectionOptions) {
  const scu = await RawScu.connect(tls === undefined ? { port } : { port, tls });
  return { scu, answer: await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts }) };
}

describeWithPeers(['python3'], 'a service of systemd', () => {
  it.each([1, 2])(
    'keeps its port over a restart, with workers: %d',
    async (workers) => {
      const spy = await SpyUpstream.start();
      const service = await startService(plainConfiguration(spy.port, {}, { workers }), 2);
      const first = await associate(service);
      expect(first.answer.kind).toBe('accepted');
      await waitFor('the count', () => service.reported().includes('STATUS=listening; 1 association'));
      await waitFor('a sign of life', () => service.reported().includes('WATCHDOG=1'));
      await first.scu.release();
      service.gateway.process.kill('SIGTERM');
      await service.gateway.process.waitForOutput(/aegis: stopped/);
      // Nobody listens now but the system.
      const early = await RawScu.connect({ port: service.port });
      const starts = () => service.reported().filter((line) => line === 'READY=1').length;
      await waitFor('the second start', () => starts() === 2, PATIENCE_MS);
      expect((await early.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
      const drained = [expect.stringMatching(/^STATUS=draining; \d associations? left$/)];
      expect(service.reported()).toEqual(expect.arrayContaining(['STOPPING=1', ...drained]));
    },
    TEST_MS,
  );

  it.each([1, 2])(
    'serves who came before a stop, and leaves all others to the next start, with workers: %d',
    async (workers) => {
      const spy = await SpyUpstream.start();
      const tls = {
        certificate: server.certificateFile,
        privateKey: server.privateKeyFile,
        trustedCertificates: ca.certificateFile,
      };
      const listeners = [{ name: 'plain', host: '127.0.0.1', port: 0, tls }];
      const service = await startService(plainConfiguration(spy.port, {}, { workers, listeners }), 2);
      const early = await dial(service);
      // Connections are taken in their order, so the gateway has the early one too.
      const held = await associate(service, clientTls);
      expect(held.answer.kind).toBe('accepted');
      service.gateway.process.kill('SIGTERM');
      await service.gateway.process.waitForOutput(/SIGTERM: draining/);
      await waitFor('the drain', () => service.reported().includes('STATUS=draining; 1 association left'));
      const late = await dial(service);
      await held.scu.release();
      const ofEarly = await associate(service, { ...clientTls, socket: early });
      expect(ofEarly.answer.kind).toBe('accepted');
      expect(service.gateway.process.stderr).not.toContain('aegis: stopped');
      await ofEarly.scu.release();
      await service.gateway.process.waitForOutput(/aegis: stopped\n/);
      const starts = () => service.reported().filter((line) => line === 'READY=1').length;
      await waitFor('the second start', () => starts() === 2, PATIENCE_MS);
      const ofLate = await associate(service, { ...clientTls, socket: late });
      expect(ofLate.answer.kind).toBe('accepted');
      const refused = service.gateway.auditLines.filter(({ outcome }) => outcome === 'denied');
      expect(refused).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'reports a reload, and that it was rejected',
    async () => {
      const service = await startService(plainConfiguration(104));
      service.gateway.reload('{ "listeners": [] }');
      await waitFor('the report', () =>
        service
          .reported()
          .some((line) =>
            /^STATUS=configuration rejected: \d+ problems?, see the log; listening; 0 associations$/.test(
              line,
            ),
          ),
      );
      expect(service.reported()).toContain('RELOADING=1');
    },
    TEST_MS,
  );
});
