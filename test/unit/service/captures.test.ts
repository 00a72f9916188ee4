/** The one capture that runs: it ends whatever happens. */
import { expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/audit/events';
import { Captures } from '../../../src/service/captures';

const request = { modality: 'ct1', side: 'both', forSeconds: 60, maxBytes: 1_000_000 } as const;

it('lets another one begin where one could not', async () => {
  const events: AuditEvent[] = [];
  let failure: Error | undefined = new Error('a file of the program is gone');
  const taps = {
    async begin() {
      if (failure !== undefined) throw failure;
      return { confirm() {}, end: async () => {} };
    },
  };
  const captures = new Captures(() => {});
  captures.attach({
    gateway: { taps },
    audit: { record: (event) => void events.push(event) },
  });
  await expect(captures.begin(request, { by: 'admin' })).rejects.toThrow(/is gone/);
  expect(captures.modality).toBeUndefined();
  failure = undefined;
  await captures.begin(request, { by: 'admin' });
  expect(captures.modality).toBe('ct1');
  await captures.end('enough');
  expect(events.map(({ event, detail }) => [event, detail?.replace(/;.*/, '')])).toEqual([
    ['capture.started', expect.anything()],
    ['capture.ended', 'it could not begin'],
    ['capture.started', expect.anything()],
    ['capture.ended', 'enough'],
  ]);
});
