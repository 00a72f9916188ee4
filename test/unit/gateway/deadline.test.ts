import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadline } from '../../../src/gateway/deadline';

describe('a deadline', () => {
  const expired = jest.fn();
  let deadline: Deadline;
  beforeEach(() => {
    jest.useFakeTimers();
    expired.mockReset();
    deadline = new Deadline(expired);
  });
  afterEach(() => {
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
