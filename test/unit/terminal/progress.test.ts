import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Progress } from '../../../src/terminal/progress';

const MIB = 1024 * 1024;
const files = [
  { name: 'audit.jsonl', sizeBytes: 900 * MIB },
  { name: 'audit.jsonl.1', sizeBytes: 300 * MIB },
];

describe('the progress of a long reading', () => {
  let nowMs = 0;
  let written: string[] = [];
  const progress = (isTerminal: boolean) => new Progress(files, (text) => written.push(text), isTerminal);
  beforeEach(() => {
    nowMs = 0;
    written = [];
    jest.spyOn(performance, 'now').mockImplementation(() => nowMs);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is shown when it takes long, in one line, and wiped out in the end', () => {
    const shown = progress(true);
    for (nowMs = 0; nowMs <= 3000; nowMs += 100) shown.add(10 * MIB);
    shown.end();
    expect(written).toEqual([
      '\rread 210 of 1200 MiB',
      '\rread 260 of 1200 MiB',
      '\rread 310 of 1200 MiB',
      `\r${' '.repeat('read 310 of 1200 MiB'.length)}\r`,
    ]);
  });

  it.each([
    ['what is read fast', true, 1000],
    ['what no terminal shows', false, 60_000],
  ])('has no word for %s', (_what, isTerminal, untilMs) => {
    const shown = progress(isTerminal);
    for (nowMs = 0; nowMs <= untilMs; nowMs += 100) shown.add(MIB);
    shown.end();
    expect(written).toEqual([]);
  });
});
