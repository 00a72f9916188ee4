import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Alert, pendingAlert } from '../../../src/alerts/alert';
import { AlertChannel, type ChannelSettings } from '../../../src/alerts/channel';
import type { AlertMessage } from '../../../src/alerts/message';
import type { AuditEvent } from '../../../src/audit/events';
import { alertEvents } from '../../../src/config/schemaAlerts';

const GROUP_MS = 30_000;
const HOUR_MS = 3_600_000;

let messages: AlertMessage[];
let events: AuditEvent[];
let failure: Error | undefined;
beforeEach(() => {
  jest.useFakeTimers({ now: new Date('2026-11-30T10:00:00Z') });
  messages = [];
  events = [];
  failure = undefined;
});
afterEach(() => {
  jest.useRealTimers();
});

function settings(changes: Partial<ChannelSettings> = {}): ChannelSettings {
  return {
    events: new Set(alertEvents),
    groupMs: GROUP_MS,
    maxPerHour: 20,
    async deliver(message) {
      if (failure !== undefined) throw failure;
      messages.push(message);
    },
    ...changes,
  };
}

function open(changes: Partial<ChannelSettings> = {}): AlertChannel {
  return new AlertChannel('on-call', settings(changes), (event) => events.push(event));
}

function alert(text: string, severity: Alert['severity'] = 'warning'): Alert {
  return { event: 'modality-silent', severity, text, action: 'Look.', facts: { modality: 'ct1' } };
}

