/**
 * `aegis observe report` on what a running gateway wrote: the keys that it prints let pass, in force, what was observed.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { CommandField, numberedRequest, proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { finalStatus, RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const cli = join(__dirname, '../../dist/cli.js');
const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootMove),
];

async function associated(port: number, called: string): Promise<RawScu> {
  const scu = await RawScu.connect({ port });
  await scu.associate({ calling: 'WS1', called, contexts });
  return scu;
}

/** Two associations at a time, of which one echoes, stores and has images sent elsewhere. */
async function work(port: number): Promise<number[]> {
  const scu = await associated(port, 'OTHER');
  const second = await associated(port, 'ARCHIVE');
  const instance = {
    sopClassUid: SopClass.CTImageStorage,
    sopInstanceUid: '1.2.3',
    dataSet: Buffer.alloc(100),
  };
  const move = numberedRequest(
    3,
    {
      CommandField: CommandField.CMoveRq,
      AffectedSOPClassUID: SopClass.StudyRootMove,
      MoveDestination: 'WS2',
      Priority: 0,
    },
    true,
  );
  const statuses = [
    await scu.echo(1),
    await scu.store(3, instance),
    finalStatus(await scu.request(5, move, Buffer.alloc(10))),
  ];
  await scu.release();
  await second.release();
  return statuses;
}

it('the keys of the report allow what was observed, and nothing is left', async () => {
  const spy = await SpyUpstream.start();
  const server = { servers: [`127.0.0.1:${spy.port}`] };
  const entry = {
    callingAeTitle: 'WS1',
    from: '127.0.0.1',
    listeners: 'plain',
    calledAeTitle: 'ARCHIVE',
    allow: 'echo',
    maxAssociations: 1,
  } as const;
  const configuration = (ws1: ConfigurationInput['modalities'][string]): ConfigurationInput => ({
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: server, OTHER: server },
    modalities: { ws1 },
  });
  const gateway = await GatewayProcess.start(configuration({ ...entry, mode: 'observe' }));
  const report = () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [cli, '--config', gateway.configurationFile, 'observe', 'report', '--json', '-'],
      { input: gateway.process.stdout, encoding: 'utf8' },
    );
    return { status, json: JSON.parse(stdout) as { modalities: { keys: object }[] } };
  };
  const port = gateway.port('plain');

  expect(await work(port)).toEqual([0, 0, 0]);
  await gateway.event('association.released');
  const before = report();
  expect(before.status).toBe(1);
  const { keys } = before.json.modalities[0]!;
  expect(keys).toEqual({
    allow: ['echo', 'move', 'store'],
    moveDestinations: ['WS1', 'WS2'],
    calledAeTitle: ['ARCHIVE', 'OTHER'],
    maxAssociations: 2,
  });

  gateway.reload(configuration({ ...entry, ...keys }));
  await gateway.event('configuration.reloaded');
  expect(report().status).toBe(0);
  const observed = gateway.auditLines.filter(({ outcome }) => outcome === 'would-deny').length;
  expect(await work(port)).toEqual([0, 0, 0]);
  expect(gateway.auditLines.filter(({ outcome }) => outcome === 'would-deny')).toHaveLength(observed);
  expect(gateway.auditLines.filter(({ outcome }) => outcome === 'denied')).toEqual([]);
});
