/**
 * One instance of 2 GB: whether a relay streams, and whether its memory stays flat while it does.
 */
import { startRawSink } from '../archives/rawSink';
import { median, takeTurns } from '../measure';
import { usageDuring } from '../processUsage';
import { freshContenders, MEGABYTE, mebibytes, relayCost, relays, targetOf, type Workload } from './workload';

const INSTANCE_BYTES = 2000 * MEGABYTE;
const QUICK_INSTANCE_BYTES = 50 * MEGABYTE;
/** What a process needs once, whatever comes: after these its memory is the base. */
const WARM_UP_INSTANCES = 10;

export const largeInstance: Workload = {
  name: 'large-instance',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const bytes = bench.isQuick ? QUICK_INSTANCE_BYTES : INSTANCE_BYTES;
    const contenders = freshContenders(bench, cleanUp, relays, archive, async (front) => {
      const target = targetOf(front, bench.certificates);
      const store = { kind: 'store', target, associations: 1 } as const;
      await bench.load.run({ ...store, instancesEach: WARM_UP_INSTANCES, instanceBytes: MEGABYTE });
      const usage = await usageDuring(front.pid, () =>
        bench.load.run({ ...store, instancesEach: 1, instanceBytes: bytes }),
      );
      const { residentBytes, residentSeries, result } = usage;
      const { cpuSecondsPerGigabyte } = relayCost(usage, result.dataSetBytes);
      return {
        megabytesPerSecond: result.dataSetBytes / MEGABYTE / result.seconds,
        cpuSecondsPerGigabyte: cpuSecondsPerGigabyte!,
        baseMegabytes: mebibytes(residentSeries[0]!),
        growthMegabytes: mebibytes(residentBytes - residentSeries[0]!),
        slopeMegabytes: mebibytes(secondHalfGrowth(residentSeries)),
      };
    });
    return {
      name: 'large-instance',
      title: `One instance of ${bytes / MEGABYTE} MB`,
      note:
        `Memory every 50 ms; base: after ${WARM_UP_INSTANCES} instances of 1 MB. The last column is what the ` +
        'fourth quarter of the time needs more than the second one: flat is about 0.',
      columns: [
        { key: 'megabytesPerSecond', title: 'MB/s', digits: 0 },
        { key: 'cpuSecondsPerGigabyte', title: 'CPU s per GB', digits: 2 },
        { key: 'baseMegabytes', title: 'base RSS MB', digits: 1 },
        { key: 'growthMegabytes', title: 'most above base MB', digits: 1 },
        { key: 'slopeMegabytes', title: 'second half MB', digits: 1 },
      ],
      rows: await takeTurns(contenders, { rounds: 1, say: bench.say }),
    };
  },
};

function secondHalfGrowth(series: readonly number[]): number {
  const quarter = (index: number) =>
    series.slice(Math.floor((series.length * index) / 4), Math.ceil((series.length * (index + 1)) / 4));
  return median(quarter(3)) - median(quarter(1));
}
