import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type AddressClaim, AddressLimits } from '../../../src/net/addressLimits';

let limits: AddressLimits;
let entered: string[];
beforeEach(() => {
  jest.useFakeTimers();
  limits = new AddressLimits();
  entered = [];
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

/** A connection of the address; the rate of all is 10 a second. */
function come(address: string, connectionsPerSecond = 0): AddressClaim {
  const limit = { maxPending: 2000, connectionsPerSecond, connectionsPerSecondOfAll: 10 };
  const claim = limits.claim(address, limit)!;
  if (!claim.enter(() => entered.push(address))) entered.push(`${address} refused`);
  return claim;
}

describe('the connections of all addresses together', () => {
  it('wait beyond their rate, and their addresses take turns', () => {
    const flood = Array.from({ length: 50 }, () => come('10.0.0.1'));
    expect(entered).toHaveLength(10);
    const honest = come('10.0.0.2');
    expect(honest.isWaiting).toBe(true);
    jest.advanceTimersByTime(250);
    expect(honest.isWaiting).toBe(false);
    expect(entered.slice(10)).toEqual(['10.0.0.1', '10.0.0.2']);
    for (const claim of flood) claim.release();
  });

  it('cost nothing where they come to an association', () => {
    for (let count = 0; count < 100; count += 1) come('10.0.0.1').associated();
    expect(entered).toHaveLength(100);
  });

  it('are refused where 64 of one address wait; another one waits on', () => {
    const claims = Array.from({ length: 75 }, () => come('10.0.0.1'));
    claims.push(come('10.0.0.2'));
    expect(entered.filter((name) => name.endsWith('refused'))).toEqual(['10.0.0.1 refused']);
    for (const claim of claims) claim.release();
    expect(entered).toHaveLength(11);
  });

  it('wait for their own rate first', () => {
    const claims = Array.from({ length: 15 }, () => come('10.0.0.1', 1));
    jest.advanceTimersByTime(2100);
    expect(entered).toHaveLength(12);
    for (const claim of claims) claim.release();
  });
});
