import { describe, expect, it } from '@jest/globals';
import { pendingCallerSchema } from '../../../src/admin/pendingCaller';
import { PendingCallers } from '../../../src/admin/pendingCallers';
import type { AuditEvent } from '../../../src/audit/events';

const tls = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  subject: 'CN=ct9',
  issuer: 'CN=CA',
  fingerprint256: 'AA:BB',
  spkiSha256: 'CC:DD',
  notAfter: '2027-01-01T00:00:00.000Z',
};

function rejected(changes: Partial<AuditEvent> = {}): AuditEvent {
  return {
    event: 'association.rejected',
    outcome: 'denied',
    reason: 'calling-ae-title-unknown',
    direction: 'ingress',
    listener: 'tls',
    sourceAddress: '10.1.2.9',
    sourcePort: 40_000,
    callingAeTitle: 'CT9',
    calledAeTitle: 'ORTHANC',
    tls,
    implementationClassUid: '1.2.3',
    implementationVersionName: 'MAKER_1',
    proposedSopClasses: ['Verification', 'CTImageStorage'],
    ...changes,
  };
}

/** A list with a clock that goes on a second with each look at it. */
function listOf({ maxEntries = 1000, events = [] as readonly AuditEvent[] } = {}) {
  let seconds = 0;
  let changes = 0;
  const callers = new PendingCallers({
    maxEntries,
    changed: () => {
      changes += 1;
    },
    now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds++)),
  });
  for (const event of events) callers.record(event);
  return { callers, changes: () => changes };
}

function titlesOf(callers: PendingCallers) {
  return callers.list.map(({ callingAeTitle }) => callingAeTitle);
}

