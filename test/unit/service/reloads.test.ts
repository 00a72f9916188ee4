import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from '@jest/globals';
import type { Monitoring } from '../../../src/admin/monitoring';
import type { AuditEvent } from '../../../src/audit/events';
import { loadConfiguration } from '../../../src/config/load';
import type { RunningGateway } from '../../../src/gateway/runningGateway';
import { type Reloadable, Reloads } from '../../../src/service/reloads';
import { temporaryFolder } from '../../support/processes';

const configuration = {
  listeners: [{ name: 'plain', host: '127.0.0.1', port: 11112 }],
  upstreams: { ARCHIVE: { servers: ['127.0.0.1:4242'] } },
  modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } },
};

it('names files by their absolute path, however they were named at the start', async () => {
  const absolute = join(temporaryFolder(), 'aegis.jsonc');
  writeFileSync(absolute, JSON.stringify(configuration));
  const named = relative(process.cwd(), absolute);
  const starting = Promise.resolve({
    configuration: loadConfiguration(named).configuration,
    gateway: {
      addresses: [],
      reload: async () => ({ ended: 0 }),
    } as Partial<RunningGateway> as RunningGateway,
    pidFile: { moveTo: async () => {} },
    audit: { reopen: () => {}, replace: () => {} },
    auditExport: { prepareReload: async () => () => {} },
    lists: { prepare: async () => () => {} },
    locks: { reread: async () => {} },
    monitoring: { prepareReload: () => () => {}, record: () => {} } as Partial<Monitoring> as Monitoring,
  });
  const said: string[] = [];
  const reloads = new Reloads(named, starting, {}, (text) => said.push(text));
  expect(await reloads.inTurn()).toMatchObject({ isReloaded: true, file: absolute, problems: [] });
  writeFileSync(absolute, '{ "listeners": 1 }');
  const { isReloaded, file, problems } = await reloads.inTurn();
  expect({ isReloaded, file }).toEqual({ isReloaded: false, file: absolute });
  expect(new Set(problems.map((problem) => problem.file))).toEqual(new Set([absolute]));
  // People know it by the name that they gave.
  expect(said.at(-1)).toMatch(`${named} was not reloaded`);
});

it('records who asked, which file it was, and what is different or would have been', async () => {
  const file = join(temporaryFolder(), 'aegis.jsonc');
  const write = (changes: object) => writeFileSync(file, JSON.stringify({ ...configuration, ...changes }));
  write({});
  const events: AuditEvent[] = [];
  const starting = Promise.resolve({
    configuration: loadConfiguration(file).configuration,
    gateway: {
      addresses: [],
      reload: async () => ({ ended: 0 }),
    } as Partial<RunningGateway> as RunningGateway,
    pidFile: { moveTo: async () => {} },
    audit: { reopen: () => {}, replace: () => {} },
    auditExport: { prepareReload: async () => () => {} },
    lists: { prepare: async () => () => {} },
    locks: { reread: async () => {} },
    monitoring: {
      prepareReload: () => () => {},
      record: (event: AuditEvent) => events.push(event),
    } as unknown as Monitoring,
  });
  const reloads = new Reloads(file, starting, {}, () => {});
  const noFind = { modality: 'ct1', command: 'c-find', expect: 'command-not-allowed' };
  write({ tests: [noFind] });
  const requestedBy = { by: 'admin', command: 'modality set', systemUser: 'alice' } as const;
  await reloads.inTurn({}, requestedBy);
  write({
    tests: [noFind],
    modalities: { ct1: { ...configuration.modalities.ct1, allow: ['echo', 'find'] } },
  });
  await reloads.inTurn();
  const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(events).toMatchObject([
    { event: 'configuration.reloaded', sha256, requestedBy, changes: [expect.stringContaining('tests')] },
    {
      event: 'configuration.rejected',
      sha256,
      requestedBy: { by: 'signal' },
      detail: expect.stringContaining('tests[0] expected "command-not-allowed", came "allowed"'),
      changes: ['modality "ct1" changed: allow + "find"'],
    },
  ]);
  expect(events[0]?.sha256).not.toBe(events[1]?.sha256);
});

it('reports the end of each reload to systemd, also of one that breaks', async () => {
  const file = join(temporaryFolder(), 'aegis.jsonc');
  writeFileSync(file, JSON.stringify(configuration));
  const said: string[] = [];
  const starting = Promise.resolve({
    configuration: loadConfiguration(file).configuration,
    audit: { reopen: () => {}, replace: () => {} },
    locks: { reread: () => Promise.reject(new Error('a defect')) },
    systemd: {
      reloading: () => void said.push('reloading'),
      reloaded: (problems: number) => void said.push(`reloaded, ${problems}`),
    },
  } as Partial<Reloadable> as Reloadable);
  await expect(new Reloads(file, starting, {}, () => {}).inTurn()).rejects.toThrow('a defect');
  expect(said).toEqual(['reloading', 'reloaded, 1']);
});
