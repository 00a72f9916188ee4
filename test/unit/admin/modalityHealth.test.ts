import { describe, expect, it } from '@jest/globals';
import { AuditTrailView } from '../../../src/admin/auditTrailView';
import {
  healthOf,
  type ModalityFacts,
  type StateFacts,
  stateSentence,
} from '../../../src/admin/modalityHealth';
import type { SyslogStatus } from '../../../src/atna/runningExport';
import { denial } from '../../support/statusReport';

const now = new Date('2026-06-15T12:00:00Z');
const well: ModalityFacts = {
  lock: undefined,
  refusedSince: undefined,
  certificateEnd: undefined,
  silence: undefined,
};
const lock = { modality: 'ct1', reason: 'stolen', since: '2026-06-15T10:00:00Z' };

describe('the health of a modality', () => {
  it.each([
    ['ok', {}, ''],
    ['ok', { certificateEnd: new Date('2026-07-15T12:00:00Z') }, ''],
    [
      'certificate',
      { certificateEnd: new Date('2026-07-15T11:59:59Z') },
      'its certificate ends in 29 days, on 2026-07-15',
    ],
    [
      'certificate',
      { certificateEnd: new Date('2026-06-15T13:00:00Z') },
      'its certificate ends in less than a day, on 2026-06-15',
    ],
    [
      'certificate',
      { certificateEnd: new Date('2026-06-14T12:00:00Z') },
      'its certificate ended on 2026-06-14',
    ],
    ['silent', { silence: 'not heard for 2 days' }, 'not heard for 2 days'],
    [
      'refused',
      { refusedSince: denial },
      'its last association was refused: the calling AE title is in no modality entry',
    ],
    ['locked', { lock }, 'locked since 2026-06-15 10:00 UTC: "stolen"'],
  ] as const)('is %s: %j', (health, facts, why) => {
    expect(healthOf({ ...well, ...facts }, now)).toEqual({ health, why });
  });

  it('is the worst of several', () => {
    const certificateEnd = now;
    expect(healthOf({ ...well, certificateEnd, silence: 'silent' }, now).health).toBe('certificate');
    expect(healthOf({ ...well, certificateEnd, refusedSince: denial }, now).health).toBe('refused');
    expect(healthOf({ ...well, lock, refusedSince: denial }, now).health).toBe('locked');
  });

  it('names the command that was refused', () => {
    const refused = { ...denial, event: 'command.refused', command: 'C-FIND' };
    expect(healthOf({ ...well, refusedSince: refused }, now).why).toMatch(/^its last C-FIND was refused/);
  });
});

const fine: StateFacts = {
  isListening: true,
  isDraining: false,
  modalities: 41,
  observed: 0,
  byHealth: { ok: 41, refused: 0, certificate: 0, silent: 0, locked: 0 },
  upstreams: [
    { upstream: 'ORTHANC', server: 'a:1', isUp: true },
    { upstream: 'ORTHANC', server: 'b:2', isUp: true },
    { upstream: 'PACS', server: 'c:3', isUp: true },
  ],
  auditFaults: [],
  endedListeners: [],
  isLastReloadOk: true,
  pendingCallers: 0,
};

function down(...servers: readonly string[]): Partial<StateFacts> {
  return { upstreams: fine.upstreams.map((one) => ({ ...one, isUp: !servers.includes(one.server) })) };
}

