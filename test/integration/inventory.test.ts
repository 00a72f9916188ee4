/** The inventory of a running gateway with two workers: what it learns, what it reports, and what survives. */
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { registerInventory } from '../../src/commands/inventory/inventory';
import type { InventoryReport } from '../../src/inventory/report';
import { askAdmin } from '../support/adminHttp';
import { runCommand } from '../support/commandLine';
import { proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.StudyRootFind)];
const IDENTIFIER = Buffer.alloc(8);

async function echoed(gateway: GatewayProcess, localAddress = '127.0.0.1'): Promise<void> {
  const scu = await RawScu.connect({ port: gateway.port('plain'), localAddress });
  expect(await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).toMatchObject({
    kind: 'accepted',
  });
  await scu.echo(1);
  await scu.release();
}

async function started(configuration: ReturnType<typeof plainConfiguration>): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function shown(gateway: GatewayProcess, ...words: string[]): Promise<string> {
  const { printed } = await runCommand(registerInventory, ['--config', gateway.configurationFile, ...words]);
  return printed;
}

it('learns from all workers, reports what is new and who is silent, and survives a reload and a restart', async () => {
  const spy = await SpyUpstream.start();
  const state = { stateDirectory: join(temporaryFolder(), 'state'), admin: { port: await freePort() } };
  const entry = { from: ['127.0.0.1', '127.0.0.2'], allow: ['echo', 'find'] as ('echo' | 'find')[] };
  const configuration = plainConfiguration(spy.port, entry, { workers: 2, ...state });
  const expecting = plainConfiguration(spy.port, { ...entry, expectEvery: '2s' }, { workers: 2, ...state });

  const first = await started(configuration);
  for (let times = 0; times < 4; times += 1) await echoed(first);
  await echoed(first, '127.0.0.2');
  const [moved] = await first.events('modality.changed', 1);
  expect(moved).toMatchObject({ modality: 'ct1', changes: ['address 127.0.0.2, before 127.0.0.1'] });
  const answer = await askAdmin(first, '/api/v1/inventory');
  const { modalities } = JSON.parse(answer.body) as InventoryReport;
  expect(modalities).toMatchObject([
    {
      modality: 'ct1',
      ingress: {
        associations: 5,
        commands: 5,
        tls: [{ value: 'plain', count: 5 }],
        addresses: [{ value: '127.0.0.2' }, { value: '127.0.0.1', count: 4 }],
        operations: [{ value: 'C-ECHO Verification', count: 5 }],
      },
    },
  ]);
  expect((await askAdmin(first, '/api/v1/inventory?modality=nobody')).status).toBe(404);

  first.reload(expecting);
  await first.event('configuration.reloaded');
  expect(await first.event('modality.silent')).toMatchObject({ modality: 'ct1', outcome: 'failed' });
  const status = JSON.parse((await askAdmin(first, '/api/v1/status')).body) as { silent?: object[] };
  expect(status.silent).toMatchObject([{ modality: 'ct1', expectEvery: '2s' }]);
  expect(await shown(first, 'inventory')).toContain('SILENT: ct1, expected every 2s');
  await first.process.stop();

  expect(await shown(first, '--json', 'inventory', 'ct1')).toContain('"associations": 5');
  const second = await started(expecting);
  const { body: metrics } = await askAdmin(second, '/metrics');
  expect(metrics).toMatch(/^aegis_modality_last_seen_seconds\{modality="ct1"\} \d{10}$/m);
  const scu = await RawScu.connect({ port: second.port('plain') });
  await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
  expect(await second.event('modality.heard')).toMatchObject({ modality: 'ct1' });
  await scu.find(3, SopClass.StudyRootFind, IDENTIFIER);
  expect(await second.event('modality.changed')).toMatchObject({
    changes: ['first C-FIND (StudyRootQueryRetrieveInformationModelFind)'],
  });
  expect(second.auditLines.filter(({ event }) => event === 'modality.silent')).toEqual([]);
  scu.end();
});
