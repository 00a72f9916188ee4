/** What `aegis show errors` prints, at 80 columns. */
import { expect, it } from '@jest/globals';
import { LastErrors } from '../../../src/admin/lastErrors';
import type { AuditEvent } from '../../../src/audit/events';
import { errorsText } from '../../../src/commands/showErrors';

const event: AuditEvent = {
  event: 'association.aborted',
  outcome: 'failed',
  reason: 'pdu-pdv-invalid',
  detail: 'PDV: length 99 where 36 bytes are left in the PDU; at least 2 are required',
  connectionId: '37cb800112345678',
  modality: 'ct1',
  direction: 'ingress',
  sourceAddress: '10.1.2.3',
  excerpt: {
    peer: 'modality',
    bytes: `05 00 00 00 00 04 00 00 00 00 04 00 00 00 00 28 00 00 00 63 ${'.. '.repeat(32).trim()}`,
    start: 10,
  },
};

it('says why and when, and shows the bytes around it, in 80 columns', () => {
  const errors = new LastErrors();
  errors.record(event);
  errors.record(event);
  const lines = errorsText(errors.list).split('\n');
  expect(lines[0]).toMatch(/^"ct1", \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, 2 times, #37cb8001$/);
  expect(lines.slice(1)).toEqual([
    '  pdu-pdv-invalid: a PDV has a length that does not fit its PDU',
    '  PDV: length 99 where 36 bytes are left in the PDU; at least 2 are required',
    '  what to do: update or configure the device; the detail says what it sent',
    '  before it:',
    '    -10  05 00 00 00 00 04 00 00 00 00                    ..........',
    '  the PDU (P-DATA-TF):',
    '      0  04 00 00 00 00 28 00 00 00 63 .. .. .. .. .. ..  .....(...c......',
    '     16  26 bytes that are not shown',
  ]);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
});

it('says where there is nothing, and where the bytes are not known', () => {
  expect(errorsText([])).toBe('no peer has broken the protocol since the gateway started');
  const errors = new LastErrors();
  errors.record({ ...event, excerpt: undefined });
  expect(errorsText(errors.list)).toContain('the bytes are not known: the PDU came in pieces');
});

it('keeps the last one of each peer, of a hundred peers, the latest first', () => {
  const errors = new LastErrors();
  errors.record({ ...event, modality: undefined, reason: 'idle-timeout' });
  for (let peer = 0; peer < 150; peer += 1) errors.record({ ...event, modality: `ct${peer}` });
  errors.record({ ...event, modality: 'ct60' });
  expect(errors.list).toHaveLength(100);
  expect(errors.list.slice(0, 2).map(({ peer, count }) => [peer, count])).toEqual([
    ['ct60', 2],
    ['ct149', 1],
  ]);
});

it('names the archive where it was the archive', () => {
  const errors = new LastErrors();
  errors.record({ ...event, upstream: '10.0.0.9:104', excerpt: { ...event.excerpt!, peer: 'upstream' } });
  errors.record({ ...event, excerpt: { ...event.excerpt!, peer: 'archive' }, callingAeTitle: 'ORTHANC' });
  expect(errors.list.map(({ peer }) => peer)).toEqual(['ORTHANC@10.1.2.3', '10.0.0.9:104']);
});