describe('PendingCallers', () => {
  const refused = (changes: Partial<AuditEvent> = {}): AuditEvent => ({
    event: 'connection.refused',
    outcome: 'denied',
    reason: 'certificate-expired',
    direction: 'ingress',
    listener: 'tls',
    sourceAddress: '10.1.2.9',
    tls: { ...tls, serialNumber: '0A', notBefore: '2026-01-01T00:00:00.000Z' },
    ...changes,
  });

  it('keeps a caller of which the certificate was refused, with which one it was', () => {
    const { callers } = listOf({ events: [refused(), refused()] });
    expect(callers.list).toEqual([
      expect.objectContaining({
        callingAeTitle: '',
        sourceAddress: '10.1.2.9',
        reason: 'certificate-expired',
        count: 2,
        certificate: {
          subject: 'CN=ct9',
          issuer: 'CN=CA',
          serialNumber: '0A',
          fingerprint256: 'AA:BB',
          spkiSha256: 'CC:DD',
          notBefore: '2026-01-01T00:00:00.000Z',
          notAfter: '2027-01-01T00:00:00.000Z',
        },
      }),
    ]);
    expect(pendingCallerSchema.parse(callers.list[0])).toEqual(callers.list[0]);
  });

  it('keeps no other refused connection, and takes the caller off once its certificate is good', () => {
    const { callers } = listOf({
      events: [
        refused({ reason: 'tls-version' }),
        refused({ reason: 'certificate-missing', tls: undefined }),
      ],
    });
    expect(callers.size).toBe(0);
    callers.record(refused());
    callers.record(rejected({ event: 'association.accepted', outcome: 'allowed', reason: undefined }));
    expect(callers.size).toBe(0);
  });

  it('keeps all that is known of a caller, once, with how often and when it came', () => {
    const { callers } = listOf({ events: [rejected(), rejected({ sourcePort: 40_001 }), rejected()] });
    expect(callers.list).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{12}$/),
        callingAeTitle: 'CT9',
        calledAeTitle: 'ORTHANC',
        sourceAddress: '10.1.2.9',
        listener: 'tls',
        isTls: true,
        certificate: {
          fingerprint256: 'AA:BB',
          spkiSha256: 'CC:DD',
          subject: 'CN=ct9',
          issuer: 'CN=CA',
          notAfter: '2027-01-01T00:00:00.000Z',
        },
        implementationClassUid: '1.2.3',
        implementationVersionName: 'MAKER_1',
        proposedSopClasses: ['Verification', 'CTImageStorage'],
        commands: [],
        reason: 'calling-ae-title-unknown',
        firstSeen: '2026-01-01T00:00:00.000Z',
        lastSeen: '2026-01-01T00:00:02.000Z',
        count: 3,
      },
    ]);
    expect(() => pendingCallerSchema.parse(callers.list[0])).not.toThrow();
  });

  it.each<[string, Partial<AuditEvent>]>([
    ['calling AE title', { callingAeTitle: 'CT8' }],
    ['called AE title', { calledAeTitle: 'PACS' }],
    ['address', { sourceAddress: '10.1.2.8' }],
    ['listener', { listener: 'tls2' }],
    ['certificate', { tls: { ...tls, fingerprint256: 'EE:FF' } }],
  ])('tells callers apart by their %s', (_what, changes) => {
    const { callers } = listOf({ events: [rejected(), rejected(changes)] });
    const [one, other] = callers.list;
    expect(callers.size).toBe(2);
    expect(one!.id).not.toBe(other!.id);
  });

  it('gives a caller the same ID in every run', () => {
    const idOf = () => listOf({ events: [rejected()] }).callers.list[0]!.id;
    expect(idOf()).toBe(idOf());
  });

  it('keeps titles apart that would be the same with any separator between them', () => {
    const events = [
      rejected({ callingAeTitle: 'A"', calledAeTitle: ',"B' }),
      rejected({ callingAeTitle: 'A', calledAeTitle: '","B' }),
    ];
    expect(listOf({ events }).callers.size).toBe(2);
  });

  it('lists who was seen last first', () => {
    const [a, b] = [rejected({ callingAeTitle: 'A' }), rejected({ callingAeTitle: 'B' })];
    expect(titlesOf(listOf({ events: [a, b] }).callers)).toEqual(['B', 'A']);
    expect(titlesOf(listOf({ events: [a, b, a] }).callers)).toEqual(['A', 'B']);
  });

  it.each<Partial<AuditEvent>>([
    { reason: 'association-limit' },
    { reason: 'upstream-unavailable', outcome: 'failed' },
    { reason: 'protocol-version' },
    { event: 'connection.refused', reason: 'source-address-unknown' },
    { direction: 'egress' },
  ])('leaves out what no entry would change: %j', (changes) => {
    const { callers, changes: count } = listOf({ events: [rejected(changes)] });
    expect(callers.list).toEqual([]);
    expect(count()).toBe(0);
  });

  it('remembers which commands a known modality tried in vain, each once', () => {
    const refused = (changes: Partial<AuditEvent>) =>
      rejected({ event: 'command.refused', modality: 'ct9', reason: 'command-not-allowed', ...changes });
    const events = [
      refused({ command: 'C-FIND', sopClass: 'ModalityWorklistInformationModelFind' }),
      refused({ command: 'C-FIND', sopClass: 'ModalityWorklistInformationModelFind' }),
      refused({ command: 'C-MOVE', reason: 'move-destination-not-allowed', moveDestination: 'WS7' }),
    ];
    expect(listOf({ events }).callers.list).toEqual([
      expect.objectContaining({
        modality: 'ct9',
        reason: 'move-destination-not-allowed',
        commands: ['C-FIND ModalityWorklistInformationModelFind', 'C-MOVE to WS7'],
        count: 3,
      }),
    ]);
  });

  it('names the entry of the last refusal only: entries come and go', () => {
    const near = rejected({ reason: 'source-address-mismatch', modality: 'ct9' });
    expect(listOf({ events: [rejected(), near] }).callers.list[0]).toMatchObject({ modality: 'ct9' });
    expect(listOf({ events: [near, rejected()] }).callers.list[0]).not.toHaveProperty('modality');
  });

  it('forgets a caller that was let in', () => {
    const accepted = rejected({ event: 'association.accepted', outcome: 'allowed', modality: 'ct9' });
    delete (accepted as { reason?: string }).reason;
    const { callers } = listOf({ events: [rejected(), rejected({ callingAeTitle: 'CT8' }), accepted] });
    expect(titlesOf(callers)).toEqual(['CT8']);
  });

  it('keeps what was refused on an association that was let in', () => {
    const events = [
      rejected({ event: 'command.refused', reason: 'command-not-allowed', command: 'C-FIND' }),
      rejected({ event: 'association.accepted', outcome: 'allowed' }),
    ];
    expect(listOf({ events }).callers.size).toBe(1);
  });

  it('takes one off by its ID and reports the change', () => {
    const { callers, changes } = listOf({ events: [rejected()] });
    expect(callers.remove('000000000000')).toBe(false);
    expect(changes()).toBe(1);
    expect(callers.remove(callers.list[0]!.id)).toBe(true);
    expect(callers.list).toEqual([]);
    expect(changes()).toBe(2);
  });

  it('goes on from the list of an earlier run', () => {
    const { callers } = listOf({
      events: [rejected({ callingAeTitle: 'A' }), rejected({ callingAeTitle: 'B' })],
    });
    const later = new PendingCallers({ maxEntries: 1000 }, callers.list);
    expect(later.list).toEqual(callers.list);
    later.record(rejected({ callingAeTitle: 'A' }));
    expect(later.list[0]).toMatchObject({
      callingAeTitle: 'A',
      count: 2,
      firstSeen: callers.list[1]!.firstSeen,
    });
  });
});

