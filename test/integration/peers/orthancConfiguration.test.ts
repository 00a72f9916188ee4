/**
 * `aegis orthanc` with a real Orthanc: its own default configuration is read, and what is exported makes it serve the
 * gateway, nobody round it, and send through egress.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { registerOrthanc } from '../../../src/commands/orthanc/orthanc';
import { parseSourceText } from '../../../src/config/sourceText';
import { ExitCode } from '../../../src/errors';
import { localAddresses } from '../../../src/policy/localAddresses';
import { runCommand } from '../../support/commandLine';
import { type DcmtkTarget, echoscu, findscu, movescu, Storescp, storescu } from '../../support/dcmtk';
import { writePart10 } from '../../support/dicomFiles';
import { type ConfigurationInput, TestGateway } from '../../support/gateway';
import { GatewayProcess } from '../../support/gatewayProcess';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { freePort, runProcess, temporaryFolder } from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const cli = resolve(__dirname, '../../../dist/cli.js');

function run(...commandArguments: string[]) {
  return runCommand(registerOrthanc, commandArguments);
}

describeWithPeers(['Orthanc'], "Orthanc's own default configuration", () => {
  const file = join(temporaryFolder(), 'default.json');
  let lines: string[];
  beforeAll(async () => {
    await runProcess('Orthanc', [`--config=${file}`]);
    lines = readFileSync(file, 'utf8').split('\n');
  });

  it('is imported: the archive, and no modality, for all are comments', async () => {
    const { printed, printedErrors } = await run('orthanc', 'import', file);
    expect(parseSourceText(printed)).toMatchObject({
      faults: [],
      value: { upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } }, modalities: {} },
    });
    expect(printedErrors).toMatch(/^warning: \S+ DicomModalities has no entry/m);
  });

  it('has the holes that it has, at their places, and no setting that lint does not know', async () => {
    const { printed } = await run('--json', 'orthanc', 'lint', file);
    const { findings } = JSON.parse(printed) as {
      findings: { severity: string; line: number; setting: string }[];
    };
    expect(findings.map(({ severity, setting }) => [severity, setting])).toEqual([
      ['warning', 'DicomCheckCalledAet'],
      ['warning', 'DicomPort'],
      ['hole', 'DicomAlwaysAllowEcho'],
      ['hole', 'DicomAlwaysAllowStore'],
    ]);
    for (const { line, setting } of findings) expect(lines[line - 1]).toContain(`"${setting}"`);
  });
});

const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
const study = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1.2.826.0.1.3680043.9.9999.3.1'];
const programs = ['Orthanc', 'echoscu', 'storescu', 'findscu', 'movescu', 'storescp'] as const;

describeWithPeers(programs, 'Orthanc with exported settings', () => {
  describe.each([undefined, 'per-modality'] as const)('and local addresses %s', (localAddress) => {
    let orthanc: Orthanc;
    let receiver: Storescp;
    let gateway: TestGateway;
    const through = (callingAeTitle: string): DcmtkTarget => ({
      port: gateway.port('plain'),
      callingAeTitle,
      calledAeTitle: 'ORTHANC',
    });
    const round = (callingAeTitle: string): DcmtkTarget => ({
      ...through(callingAeTitle),
      port: orthanc.dicomPort,
    });

    beforeAll(async () => {
      receiver = await Storescp.start({ aeTitle: 'WS1' });
      const entry = { from: '127.0.0.1', listeners: 'plain' };
      const configuration = {
        listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
        // Where Orthanc will be is not known before it has started, and it needs the export to start.
        upstreams: { ORTHANC: { servers: ['127.0.0.1:1'], ...(localAddress && { localAddress }) } },
        modalities: {
          ct1: { ...entry, callingAeTitle: 'CT1', allow: ['echo', 'store'] },
          ws1: {
            ...entry,
            callingAeTitle: 'WS1',
            allow: ['find', 'move'],
            address: { host: '127.0.0.1', port: receiver.port },
          },
        },
        egress: { port: await freePort() },
      } satisfies ConfigurationInput;
      const file = join(temporaryFolder(), 'aegis.jsonc');
      writeFileSync(file, JSON.stringify(configuration));
      const { printed } = await run('--config', file, 'orthanc', 'export');
      const settings = Object.keys(parseSourceText(printed).value as object);
      orthanc = await Orthanc.start({ secondFile: { text: printed, settings } });
      configuration.upstreams.ORTHANC.servers = [`127.0.0.1:${orthanc.dicomPort}`];
      gateway = await TestGateway.start(configuration);
    });

    it('takes through the gateway what an entry allows', async () => {
      expect(await echoscu(through('CT1'))).toMatchObject({ statuses: [0x0000] });
      const stored = await storescu(through('CT1'), [writePart10(temporaryFolder(), instance)]);
      expect(stored).toMatchObject({ exitCode: 0, statuses: [0x0000] });
      expect((await orthanc.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);
      expect(await findscu(through('WS1'), study)).toMatchObject({ statuses: [0xff00, 0x0000] });
    });

    it('sees where it came from, as far as it can', async () => {
      const [found] = (await orthanc.post('/tools/lookup', instance.sopInstanceUid)) as { ID: string }[];
      const metadata = await orthanc.get(`/instances/${found!.ID}/metadata?expand`);
      const RemoteIP = localAddress === undefined ? '127.0.0.1' : localAddresses(['ct1', 'ws1']).get('ct1');
      expect(metadata).toMatchObject({ RemoteIP, RemoteAET: 'CT1' });
    });

    it('lets nobody round the gateway who is in no entry, and those who are do no more', async () => {
      expect(await echoscu(round('CT9'))).toMatchObject({
        rejection: 'Rejected Permanent, Service User, Calling AE Title Not Recognized',
      });
      const found = await findscu(round('CT1'), study);
      // No modality that it knows by an address of its own dials from 127.0.0.1 itself.
      if (localAddress === undefined) expect(found).toMatchObject({ isAborted: true, statuses: [] });
      else expect(found.rejection).toMatch(/Calling AE Title Not Recognized$/);
    });

    it('is asked by the gateway itself', async () => {
      expect(await echoscu(round('AEGIS'))).toMatchObject({ statuses: [0x0000] });
    });

    it('sends through egress, to the destination that it was given', async () => {
      await orthanc.sendTo('ws1', instance.sopInstanceUid);
      const moved = await movescu(through('WS1'), 'WS1', study);
      expect(moved.statuses.at(-1)).toBe(0x0000);
      expect(receiver.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);
      const sent = gateway.events.filter(
        ({ direction, command }) => direction === 'egress' && command === 'C-STORE',
      );
      expect(sent.map(({ modality }) => modality)).toEqual(['ws1', 'ws1']);
    });

    it('gets nothing to a modality without an address', async () => {
      await expect(orthanc.sendTo('ct1', instance.sopInstanceUid)).rejects.toThrow();
    });
  });
});

describeWithPeers(['Orthanc', 'echoscu', 'storescu', 'findscu'], 'an Orthanc that gets a gateway', () => {
  it('is imported in observe mode, its traffic reported, and it starts on the file that the export edited', async () => {
    const orthanc = await Orthanc.start({
      modalities: { room1: { AET: 'CT1', Host: '127.0.0.1', Port: 104, AllowEcho: true, AllowStore: false } },
    });
    const file = orthanc.configurationFile;
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('"DicomModalities"', '// our devices\n  "DicomModalities"'),
    );

    const config = join(temporaryFolder(), 'new', 'aegis.jsonc');
    await run('orthanc', 'import', file, '--observe', '--output', config);
    const imported = parseSourceText(readFileSync(config, 'utf8')).value as ConfigurationInput;
    const gateway = await GatewayProcess.start({
      ...imported,
      listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
      modalities: { room1: { ...imported.modalities.room1!, listeners: 'plain', dataSets: 'off' } },
      egress: { ...imported.egress, port: await freePort() },
      audit: { file: join(temporaryFolder(), 'audit.jsonl') },
    });
    const room1 = { port: gateway.port('plain'), callingAeTitle: 'CT1', calledAeTitle: 'ORTHANC' };
    const options = ['--config', gateway.configurationFile];

    await run(...options, 'orthanc', 'export', '--into', file, '--yes');
    expect(readFileSync(file, 'utf8')).toContain('// our devices');
    await orthanc.stop();
    await orthanc.restart();

    // What the entry does not allow passes, and is in the report.
    expect(await echoscu(room1)).toMatchObject({ statuses: [0x0000] });
    const stored = await storescu(room1, [writePart10(temporaryFolder(), instance)]);
    expect(stored).toMatchObject({ exitCode: 0, statuses: [0x0000] });
    expect(await orthanc.instanceCount()).toBe(1);
    await gateway.events('association.released', 2);
    const report = await runProcess(process.execPath, [cli, ...options, 'observe', 'report']);
    expect(report).toMatchObject({ exitCode: ExitCode.Failed });
    expect(report.output).toMatch(/room1[\s\S]*"allow": \["echo", "store"\]/);
  });
});
