import { describe, expect, it } from '@jest/globals';
import { statusReportText } from '../../../../src/commands/status/text';
import { association, denial, status } from '../../../support/statusReport';

const now = new Date('2026-11-25T22:00:00Z');

describe('the text of aegis status', () => {
  it('fits a screen', () => {
    expect(statusReportText(status, now)).toBe(
      [
        'ready: aegis 1.2.3, up 3 h 12 min, 2 workers',
        '',
        'SILENT',
        '  mr1  last seen 2026-11-24 10:00:00; expected every 1d',
        '',
        'LISTENERS',
        '  tls    0.0.0.0:2762  TLS',
        '  plain  [::1]:11112   plain',
        '',
        'UPSTREAMS',
        '  ORTHANC  127.0.0.1:4242  up',
        '',
        'ASSOCIATIONS  1 open; since the start 120 accepted, 3 rejected, 1 aborted; 7 connections refused',
        '  ct1  CT1@10.1.2.10 to ORTHANC  TLS  1 min 5 s  34 commands  512.3 MB',
        '',
        'LAST DENIALS',
        '  2026-11-25 21:41:07  CT9@10.1.2.9  calling-ae-title-unknown: the calling AE title is in no modality entry',
        '',
        'CERTIFICATES',
        '  listener  tls  2026-12-09  ends in 13 days',
        '',
        'last reload 2026-11-25 21:00:00: ok',
        '1 pending caller: aegis modality pending',
        '',
      ].join('\n'),
    );
  });

  it('shows revocation lists that are fetched, those that fail first, and who is in the penalty box', () => {
    const text = statusReportText(
      {
        ...status,
        revocationLists: [
          {
            url: 'http://pki.example/a.crl',
            list: 'list 7 of CN=A',
            nextUpdate: '2026-12-02T10:00:00.000Z',
            fetchedAt: '2026-11-25T21:30:00.000Z',
          },
          {
            url: 'http://pki.example/b.crl',
            failure: 'answered with HTTP 503',
            failingSince: '2026-11-25T21:31:00.000Z',
          },
        ],
        penalties: [{ key: '10.1.2.9', until: '2026-11-25T22:05:00.000Z' }],
        syslog: {
          server: 'logs:6514',
          isUp: false,
          since: '2026-11-25T21:00:00.000Z',
          detail: 'it hangs',
          waiting: 12,
        },
      },
      now,
    );
    expect(text).toContain(
      [
        'REVOCATION LISTS',
        '  http://pki.example/b.crl  NO LIST                    FAILS since 2026-11-25 21:31:00: answered with HTTP 503',
        '  http://pki.example/a.crl  until 2026-12-02 10:00:00  fetched 2026-11-25 21:30:00',
        '',
        'PENALTY BOX',
        '  10.1.2.9  until 2026-11-25 22:05:00',
        '',
        'SYSLOG',
        '  logs:6514  DOWN  since 2026-11-25 21:00:00, 12 messages to send: it hangs',
        '',
      ].join('\n'),
    );
  });

  it('says first what is wrong', () => {
    const text = statusReportText(
      {
        ...status,
        isReady: false,
        checks: { ...status.checks, upstreamUp: false, certificatesValid: false },
        upstreams: [
          { upstream: 'ORTHANC', server: '127.0.0.1:4242', isTls: false, isUp: false, detail: 'refused' },
        ],
        certificates: [{ kind: 'modality', name: 'ct1', notAfter: '2026-11-24T00:00:00.000Z' }],
        lastReload: { time: '2026-11-25T21:00:00.000Z', isOk: false, detail: 'aegis.jsonc:1:1 is not JSON' },
      },
      now,
    );
    expect(text).toMatch(/^NOT READY \(no upstream answers, a certificate has expired\): aegis 1\.2\.3, up/);
    expect(text).toContain('  ORTHANC  127.0.0.1:4242  DOWN    refused\n');
    expect(text).toContain('  modality  ct1  2026-11-24  HAS ENDED\n');
    expect(text).toContain('last reload 2026-11-25 21:00:00: REJECTED: aegis.jsonc:1:1 is not JSON\n');
  });

  it('shows what gateways share, and what this one does while Redis is away', () => {
    const shared = {
      server: 'redis.example:6379',
      site: 'main',
      isUp: true,
      since: '2026-11-25T21:00:00.000Z',
      gateways: 2,
      whileAway: 'alone',
    } as const;
    expect(statusReportText({ ...status, shared }, now)).toContain(
      'SHARED\n  redis.example:6379  up  2 gateways\n',
    );
    const { gateways: _, ...away } = { ...shared, isUp: false, detail: 'no answer within 50 ms' };
    expect(statusReportText({ ...status, shared: away }, now)).toContain(
      'SHARED\n  redis.example:6379  DOWN  this gateway keeps the limits by itself; no answer within 50 ms\n',
    );
    expect(statusReportText({ ...status, shared: { ...away, whileAway: 'closed' } }, now)).toContain(
      'no new association is let in; no answer within 50 ms\n',
    );
  });

  it('shows the first of several problems of a rejected reload, in one line', () => {
    const detail = 'aegis.jsonc:3:1 modalities.ct1 is wrong\nb\nc';
    const text = statusReportText(
      { ...status, lastReload: { time: '2026-11-25T21:00:00.000Z', isOk: false, detail } },
      now,
    );
    expect(text).toContain(
      'REJECTED: aegis.jsonc:3:1 modalities.ct1 is wrong, and 2 problems more: "aegis check" lists them\n',
    );
  });

  it('shows ten rows of each and how many more there are', () => {
    const text = statusReportText({ ...status, associations: Array(25).fill(association) }, now);
    expect(text.match(/CT1@10\.1\.2\.10/g)).toHaveLength(10);
    expect(text).toContain('\n  and 15 more\n');
  });

  it('shows the next certificate to end where none ends soon', () => {
    const [, ca] = status.certificates;
    expect(statusReportText({ ...status, certificates: [ca!] }, now)).toContain(
      '  ca  tls  2036-12-09  ends in 3666 days\n',
    );
  });

  it('lets no peer move the cursor or begin a line', () => {
    const evil = '\u001b[2J\r\n\u202eX';
    const text = statusReportText(
      {
        ...status,
        associations: [{ ...association, callingAeTitle: evil, calledAeTitle: evil }],
        denials: [{ ...denial, callingAeTitle: evil }],
        lastReload: { time: status.startedAt, isOk: false, detail: evil },
      },
      now,
    );
    expect(text).not.toMatch(/[^\P{C}\n]/u);
    expect(text.split('\n')).toHaveLength(statusReportText(status, now).split('\n').length);
  });
});
