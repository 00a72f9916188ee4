import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FileWatch } from '../../../src/service/fileWatch';
import { onCleanUp } from '../../support/cleanUp';
import { temporaryFolder } from '../../support/processes';

const INTERVAL_MS = 100;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function setUp(...contents: string[]) {
  const folder = temporaryFolder();
  const files = contents.map((content, index) => {
    const file = join(folder, `file-${index}`);
    writeFileSync(file, content);
    return file;
  });
  let changes = 0;
  const watch = new FileWatch(
    files,
    () => {
      changes += 1;
    },
    INTERVAL_MS,
  );
  onCleanUp(() => watch.close());
  /** How often it reported a change in so many looks. */
  const toldIn = (looks: number) => {
    const before = changes;
    jest.advanceTimersByTime(looks * INTERVAL_MS);
    return changes - before;
  };
  return { folder, files, watch, toldIn };
}

describe('a watch on files', () => {
  it('is silent while nothing changes', () => {
    expect(setUp('a', 'b').toldIn(10)).toBe(0);
  });

  it('reports a change once, when it is over', () => {
    const { files, toldIn } = setUp('a', 'b');
    writeFileSync(files[1]!, 'longer');
    expect(toldIn(1)).toBe(0);
    writeFileSync(files[0]!, 'longer too');
    expect(toldIn(1)).toBe(0);
    expect(toldIn(1)).toBe(1);
    expect(toldIn(10)).toBe(0);
  });

  it('reports a file that goes and of one that comes back', () => {
    const { files, toldIn } = setUp('a');
    unlinkSync(files[0]!);
    expect(toldIn(2)).toBe(1);
    writeFileSync(files[0]!, 'back');
    expect(toldIn(2)).toBe(1);
  });

  it('says nothing of a file that was gone for a moment and is the same again', () => {
    const { files, toldIn } = setUp('a');
    renameSync(files[0]!, `${files[0]}.away`);
    expect(toldIn(1)).toBe(0);
    renameSync(`${files[0]}.away`, files[0]!);
    expect(toldIn(10)).toBe(0);
  });

  it('sees through links: a swapped folder is a changed file', () => {
    const { folder } = setUp();
    for (const name of ['one', 'two']) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'aegis.jsonc'), name);
    }
    symlinkSync('one', join(folder, 'current'));
    const changed = jest.fn();
    const watch = new FileWatch([join(folder, 'current', 'aegis.jsonc')], changed, INTERVAL_MS);
    onCleanUp(() => watch.close());
    unlinkSync(join(folder, 'current'));
    symlinkSync('two', join(folder, 'current'));
    jest.advanceTimersByTime(2 * INTERVAL_MS);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it('takes over other files: what was read is known, what changed while it was read is not', () => {
    const { folder, files, watch, toldIn } = setUp('a', 'b');
    const read = watch.states();
    writeFileSync(files[0]!, 'changed while b was read');
    const further = join(folder, 'further');
    writeFileSync(further, 'c');
    watch.replace([files[0]!, further], read);
    expect(toldIn(2)).toBe(1);
    writeFileSync(files[1]!, 'no longer watched');
    expect(toldIn(5)).toBe(0);
    writeFileSync(further, 'watched');
    expect(toldIn(2)).toBe(1);
  });

  it('ends when it is closed', () => {
    const { files, watch, toldIn } = setUp('a');
    watch.close();
    writeFileSync(files[0]!, 'longer');
    expect(toldIn(10)).toBe(0);
  });
});
