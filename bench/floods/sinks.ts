/**
 * Where the audit log goes during a flood: a file, a pipe whose reader is slow or hangs, or a disk that is full.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanUp } from '../cleanUp';

export type SinkName = 'slow' | 'hanging' | 'full';

export interface Sink {
  /** Where stdout goes. */
  readonly outputFile: string;
  /** What to read afterwards; undefined where nothing whole is left to read. */
  readonly file?: string;
  readonly audit: Readonly<Record<string, unknown>>;
}

/** Reads 4 KB ten times a second. */
const SLOW_READER = 'exec 0<"$1"; while dd bs=4096 count=1 of=/dev/null 2>/dev/null; do sleep 0.1; done';
const HANGING_READER = 'exec 0<"$1"; sleep 3600';

export async function sinkOf(name: SinkName | undefined, folder: string, turn: CleanUp): Promise<Sink> {
  const file = join(folder, 'stdout.jsonl');
  if (name === undefined) return { outputFile: file, file, audit: {} };
  if (name === 'full')
    return { outputFile: '/dev/null', audit: { file: join(fullDisk(folder, turn), 'audit.jsonl') } };
  if (!succeeds('mkfifo', file)) throw new Error('cannot make a pipe');
  const script = name === 'slow' ? SLOW_READER : HANGING_READER;
  const reader: ChildProcess = spawn('sh', ['-c', script, 'reader', file], {
    stdio: 'ignore',
    detached: true,
  });
  turn.add(() => endGroup(reader.pid));
  return { outputFile: file, audit: {} };
}

/** Its own group, so that what the shell started ends with it. */
function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
}

/** A file system in memory of 64 KB, which fills in the first second. */
function fullDisk(folder: string, turn: CleanUp): string {
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  if (!succeeds('mount', '-t', 'tmpfs', '-o', 'size=64k', 'aegis-bench', disk))
    throw new Error('a full disk takes the right to mount one (root)');
  turn.add(() => void succeeds('umount', disk));
  return disk;
}

function succeeds(command: string, ...commandArguments: string[]): boolean {
  return spawnSync(command, commandArguments).status === 0;
}
