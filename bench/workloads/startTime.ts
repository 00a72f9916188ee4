/**
 * From the start of the process until it listens.
 */
import { startRawSink } from '../archives/rawSink';
import { takeTurns } from '../measure';
import { residentBytes } from '../processUsage';
import { freshContenders, mebibytes, relays, type Workload } from './workload';

/** A start takes a moment only; more of them make up for what a disk or another process adds. */
const STARTS = 5;

export const startTime: Workload = {
  name: 'start',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const contenders = freshContenders(bench, cleanUp, relays, archive, async ({ pid, startMs }) => ({
      milliseconds: startMs!,
      residentMegabytes: mebibytes(residentBytes(pid!)),
    }));
    return {
      name: 'start',
      title: 'Time to start',
      note: 'From the start of the process until the kernel lists its port as listening.',
      columns: [
        { key: 'milliseconds', title: 'ms', digits: 0 },
        { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
      ],
      rows: await takeTurns(contenders, { rounds: bench.isQuick ? 1 : STARTS, say: bench.say }),
    };
  },
};
