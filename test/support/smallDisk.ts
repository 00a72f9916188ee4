/**
 * Owns small file systems in memory for tests, which run full or turn read-only as disks do. Only root can mount them, and
 * not in every container: elsewhere their tests are skipped.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { onCleanUp } from './cleanUp';
import { temporaryFolder } from './processes';

function run(command: string, ...commandArguments: string[]): boolean {
  return spawnSync(command, commandArguments).status === 0;
}

function mount(folder: string): boolean {
  return process.platform === 'linux' && run('mount', '-t', 'tmpfs', '-o', 'size=256k', 'aegis-test', folder);
}

function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = temporaryFolder();
  return mount(folder) && run('umount', folder);
}

export const describeWithSmallDisk = canMount() ? describe : describe.skip;

export class SmallDisk {
  readonly folder = temporaryFolder();
  readonly #ballast = join(this.folder, 'ballast');

  constructor() {
    if (!mount(this.folder)) throw new Error('cannot mount');
    onCleanUp(() => {
      run('umount', this.folder);
    });
  }

  /** Leaves whole blocks free: 4096 bytes each on most machines. */
  fill(blocksLeft = 0): void {
    const file = openSync(this.#ballast, 'w');
    let bytes = 0;
    try {
      for (;;) bytes += writeSync(file, Buffer.alloc(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      ftruncateSync(file, bytes - blocksLeft * 4096);
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#ballast);
  }

  makeReadOnly(): void {
    run('mount', '-o', 'remount,ro', this.folder);
  }
}