describe('A channel', () => {
  it('makes one line of many new callers, also after a failure', async () => {
    const channel = open();
    const caller = (number: number) =>
      pendingAlert({
        event: 'association.rejected',
        outcome: 'denied',
        reason: 'calling-ae-title-unknown',
        callingAeTitle: `CT${number}`,
        sourceAddress: '10.1.2.3',
      });
    channel.add(caller(1));
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    failure = new Error('away');
    for (let number = 2; number <= 40; number += 1) channel.add(caller(number));
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    failure = undefined;
    channel.add(caller(41));
    await jest.advanceTimersByTimeAsync(HOUR_MS);
    const texts = messages.map(({ alerts }) => alerts.map(({ text, count }) => [text, count]));
    expect(texts).toEqual([
      [['a new caller waits for approval: CT1 at 10.1.2.3 (calling-ae-title-unknown)', 1]],
      [['new callers wait for approval, the last one: CT41 at 10.1.2.3 (calling-ae-title-unknown)', 40]],
    ]);
  });

  it('sends what came while it waited in one message, the most severe first', async () => {
    const channel = open();
    channel.add(alert('one'));
    await jest.advanceTimersByTimeAsync(GROUP_MS - 1);
    channel.add(alert('two', 'critical'));
    expect(messages).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(messages).toMatchObject([
      {
        version: 1,
        isTest: false,
        alerts: [
          { text: 'two', severity: 'critical', count: 1, modality: 'ct1' },
          { text: 'one', time: '2026-11-30T10:00:00.000Z' },
        ],
        leftOut: 0,
      },
    ]);
    expect(messages[0]!.text).toMatch(
      /^aegis at \S+\nCRITICAL modality-silent: two \(2026-11-30 10:00:29 UTC\)\nWARNING modality-silent: one/,
    );
    expect(events).toEqual([
      {
        event: 'alert.sent',
        outcome: 'info',
        channel: 'on-call',
        count: 2,
        detail: '2 alerts sent to on-call: modality-silent',
      },
    ]);
  });

  it('counts an alert that happens again instead of repeating it', async () => {
    const channel = open();
    for (let times = 0; times < 3; times += 1) {
      channel.add(alert('one'));
      await jest.advanceTimersByTimeAsync(1000);
    }
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    expect(messages[0]!.alerts).toMatchObject([
      { text: 'one', count: 3, time: '2026-11-30T10:00:00.000Z', lastTime: '2026-11-30T10:00:02.000Z' },
    ]);
  });

  it('leaves out events that do not go there', async () => {
    const channel = open({ events: new Set(['canary'] as const) });
    channel.add(alert('one'));
    await jest.advanceTimersByTimeAsync(HOUR_MS);
    expect(messages).toEqual([]);
  });

  it('sends no more messages in an hour than it may; the rest waits and is added up', async () => {
    const channel = open({ maxPerHour: 2 });
    for (let minute = 0; minute < 30; minute += 1) {
      channel.add(alert(`minute ${minute % 10}`));
      await jest.advanceTimersByTimeAsync(60_000);
    }
    expect(messages).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(30 * 60_000 + GROUP_MS);
    expect(messages).toHaveLength(3);
    const count = messages[2]!.alerts.reduce((sum, each) => sum + each.count, 0);
    expect([messages[2]!.alerts.length, count]).toEqual([10, 28]);
  });

  it('says how many it left out where too many wait', async () => {
    const channel = open();
    for (let index = 0; index < 250; index += 1) channel.add(alert(`number ${index}`));
    await jest.advanceTimersByTimeAsync(5 * GROUP_MS);
    expect(messages.map(({ alerts }) => alerts.length)).toEqual([50, 50, 50, 50]);
    expect(messages.map(({ leftOut }) => leftOut)).toEqual([50, 0, 0, 0]);
    expect(messages[0]!.text).toMatch(
      /\n50 more alerts came meanwhile and were left out: see the audit log\.$/,
    );
  });

  it('tries again after a failure, each time later, and loses nothing', async () => {
    const channel = open();
    failure = new Error('no answer');
    channel.add(alert('one'));
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    channel.add(alert('two'));
    await jest.advanceTimersByTimeAsync(HOUR_MS);
    const waits = events.map(({ detail }) => Number(/again in (\d+) s/.exec(detail ?? '')?.[1]));
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600]);
    expect(events[1]).toEqual({
      event: 'alert.failed',
      outcome: 'failed',
      channel: 'on-call',
      count: 2,
      detail: '2 alerts not sent to on-call, tried again in 20 s: no answer',
    });
    failure = undefined;
    await jest.advanceTimersByTimeAsync(600_000);
    expect(messages).toHaveLength(1);
    expect(messages[0]!.alerts).toMatchObject([{ text: 'one' }, { text: 'two' }]);
  });

  it('keeps the ID of an alert over its attempts', async () => {
    const ids: string[] = [];
    const channel = open({
      async deliver({ alerts }) {
        ids.push(...alerts.map(({ id }) => id));
        throw new Error('lost');
      },
    });
    channel.add(alert('one'));
    await jest.advanceTimersByTimeAsync(GROUP_MS + 10_000);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it('forgets what could not be delivered for a day, and counts it', async () => {
    const channel = open();
    failure = new Error('no answer');
    channel.add(alert('old'));
    await jest.advanceTimersByTimeAsync(25 * HOUR_MS);
    failure = undefined;
    channel.add(alert('new'));
    await jest.advanceTimersByTimeAsync(HOUR_MS);
    expect(messages).toMatchObject([{ alerts: [{ text: 'new' }], leftOut: 1 }]);
  });

  it('sends at once what failed before when its settings change', async () => {
    const channel = open();
    failure = new Error('no answer');
    channel.add(alert('one'));
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    failure = undefined;
    channel.settings = settings();
    await jest.advanceTimersByTimeAsync(0);
    expect(messages).toHaveLength(1);
  });

  it('sends what waits when it closes, and takes no more', async () => {
    const channel = open();
    channel.add(alert('one'));
    await channel.close();
    channel.add(alert('two'));
    await jest.advanceTimersByTimeAsync(HOUR_MS);
    expect(messages).toMatchObject([{ alerts: [{ text: 'one' }] }]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says that it does not try again where the last attempt fails, or nobody is to get it any more', async () => {
    const last = open();
    failure = new Error('no answer');
    last.add(alert('one'));
    await last.close();
    let refuse: (error: Error) => void = () => {};
    const dropped = open({
      deliver: () =>
        new Promise((_resolve, reject) => {
          refuse = reject;
        }),
    });
    dropped.add(alert('two'));
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    dropped.drop();
    refuse(new Error('no answer'));
    await jest.advanceTimersByTimeAsync(0);
    const detail = '1 alert not sent to on-call, not tried again: no answer';
    expect(events).toMatchObject([{ detail }, { detail }]);
  });

  it('waits two seconds at the close for a receiver that hangs, and no longer', async () => {
    const channel = open({ deliver: () => new Promise(() => {}) });
    channel.add(alert('one'));
    let isClosed = false;
    const closed = channel.close().then(() => {
      isClosed = true;
    });
    await jest.advanceTimersByTimeAsync(1999);
    expect(isClosed).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await closed;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not wait at the close for a receiver that did not answer before', async () => {
    const channel = open();
    failure = new Error('no answer');
    channel.add(alert('one'));
    await jest.advanceTimersByTimeAsync(GROUP_MS);
    await channel.close();
    expect(events).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(0);
  });
});
