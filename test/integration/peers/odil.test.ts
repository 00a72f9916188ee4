/**
 * odil, a DICOM library of its own, as the modality and as the archive: what comes of it directly comes of it through the
 * gateway too. odil answers on the last context that was accepted for a class, and DCMTK proposes each class twice.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { echoscu, findscu, Storescp, storescu } from '../../support/dcmtk';
import { writePart10 } from '../../support/dicomFiles';
import { plainConfiguration, TestGateway } from '../../support/gateway';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import {
  freePort,
  runProcess,
  startProcess,
  type TestProcess,
  temporaryFolder,
} from '../../support/processes';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';
import { waitFor } from '../../support/waiting';

/** The one that Debian's python3-odil is made for, whatever else is in the path. */
const PYTHON = '/usr/bin/python3';
const SUPPORT = join(__dirname, '../../support');

const instances = Array.from({ length: 8 }, (_value, index) =>
  syntheticInstance(`odil-${index}`, SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian),
);
const STUDY_UID = '1.2.826.0.1.3680043.9.9999.3.1';

function files(): string[] {
  const folder = temporaryFolder();
  return instances.map((instance) => writePart10(folder, instance));
}

function gatewayTo(port: number): Promise<TestGateway> {
  return TestGateway.start(
    plainConfiguration(
      0,
      { allow: ['echo', 'store', 'find', 'get'] },
      { upstreams: { ORTHANC: { servers: [`127.0.0.1:${port}`] } } },
    ),
  );
}

/** Runs a verb of odil's own command line. */
function odil(verb: string, port: number, ...rest: readonly string[]) {
  return runProcess('odil', [verb, '127.0.0.1', String(port), 'CT1', 'ORTHANC', ...rest]);
}

describeWithPeers(['odil', 'Orthanc', 'storescp'], 'odil as the modality', () => {
  it('echoes, stores, finds and gets at Orthanc as it does directly', async () => {
    const outcomes: unknown[] = [];
    for (const isDirect of [true, false]) {
      const orthanc = await Orthanc.start();
      const gateway = await gatewayTo(orthanc.dicomPort);
      const port = isDirect ? orthanc.dicomPort : gateway.port();
      const echoed = await odil('echo', port);
      const storing = await odil('store', port, ...files());
      const stored = await Promise.all(
        instances.map(async ({ sopInstanceUid }) => (await orthanc.storedInstance(sopInstanceUid))?.sha256),
      );
      const found = await odil('find', port, 'study', 'QueryRetrieveLevel=STUDY', 'StudyInstanceUID');
      const folder = temporaryFolder();
      const keys = ['QueryRetrieveLevel=STUDY', `StudyInstanceUID=${STUDY_UID}`];
      const got = await odil('get', port, 'study', ...keys, '--directory', folder);
      expect(got.output).toContain('Completed: 8, remaining: 0, failed: 0');
      expect(found.output).toContain(STUDY_UID);
      expect([echoed, storing, found, got].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
      outcomes.push([storing.output, stored, found.output, got.output]);
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  it('echoes and stores at storescp as it does directly', async () => {
    const hashes: string[][] = [];
    for (const isDirect of [true, false]) {
      const storescp = await Storescp.start();
      const gateway = await gatewayTo(storescp.port);
      const port = isDirect ? storescp.port : gateway.port();
      expect((await odil('echo', port)).exitCode).toBe(0);
      expect(await odil('store', port, ...files())).toMatchObject({ exitCode: 0, output: '' });
      hashes.push(storescp.instances.map(({ sha256 }) => sha256).sort());
    }
    expect(hashes[0]).toHaveLength(instances.length);
    expect(hashes[1]).toEqual(hashes[0]);
  });

  it('gets an association without a context where it proposes none that is a UID, and releases it', async () => {
    const orthanc = await Orthanc.start();
    const gateway = await gatewayTo(orthanc.dicomPort);
    const outputs = [orthanc.dicomPort, gateway.port()].map(async (port) => {
      const { exitCode, output } = await runProcess(PYTHON, [
        join(SUPPORT, 'odilForeignContext.py'),
        String(port),
      ]);
      return [exitCode, output];
    });
    const [directly, relayed] = await Promise.all(outputs);
    expect(relayed).toEqual(directly);
    expect(gateway.events.map(({ event }) => event).slice(1)).toEqual([
      'association.accepted',
      'association.unusable',
      'association.released',
    ]);
  });
});

describeWithPeers(['odil', 'storescu', 'findscu', 'echoscu'], 'odil as the archive', () => {
  /** It serves one association. */
  async function archive(): Promise<{ readonly port: number; readonly process: TestProcess }> {
    const port = await freePort();
    const process = startProcess(PYTHON, [join(SUPPORT, 'odilArchive.py'), String(port)]);
    // Not by a connection: that would be the one association.
    const local = `00000000:${port.toString(16).toUpperCase()} 00000000:0000 0A`;
    await waitFor('a listening archive', () => readFileSync('/proc/net/tcp', 'utf8').includes(local));
    return { port, process };
  }

  it.each(['directly', 'through the gateway'])('answers each service %s', async (way) => {
    const reached = async () => {
      const { port, process } = await archive();
      const target = way === 'directly' ? port : (await gatewayTo(port)).port();
      return { process, target: { port: target, callingAeTitle: 'CT1', calledAeTitle: 'ORTHANC' } };
    };
    const echo = await reached();
    expect((await echoscu(echo.target)).statuses).toEqual([0]);
    const find = await reached();
    expect((await findscu(find.target, ['QueryRetrieveLevel=STUDY'])).statuses).toEqual([0xff00, 0]);
    const store = await reached();
    expect((await storescu(store.target, files())).statuses).toEqual(instances.map(() => 0));
    const printed = [echo, find, store].map(async ({ process }) => {
      await process.exited;
      return process.output.trim().split('\n');
    });
    expect(await Promise.all(printed)).toEqual([
      ['echo', 'released'],
      ['find', 'released'],
      [...instances.map(({ sopInstanceUid }) => `store ${sopInstanceUid}`), 'released'],
    ]);
  });
});
