/**
 * Owns small file systems in memory for tests, which run full or turn read-only as disks do. Only root can mount them, and
 * not in every container.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onCleanUp } from './cleanUp';
import { temporaryFolder } from './processes';

function run(command: string, ...commandArguments: string[]): boolean {
  return spawnSync(command, commandArguments).status === 0;
}

function mount(folder: string, kilobytes: number): boolean {
  const size = `size=${kilobytes}k`;
  return process.platform === 'linux' && run('mount', '-t', 'tmpfs', '-o', size, 'aegis-test', folder);
}

export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = temporaryFolder();
  return mount(folder, 256) && run('umount', folder);
}

export class SmallDisk {
  readonly folder = temporaryFolder();
  readonly #ballast = join(this.folder, 'ballast');

  constructor(kilobytes = 256) {
    if (!mount(this.folder, kilobytes)) throw new Error('cannot mount');
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
    rmSync(this.#ballast, { force: true });
  }

  makeReadOnly(): void {
    run('mount', '-o', 'remount,ro', this.folder);
  }
}