describe('the bounds of the list', () => {
  const from = (index: number) => `10.0.${index >> 8}.${index & 0xff}`;

  it('drops who was not seen for longest', () => {
    const events = [0, 1, 2, 0, 3].map((index) => rejected({ sourceAddress: from(index) }));
    const { callers } = listOf({ maxEntries: 3, events });
    expect(callers.list.map(({ sourceAddress }) => sourceAddress)).toEqual([from(3), from(0), from(2)]);
  });

  it('holds for the list of an earlier run', () => {
    const { callers } = listOf({
      events: [0, 1, 2].map((index) => rejected({ sourceAddress: from(index) })),
    });
    expect(new PendingCallers({ maxEntries: 2 }, callers.list).size).toBe(2);
  });

  it('lets one scanner wash out nobody but itself', () => {
    const { callers } = listOf({ maxEntries: 100, events: [rejected()] });
    for (let title = 0; title < 5000; title += 1) {
      callers.record(rejected({ sourceAddress: '10.66.6.6', callingAeTitle: `SCAN${title}` }));
    }
    expect(callers.size).toBe(33);
    expect(titlesOf(callers)).toContain('CT9');
    expect(titlesOf(callers)[0]).toBe('SCAN4999');
  });

  it('counts the addresses of an IPv6 network as one', () => {
    const { callers } = listOf({ maxEntries: 100, events: [rejected()] });
    for (let host = 1; host < 500; host += 1) {
      callers.record(rejected({ sourceAddress: `2001:db8::${host.toString(16)}` }));
    }
    expect(callers.size).toBe(33);
    callers.record(rejected({ sourceAddress: '2001:db8:0:1::1' }));
    expect(callers.size).toBe(34);
  });

  it('cuts long names of certificates and stops at 32 kinds of command', () => {
    const long = rejected({ tls: { ...tls, subject: 'x'.repeat(5000), issuer: 'y'.repeat(5000) } });
    const { callers } = listOf({ events: [long] });
    for (let kind = 0; kind < 100; kind += 1) {
      callers.record({
        ...long,
        event: 'command.refused',
        reason: 'sop-class-not-allowed',
        command: 'C-STORE',
        sopClass: `1.${kind}`,
      });
    }
    const [caller] = callers.list;
    expect(caller!.certificate).toMatchObject({ subject: 'x'.repeat(256), issuer: 'y'.repeat(256) });
    expect(caller!.commands).toHaveLength(32);
  });
});
