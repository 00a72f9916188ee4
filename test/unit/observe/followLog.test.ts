import { appendFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type FollowOptions, followLog } from '../../../src/observe/followLog';
import { onCleanUp } from '../../support/cleanUp';
import { temporaryFolder } from '../../support/processes';
import { waitFor } from '../../support/waiting';

function following(file: string, options: Partial<FollowOptions> = {}) {
  const lines: string[] = [];
  const messages: string[] = [];
  const stop = new AbortController();
  const state = { looks: 0 };
  const ended = (async () => {
    const tell = (message: string) => messages.push(message);
    for await (const batch of followLog(file, { tell, signal: stop.signal, ...options })) {
      lines.push(...batch);
      if (batch.length === 0) state.looks += 1;
    }
  })();
  const end = () => {
    stop.abort();
    return ended;
  };
  onCleanUp(end);
  const untilRead = (count: number) =>
    waitFor(
      () => `line ${count} of ${lines}`,
      () => lines.length >= count,
    );
  const untilCaughtUp = () => waitFor('the end of the file', () => state.looks > 0);
  return { lines, messages, end, untilRead, untilCaughtUp };
}

describe('following a log', () => {
  const fresh = () => join(temporaryFolder(), 'audit.jsonl');

  it('gives what is there, then each line when it is complete', async () => {
    const file = fresh();
    writeFileSync(file, 'one\ntw');
    const { lines, untilCaughtUp, untilRead } = following(file);
    await untilCaughtUp();
    expect(lines).toEqual(['one']);
    appendFileSync(file, 'o\nthree\n');
    await untilRead(3);
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('begins near the end, at the beginning of a line', async () => {
    const file = fresh();
    writeFileSync(file, 'first line\nsecond line\nthird\n');
    const { lines, untilRead } = following(file, { lastBytes: 10 });
    await untilRead(1);
    expect(lines).toEqual(['third']);
  });

  it('waits for a file that is not there yet', async () => {
    const file = fresh();
    const { lines, messages, untilRead } = following(file);
    await waitFor('the message', () => messages.length > 0);
    writeFileSync(file, 'one\n');
    await untilRead(1);
    expect([lines, messages]).toEqual([['one'], [`${file} does not exist yet; waiting for it`]]);
  });

  it('loses no line where the file is rotated several times between two looks', async () => {
    const file = fresh();
    writeFileSync(file, 'one\n');
    const { lines, untilCaughtUp, untilRead } = following(file);
    await untilCaughtUp();
    appendFileSync(file, 'two\n');
    for (const [next, count] of [
      ['three\nfour\n', 1],
      ['five\n', 2],
      ['six\n', 3],
    ] as const) {
      for (let number = count - 1; number >= 1; number -= 1)
        renameSync(`${file}.${number}`, `${file}.${number + 1}`);
      renameSync(file, `${file}.1`);
      writeFileSync(file, next);
    }
    await untilRead(6);
    appendFileSync(file, 'seven\n');
    await untilRead(7);
    expect(lines).toEqual(['one', 'two', 'three', 'four', 'five', 'six', 'seven']);
  });

  it('goes on with a new file where the old one is gone', async () => {
    const file = fresh();
    writeFileSync(file, 'one\n');
    const { lines, untilCaughtUp, untilRead } = following(file);
    await untilCaughtUp();
    appendFileSync(file, 'two\n');
    unlinkSync(file);
    writeFileSync(file, 'three\n');
    await untilRead(3);
    expect(lines).toEqual(['one', 'two', 'three']);
  });

  it('begins again where the file was emptied, and says so', async () => {
    const file = fresh();
    writeFileSync(file, 'one\ntwo\n');
    const { lines, messages, untilCaughtUp, untilRead } = following(file);
    await untilCaughtUp();
    truncateSync(file);
    await waitFor('the message', () => messages.length > 0);
    appendFileSync(file, 'three\n');
    await untilRead(3);
    expect(lines).toEqual(['one', 'two', 'three']);
    expect(messages).toEqual([`${file} was emptied; it goes on from its beginning`]);
  });
});
