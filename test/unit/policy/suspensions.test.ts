/** What shuts an entry out whatever else it says: its lock, and its time. In both directions, and never observed. */
import { describe, expect, it } from '@jest/globals';
import { compilePolicy } from '../../../src/policy/compile';
import { decideAssociation, decideEgressAssociation, decideUntrusted } from '../../../src/policy/decide';
import { explain } from '../../../src/policy/explain';
import { describeLock, type ModalityLock, withLocks } from '../../../src/policy/locks';
import type { Policy } from '../../../src/policy/policy';
import { associationRequest, certificateOf, configurationOf, policyOf } from '../../support/policyOf';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const DAY_MS = 24 * 60 * 60 * 1000;
const entry = {
  callingAeTitle: 'CT1',
  from: '10.1.2.10',
  allow: 'echo' as const,
  address: { host: '10.1.2.10', port: 104 },
};
const lock: ModalityLock = {
  modality: 'ct1',
  reason: 'stolen',
  since: '2026-11-30T11:00:00.000Z',
  by: 'root',
};

function reasonOf(policy: Policy) {
  const decision = decideAssociation(policy, associationRequest());
  return decision.allowed ? 'allowed' : decision.reason;
}

function egressReasonOf({ egress }: Policy) {
  const request = associationRequest({
    sourceAddress: '127.0.0.1',
    callingAeTitle: 'ORTHANC',
    calledAeTitle: 'CT1',
  });
  const decision = decideEgressAssociation(egress!, request);
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('a lock', () => {
  const policy = policyOf({ ct1: { ...entry, mode: 'observe' } }, { egress: {} }, NOW);

  it('refuses the modality in both directions, also in observe mode', () => {
    expect([reasonOf(policy), egressReasonOf(policy)]).toEqual(['allowed', 'allowed']);
    const locked = withLocks(policy, [lock], NOW);
    expect([reasonOf(locked), egressReasonOf(locked)]).toEqual(['modality-locked', 'modality-locked']);
    expect(reasonOf(withLocks(policy, [{ ...lock, modality: 'mr1' }], NOW))).toBe('allowed');
  });

  it('ends at its time, and the policy says when', () => {
    const until = new Date(NOW + 1000).toISOString();
    const locked = withLocks(policy, [{ ...lock, until }], NOW);
    expect(locked.validUntilMs).toBe(NOW + 1000);
    expect(reasonOf(locked)).toBe('modality-locked');
    expect(reasonOf(withLocks(policy, [{ ...lock, until }], NOW + 1000))).toBe('allowed');
    expect(reasonOf(withLocks(policy, [{ ...lock, until: 'soon' }], NOW))).toBe('modality-locked');
  });

  it('is not the answer to a peer that is not that modality', () => {
    const decision = decideAssociation(
      withLocks(policy, [lock], NOW),
      associationRequest({ sourceAddress: '10.1.2.11' }),
    );
    expect(decision).toMatchObject({ allowed: false, reason: 'source-address-mismatch' });
  });

  it('is explained with its reason', () => {
    const { failed } = explain(withLocks(policy, [lock], NOW), {
      association: associationRequest(),
      commands: [],
    });
    expect(failed).toMatchObject({
      check: 'lock',
      reason: 'modality-locked',
      detail: 'modalities.ct1 is locked since 2026-11-30 11:00 UTC, by root: "stolen"',
      wireAnswer: 'A-ASSOCIATE-RJ result 1, source 1, reason 3',
    });
    expect(describeLock({ ...lock, reason: '\u001b[2J' })).not.toContain('\u001b');
  });
});

describe('an entry with an end', () => {
  const at = (keys: { validFrom?: string; validUntil?: string }, nowMs: number) =>
    compilePolicy(configurationOf({ ct1: { ...entry, ...keys } }, { egress: {} }), nowMs);

  it.each([
    [{ validUntil: '2026-11-30' }, NOW, 'allowed'],
    [{ validUntil: '2026-11-30' }, Date.parse('2026-12-01T00:00:00Z'), 'entry-not-valid-now'],
    [{ validUntil: '2026-11-30T12:00:00Z' }, NOW, 'entry-not-valid-now'],
    [{ validFrom: '2026-11-30' }, Date.parse('2026-11-30T00:00:00Z'), 'allowed'],
    [{ validFrom: '2026-12-01' }, NOW, 'entry-not-valid-now'],
  ])('with %j at %d is %s, in both directions', (keys, nowMs, expected) => {
    const { policy } = at(keys, nowMs);
    expect([reasonOf(policy), egressReasonOf(policy)]).toEqual([expected, expected]);
  });

  it('says when the policy has to be compiled again', () => {
    const keys = { validFrom: '2026-12-01', validUntil: '2026-12-31' };
    expect(at(keys, NOW).policy.validUntilMs).toBe(Date.parse('2026-12-01T00:00:00Z'));
    expect(at(keys, NOW + DAY_MS).policy.validUntilMs).toBe(Date.parse('2027-01-01T00:00:00Z'));
    expect(at(keys, NOW + 90 * DAY_MS).policy.validUntilMs).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([
    [{ validUntil: '2026-12-31' }, undefined],
    [{ validUntil: '2026-12-03' }, 'ends in 3 days ("2026-12-03"); the modality is refused then'],
    [{ validUntil: '2026-11-29' }, '"2026-11-29" is over, so the modality is refused; remove the entry'],
    [{ validFrom: '2026-12-31' }, '"2026-12-31" has not come yet, so the modality is refused until then'],
    [
      { validFrom: '2026-12-31', validUntil: '2026-12-01' },
      'is not after validFrom, so the entry would never count',
    ],
  ])('with %j is reported: %s', (keys, expected) => {
    const messages = at(keys, NOW).problems.map(({ message }) => message);
    if (expected === undefined) expect(messages).toEqual([]);
    else expect(messages).toEqual([expect.stringContaining(expected)]);
  });
});

describe('a certificate that no trusted CA signed', () => {
  const device = certificateOf('device');
  const untrusted = { ...device, untrusted: { why: 'it signed itself', key: 'RSA 2048', validFrom: '' } };
  const decide = (certificate: string | string[] | undefined) => {
    const modalities = { ct1: { ...entry, ...(certificate === undefined ? {} : { certificate }) } };
    return decideAssociation(policyOf(modalities), associationRequest({ certificate: untrusted }));
  };

  it('is taken by its pin alone', () => {
    expect(decide(`sha256:${device.fingerprint256}`).allowed).toBe(true);
    expect(decide(`spki-sha256:${device.spkiSha256}`).allowed).toBe(true);
    for (const certificate of [undefined, 'cn:device', 'dns:device.example', []]) {
      expect(decide(certificate)).toMatchObject({
        allowed: false,
        reason: 'certificate-mismatch',
        detail: 'its certificate is not trusted: it signed itself',
      });
    }
  });

  it('is not called untrusted where an entry names it', () => {
    const policy = policyOf({ ct1: { ...entry, certificate: `sha256:${device.fingerprint256}` } });
    const request = associationRequest({ certificate: untrusted, callingAeTitle: 'CT9' });
    const decision = decideAssociation(policy, request);
    expect(decision).toMatchObject({ allowed: false, reason: 'calling-ae-title-unknown' });
    expect(decision).not.toHaveProperty('detail');
  });

  it('passes gate 2 where it is pinned, and anywhere else only to be shown', () => {
    const pinned = policyOf({ ct1: { ...entry, certificate: `sha256:${device.fingerprint256}` } });
    expect(decideUntrusted(pinned, untrusted)).toEqual({ allowed: true });
    const other = policyOf({ ct1: { ...entry, certificate: 'cn:device' } });
    expect(decideUntrusted(other, untrusted)).toEqual({ allowed: false, reason: 'certificate-untrusted' });
    expect(decideUntrusted(policyOf({ ct1: entry }, { unknownAddresses: 'reject' }), untrusted).allowed).toBe(
      true,
    );
  });
});