describe('the sentence of state', () => {
  it.each([
    ['Enforcing; all 41 modalities are well', 'ok', {}],
    [
      'Enforcing; 2 of 41 modalities need you',
      'attention',
      { byHealth: { ...fine.byHealth, refused: 1, silent: 1 } },
    ],
    [
      'Enforcing; 1 of 41 modalities needs you',
      'attention',
      { byHealth: { ...fine.byHealth, certificate: 1, locked: 3 } },
    ],
    ['Enforcing; all 41 modalities are well', 'ok', { byHealth: { ...fine.byHealth, locked: 3 } }],
    ['Observing; all 41 modalities are well', 'ok', { observed: 41 }],
    ['Observing 3 of 41; all 41 modalities are well', 'ok', { observed: 3 }],
    ['Enforcing; no modality is configured', 'ok', { modalities: 0 }],
    ['Enforcing; the modality is well', 'ok', { modalities: 1 }],
    ['Enforcing; all 41 modalities are well', 'attention', { pendingCallers: 2 }],
    ['Enforcing; all 41 modalities are well', 'attention', { isLastReloadOk: false }],
    ['Enforcing; all 41 modalities are well', 'attention', down('a:1')],
    ['Enforcing; "ORTHANC" is down; all 41 modalities are well', 'alarm', down('a:1', 'b:2')],
    ['Enforcing; 2 archives are down; all 41 modalities are well', 'alarm', down('a:1', 'b:2', 'c:3')],
    [
      'Enforcing; a certificate of the gateway has ended; all 41 modalities are well',
      'alarm',
      { endedListeners: ['tls'] },
    ],
    [
      'Enforcing; the audit log was changed; all 41 modalities are well',
      'alarm',
      { auditFaults: [{ text: 'the audit log was changed', detail: 'Its last line is missing.' }] },
    ],
    [
      'Enforcing; the syslog server is away; all 41 modalities are well',
      'attention',
      { auditFaults: [{ text: 'the syslog server is away', detail: 'It is.', tone: 'attention' }] },
    ],
    ['Stopping; nobody is let in; all 41 modalities are well', 'alarm', { isDraining: true }],
    ['Not listening; nobody is let in; all 41 modalities are well', 'alarm', { isListening: false }],
  ] as const)('is "%s" (%s) for %j', (text, tone, facts: Partial<StateFacts>) => {
    const sentence = stateSentence({ ...fine, ...facts });
    expect(sentence).toMatchObject({ text, tone });
    expect(sentence.details.length > 0).toBe(tone !== 'ok');
  });

  it('says what is behind it, the worst first', () => {
    const byHealth = { ...fine.byHealth, refused: 1, certificate: 2, silent: 1 };
    const { details } = stateSentence({ ...fine, ...down('a:1', 'c:3'), byHealth, pendingCallers: 1 });
    expect(details).toEqual([
      'No server of "PACS" answers: modalities are asked to try again later.',
      'The server a:1 of "ORTHANC" is down; another one serves.',
      'The last attempt of 1 modality was refused.',
      'The certificate of 2 modalities ends within 30 days.',
      '1 modality has been silent for too long.',
      '1 caller without an entry was refused.',
    ]);
  });

  it('knows of the audit trail what its events, its sinks and the syslog server say', () => {
    const trail = new AuditTrailView();
    const server = { server: 'logs:6514', isUp: true, waiting: 0 };
    const away = {
      ...server,
      isUp: false,
      since: '2026-11-30T10:00:00.000Z',
      detail: 'it hangs',
      waiting: 2,
    };
    const faults = (sinks = {}, syslog: SyslogStatus | undefined = server, ms = now.getTime()) =>
      trail.faults(sinks, syslog, new Date(ms));
    expect(faults({ stdout: true })).toEqual([]);
    expect(trail.faults({}, undefined, now)).toEqual([]);
    expect(faults({ stdout: true }, away)).toEqual([
      {
        text: 'the syslog server is away',
        detail:
          'The syslog server logs:6514 has been away since 2026-11-30 10:00:00 UTC: it hangs. 2 messages wait on the disk.',
        tone: 'attention',
      },
    ]);
    trail.record({ event: 'audit.broken', outcome: 'failed', detail: 'a line is missing' }, now.getTime());
    expect(faults({ stdout: true, file: false })).toMatchObject([
      { text: 'the audit log is not written to its file' },
      { text: 'the audit log was changed', detail: 'A line is missing.' },
    ]);
    expect(faults({}, server, now.getTime() + 24 * 60 * 60_000)).toEqual([]);
  });

  it('quotes the name of an archive, whatever is in it', () => {
    const upstreams = [{ upstream: 'A\u001b[31m', server: 'a:1', isUp: false }];
    expect(stateSentence({ ...fine, upstreams }).text).not.toContain('\u001b');
  });
});
