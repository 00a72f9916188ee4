/**
 * docs/migrating.md, carried out: the old proxy with the configuration that the page shows, then Aegis with the one that
 * it becomes, the same certificates, the same port and the same commands, and what the page says of the differences.
 */
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join, resolve } from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type TestCertificate, testCertificates } from '../../support/certificates';
import { type DcmtkTarget, echoscu, Storescp, storescu } from '../../support/dcmtk';
import { proposedContext } from '../../support/dicomBytes';
import { writePart10 } from '../../support/dicomFiles';
import { shownBlock } from '../../support/documentation';
import { type AuditLine, GatewayProcess } from '../../support/gatewayProcess';
import { oldProxies } from '../../support/oldProxies';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import {
  freePort,
  runProcess,
  startProcess,
  type TestProcess,
  temporaryFolder,
} from '../../support/processes';
import { RawScu } from '../../support/rawScu';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const cli = resolve(__dirname, '../../../dist/cli.js');

const certificates = testCertificates();
const { ca, client, server, revokedClient, crl } = certificates;
/** RSA, as those of most devices are. */
const device = certificates.issue('ct1-scp', {
  issuer: ca,
  keyKind: 'rsa',
  names: ['ct1.radiology.example'],
});
const gatewayAsClient = certificates.issue('gateway', { issuer: ca, purposes: ['clientAuth'] });
const contexts = [proposedContext(1, SopClass.Verification)];

/** Files under the names of the page, in a folder that takes the place of /etc/dicom. */
function certificateFolder(): string {
  const folder = temporaryFolder();
  const write = (name: string, { cert, key, certificateFile, privateKeyFile }: TestCertificate) => {
    copyFileSync(certificateFile, join(folder, `${name}.crt`));
    copyFileSync(privateKeyFile, join(folder, `${name}.key`));
    writeFileSync(join(folder, `${name}.pem`), `${cert}${key}`, { mode: 0o600 });
  };
  write('server', server);
  write('client', gatewayAsClient);
  copyFileSync(ca.certificateFile, join(folder, 'ca.crt'));
  copyFileSync(crl.crlFile, join(folder, 'ca.crl'));
  return folder;
}

interface Places {
  readonly folder: string;
  readonly listen: number;
  readonly archive: number;
  readonly deadArchive: number;
  /** Where the archive reaches the old proxy for the device, and where the device is. */
  readonly toDevice: number;
  readonly device: number;
  readonly egress: number;
}

/** The block with the places of this test for those of the page. */
function inPlace(block: string, places: Places): string {
  const replacements: readonly (readonly [string, string])[] = [
    ['/etc/dicom/', `${places.folder}/`],
    ['/var/log/aegis/', `${places.folder}/`],
    ['0.0.0.0:2762', `127.0.0.1:${places.listen}`],
    ['"0.0.0.0"', '"127.0.0.1"'],
    ['"port": 2762', `"port": ${places.listen}`],
    ['127.0.0.1:4242', `127.0.0.1:${places.archive}`],
    ['127.0.0.1:4252', `127.0.0.1:${places.deadArchive}`],
    ['127.0.0.1:11104', `127.0.0.1:${places.toDevice}`],
    ['10.1.2.10:11112', `127.0.0.1:${places.device}`],
    ['"10.1.2.10"', '"127.0.0.1"'],
    ['"port": 11112', `"port": ${places.device}`],
    ['"port": 4243', `"port": ${places.egress}`],
    ['10.1.2.0/24', '127.0.0.0/8'],
    ['2026-12-31', '2999-12-31'],
  ];
  const text = replacements.reduce((changed, [shown, real]) => changed.replaceAll(shown, real), block);
  expect(text).not.toMatch(/2762|\/etc|\/var|10\.1\./);
  return text;
}

async function untilRefused(port: number): Promise<void> {
  for (;;) {
    const socket = connectTcp(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
    } catch {
      return;
    } finally {
      socket.destroy();
    }
  }
}

