/** What is said of a shortage of open files, and when it is over. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ConnectionRoom, type Shortage } from '../../../src/gateway/connectionRoom';

const guest = { sourceAddress: '10.0.0.1', giveWay() {} };
let ended: Shortage[];
let room: ConnectionRoom;
beforeEach(() => {
  jest.useFakeTimers();
  ended = [];
  // Room for 23 connections.
  room = new ConnectionRoom((shortage) => ended.push(shortage), 64, 10);
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('a shortage of open files', () => {
  it('is over when no connection had to go for 10 seconds', () => {
    const since = new Date();
    for (let count = 0; count < 3; count += 1) {
      expect(room.make(23, () => [guest])).toBe(true);
      jest.advanceTimersByTime(9000);
    }
    expect(ended).toEqual([]);
    jest.advanceTimersByTime(2000);
    expect(ended).toEqual([{ count: 3, since }]);
  });

  it('is reported once, and the next one again', () => {
    room.make(23, () => []);
    jest.advanceTimersByTime(30_000);
    room.make(23, () => []);
    jest.advanceTimersByTime(30_000);
    expect(ended.map(({ count }) => count)).toEqual([1, 1]);
  });

  it('is nothing where there is room, nor at the stop', () => {
    expect(room.make(22, () => [])).toBe(true);
    room.make(23, () => []);
    room.dispose();
    jest.advanceTimersByTime(30_000);
    expect(ended).toEqual([]);
  });
});
