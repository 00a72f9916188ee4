import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PidFile } from '../../../src/service/pidFile';
import { temporaryFolder } from '../../support/processes';

describe('PidFile', () => {
  it('is written, moved and taken away', async () => {
    const folder = temporaryFolder();
    const [first, second] = [join(folder, 'first.pid'), join(folder, 'second.pid')];
    const pidFile = new PidFile(() => {});
    await pidFile.moveTo(first);
    expect(readFileSync(first, 'utf8')).toBe(`${process.pid}\n`);
    await pidFile.moveTo(second);
    expect([existsSync(first), existsSync(second)]).toEqual([false, true]);
    pidFile.close();
    expect(existsSync(second)).toBe(false);
  });

  it('is not written again by a reload that ends after the gateway', async () => {
    const file = join(temporaryFolder(), 'aegis.pid');
    const pidFile = new PidFile(() => {});
    const moving = pidFile.moveTo(file);
    pidFile.close();
    await moving;
    expect(existsSync(file)).toBe(false);
    await pidFile.moveTo(file);
    expect(existsSync(file)).toBe(false);
  });
});
