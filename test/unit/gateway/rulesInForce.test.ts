/** When the time of an entry has come: a decision or the timer notices it, and open associations end either way. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { RulesInForce } from '../../../src/gateway/rulesInForce';
import { configurationOf } from '../../support/policyOf';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const END_MS = 90_000;
const configuration = configurationOf({
  ct1: {
    callingAeTitle: 'CT1',
    from: '10.1.2.10',
    allow: 'echo',
    validUntil: new Date(NOW + END_MS).toISOString(),
  },
});

let rules: RulesInForce;
let changes: number;

beforeEach(() => {
  jest.useFakeTimers({ now: NOW, doNotFake: ['queueMicrotask', 'nextTick'] });
  changes = 0;
  rules = new RulesInForce(configuration, [], () => {
    changes += 1;
  });
});

afterEach(() => {
  rules.close();
  jest.useRealTimers();
});

it('ends what is open while nobody asks', async () => {
  await jest.advanceTimersByTimeAsync(END_MS - 1);
  expect(changes).toBe(0);
  await jest.advanceTimersByTimeAsync(END_MS);
  expect(changes).toBe(1);
});

it('ends what is open also where a decision comes before the timer', async () => {
  jest.setSystemTime(NOW + END_MS);
  expect(rules.suspension('ct1')).toBe('entry-not-valid-now');
  await Promise.resolve();
  expect(changes).toBe(1);
});
