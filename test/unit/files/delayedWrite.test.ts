import { describe, expect, it } from '@jest/globals';
import { DelayedWrite, type DelayedWriteOptions } from '../../../src/files/delayedWrite';

function writerOf(options: Partial<DelayedWriteOptions>) {
  return new DelayedWrite({ write: async () => {}, failed: () => {}, delayMs: 1e6, ...options });
}

describe('DelayedWrite', () => {
  it('writes what there is when it is flushed, once and without waiting', async () => {
    const written: string[] = [];
    let now = 'before';
    const writer = writerOf({ write: async () => void written.push(now) });
    writer.changed();
    now = 'after';
    writer.changed();
    expect(written).toEqual([]);
    await writer.flush();
    expect(written).toEqual(['after']);
  });

  it('writes nothing where nothing has changed', async () => {
    const written: string[] = [];
    await writerOf({ write: async () => void written.push('something') }).flush();
    expect(written).toEqual([]);
  });

  it('reports once that it cannot write, and again after it could', async () => {
    const failures: string[] = [];
    let isFull = true;
    const writer = writerOf({
      write: async () => {
        if (isFull) throw new Error('the disk is full');
      },
      failed: (message) => failures.push(message),
    });
    const write = async () => {
      writer.changed();
      await writer.flush();
    };
    await write();
    await write();
    expect(failures).toEqual(['the disk is full']);
    isFull = false;
    await write();
    isFull = true;
    await write();
    expect(failures).toHaveLength(2);
  });

  it('writes what changes while it is writing as soon as that is over', async () => {
    const written: string[] = [];
    let now = 'one';
    const writer = writerOf({
      write: async () => {
        written.push(now);
        await new Promise(setImmediate);
      },
    });
    writer.changed();
    const first = writer.flush();
    now = 'two';
    writer.changed();
    await Promise.all([first, writer.flush()]);
    expect(written).toEqual(['one', 'two']);
  });
});
