import { afterEach, describe, expect, it } from '@jest/globals';
import type { CertificateExpiry } from '../../../src/admin/certificateExpiries';
import { ExpiryWatch } from '../../../src/admin/expiryWatch';
import type { AuditEvent } from '../../../src/audit/events';

const DAY_MS = 24 * 60 * 60 * 1000;
const end = new Date('2026-06-30T12:00:00Z');

function daysBefore(days: number) {
  return new Date(end.getTime() - days * DAY_MS);
}

const watches: ExpiryWatch[] = [];
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});

const yearLong: CertificateExpiry = {
  kind: 'listener',
  name: 'tls',
  notAfter: end,
  notBefore: daysBefore(365),
};

/** What is reported when the watch looks so many days before the end, one after the other. */
function toldAt(days: readonly number[], expiry: (leftDays: number) => CertificateExpiry = () => yearLong) {
  const reported: string[] = [];
  let left = 0;
  const audit = {
    record: (event: AuditEvent) => {
      expect(event).toMatchObject({ event: 'certificate.expiring', outcome: 'info', listener: 'tls' });
      reported.push(`${left}: ${event.detail}`);
    },
  };
  const watch = new ExpiryWatch(
    audit,
    () => [expiry(left)],
    () => daysBefore(left),
  );
  watches.push(watch);
  for (left of days) watch.look();
  return reported;
}

function words(when: string) {
  return `the certificate of listener tls ${when}, at 2026-06-30T12:00:00.000Z`;
}

describe('an entry that ends', () => {
  it('is reported at 7 days, at 1 day and at the end, as a modality', () => {
    const reported: AuditEvent[] = [];
    let left = 0;
    const watch = new ExpiryWatch(
      { record: (event) => reported.push(event) },
      () => [{ kind: 'entry', name: 'laptop1', notAfter: end }],
      () => daysBefore(left),
    );
    watches.push(watch);
    for (left of [30, 8, 7, 6, 1, 0.5, 0, -1]) watch.look();
    expect(reported.map(({ event, modality, detail }) => [event, modality, detail])).toEqual(
      ['ends in 7 days', 'ends in 1 day', 'ends in less than a day'].map((when) => [
        'modality.expiring',
        'laptop1',
        `the entry of modality laptop1 ${when}, at 2026-06-30T12:00:00.000Z`,
      ]),
    );
  });
});

describe('ExpiryWatch', () => {
  it('reports at 30, 14, 7 and 1 days and at the end, once each', () => {
    const days = Array.from({ length: 42 }, (_, index) => 40 - index);
    expect(toldAt(days)).toEqual([
      `30: ${words('ends in 30 days')}`,
      `14: ${words('ends in 14 days')}`,
      `7: ${words('ends in 7 days')}`,
      `1: ${words('ends in 1 day')}`,
      `0: ${words('ends in less than a day')}`,
    ]);
  });

  it('writes one line at a start in the middle, not one for each threshold that has passed', () => {
    expect(toldAt([5, 5, 4])).toEqual([`5: ${words('ends in 5 days')}`]);
    expect(toldAt([-3, -4])).toEqual([`-3: ${words('has ended')}`]);
  });

  it('says nothing of what is far away', () => {
    expect(toldAt([300, 31, 30.5])).toEqual([]);
  });

  it('starts again with a renewed certificate', () => {
    const renewed = { ...yearLong, notAfter: new Date(end.getTime() + DAY_MS) };
    expect(toldAt([3, 2.5], (left) => (left === 3 ? yearLong : renewed))).toHaveLength(2);
  });

  it('reports one that has just become known, once', () => {
    const reported: AuditEvent[] = [];
    const shown: CertificateExpiry = { kind: 'modality', name: 'ct1', notAfter: end };
    const watch = new ExpiryWatch(
      { record: (event) => reported.push(event) },
      () => [shown],
      () => daysBefore(3),
    );
    watches.push(watch);
    watch.lookAt(shown);
    watch.look();
    watch.lookAt({ ...shown, notAfter: new Date(end.getTime() + 90 * DAY_MS) });
    expect(reported).toEqual([expect.objectContaining({ event: 'certificate.expiring', modality: 'ct1' })]);
  });

  it('does not tell every day of a list that never lasts longer than a week', () => {
    const week: CertificateExpiry = { kind: 'crl', name: 'tls', notAfter: end, notBefore: daysBefore(7) };
    expect(toldAt([7, 6, 3, 2, 0.5], () => week)).toEqual([
      '0.5: a revocation list of listener tls ends in less than a day, at 2026-06-30T12:00:00.000Z',
    ]);
  });

  it.each([
    ['as aegis pki server --days 1 issues it', 2 - 1 / 86_400, [0.99, 0.5, -0.1]],
    ['of a day', 1, [0.9, 0.5, -0.1]],
  ])('tells of the last day of a certificate %s', (_title, lifetimeDays, days) => {
    const short: CertificateExpiry = { ...yearLong, notBefore: daysBefore(lifetimeDays) };
    expect(toldAt(days, () => short)).toEqual([
      `${days[0]}: ${words('ends in less than a day')}`,
      `-0.1: ${words('has ended')}`,
    ]);
  });

  it('names the upstream where it is about one', () => {
    const reported: AuditEvent[] = [];
    const expiry: CertificateExpiry = { kind: 'upstream-ca', name: 'ORTHANC', notAfter: end };
    const audit = { record: (event: AuditEvent) => reported.push(event) };
    const watch = new ExpiryWatch(
      audit,
      () => [expiry],
      () => daysBefore(3),
    );
    watches.push(watch);
    watch.look();
    expect(reported).toMatchObject([
      {
        calledAeTitle: 'ORTHANC',
        detail: expect.stringContaining('a certificate that is trusted of upstream ORTHANC ends in 3 days'),
      },
    ]);
  });

  it('does not report a list that is replaced every day', () => {
    const daily: CertificateExpiry = { kind: 'crl', name: 'tls', notAfter: end, notBefore: daysBefore(1) };
    expect(toldAt([0.9, 0.1], () => daily)).toEqual([]);
  });

  it.each<[CertificateExpiry['kind'], string]>([
    ['modality', 'the certificate that was last shown by modality ct1'],
    ['egress', 'the certificate that is shown to modality ct1'],
    ['egress-ca', 'a certificate that is trusted of modality ct1'],
    ['egress-crl', 'a revocation list for modality ct1'],
  ])('names the modality where it is about one: %s', (kind, what) => {
    const reported: AuditEvent[] = [];
    const audit = { record: (event: AuditEvent) => reported.push(event) };
    const watch = new ExpiryWatch(
      audit,
      () => [{ kind, name: 'ct1', notAfter: end }],
      () => daysBefore(3),
    );
    watches.push(watch);
    watch.look();
    expect(reported).toEqual([
      {
        event: 'certificate.expiring',
        outcome: 'info',
        modality: 'ct1',
        detail: `${what} ends in 3 days, at 2026-06-30T12:00:00.000Z`,
        notAfter: '2026-06-30T12:00:00.000Z',
      },
    ]);
  });
});
