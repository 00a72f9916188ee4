/** The queue on the disk: order, bounds, and what another process finds. */
import { appendFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Spool } from '../../../src/atna/spool';
import { temporaryFolder } from '../../support/processes';

const MEGABYTE = 1024 * 1024;

function open(directory = temporaryFolder(), maxBytes = MEGABYTE) {
  const losses: [number, string][] = [];
  const spool = new Spool(directory, maxBytes, { lost: (count, why) => void losses.push([count, why]) });
  return { directory, folder: join(directory, 'syslog'), spool, losses };
}

function message(number: number, bytes = 20): Buffer {
  return Buffer.from(`message ${number} `.padEnd(bytes, '.'));
}

function add(spool: Spool, from: number, to: number, bytes?: number): void {
  for (let number = from; number <= to; number += 1) spool.append([message(number, bytes)]);
}

/** The numbers of all messages from the position on. */
function readAll(spool: Spool): number[] {
  const numbers: number[] = [];
  for (let chunk = spool.read(); chunk !== undefined; chunk = spool.read()) {
    const text = chunk.bytes.toString();
    let at = 0;
    while (at < text.length) {
      const space = text.indexOf(' ', at);
      const end = space + 1 + Number(text.slice(at, space));
      numbers.push(Number(/message (\d+)/.exec(text.slice(space, end))?.[1]));
      at = end;
    }
    spool.advanceTo(chunk.end);
  }
  return numbers;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

it('gives messages in the order in which they came, each until it is sent', () => {
  const { spool } = open();
  add(spool, 1, 3);
  expect(spool.read()?.bytes.toString()).toMatch(/^20 message 1 \.+20 message 2 \.+20 message 3 \.+$/);
  expect(readAll(spool)).toEqual([1, 2, 3]);
  expect(spool.read()).toBeUndefined();
  add(spool, 4, 4);
  expect(readAll(spool)).toEqual([4]);
  spool.rewindTo(0);
  expect(readAll(spool)).toEqual([1, 2, 3, 4]);
});

it('reads no more than 64 KB at once, but a longer message whole', () => {
  const { spool } = open();
  add(spool, 1, 100, 1000);
  const first = spool.read()!;
  expect([first.bytes.length <= 65_536, first.bytes.length > 60_000]).toEqual([true, true]);
  add(spool, 101, 101, 100_000);
  add(spool, 102, 102);
  expect(readAll(spool)).toEqual(range(1, 102));
});

it('is found again by the next process, also where the last message is cut', () => {
  const { directory, folder, spool } = open();
  add(spool, 1, 10);
  spool.keepSent(spool.read()!.end / 2);
  spool.close();
  const [file] = readdirSync(folder).filter((name) => name !== 'sent');
  truncateSync(join(folder, file!), statSync(join(folder, file!)).size - 5);
  const next = open(directory);
  add(next.spool, 11, 12);
  expect(readAll(next.spool)).toEqual([6, 7, 8, 9, 11, 12]);
  expect(next.losses).toEqual([[1, 'a message on the disk is damaged']]);
});

it('sends all again where nobody knows what was sent', () => {
  const { directory, folder, spool } = open();
  add(spool, 1, 3);
  spool.keepSent(40);
  spool.close();
  for (const text of ['', 'x', '-1', '9'.repeat(17)]) {
    writeFileSync(join(folder, 'sent'), text);
    const next = open(directory).spool;
    expect(readAll(next)).toEqual([1, 2, 3]);
    next.close();
  }
  rmSync(join(folder, 'sent'));
  expect(readAll(open(directory).spool)).toEqual([1, 2, 3]);
});

describe('the bound', () => {
  it('drops the oldest, and counts those that were not sent', () => {
    const { folder, spool, losses } = open();
    add(spool, 1, 3000, 1000);
    const kept = readAll(spool);
    expect(kept).toEqual(range(kept[0]!, 3000));
    expect(losses.reduce((sum, [count]) => sum + count, 0)).toBe(kept[0]! - 1);
    expect(new Set(losses.map(([, why]) => why))).toEqual(new Set(['the spool is full']));
    const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect([bytes <= MEGABYTE, bytes > 0.9 * MEGABYTE]).toEqual([true, true]);
    add(spool, 3001, 6000, 1000);
    expect(readAll(spool).at(-1)).toBe(6000);
  });

  it('does not count what was sent and is only kept to be sent again', () => {
    const { spool, losses } = open();
    for (let round = 0; round < 30; round += 1) {
      add(spool, 100 * round, 100 * round + 99, 1000);
      readAll(spool);
    }
    expect(losses).toEqual([]);
  });

  it('frees what will not be sent again', () => {
    const { folder, spool } = open();
    add(spool, 1, 500, 1000);
    readAll(spool);
    spool.release(spool.position);
    expect(readdirSync(folder).length).toBeLessThanOrEqual(2);
    add(spool, 501, 501);
    expect(readAll(spool)).toEqual([501]);
  });
});

it('counts what waits, also of an earlier process', () => {
  const { directory, spool } = open();
  add(spool, 1, 100, 1000);
  expect(spool.waiting).toBe(100);
  const { end } = spool.read()!;
  spool.advanceTo(end);
  const waiting = 100 - end / 1005;
  expect(spool.waiting).toBe(waiting);
  spool.keepSent(end);
  spool.close();
  const next = open(directory).spool;
  expect(next.waiting).toBe(waiting);
  add(next, 101, 102);
  expect(next.waiting).toBe(waiting + 2);
  readAll(next);
  expect(next.waiting).toBe(0);
});

it('keeps no message that will not be sent again', () => {
  const { directory, folder, spool } = open();
  add(spool, 1, 3);
  readAll(spool);
  spool.keepSent(spool.position);
  spool.release(spool.position - 1);
  const bytes = () => readdirSync(folder).map((name) => statSync(join(folder, name)).size);
  expect(bytes()).toEqual([69, 16]);
  spool.release(spool.position);
  expect(bytes()).toEqual([0, 16]);
  spool.close();
  const next = open(directory).spool;
  expect([next.position, next.hasMore]).toEqual([69, false]);
  add(next, 4, 4);
  expect(readAll(next)).toEqual([4]);
});

it('belongs to its owner alone', () => {
  const { folder, spool } = open();
  add(spool, 1, 1);
  spool.keepSent(0);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([
    0o600, 0o600,
  ]);
});

it('goes on behind a file that is damaged, and one that is gone', () => {
  const { directory, folder, spool } = open();
  add(spool, 1, 200, 1000);
  spool.close();
  const [first, second] = readdirSync(folder);
  writeFileSync(join(folder, first!), Buffer.alloc(statSync(join(folder, first!)).size, 'x'));
  rmSync(join(folder, second!));
  appendFileSync(join(folder, 'unknown'), 'not ours');
  const next = open(directory);
  const numbers = readAll(next.spool);
  expect(numbers).toEqual(range(numbers[0]!, 200));
  expect(numbers.length).toBeGreaterThan(50);
  add(next.spool, 201, 201);
  expect(readAll(next.spool)).toEqual([201]);
});
