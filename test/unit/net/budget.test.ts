import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Budget, Budgets } from '../../../src/net/budget';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

function takeAll(budget: Budget): number {
  let taken = 0;
  const granted = () => {};
  while (budget.take(granted)) taken += 1;
  budget.leave(granted);
  return taken;
}

describe('a budget', () => {
  it('gives the tokens of ten seconds at once, and then the rate', () => {
    const budget = new Budget(100);
    expect(takeAll(budget)).toBe(1000);
    jest.advanceTimersByTime(500);
    expect(takeAll(budget)).toBe(50);
    jest.advanceTimersByTime(3_600_000);
    expect(takeAll(budget)).toBe(1000);
  });

  it('lets those that wait in one after the other', () => {
    const budget = new Budget(10);
    takeAll(budget);
    const granted: string[] = [];
    for (const name of ['first', 'second', 'third']) budget.take(() => granted.push(name));
    const fourth = () => granted.push('fourth');
    budget.take(fourth);
    budget.leave(fourth);
    jest.advanceTimersByTime(101);
    expect(granted).toEqual(['first']);
    jest.advanceTimersByTime(1000);
    expect(granted).toEqual(['first', 'second', 'third']);
  });

  it('lets nobody in before those that wait', () => {
    const budget = new Budget(10);
    takeAll(budget);
    const first = jest.fn();
    const second = jest.fn();
    budget.take(first);
    jest.advanceTimersByTime(99);
    expect(budget.take(second)).toBe(false);
    jest.advanceTimersByTime(10);
    expect([first, second].map(({ mock }) => mock.calls.length)).toEqual([1, 0]);
    budget.leave(second);
  });

  it('wakes at most every 20 ms for a line of any length', () => {
    const budget = new Budget(1000);
    takeAll(budget);
    let granted = 0;
    for (let count = 0; count < 500; count += 1) budget.take(() => (granted += 1));
    jest.advanceTimersByTime(21);
    expect(granted).toBeGreaterThanOrEqual(19);
    expect(granted).toBeLessThanOrEqual(21);
    jest.advanceTimersByTime(500);
    expect(granted).toBe(500);
  });
});

describe('budgets', () => {
  it('are one for each key, and none for a rate of 0', () => {
    const budgets = new Budgets();
    expect(budgets.of('ct1', 0)).toBeUndefined();
    const budget = budgets.of('ct1', 10);
    expect(budgets.of('ct1', 10)).toBe(budget);
    expect(budgets.of('ct2', 10)).not.toBe(budget);
    expect(budgets.of('ct1', 20)).not.toBe(budget);
  });

  it('are forgotten when they are unused, and kept while they are not', () => {
    const budgets = new Budgets();
    const used = budgets.of('used', 1);
    takeAll(used!);
    const unused = budgets.of('unused', 1);
    for (let count = 0; count < 1001; count += 1) budgets.of(`other ${count}`, 1);
    expect(budgets.of('used', 1)).toBe(used);
    expect(budgets.of('unused', 1)).not.toBe(unused);
  });
});
