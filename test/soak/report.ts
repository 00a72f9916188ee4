/** What the soak has found, as text for people. Judges the memory; everything else was judged in its round. */
import { textTable } from '../../src/text/table';
import type { MemorySample, Soak } from './soak';

/** Fewer rounds say nothing about memory. */
const MIN_MEMORY_ROUNDS = 12;
/** What the last third may have more than the first: the heap is not collected at any certain time. */
const MAX_GROWTH = 0.15;
const MAX_GROWTH_BYTES = 24 * 1024 * 1024;
const MIB = 1024 * 1024;

export interface Report {
  readonly text: string;
  readonly isGood: boolean;
}

export function reportOf(soak: Soak, { seconds, seed }: { seconds: number; seed: number }): Report {
  const memory = judgeMemory(soak.memory);
  const findings = [...soak.findings];
  const isGood = findings.length === 0 && memory.isFlat;
  const faults = [...soak.countByFault].map(([name, { times, longestRecoveryMs }]) => [
    name,
    String(times),
    `${(longestRecoveryMs / 1000).toFixed(1)} s`,
  ]);
  const operations = [...soak.operations]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([kind, { sent, answered }]) => [kind, String(sent), String(answered)]);
  const lines = [
    `${Math.round(seconds)} s, ${soak.rounds} rounds, seed ${seed}`,
    '',
    ...textTable([['fault', 'times', 'served again within'], ...faults], { hasHeadings: true }),
    ...soak.missing.map(({ name, why }) => `${name}: not here, because ${why}`),
    '',
    ...textTable([['command', 'sent', 'answered'], ...operations], { hasHeadings: true }),
    '',
    ...textTable([
      ['associations', String(soak.associations)],
      ['instances acknowledged', String(soak.acknowledged)],
      ['stored in Orthanc', String(soak.stored.ORTHANC)],
      ['stored in the own archive', String(soak.stored.ARCHIVE)],
      ['moved through egress', String(soak.moved)],
      ['audit lines compared', String(soak.linesChecked)],
      ['memory of the first process', memory.primary],
      ...(memory.worker === undefined ? [] : [['memory of the largest worker', memory.worker]]),
    ]),
    '',
    ...findings.map(
      ({ round, faults: at, what, waitedMs }) =>
        `FOUND in round ${round} (${at.join(', ') || 'no fault'}; the soak itself stood still for ${waitedMs} ms): ${what}`,
    ),
    ...(memory.isFlat ? [] : ['FOUND: the memory grows']),
    isGood ? 'All is as it should be.' : `${findings.length} findings. Repeat with --seed ${seed}.`,
  ];
  return { text: `${lines.join('\n')}\n`, isGood };
}

function judgeMemory(samples: readonly MemorySample[]) {
  const primary = growth(samples.map(({ primaryBytes }) => primaryBytes));
  const worker = growth(samples.map(({ workerBytes }) => workerBytes));
  const hasWorkers = samples.some(({ workerBytes }) => workerBytes > 0);
  return {
    isFlat: samples.length < MIN_MEMORY_ROUNDS || (primary.isFlat && worker.isFlat),
    primary: primary.text,
    worker: hasWorkers ? worker.text : undefined,
  };
}

/** The first third against the last. */
function growth(bytes: readonly number[]): { readonly isFlat: boolean; readonly text: string } {
  const third = Math.ceil(bytes.length / 3);
  const before = median(bytes.slice(0, third));
  const after = median(bytes.slice(-third));
  return {
    isFlat: after <= before * (1 + MAX_GROWTH) + MAX_GROWTH_BYTES,
    text: `${Math.round(before / MIB)} MiB in the first third, ${Math.round(after / MIB)} MiB in the last`,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[values.length >> 1] ?? 0;
}
