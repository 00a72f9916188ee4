/**
 * Whether a long allowlist makes associations slower. Aegis only: nobody else has one.
 */
import { startRawSink } from '../archives/rawSink';
import { type Contender, medianOf, percentile, type Row, takeTurns } from '../measure';
import { usageDuring } from '../processUsage';
import type { LineChart, Panel } from '../report/lineChart';
import { contendersInFront, mebibytes, targetOf, type Workload } from './workload';

const LENGTHS = [10, 100, 1000, 10_000];
const ASSOCIATIONS = 200;
const QUICK_ASSOCIATIONS = 16;

export const modalities: Workload = {
  name: 'modalities',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const count = bench.isQuick ? QUICK_ASSOCIATIONS : ASSOCIATIONS;
    const contenders: Contender[] = [];
    for (const length of LENGTHS) {
      const [contender] = await contendersInFront(
        bench,
        cleanUp,
        ['aegis'],
        { archive, modalities: length },
        async (front) => {
          const target = targetOf(front, bench.certificates);
          const usage = await usageDuring(front.pid, () =>
            bench.load.run({ kind: 'associate', target, count, concurrency: 1 }),
          );
          return {
            p50Ms: percentile(usage.result.latenciesMs, 0.5),
            cpuMilliseconds: (usage.cpuSeconds / count) * 1000,
            startMilliseconds: front.startMs!,
            residentMegabytes: mebibytes(usage.residentBytes),
          };
        },
      );
      if (contender === undefined) continue;
      const title = `Aegis, ${length.toLocaleString('en')} modalities`;
      contenders.push({ name: nameOf(length), title, measure: contender.measure });
    }
    const rows = await takeTurns(contenders, bench);
    return {
      name: 'modalities',
      title: 'A long allowlist',
      note:
        `${count} associations, one after the other, each with a full handshake, a C-ECHO and a release; ` +
        'each entry has an AE title, an address and a certificate of its own.',
      columns: [
        { key: 'p50Ms', title: 'p50 ms', digits: 2 },
        { key: 'cpuMilliseconds', title: 'CPU ms each', digits: 2 },
        { key: 'startMilliseconds', title: 'start ms', digits: 0 },
        { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
      ],
      rows,
      chart: chartOf(rows),
    };
  },
};

function nameOf(length: number): string {
  return `aegis-${length}`;
}

function chartOf(rows: readonly Row[]): LineChart {
  const panel = (title: string, key: string): Panel => {
    const points = LENGTHS.map((length) => ({
      x: length,
      y: medianOf(
        rows.find(({ name }) => name === nameOf(length)),
        key,
      ),
    }));
    const line = { title: 'Aegis', isOurs: true, points: points.filter(({ y }) => y > 0) };
    return { title, isLogarithmic: false, lines: [line] };
  };
  return {
    name: 'modalities',
    title: 'Cost by the number of modalities',
    note: 'Of the allowlist; each entry has an AE title, an address and a certificate of its own.',
    xTitle: 'modalities',
    ticks: LENGTHS.map((value) => ({ value, label: value.toLocaleString('en') })),
    panels: [
      panel('CPU ms for an association (less is better)', 'cpuMilliseconds'),
      panel('memory, MB (less is better)', 'residentMegabytes'),
    ],
  };
}
