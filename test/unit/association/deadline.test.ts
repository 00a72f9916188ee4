import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadline } from '../../../src/association/deadline';

describe('a deadline', () => {
  const expired = jest.fn();
  let deadline: Deadline;
  beforeEach(() => {
    jest.useFakeTimers();
    expired.mockReset();
    deadline = new Deadline(expired);
  });
  afterEach(() => {
    deadline.dispose();
    jest.useRealTimers();
  });

  it('expires once, when its time has come', () => {
    deadline.start(1000);
    jest.advanceTimersByTime(999);
    expect(expired).not.toHaveBeenCalled();
    jest.advanceTimersByTime(2);
    expect(expired).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(10_000);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  it('expires the full time after it was moved last', () => {
    deadline.start(1000);
    for (let moves = 0; moves < 50; moves += 1) {
      jest.advanceTimersByTime(900);
      deadline.start(1000);
    }
    expect(expired).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1001);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  it('does not mind a clock that jumps', () => {
    for (const jumpMs of [3_600_000, -3_600_000, -1000]) {
      expired.mockReset();
      deadline.start(1000);
      jest.setSystemTime(Date.now() + jumpMs);
      jest.advanceTimersByTime(999);
      expect(expired).not.toHaveBeenCalled();
      jest.advanceTimersByTime(2);
      expect(expired).toHaveBeenCalledTimes(1);
    }
  });

  it('can be brought forward', () => {
    deadline.start(60_000);
    deadline.start(10);
    jest.advanceTimersByTime(11);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  it('does not expire once stopped, and can be started again', () => {
    deadline.start(100);
    deadline.stop();
    jest.advanceTimersByTime(200);
    expect(expired).not.toHaveBeenCalled();
    deadline.start(100);
    jest.advanceTimersByTime(101);
    expect(expired).toHaveBeenCalledTimes(1);
  });

  it('moves without arming a timer for each move', () => {
    deadline.start(1000);
    for (let moves = 0; moves < 1000; moves += 1) deadline.start(1000);
    expect(jest.getTimerCount()).toBe(1);
  });

  it('leaves no timer behind once disposed', () => {
    deadline.start(1000);
    deadline.dispose();
    expect(jest.getTimerCount()).toBe(0);
    expect(deadline.isRunning).toBe(false);
  });
});

describe('deadlines that run at the same time', () => {
  const order: string[] = [];
  let all: Deadline[] = [];
  const named = (name: string, afterMs: number): Deadline => {
    const deadline = new Deadline(() => order.push(name));
    deadline.start(afterMs);
    all.push(deadline);
    return deadline;
  };
  beforeEach(() => {
    jest.useFakeTimers();
    order.length = 0;
    all = [];
  });
  afterEach(() => {
    for (const deadline of all) deadline.dispose();
    jest.useRealTimers();
  });

  it('expire each in its turn, with one timer for all', () => {
    named('third', 3000);
    named('first', 1000);
    named('second', 2000);
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(1001);
    expect(order).toEqual(['first']);
    jest.advanceTimersByTime(1000);
    expect(order).toEqual(['first', 'second']);
    jest.advanceTimersByTime(1000);
    expect(order).toEqual(['first', 'second', 'third']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are late by no more than 20 ms, however close they lie', () => {
    for (let afterMs = 100; afterMs < 110; afterMs += 1) named(`${afterMs}`, afterMs);
    jest.advanceTimersByTime(101);
    expect(order).toContain('100');
    jest.advanceTimersByTime(20);
    expect(order).toHaveLength(10);
  });

  it('do not keep each other from expiring where one of them throws', () => {
    const failing = new Deadline(() => {
      throw new Error('a defect');
    });
    failing.start(100);
    all.push(failing);
    named('other', 100);
    named('later', 1000);
    expect(() => jest.advanceTimersByTime(101)).toThrow('a defect');
    jest.advanceTimersByTime(1000);
    expect(order).toEqual(['other', 'later']);
  });

  it('do not expire where another one that was due at the same time stops them', () => {
    const stopped = new Deadline(() => order.push('stopped'));
    const stopping = new Deadline(() => stopped.stop());
    stopping.start(100);
    stopped.start(100);
    all.push(stopping, stopped);
    jest.advanceTimersByTime(200);
    expect(order).toEqual([]);
    expect(stopped.isRunning).toBe(false);
  });

  it('leave the others running when one is disposed of', () => {
    named('kept', 200);
    named('gone', 100).dispose();
    jest.advanceTimersByTime(201);
    expect(order).toEqual(['kept']);
  });
});
