/**
 * `aegis capture` of a real gateway with two workers, in front of a real Orthanc, over mutual TLS: Wireshark reads it, and
 * nothing of a patient is in it.
 */
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { testCertificates } from '../../support/certificates';
import { findscu, getscu, storescu } from '../../support/dcmtk';
import { pdu, proposedContext } from '../../support/dicomBytes';
import { writePart10 } from '../../support/dicomFiles';
import { GatewayProcess } from '../../support/gatewayProcess';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { runProcess, startProcess, temporaryFolder } from '../../support/processes';
import { RawScu } from '../../support/rawScu';
import { startStunnel } from '../../support/stunnel';
import { PATIENT_CANARY, syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const cli = resolve(__dirname, '../../../dist/cli.js');
const TOKEN = '0123456789abcdef0123456789abcdef';
const STUDY_UID = 'StudyInstanceUID=1.2.826.0.1.3680043.9.9999.3.1';
const TITLES = { callingAeTitle: 'CT1', calledAeTitle: 'ORTHANC' };
const PIXELS = 600_000;

async function start(workers: number) {
  const orthanc = await Orthanc.start();
  const certificates = testCertificates();
  const { ca, server, client } = certificates;
  const gateway = await GatewayProcess.start({
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
    upstreams: { ORTHANC: { servers: [`127.0.0.1:${orthanc.dicomPort}`] } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        certificate: 'cn:ct1',
        allow: ['echo', 'find', 'get', 'store'],
      },
      ct2: { callingAeTitle: 'CT2', from: '127.0.0.1', certificate: 'cn:ct1', allow: ['echo', 'store'] },
    },
    admin: { port: 0, token: TOKEN },
    workers,
  });
  await gateway.process.waitForOutput(/admin HTTP/);
  const target = { ...TITLES, port: gateway.port('tls'), tls: { certificate: client, ca } };
  const tunnel = { ...TITLES, port: (await startStunnel({ connectPort: target.port, ca, client })).port };
  return { gateway, target, tunnel };
}

function run(gateway: GatewayProcess, verb: string, ...options: string[]) {
  return startProcess(
    process.execPath,
    [
      cli,
      '--config',
      gateway.configurationFile,
      ...verb.split(' '),
      '--url',
      `http://127.0.0.1:${gateway.port('admin HTTP')}`,
      ...options,
    ],
    { environment: { AEGIS__ADMIN__TOKEN: TOKEN } },
  );
}

async function tshark(file: string, ...display: string[]) {
  const { output, exitCode } = await runProcess('tshark', ['-r', file, ...display], { deadlineMs: 60_000 });
  expect(exitCode).toBe(0);
  return output.split('\n').filter((line) => line !== '' && !line.startsWith('Running as user'));
}

const programs = ['Orthanc', 'storescu', 'findscu', 'getscu', 'stunnel4', 'tshark'] as const;

