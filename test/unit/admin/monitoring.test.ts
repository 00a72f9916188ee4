import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Monitoring } from '../../../src/admin/monitoring';
import type { AuditEvent } from '../../../src/audit/events';
import { configurationSchema } from '../../../src/config/schema';
import { plainConfiguration } from '../../support/gateway';
import { temporaryFolder } from '../../support/processes';

const completed: AuditEvent = {
  event: 'command.completed',
  outcome: 'allowed',
  connectionId: '0123456789abcdef',
  modality: 'ct1',
  direction: 'ingress',
  command: 'C-ECHO',
};

let monitoring: Monitoring;
let lines: AuditEvent[];
let watched: AuditEvent[];
let warnings: string[];

beforeEach(async () => {
  lines = [];
  watched = [];
  warnings = [];
  const settings = { stateDirectory: join(temporaryFolder(), 'state') };
  const configuration = configurationSchema.parse(plainConfiguration(4242, {}, settings));
  const audit = { record: (event: AuditEvent) => lines.push(event) };
  monitoring = await Monitoring.start(configuration, audit, (warning) => warnings.push(warning));
});

afterEach(() => monitoring.close());

it('gives an event to the audit log at once, and to all others at the end of the turn', async () => {
  monitoring.alsoTell({ record: (event) => watched.push(event) });
  monitoring.record(completed);
  expect(lines).toEqual([completed]);
  expect(watched).toEqual([]);
  await nextTurn();
  expect(watched).toEqual([completed]);
});

it('has shown every event when it is closed', async () => {
  monitoring.alsoTell({ record: (event) => watched.push(event) });
  monitoring.record(completed);
  const closed = monitoring.close();
  expect(watched).toEqual([completed]);
  await closed;
});

it('says once that one of those that watch has failed, and goes on', async () => {
  monitoring.alsoTell({
    record: (event) => {
      watched.push(event);
      throw new Error('full');
    },
  });
  monitoring.record(completed);
  monitoring.record(completed);
  await nextTurn();
  expect(watched).toHaveLength(2);
  expect(warnings).toEqual(['what watches the gateway has failed: full']);
});
