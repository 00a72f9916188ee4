/** Floods, of what is refused and of what is allowed: few lines, exact numbers, bounded memory. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AuditLog } from '../../../src/audit/auditLog';
import type { AuditEvent } from '../../../src/audit/events';
import type { SumOptions } from '../../../src/audit/lineSums';

const refused: AuditEvent = {
  event: 'command.refused',
  outcome: 'denied',
  reason: 'command-not-allowed',
  connectionId: 'c1',
  modality: 'ct1',
  sourceAddress: '192.0.2.1',
  sourcePort: 1000,
  command: 'C-FIND',
  messageId: 7,
};
const rejected: AuditEvent = {
  event: 'association.rejected',
  outcome: 'denied',
  reason: 'calling-ae-title-unknown',
  sourceAddress: '192.0.2.1',
};

beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] }));
afterEach(() => void jest.useRealTimers());

type Line = AuditEvent & { readonly time: string };

function open(allowed?: SumOptions) {
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  const audit = new AuditLog({
    stream,
    isReadable: false,
    refusals: { whole: 20, everySeconds: 10 },
    allowed,
    say: () => {},
  });
  /** What was written since the last time. */
  const lines = async (): Promise<Line[]> => {
    audit.flush();
    await new Promise(setImmediate);
    const parsed = text.split('\n').slice(0, -1);
    text = '';
    return parsed.map((line) => JSON.parse(line) as Line);
  };
  const record = (
    count: number,
    event: AuditEvent,
    vary: (index: number) => Partial<AuditEvent> = () => ({}),
  ) => {
    for (let index = 0; index < count; index += 1) audit.record({ ...event, ...vary(index) });
  };
  return { audit, lines, record };
}

function represented(lines: readonly AuditEvent[]): number {
  return lines.reduce((sum, { count = 1 }) => sum + count, 0);
}

