import { describe, expect, it } from '@jest/globals';
import { type ModalityNews, ModalityViews } from '../../../src/admin/modalityViews';
import type { AuditEvent } from '../../../src/audit/events';
import { configurationOf, type ModalityInput } from '../../support/policyOf';

const now = new Date('2026-06-15T12:00:00Z');
const unknown: ModalityNews['inventory'] = {
  silenceOf: () => undefined,
  lastHeard: () => undefined,
  reportOf: () => undefined,
};
const nothing: ModalityNews = {
  locks: [],
  certificateEnds: new Map(),
  openByModality: new Map(),
  inventory: unknown,
};
const ct1: ModalityInput = { callingAeTitle: 'CT1', from: '10.1.2.10', allow: ['echo', 'store'] };
const ct2: ModalityInput = { callingAeTitle: 'CT2', from: '10.1.2.11', allow: 'echo' };

const from = { direction: 'ingress', sourceAddress: '10.1.2.10', callingAeTitle: 'CT1' } as const;
const accepted: AuditEvent = {
  ...from,
  event: 'association.accepted',
  outcome: 'allowed',
  modality: 'ct1',
  tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', subject: 'CN=ct1' },
};
const stored: AuditEvent = {
  ...from,
  event: 'command.completed',
  outcome: 'allowed',
  modality: 'ct1',
  command: 'C-STORE',
  bytes: 1000,
};
const commandRefused: AuditEvent = {
  ...stored,
  event: 'command.refused',
  outcome: 'denied',
  reason: 'command-not-allowed',
  command: 'C-FIND',
};
const rejected: AuditEvent = {
  ...from,
  event: 'association.rejected',
  outcome: 'denied',
  reason: 'source-address-mismatch',
  sourceAddress: '10.9.9.9',
};
const certificateRefused: AuditEvent = {
  event: 'connection.refused',
  outcome: 'denied',
  reason: 'certificate-expired',
  direction: 'ingress',
  sourceAddress: '10.1.2.10',
};

function viewsOf(...events: readonly AuditEvent[]): ModalityViews {
  const views = new ModalityViews(configurationOf({ ct2, ct1 }), () => now);
  for (const event of events) views.record(event);
  return views;
}

function summaryOf(...events: readonly AuditEvent[]) {
  return viewsOf(...events).summaries(nothing)[0];
}

describe('what is known of a modality', () => {
  it('is what it did and when it was seen', () => {
    expect(summaryOf(accepted, stored, stored)).toMatchObject({
      name: 'ct1',
      health: 'ok',
      counts: { associations: 1, commands: 2, bytes: 2000, refusals: 0 },
    });
    expect(viewsOf(accepted, stored).detail('ct1', nothing, [])).toMatchObject({
      tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
      certificate: { subject: 'CN=ct1' },
      commands: { 'C-STORE': 1 },
    });
  });

  it('is only what an entry says before it was seen', () => {
    expect(
      viewsOf()
        .summaries(nothing)
        .map(({ name }) => name),
    ).toEqual(['ct1', 'ct2']);
    expect(summaryOf()).not.toHaveProperty('lastSeen');
    expect(summaryOf()?.counts.associations).toBe(0);
    expect(viewsOf().detail('toString', nothing, [])).toBeUndefined();
  });

  it('goes further back than the start by the inventory', () => {
    const report = { modality: 'ct1', countsFrom: now.toISOString() };
    const news: ModalityNews = {
      ...nothing,
      inventory: {
        ...unknown,
        lastHeard: () => ({ ms: now.getTime(), address: '10.1.2.10' }),
        reportOf: () => report,
      },
    };
    const detail = viewsOf().detail('ct1', news, []);
    expect(detail).toMatchObject({
      lastSeen: now.toISOString(),
      lastAddress: '10.1.2.10',
      inventory: report,
    });
  });

  it('is also what changed of it', () => {
    const changes = ['TLSv1.2, before TLSv1.3'];
    const changed = { event: 'modality.changed', outcome: 'info', modality: 'ct1', changes } as const;
    const detail = viewsOf(accepted, { ...changed, detail: changes[0] }).detail('ct1', nothing, []);
    expect(detail?.recent).toMatchObject([{ event: 'modality.changed', detail: 'TLSv1.2, before TLSv1.3' }]);
  });

  it('is nothing that the archive did', () => {
    expect(summaryOf({ ...accepted, direction: 'egress' })?.counts.associations).toBe(0);
  });

  it('goes with its entry', () => {
    const views = viewsOf(accepted);
    views.replace(configurationOf({ ct2 }));
    views.replace(configurationOf({ ct1, ct2 }));
    expect(views.summaries(nothing)[0]?.counts.associations).toBe(0);
  });
});

describe('a modality counts as refused', () => {
  it.each([
    ['after a command that was refused', [accepted, commandRefused], 'refused'],
    ['also on the next association', [accepted, commandRefused, accepted], 'refused'],
    ['not after a command that was let in', [accepted, commandRefused, stored], 'ok'],
    ['when somebody used its AE title', [accepted, rejected], 'refused'],
    ['not after it was let in again', [rejected, accepted], 'ok'],
    ['when a certificate was refused at its address', [certificateRefused], 'refused'],
    ['not in observe mode', [accepted, { ...commandRefused, outcome: 'would-deny' } as const], 'ok'],
  ])('%s', (_when, events, health) => {
    expect(summaryOf(...events)?.health).toBe(health);
  });

  it('where its address is not that of many', () => {
    const shared = Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e'].map((name) => [name, { ...ct1, callingAeTitle: name, from: '10.1.0.0/16' }]),
    );
    const views = new ModalityViews(configurationOf(shared), () => now);
    views.record(certificateRefused);
    expect(views.overview(nothing, 10).attention).toEqual([]);
  });
});

describe('what asks for attention', () => {
  it('is counted, the worst first', () => {
    const views = viewsOf(accepted, rejected);
    const silence = { modality: 'ct2', expectEvery: '2d', silentSince: now.toISOString() };
    const silenceOf = (name: string) => (name === 'ct2' ? silence : undefined);
    const news = { ...nothing, inventory: { ...unknown, silenceOf } };
    const overview = views.overview(news, 10);
    expect(overview).toMatchObject({
      total: 2,
      observed: 0,
      byHealth: { ok: 0, refused: 1, silent: 1, certificate: 0, locked: 0 },
      attention: [
        { name: 'ct1', health: 'refused' },
        { name: 'ct2', health: 'silent', why: 'nothing came from it for 2d; it never came before' },
      ],
    });
    expect(views.overview(news, 1).attention).toHaveLength(1);
    expect(views.overview(nothing, 10).byHealth.silent).toBe(0);
  });

  it('is also what others know: locks, and the ends of certificates', () => {
    const locks = [{ modality: 'ct1', reason: 'stolen', since: now.toISOString() }];
    const certificateEnds = new Map([['ct2', now]]);
    const { byHealth } = viewsOf().overview({ ...nothing, locks, certificateEnds }, 10);
    expect(byHealth).toMatchObject({ locked: 1, certificate: 1 });
  });

  it('stays bounded, whatever is refused', () => {
    const views = viewsOf(accepted);
    for (let count = 0; count < 1000; count += 1) {
      views.record({ ...commandRefused, command: `C-${count}` });
      views.record({ ...stored, command: `C-${count}` });
    }
    const detail = views.detail('ct1', nothing, []);
    expect(detail?.recent).toHaveLength(20);
    expect(Object.keys(detail?.commands ?? {})).toHaveLength(64);
    expect(detail?.counts).toMatchObject({ commands: 1000, refusals: 1000 });
  });
});
