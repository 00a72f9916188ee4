import { describe, expect, it } from '@jest/globals';
import { alertOf, burstAlert, harmless, pendingAlert } from '../../../src/alerts/alert';
import type { AuditEvent, AuditEventName } from '../../../src/audit/events';
import { alertEvents } from '../../../src/config/schemaAlerts';

const down: AuditEvent = {
  event: 'upstream.down',
  outcome: 'failed',
  reason: 'upstream-unavailable',
  calledAeTitle: 'ORTHANC',
  upstream: '10.1.2.5:4242',
  detail: 'it refused the connection',
};

describe('An alert', () => {
  it('says what happened, what to do, and the facts for programs', () => {
    expect(alertOf(down)).toEqual({
      event: 'archive-down',
      severity: 'critical',
      text: 'the server 10.1.2.5:4242 of the archive ORTHANC is down: it refused the connection',
      action: 'Look at the archive. "aegis echo" with its name shows which step fails.',
      facts: { calledAeTitle: 'ORTHANC', upstream: '10.1.2.5:4242', reason: 'upstream-unavailable' },
    });
  });

  it('comes of these events, and of no other', () => {
    const names: AuditEventName[] = [
      ...([
        'upstream.down',
        'upstream.up',
        'certificate.expiring',
        'modality.expiring',
        'crl.failed',
      ] as const),
      ...(['configuration.rejected', 'audit.resumed', 'audit.broken', 'syslog.down'] as const),
      ...([
        'syslog.lost',
        'penalty.imposed',
        'modality.silent',
        'modality.heard',
        'modality.changed',
      ] as const),
      ...(['modality.locked', 'modality.unlocked', 'shared.down', 'shared.up'] as const),
    ];
    const alerts = names.map((event) => alertOf({ event, outcome: 'info', modality: 'ct1' }));
    expect(alerts).not.toContain(undefined);
    const rest = [
      alertOf({ event: 'association.rejected', outcome: 'denied', reason: 'canary' }),
      pendingAlert({ event: 'association.rejected', outcome: 'denied' }),
      burstAlert({ event: 'association.rejected', outcome: 'denied' }, '10.0.0.1', 50, 60),
    ];
    expect(new Set([...alerts, ...rest].map((alert) => alert?.event))).toEqual(new Set(alertEvents));
    for (const event of [
      'association.accepted',
      'command.completed',
      'alert.failed',
      'crl.fetched',
    ] as const) {
      expect(alertOf({ event, outcome: 'info' })).toBeUndefined();
    }
    expect(
      alertOf({ event: 'association.rejected', outcome: 'denied', reason: 'calling-ae-title-unknown' }),
    ).toBeUndefined();
  });

  it('escapes what a device says, so that it breaks no line and mentions nobody', () => {
    const alert = alertOf({
      event: 'association.rejected',
      outcome: 'denied',
      reason: 'canary',
      sourceAddress: '10.1.2.3',
      callingAeTitle: 'A\r\nBcc: x@y',
      calledAeTitle: '<!channel>',
    });
    expect(alert?.text).toBe(
      '10.1.2.3 used an AE title that no device has (calling A; Bcc\\x3a x\\x40y, called \\x3c!channel\\x3e)',
    );
    expect(alert?.facts.callingAeTitle).toBe('A\r\nBcc: x@y');
  });

  it('makes nothing of an AE title that a chat would turn into a link', () => {
    const titles = { callingAeTitle: 'evil.example/x', calledAeTitle: 'http://a.b' };
    const rejected = { event: 'association.rejected', outcome: 'denied', sourceAddress: '10.1.2.3' } as const;
    const canary = alertOf({ ...rejected, ...titles, reason: 'canary' });
    const pending = pendingAlert({ ...rejected, ...titles, reason: 'calling-ae-title-unknown' });
    expect(canary?.text).toContain('calling evil\\x2eexample\\x2fx, called http\\x3a\\x2f\\x2fa\\x2eb');
    expect(pending.text).toContain(': evil\\x2eexample\\x2fx at 10.1.2.3');
  });

  it('says once what changed about a modality', () => {
    const changes = ['first C-FIND', 'address 10.0.0.2, before 10.0.0.1'];
    const event = { event: 'modality.changed', outcome: 'info', modality: 'ct1', changes } as const;
    expect(alertOf({ ...event, detail: changes.join('; ') })?.text).toBe(
      'modality ct1 is not what it was: first C-FIND; address 10.0.0.2, before 10.0.0.1',
    );
  });

  it('shortens a long detail, and keeps it on one line', () => {
    expect(harmless(' a\n  b\n')).toBe('a; b');
    expect(harmless('x'.repeat(1000))).toBe(`${'x'.repeat(400)}…`);
    expect(harmless('\u001b[31m\u202e')).toBe('\\u{1b}[31m\\u{202e}');
  });
});
