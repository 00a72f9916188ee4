/**
 * Eight modalities send at once: one worker against two.
 */
import { availableParallelism } from 'node:os';
import { startRawSink } from '../archives/rawSink';
import { type Contender, takeTurns } from '../measure';
import { hasWorkers } from '../peers/aegis';
import type { PeerName } from '../peers/peer';
import { usageDuring } from '../processUsage';
import {
  contendersInFront,
  MEGABYTE,
  relays,
  targetOf,
  throughput,
  throughputColumns,
  varied,
  type Workload,
} from './workload';

const ASSOCIATIONS = 8;
const INSTANCES_EACH = 100;
const QUICK_INSTANCES_EACH = 3;
/** stunnel takes as many threads as there are connections. */
const withTwoWorkers: readonly PeerName[] = ['nginx', 'haproxy', ...(hasWorkers ? (['aegis'] as const) : [])];

export const concurrent: Workload = {
  name: 'concurrent',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const instancesEach = bench.isQuick ? QUICK_INSTANCES_EACH : INSTANCES_EACH;
    const contenders: Contender[] = [];
    for (const workers of [1, 2]) {
      const names = workers === 1 ? relays : withTwoWorkers;
      const some = await contendersInFront(bench, cleanUp, names, { archive, workers }, async (front) => {
        const target = targetOf(front, bench.certificates);
        const job = { kind: 'store', target, associations: ASSOCIATIONS / 2, instancesEach } as const;
        const usage = await usageDuring(front.pid, () =>
          bench.load.runInTwo({ ...job, instanceBytes: MEGABYTE }),
        );
        return throughput(usage);
      });
      const suffix = workers === 1 ? 'one worker' : 'two workers';
      const title = (plain: Contender) =>
        plain.name === 'stunnel' ? plain.title : `${plain.title}, ${suffix}`;
      contenders.push(...varied(some, String(workers), title));
    }
    return {
      name: 'concurrent',
      title: `${ASSOCIATIONS} concurrent associations, ${instancesEach} instances of 1 MB each`,
      note:
        `To the raw sink. The load and the sink need a processor each beside the workers; this machine has ` +
        `${availableParallelism()}.${hasWorkers ? '' : ' This version of Aegis has no workers yet.'}`,
      columns: throughputColumns,
      rows: await takeTurns(contenders, bench),
    };
  },
};