describe('refusals of the same kind', () => {
  it('are written whole at first, then as one line every 10 seconds, with what they share', async () => {
    const { lines, record } = open();
    const began = Date.now();
    record(5000, refused, (messageId) => ({ messageId }));
    const whole = await lines();
    expect(whole).toHaveLength(20);
    expect(whole.at(-1)).toMatchObject({ messageId: 19 });
    jest.advanceTimersByTime(10_000);
    const { time, ...sum } = (await lines())[0]!;
    const { messageId: _, ...shared } = refused;
    expect(sum).toEqual({
      ...shared,
      count: 4980,
      since: new Date(began).toISOString(),
      until: new Date(began).toISOString(),
      detail: '4980 more in 10 s',
    });
    expect(Date.parse(time)).toBe(began + 10_000);
    record(300, refused, (index) => ({ connectionId: `c${index}`, sourceAddress: `192.0.2.${index % 3}` }));
    expect(await lines()).toEqual([]);
    jest.advanceTimersByTime(10_000);
    const [other] = await lines();
    expect(other).toMatchObject({ count: 300, modality: 'ct1' });
    expect(other!.detail).toBe('300 more in 10 s from 192.0.2.0, 192.0.2.1, 192.0.2.2');
    expect(Object.keys(other!)).not.toEqual(expect.arrayContaining(['connectionId']));
    expect(other!.sourceAddress).toBeUndefined();
  });

  it('are written whole again after a quiet time', async () => {
    const { lines, record } = open();
    record(21, refused);
    jest.advanceTimersByTime(20_000);
    expect(represented(await lines())).toBe(21);
    record(20, refused);
    expect(await lines()).toHaveLength(20);
    jest.advanceTimersByTime(20_000);
    expect(await lines()).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('are added up for each event, reason and modality, or address', async () => {
    const { lines, record } = open();
    record(25, refused);
    record(25, { ...refused, modality: 'ct2' });
    record(25, { ...refused, reason: 'sop-class-not-allowed' });
    record(25, rejected);
    record(25, { ...rejected, sourceAddress: '192.0.2.2' });
    jest.advanceTimersByTime(10_000);
    const counts = (await lines()).slice(100).map(({ count }) => count);
    expect(counts).toEqual([5, 5, 5, 5, 5]);
  });

  it('are all in the log before the line of the stop, and after the end', async () => {
    const { audit, lines, record } = open();
    record(100, refused);
    record(1, { event: 'gateway.stopped', outcome: 'info' });
    const written = await lines();
    expect(written.slice(-2)).toMatchObject([{ count: 80 }, { event: 'gateway.stopped' }]);
    record(30, rejected);
    await audit.close();
    expect(represented(await lines())).toBe(30);
  });

  it('cost little however many addresses an attacker has, and every one is counted', async () => {
    const { lines, record } = open();
    const vary = (index: number) => ({
      sourceAddress: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    });
    let sum = 0;
    let count = 0;
    for (let second = 0; second < 60; second += 1) {
      record(5000, rejected, (index) => vary(second * 5000 + index));
      if (second === 59) break;
      jest.advanceTimersByTime(1000);
      const written = await lines();
      sum += represented(written);
      count += written.length;
    }
    jest.advanceTimersByTime(20_000);
    const rest = await lines();
    expect(sum + represented(rest)).toBe(300_000);
    // 80 whole ones once, and 21 sums in ten seconds.
    expect(count).toBeLessThan(80 + 7 * 22);
    expect(rest.at(-1)!.detail).toMatch(/^\d+ more in \d+ s from 10\.[\d., ]+ and others$/);
  });
});

const facts = {
  modality: 'ct1',
  listener: 'plain',
  direction: 'ingress',
  sourceAddress: '192.0.2.1',
  callingAeTitle: 'CT1',
  calledAeTitle: 'ARCHIVE',
} as const;
const accepted: AuditEvent = { event: 'association.accepted', outcome: 'allowed', ...facts };
const released: AuditEvent = { event: 'association.released', outcome: 'info', ...facts, bytes: 0 };
const done: AuditEvent = { event: 'command.completed', outcome: 'allowed', ...facts };
const echoed: AuditEvent = {
  ...done,
  connectionId: 'c1',
  command: 'C-ECHO',
  sopClass: 'Verification',
  status: '0x0000',
  bytes: 0,
};
const stored: AuditEvent = { ...done, command: 'C-STORE', sopClass: 'CTImageStorage', bytes: 524_288 };

describe('what a modality was allowed to do', () => {
  const budget = { whole: 20, everySeconds: 10 };

  it('is written whole at first, then as one line every 10 seconds', async () => {
    const { lines, record } = open(budget);
    record(5000, echoed, (messageId) => ({ messageId }));
    expect(await lines()).toHaveLength(20);
    const since = new Date().toISOString();
    jest.advanceTimersByTime(4000);
    record(10, echoed);
    const until = new Date().toISOString();
    jest.advanceTimersByTime(6000);
    const [{ time: _, ...sum }] = (await lines()) as [Line];
    expect(sum).toEqual({ ...echoed, count: 4990, since, until, detail: '4990 more in 10 s' });
    jest.advanceTimersByTime(20_000);
    expect(await lines()).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('is written whole again after an interval that was within the budget, without a pause', async () => {
    const { lines, record } = open(budget);
    for (const count of [21, 20, 20]) {
      record(count, echoed);
      jest.advanceTimersByTime(10_000);
    }
    const written = await lines();
    expect(written.map(({ count = 1 }) => count)).toEqual([
      ...Array(20).fill(1),
      1,
      20,
      ...Array(20).fill(1),
    ]);
  });

  it('is added up for each command, outcome and class, with the bytes', async () => {
    const { lines, record } = open(budget);
    const find = { ...done, command: 'C-FIND', sopClass: 'StudyRootFind', bytes: 100 };
    record(20, echoed);
    record(7, echoed);
    record(5, find);
    record(4, { ...find, sopClass: 'PatientRootFind' });
    record(3, { ...find, outcome: 'failed', reason: 'archive-closed' });
    record(2, { ...find, requestor: 'upstream' });
    record(6, { ...echoed, modality: 'ct2' });
    jest.advanceTimersByTime(10_000);
    const sums = (await lines()).slice(20);
    expect(
      sums.map(({ modality, outcome, sopClass, count = 1, bytes }) => ({
        modality,
        outcome,
        sopClass,
        count,
        bytes,
      })),
    ).toEqual([
      // Another modality has a budget of its own.
      ...Array(6).fill({ modality: 'ct2', outcome: 'allowed', sopClass: 'Verification', count: 1, bytes: 0 }),
      { modality: 'ct1', outcome: 'allowed', sopClass: 'Verification', count: 7, bytes: 0 },
      { modality: 'ct1', outcome: 'allowed', sopClass: 'StudyRootFind', count: 5, bytes: 500 },
      { modality: 'ct1', outcome: 'allowed', sopClass: 'PatientRootFind', count: 4, bytes: 400 },
      { modality: 'ct1', outcome: 'failed', sopClass: 'StudyRootFind', count: 3, bytes: 300 },
      { modality: 'ct1', outcome: 'allowed', sopClass: 'StudyRootFind', count: 2, bytes: 200 },
    ]);
  });

  it('has a line for each image of a series of 1,000, and one for the end of its association', async () => {
    const { lines, record } = open(budget);
    record(100, accepted, (index) => ({ connectionId: `loop${index}` }));
    record(1, accepted, () => ({ connectionId: 'c1' }));
    record(1000, stored, (index) => ({ connectionId: 'c1', sopInstance: `1.2.${index}` }));
    record(1, { ...released, connectionId: 'c1', bytes: 524_288_000 });
    const written = await lines();
    expect(new Set(written.map(({ sopInstance }) => sopInstance)).size).toBe(1001);
    expect(written.at(-1)).toMatchObject({ event: 'association.released', bytes: 524_288_000 });
  });

  it('has a line for each small object of a modality that sends too many other commands', async () => {
    const { lines, record } = open(budget);
    const small = { ...stored, bytes: 900 };
    record(1000, echoed);
    record(10, small, (index) => ({ sopInstance: `1.2.${index}` }));
    jest.advanceTimersByTime(10_000);
    record(1000, echoed);
    record(10, small, (index) => ({ sopInstance: `1.3.${index}` }));
    const written = (await lines()).filter(({ command }) => command === 'C-STORE');
    expect(written.map(({ sopInstance }) => sopInstance)).toHaveLength(20);
    record(30, small);
    jest.advanceTimersByTime(10_000);
    expect(
      (await lines()).filter(({ command }) => command === 'C-STORE').map(({ count }) => count),
    ).toContain(20);
  });

  it('keeps all facts of an event that is alone of its kind', async () => {
    const { lines, record } = open(budget);
    const since = new Date().toISOString();
    const unusable: AuditEvent = {
      ...{ ...facts, event: 'association.unusable', outcome: 'denied', reason: 'command-not-allowed' },
      detail: 'nothing is allowed on StudyRootFind',
      connectionId: 'c2',
    };
    record(21, echoed);
    record(1, unusable);
    jest.advanceTimersByTime(10_000);
    const [{ time: _, ...line }] = (await lines()).slice(-1) as [Line];
    expect(line).toEqual({ ...unusable, count: 1, since, until: since });
  });

  it('has all lines where each image has an association of its own', async () => {
    const { lines, record } = open(budget);
    for (let index = 0; index < 1000; index += 1) {
      for (const event of [accepted, stored, { ...released, bytes: 524_288 }])
        record(1, event, () => ({ connectionId: `c${index}` }));
    }
    expect(await lines()).toHaveLength(3000);
  });

  it('has both lines of an association that did nothing, or neither', async () => {
    const { lines, record } = open(budget);
    const own = (index: number) => ({ connectionId: `c${index}`, sourcePort: index });
    record(1000, accepted, own);
    jest.advanceTimersByTime(30_000);
    // Of those that were added up, the end is too, also where there would be room again.
    record(1000, released, own);
    jest.advanceTimersByTime(10_000);
    const written = await lines();
    const whole = written.filter(({ count }) => count === undefined);
    expect(whole.map(({ event, connectionId }) => `${event} ${connectionId}`)).toEqual(
      ['association.accepted', 'association.released'].flatMap((event) =>
        Array.from({ length: 10 }, (_, index) => `${event} c${index}`),
      ),
    );
    const sums = written.filter(({ count }) => count !== undefined);
    expect(sums).toMatchObject([
      { event: 'association.accepted', count: 990, modality: 'ct1' },
      { event: 'association.released', count: 990, modality: 'ct1' },
    ]);
  });

  it('costs few lines however much it varies, and every one is counted', async () => {
    const { lines, record } = open(budget);
    record(5000, done, (index) => ({
      command: index % 2 === 0 ? 'C-STORE' : 'C-FIND',
      sopClass: `1.2.${index}`,
      sourceAddress: `192.0.2.${index % 250}`,
      bytes: 10,
    }));
    jest.advanceTimersByTime(10_000);
    const written = await lines();
    expect(written).toHaveLength(2 * 20 + 20 + 2);
    expect(represented(written)).toBe(5000);
    expect(written.reduce((sum, { bytes = 0 }) => sum + bytes, 0)).toBe(50_000);
    expect(written.slice(-2).map(({ command }) => command)).toEqual(
      expect.arrayContaining(['C-STORE', 'C-FIND']),
    );
  });

  it('is exact over reloads that change the budget, or end it, and at the stop', async () => {
    const { audit, lines, record } = open(budget);
    const refusals = budget;
    record(30, echoed);
    audit.replace({ refusals, allowed: { whole: 40, everySeconds: 10 }, rotate: undefined });
    record(30, echoed);
    audit.replace({ refusals, allowed: { whole: 40, everySeconds: 60 }, rotate: undefined });
    record(30, echoed);
    audit.replace({ refusals, rotate: undefined });
    record(100, echoed);
    audit.replace({ refusals, allowed: budget, rotate: undefined });
    record(100, echoed);
    record(1, { event: 'gateway.stopped', outcome: 'info' });
    const written = await lines();
    expect(represented(written.filter(({ event }) => event === 'command.completed'))).toBe(290);
    expect(written.slice(-2)).toMatchObject([{ event: 'command.completed' }, { event: 'gateway.stopped' }]);
    expect(written.length).toBeLessThan(20 + 10 + 100 + 20 + 5);
    record(30, echoed);
    await audit.close();
    expect(represented(await lines())).toBe(30);
  });

  it('has every line where the budget is off', async () => {
    const { lines, record } = open();
    record(1000, echoed);
    expect(await lines()).toHaveLength(1000);
  });
});

describe('a reader of stdout that hangs', () => {
  function hanging() {
    const waiting: (() => void)[] = [];
    const text: string[] = [];
    const stream = new PassThrough({
      highWaterMark: 1024,
      transform: (chunk, _encoding, done) => {
        text.push(String(chunk));
        waiting.push(done);
      },
    });
    const said: string[] = [];
    const audit = new AuditLog({
      stream,
      isReadable: false,
      refusals: { whole: 20, everySeconds: 10 },
      say: (message) => said.push(message),
    });
    const readOn = async () => {
      stream.resume();
      for (let quiet = 0; quiet < 5; quiet += 1) {
        for (let done = waiting.shift(); done !== undefined; done = waiting.shift(), quiet = 0) done();
        await new Promise(setImmediate);
      }
      return text
        .join('')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
    };
    return { stream, said, audit, readOn };
  }

  const completed: AuditEvent = {
    event: 'command.completed',
    outcome: 'allowed',
    connectionId: 'c1',
    modality: 'ct1',
    sopInstance: '1.2.3'.repeat(10),
  };
  const aborted: AuditEvent = { ...completed, event: 'association.aborted', outcome: 'failed' };

  it('costs bounded memory; what was allowed is counted, what was refused is written, and the gap is reported', async () => {
    const { stream, said, audit, readOn } = hanging();
    for (let round = 0; round < 200; round += 1) {
      for (let index = 0; index < 500; index += 1) audit.record(completed);
      audit.record({ ...refused, reason: round % 2 ? 'command-unknown' : 'command-not-allowed' });
      audit.flush();
      expect(stream.writableLength).toBeLessThan(2 * 1024 * 1024);
    }
    jest.advanceTimersByTime(10_000);
    audit.flush();
    const lines = await readOn();
    expect(represented(lines.filter(({ event }) => event === 'command.refused'))).toBe(200);
    const written = lines.filter(({ event }) => event === 'command.completed').length;
    expect(lines.find(({ event }) => event === 'audit.resumed')).toMatchObject({
      outcome: 'failed',
      count: 100_000 - written,
      detail: `${100_000 - written} lines were not written to stdout (${100_000 - written} allowed): its reader did not take them`,
    });
    expect(said).toEqual([expect.stringMatching(/^stdout takes lines again; /)]);
  });

  it('drops no refusal: they are added up while nothing can be written, and their senders are not read', async () => {
    const { stream, audit, readOn } = hanging();
    const calls: string[] = [];
    const sender = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
    audit.hold(sender, 'denied');
    expect(calls).toEqual([]);
    for (let index = 0; index < 60_000; index += 1) {
      audit.record(aborted);
      if (index % 1000 === 0) audit.flush();
    }
    audit.flush();
    expect(stream.writableLength).toBeGreaterThan(4 * 1024 * 1024);
    const full = stream.writableLength;
    for (let index = 0; index < 500; index += 1) {
      audit.record({ ...refused, modality: `m${index}` });
      audit.hold(sender, 'denied');
      audit.flush();
    }
    audit.hold({ pause: () => calls.push('wrong'), resume: () => {} }, 'allowed');
    expect(stream.writableLength).toBe(full);
    expect(calls).toEqual(['pause']);
    // Not for ever: a modality that is refused something else now and then is served.
    jest.advanceTimersByTime(1000);
    expect(calls).toEqual(['pause', 'resume']);
    audit.hold(sender, 'denied');
    jest.advanceTimersByTime(999);
    await readOn();
    expect(calls).toEqual(['pause', 'resume', 'pause', 'resume']);
    jest.advanceTimersByTime(10_000);
    audit.flush();
    const lines = await readOn();
    expect(represented(lines.filter(({ event }) => event === 'command.refused'))).toBe(500);
    const written = lines.filter(({ event }) => event === 'association.aborted').length;
    expect(lines.find(({ event }) => event === 'audit.resumed')!.count).toBe(60_000 - written);
  });
});