describeWithPeers(programs, 'a capture', () => {
  it('of C-STORE, C-FIND and C-GET opens in Wireshark, on both legs, and holds nothing of a patient', async () => {
    const { gateway, target, tunnel } = await start(2);
    const folder = temporaryFolder();
    const file = join(folder, 'ct1.pcapng');
    const capturing = run(gateway, 'capture', '--modality', 'ct1', '--for', '10m', file);
    await capturing.waitForOutput(/recording/);
    const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
      pixelBytes: PIXELS,
    });
    const options = ['--propose-little'];
    const part10 = writePart10(folder, instance);
    expect((await storescu({ ...target, toolArguments: options }, [part10])).statuses).toEqual([0]);
    const found = await findscu(target, [
      'QueryRetrieveLevel=STUDY',
      STUDY_UID,
      `PatientName=${PATIENT_CANARY}*`,
    ]);
    expect(found.statuses).toEqual([0xff00, 0]);
    const got = await getscu(tunnel, ['QueryRetrieveLevel=STUDY', STUDY_UID]);
    expect(got.instances).toHaveLength(1);
    // Of another modality.
    await storescu({ ...target, callingAeTitle: 'CT2', toolArguments: options }, [part10]);
    await gateway.events('association.released', 4);
    const { exitCode: stopped } = await run(gateway, 'capture', '--stop').exited;
    expect(stopped).toBe(0);
    const { exitCode } = await capturing.exited;
    expect(capturing.stderr).toBe('recording "ct1" for 600 s; Ctrl-C ends it early\n');
    expect(exitCode).toBe(0);

    expect(statSync(file).mode & 0o777).toBe(0o600);
    const bytes = readFileSync(file);
    expect(bytes.length).toBeLessThan(100_000);
    for (const secret of [PATIENT_CANARY, 'private text', 'CT2']) expect(bytes.includes(secret)).toBe(false);
    expect(await tshark(file, '-Y', '_ws.malformed || _ws.expert.severity == "Error"')).toEqual([]);
    const pdus = await tshark(
      file,
      '-Y',
      'dicom',
      '-T',
      'fields',
      '-e',
      '_ws.col.Info',
      '-e',
      'frame.interface_name',
    );
    const onSide = (side: string) => pdus.filter((line) => line.endsWith(side)).join('\n');
    for (const side of ['modality', 'archive']) {
      for (const command of [
        'A-ASSOCIATE request',
        'C-STORE-RQ',
        'C-STORE-RSP',
        'C-FIND-RQ',
        'C-GET-RQ',
        'A-RELEASE',
      ]) {
        expect(onSide(side)).toContain(command);
      }
    }
    expect((await gateway.event('capture.ended')).requestedBy).toMatchObject({
      by: 'admin',
      command: 'capture',
    });
  }, 120_000);

  it('is not needed for the last error of a peer, and a bundle has it without a secret', async () => {
    const { gateway, tunnel } = await start(2);
    const scu = await RawScu.connect({ port: tunnel.port });
    await scu.associate({
      calling: 'CT1',
      called: 'ORTHANC',
      contexts: [proposedContext(1, SopClass.CTImageStorage), proposedContext(3, SopClass.Verification)],
    });
    // Of an association that runs, a capture sees what comes from now on.
    const running = join(temporaryFolder(), 'running.pcapng');
    const capturing = run(gateway, 'capture', '--modality', 'ct1', '--side', 'modality', running);
    await capturing.waitForOutput(/recording/);
    expect(await scu.echo(3)).toBe(0);
    capturing.kill('SIGINT');
    expect((await capturing.exited).exitCode).toBe(0);
    const seen = await tshark(running, '-T', 'fields', '-e', '_ws.col.Info');
    expect(seen).toEqual(['P-DATA, C-ECHO-RQ ID=1', 'P-DATA, C-ECHO-RSP ID=1 (Success)']);

    scu.send(pdu(4, Buffer.from([0, 0, 0, 99, 1, 0]), Buffer.from(PATIENT_CANARY)));
    const { detail } = await gateway.event('association.aborted');
    expect(detail).toMatch(/^PDV: length 99/);
    const shown = run(gateway, 'show errors');
    expect((await shown.exited).exitCode).toBe(0);
    expect(shown.stdout).toMatch(/^"ct1", .*\n {2}pdu-pdv-invalid: /);
    expect(shown.stdout).toContain('04 00 00 00 00 13 00 00 00 63 ..');

    const file = join(temporaryFolder(), 'bundle.tar.gz');
    expect((await run(gateway, 'support-bundle', file).exited).exitCode).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { output } = await runProcess('tar', ['-xzf', file, '-O'], { deadlineMs: 30_000 });
    for (const part of [
      'pdu-pdv-invalid',
      'aegis_associations_total',
      '"callingAeTitle": "CT1"',
      process.version,
    ]) {
      expect(output).toContain(part);
    }
    for (const secret of [TOKEN, PATIENT_CANARY, 'PRIVATE KEY']) expect(output).not.toContain(secret);
    const again = run(gateway, 'support-bundle', file);
    expect((await again.exited).exitCode).toBe(1);
    expect(again.stderr).toContain('exists already and is left as it is');
  }, 60_000);
});
