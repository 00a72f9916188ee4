import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { type ServerList, ServerStates, ServerUse } from '../../../src/gateway/serverStates';

const names = ['a:1', 'b:2', 'c:3'];
const failover: ServerList = { names, balance: 'failover' };
const leastAssociations: ServerList = { names, balance: 'leastAssociations' };

function named(server: string) {
  return { upstream: 'ARCHIVE', server };
}

function setUp() {
  const states = new ServerStates();
  const changes: string[] = [];
  states.changed = ({ server }, isUp, detail) =>
    changes.push(`${server} ${isUp ? 'up' : 'down'} ${detail ?? ''}`);
  return { states, changes };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('the order in which servers are tried', () => {
  it('is the one of the list, as long as all are up', () => {
    expect(setUp().states.order('ARCHIVE', failover)).toEqual(names);
  });

  it('ends with those that are down, and never leaves one out', () => {
    const { states } = setUp();
    states.learn(named('a:1'), false);
    expect(states.order('ARCHIVE', failover)).toEqual(['b:2', 'c:3', 'a:1']);
    for (const server of names) states.learn(named(server), false);
    expect(states.order('ARCHIVE', failover)).toEqual(names);
    states.learn(named('a:1'), true);
    expect(states.order('ARCHIVE', failover)).toEqual(names);
  });

  it('begins with the one that has the fewest associations, down ones apart', () => {
    const { states } = setUp();
    for (const server of ['a:1', 'a:1', 'b:2']) states.count(named(server), 1);
    expect(states.order('ARCHIVE', leastAssociations)).toEqual(['c:3', 'b:2', 'a:1']);
    expect(states.order('ARCHIVE', failover)).toEqual(names);
    states.learn(named('c:3'), false);
    expect(states.order('ARCHIVE', leastAssociations)).toEqual(['b:2', 'a:1', 'c:3']);
    states.count(named('b:2'), -1);
    states.count(named('a:1'), -1);
    expect(states.order('ARCHIVE', leastAssociations)).toEqual(['b:2', 'a:1', 'c:3']);
  });

  it('tries a server that nobody asks again after a while', () => {
    jest.useFakeTimers();
    const { states } = setUp();
    const unwatched = { ...failover, retryMs: 1000 };
    states.learn(named('a:1'), false);
    expect(states.order('ARCHIVE', unwatched)[0]).toBe('b:2');
    jest.advanceTimersByTime(999);
    expect(states.order('ARCHIVE', unwatched)[0]).toBe('b:2');
    jest.advanceTimersByTime(1);
    expect(states.order('ARCHIVE', unwatched)[0]).toBe('a:1');
    // It failed again: again it has to wait.
    states.learn(named('a:1'), false);
    expect(states.order('ARCHIVE', unwatched)[0]).toBe('b:2');
    jest.advanceTimersByTime(100_000);
    expect(states.order('ARCHIVE', failover)[0]).toBe('b:2');
  });

  it("is each upstream's own", () => {
    const { states } = setUp();
    states.learn(named('a:1'), false);
    expect(states.order('OTHER', failover)).toEqual(names);
  });
});

describe('what is reported', () => {
  it('is a change, once, with what was wrong', () => {
    const { states, changes } = setUp();
    states.learn(named('a:1'), true);
    expect(states.shown(named('a:1'), true)).toEqual({ since: expect.any(String) });
    states.learn(named('a:1'), false, 'nobody listens');
    const down = { since: expect.any(String), detail: 'nobody listens' };
    expect(states.shown(named('a:1'), false)).toEqual(down);
    expect(states.shown(named('a:1'), true)).toBeUndefined();
    states.learn(named('a:1'), false, 'nobody listens');
    states.learn(named('a:1'), true);
    states.learn(named('a:1'), true);
    expect(changes).toEqual(['a:1 down nobody listens', 'a:1 up ']);
  });

  it('is nothing of a server that a reload has taken away', () => {
    const { states } = setUp();
    states.learn(named('a:1'), false);
    states.learn(named('b:2'), false);
    states.count(named('b:2'), 1);
    states.retain([named('c:3')]);
    expect(states.isUp(named('a:1'))).toBe(true);
    // Its association is still there and will be counted off.
    expect(states.isUp(named('b:2'))).toBe(false);
  });
});

describe('an association', () => {
  it('counts at the first server from the choice on, then where it arrived, then nowhere', () => {
    const { states, changes } = setUp();
    const first = new ServerUse(states, 'ARCHIVE', leastAssociations);
    expect(first.choose()).toEqual(names);
    const second = new ServerUse(states, 'ARCHIVE', leastAssociations);
    expect(second.choose()).toEqual(['b:2', 'c:3', 'a:1']);
    second.failed('b:2', 'refused');
    second.arrived('c:3');
    expect(states.order('ARCHIVE', leastAssociations)).toEqual(['a:1', 'c:3', 'b:2']);
    first.end();
    second.end();
    states.learn(named('b:2'), true);
    expect(states.order('ARCHIVE', leastAssociations)).toEqual(names);
    expect(changes).toEqual(['b:2 down refused', 'b:2 up ']);
  });

  it('that ended while it was on the way counts nowhere', () => {
    const { states } = setUp();
    const use = new ServerUse(states, 'ARCHIVE', leastAssociations);
    use.choose();
    use.end();
    use.arrived('a:1');
    expect(states.order('ARCHIVE', leastAssociations)).toEqual(names);
  });
});
