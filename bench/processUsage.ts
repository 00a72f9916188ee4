/**
 * What a process and its children used: CPU time and resident memory, from /proc (Linux). A process that has gone
 * counts as nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, the unit of the times in /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
/** Often enough for a curve over seconds, seldom enough to cost nothing. */
const SAMPLE_EVERY_MS = 50;

/** The process and its descendants. Children of a thread other than the first are not seen; nobody here has any. */
export function processTree(pid: number): number[] {
  const children = text(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(processTree)];
}

/** User and system time of all threads, also of those that have ended, and of children that were waited for. */
export function cpuSeconds(pid: number): number {
  return processTree(pid).reduce((total, each) => total + ownCpuSeconds(each), 0);
}

function ownCpuSeconds(pid: number): number {
  // The second field is the name in parentheses, which may hold spaces; utime is the 14th field.
  const fields = text(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  const ticks = [11, 12, 13, 14].reduce((total, index) => total + Number(fields[index] ?? 0), 0);
  return ticks / TICKS_PER_SECOND;
}

/**
 * The same to the nanosecond, of the threads that are alive: for turns that are shorter than ten ticks. NaN where the
 * kernel does not count it.
 */
export function runtimeSeconds(pid: number): number {
  const threads = processTree(pid).flatMap((each) =>
    directory(`/proc/${each}/task`).map((thread) => text(`/proc/${each}/task/${thread}/schedstat`)),
  );
  return threads.reduce((total, line) => total + Number(line.split(' ')[0] || Number.NaN) / 1e9, 0);
}

/** In bytes; pages that several processes of the tree share count in each. */
export function residentBytes(pid: number): number {
  return processTree(pid).reduce((total, each) => {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(text(`/proc/${each}/status`));
    return total + Number(kilobytes?.[1] ?? 0) * 1024;
  }, 0);
}

function directory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

export interface Usage {
  readonly seconds: number;
  /** NaN where there is no process to look at. */
  readonly cpuSeconds: number;
  /** The most that was seen; NaN where there is no process to look at. */
  readonly residentBytes: number;
  /** One value every 50 ms, the one from before the work first. */
  readonly residentSeries: readonly number[];
}

/** Does the work and tells what the process used meanwhile. */
export async function usageDuring<T>(
  pid: number | undefined,
  work: () => Promise<T>,
): Promise<Usage & { readonly result: T }> {
  if (pid === undefined) {
    const from = performance.now();
    const result = await work();
    const seconds = (performance.now() - from) / 1000;
    return { seconds, cpuSeconds: Number.NaN, residentBytes: Number.NaN, residentSeries: [], result };
  }
  const series = [residentBytes(pid)];
  const timer = setInterval(() => series.push(residentBytes(pid)), SAMPLE_EVERY_MS);
  const cpuBefore = cpuSeconds(pid);
  const from = performance.now();
  try {
    const result = await work();
    const seconds = (performance.now() - from) / 1000;
    const used = cpuSeconds(pid) - cpuBefore;
    series.push(residentBytes(pid));
    return { seconds, cpuSeconds: used, residentBytes: Math.max(...series), residentSeries: series, result };
  } finally {
    clearInterval(timer);
  }
}
