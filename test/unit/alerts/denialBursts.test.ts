import { describe, expect, it } from '@jest/globals';
import { DenialBursts } from '../../../src/alerts/denialBursts';
import type { AuditEvent } from '../../../src/audit/events';

const rules = { count: 3, seconds: 10 };
const ofCt1: AuditEvent = {
  event: 'command.refused',
  outcome: 'denied',
  modality: 'ct1',
  sourceAddress: '10.0.0.1',
};

function strangerAt(sourceAddress: string): AuditEvent {
  return { event: 'association.rejected', outcome: 'denied', sourceAddress };
}

describe('A burst of refusals', () => {
  it('is reported once, when there are so many of one modality in the time', () => {
    const bursts = new DenialBursts();
    const found = [0, 1, 2, 3, 4].map((ms) => bursts.record(ofCt1, rules, ms));
    expect(found).toEqual([undefined, undefined, 'modality ct1', undefined, undefined]);
  });

  it('is none where they are spread over more time, of several, or allowed', () => {
    const bursts = new DenialBursts();
    for (let second = 0; second < 60; second += 6) {
      expect(bursts.record(ofCt1, rules, second * 1000)).toBeUndefined();
    }
    for (const event of [ofCt1, strangerAt('10.0.0.1'), strangerAt('10.0.0.2')]) {
      expect(bursts.record(event, rules, 100_000)).toBeUndefined();
      expect(bursts.record(event, rules, 100_000)).toBeUndefined();
      expect(bursts.record({ ...event, outcome: 'allowed' }, rules, 100_000)).toBeUndefined();
    }
  });

  it('that goes on is not reported again before it was quiet', () => {
    const bursts = new DenialBursts();
    const report = (second: number) =>
      [0, 1, 2].map((ms) => bursts.record(ofCt1, rules, second * 1000 + ms)).filter(Boolean).length;
    expect([report(0), report(11), report(22)]).toEqual([1, 0, 0]);
    expect(bursts.record(ofCt1, rules, 33_000)).toBeUndefined();
    expect(report(44)).toBe(1);
  });

  it('counts callers without an entry by address, in IPv6 by /64', () => {
    const bursts = new DenialBursts();
    const found = ['2001:db8::1', '2001:db8::2', '2001:db8::3'].map((address) =>
      bursts.record(strangerAt(address), rules, 0),
    );
    expect(found[2]).toBe('2001:db8:0:0::/64');
  });

  it('counts those beyond a thousand addresses together, until the first are over', () => {
    const bursts = new DenialBursts();
    for (let index = 0; index < 1000; index += 1) {
      bursts.record(strangerAt(`10.1.${index >> 8}.${index & 255}`), rules, 0);
    }
    const found = [1, 2, 3].map((last) => bursts.record(strangerAt(`10.2.0.${last}`), rules, 1));
    expect(found).toEqual([undefined, undefined, 'other addresses']);
    const later = [0, 1, 2].map(() => bursts.record(strangerAt('10.2.0.9'), rules, 10_001));
    expect(later[2]).toBe('10.2.0.9');
  });
});