/** Whether TLS comes about; the modality's certificate is shown. */
async function shakesHands(port: number, options: ConnectionOptions): Promise<boolean> {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    ca: ca.cert,
    cert: client.cert,
    key: client.key,
    ...options,
  });
  try {
    await once(socket, 'secureConnect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function targetAt(port: number, rest: Partial<DcmtkTarget> = {}): DcmtkTarget {
  return {
    port,
    callingAeTitle: 'CT1',
    calledAeTitle: 'ORTHANC',
    tls: { certificate: client, ca },
    ...rest,
  };
}

let instanceNumber = 0;

describeWithPeers(
  ['Orthanc', 'storescu', 'storescp', 'stunnel4', 'nginx', 'haproxy'],
  'docs/migrating.md',
  () => {
    let orthanc: Orthanc;
    let scp: Storescp;
    beforeAll(async () => {
      orthanc = await Orthanc.start();
      scp = await Storescp.start({ aeTitle: 'CT1', tls: { certificate: device, ca } });
    });

    /** Sends one with storescu; whether the archive then has it, byte for byte. */
    async function isStored(target: DcmtkTarget): Promise<boolean> {
      instanceNumber += 1;
      const instance = syntheticInstance(
        `migrating-${instanceNumber}`,
        SopClass.CTImageStorage,
        TransferSyntax.ExplicitVrLittleEndian,
      );
      await storescu(target, [writePart10(temporaryFolder(), instance)]);
      return (await orthanc.storedInstance(instance.sopInstanceUid))?.sha256 === instance.sha256;
    }

    /** Orthanc sends one that it has to CT1; whether the device then has it. */
    async function isSent(port: number): Promise<boolean> {
      await orthanc.setModality('ct1', { AET: 'CT1', Host: '127.0.0.1', Port: port });
      const { port: archive } = targetAt(orthanc.dicomPort);
      const instance = syntheticInstance(
        `sent-${port}`,
        SopClass.CTImageStorage,
        TransferSyntax.ExplicitVrLittleEndian,
      );
      await storescu({ port: archive }, [writePart10(temporaryFolder(), instance)]);
      await orthanc.sendTo('ct1', instance.sopInstanceUid);
      return scp.instances.some(({ sha256 }) => sha256 === instance.sha256);
    }

    describe.each(oldProxies)('from $heading', (old) => {
      let places: Places;
      let asidePort: number;
      /** Where the old proxy waits after the ports were swapped. */
      let waitingPort: number;
      let proxy: TestProcess;
      let aegis: GatewayProcess;
      let configuration: ReturnType<typeof becomes>;

      const becomes = (listen: number) =>
        JSON.parse(inPlace(shownBlock('docs/migrating.md', old.heading, 'jsonc'), { ...places, listen }));

      function writeOld(listen: number): string {
        const block = shownBlock('docs/migrating.md', old.heading, old.language);
        const file = join(places.folder, 'old.conf');
        writeFileSync(file, old.whole(inPlace(block, { ...places, listen }), places.folder));
        return file;
      }

      async function report() {
        const { exitCode, output } = await runProcess(process.execPath, [
          cli,
          '--config',
          aegis.configurationFile,
          'observe',
          'report',
          '--json',
        ]);
        const { modalities, unmatched } = JSON.parse(output) as Record<string, Record<string, unknown>[]>;
        return { exitCode, entry: modalities![0]!, unmatched };
      }

      async function reloaded(change: object): Promise<void> {
        const before = aegis.process.output.split('"configuration.reloaded"').length;
        aegis.reload({ ...configuration, ...change });
        await aegis.process.waitForOutput(new RegExp(`(?:"configuration\\.reloaded"[^]*?){${before}}`));
      }

      beforeAll(async () => {
        places = {
          folder: certificateFolder(),
          listen: await freePort(),
          archive: orthanc.dicomPort,
          deadArchive: await freePort(),
          toDevice: await freePort(),
          device: scp.port,
          egress: await freePort(),
        };
        asidePort = await freePort();
        const programArguments = old.programArguments(writeOld(places.listen), places.folder);
        proxy = startProcess(old.program, programArguments);
        await proxy.waitForPort(places.listen);
      });

      it('it runs as it is shown: stores, sends, and lets in any AE title', async () => {
        expect(await isStored(targetAt(places.listen))).toBe(true);
        expect(await isSent(places.toDevice)).toBe(true);
        expect(await isStored(targetAt(places.listen, { callingAeTitle: 'ANYBODY' }))).toBe(true);
      });

      it('Aegis starts beside it with what it becomes, warned of observe mode alone', async () => {
        configuration = becomes(asidePort);
        aegis = await GatewayProcess.start(configuration);
        const warnings = aegis.process.stderr.split('\n').filter((line) => line.includes('warning: '));
        // The certificates of tests end within the month.
        expect(warnings.filter((line) => !line.includes(' expires ') && !line.includes(' ends '))).toEqual([
          expect.stringContaining('modalities.ct1.mode is "observe" until 2999-12-31'),
        ]);
        expect(await isStored(targetAt(asidePort))).toBe(true);
      });

      it('the port changes hands while an association is open, which goes on', async () => {
        const tls = { ca: ca.cert, cert: client.cert, key: client.key };
        const open = await RawScu.connect({ port: places.listen, tls });
        await open.associate({ calling: 'CT1', called: 'ORTHANC', contexts });
        expect(await open.echo(1)).toBe(0);
        aegis.reload(becomes(places.listen));
        expect((await aegis.event('configuration.rejected')).detail).toMatch(/EADDRINUSE/);
        expect(await isStored(targetAt(asidePort))).toBe(true);
        waitingPort = await freePort();
        writeOld(waitingPort);
        proxy.kill(old.reloadSignal);
        await proxy.waitForPort(waitingPort);
        await untilRefused(places.listen);
        configuration = becomes(places.listen);
        await reloaded({});
        expect(await isStored(targetAt(places.listen))).toBe(true);
        expect(await open.echo(1)).toBe(0);
        await open.release();
        expect(await isStored(targetAt(waitingPort))).toBe(true);
        const relayed = { outcome: 'would-deny', command: 'C-STORE', modality: 'ct1' };
        expect(aegis.auditLines.filter(({ event }) => event === 'command.completed')).toEqual(
          [relayed, relayed, relayed].map((line) => expect.objectContaining(line)),
        );
      });

      it('the archive sends through egress to the same device', async () => {
        expect(await isSent(places.egress)).toBe(true);
      });

      it('both turn away who has no certificate, or a revoked one', async () => {
        for (const port of [waitingPort, places.listen]) {
          expect(await isStored(targetAt(port, { tls: { certificate: revokedClient, ca } }))).toBe(false);
          expect(await isStored(targetAt(port, { tls: { ca } }))).toBe(false);
        }
      });

      it('what changes, changes: AE titles, cipher suites, ALPN', async () => {
        const stranger = await echoscu(targetAt(places.listen, { callingAeTitle: 'ANYBODY' }));
        expect(stranger.rejection).toMatch(/Calling AE Title Not Recognized/);
        const cbc = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA' } as const;
        const web = { ALPNProtocols: ['http/1.1'] };
        for (const [options, isRefused] of [
          [{}, false],
          [{ ALPNProtocols: ['dicom'] }, false],
          [cbc, true],
          [web, true],
        ] as const) {
          expect(await shakesHands(waitingPort, options)).toBe(true);
          expect([options, await shakesHands(places.listen, options)]).toEqual([options, !isRefused]);
        }
      });

      it('the report gives the keys, with which nothing is left and the entry can enforce', async () => {
        const before = await report();
        expect(before.exitCode).toBe(1);
        expect(before.unmatched).toEqual(
          expect.arrayContaining([
            expect.objectContaining({ reason: 'calling-ae-title-unknown', callingAeTitles: ['ANYBODY'] }),
            expect.objectContaining({ reason: 'tls-cipher', sourceAddresses: ['127.0.0.1'] }),
          ]),
        );
        expect(before.entry).toMatchObject({ modality: 'ct1', keys: { allow: ['store'] }, impossible: [] });
        const { mode: _mode, observeUntil: _until, ...ct1 } = configuration.modalities.ct1;
        const keys = before.entry.keys as object;
        await reloaded({ modalities: { ct1: { ...configuration.modalities.ct1, ...keys } } });
        expect((await report()).exitCode).toBe(0);
        await reloaded({ modalities: { ct1: { ...ct1, ...keys } } });
        expect(await isStored(targetAt(places.listen))).toBe(true);
        const completed = aegis.auditLines.filter(({ event }: AuditLine) => event === 'command.completed');
        expect(completed.at(-1)).toMatchObject({
          outcome: 'allowed',
          command: 'C-STORE',
          direction: 'ingress',
        });
      });

      it('an old proxy, too, refuses everybody once the list is past its date', async () => {
        copyFileSync(certificates.expiredCrl.crlFile, join(places.folder, 'ca.crl'));
        const laterPort = await freePort();
        writeOld(laterPort);
        proxy.kill(old.reloadSignal);
        await proxy.waitForPort(laterPort);
        expect(await isStored(targetAt(laterPort))).toBe(false);
      });
    });
  },
);
