/**
 * Whether a long allowlist makes associations slower. Aegis only: nobody else has one.
 */
import { startRawSink } from '../archives/rawSink';
import { type Contender, percentile, takeTurns } from '../measure';
import { usageDuring } from '../processUsage';
import { contendersInFront, mebibytes, targetOf, type Workload } from './workload';

const FEW = 10;
const MANY = 10_000;
const ASSOCIATIONS = 200;
const QUICK_ASSOCIATIONS = 16;

export const policySize: Workload = {
  name: 'policy',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const count = bench.isQuick ? QUICK_ASSOCIATIONS : ASSOCIATIONS;
    const contenders: Contender[] = [];
    for (const modalities of [FEW, MANY]) {
      const [contender] = await contendersInFront(
        bench,
        cleanUp,
        ['aegis'],
        { archive, modalities },
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
      const title = `Aegis, ${modalities.toLocaleString('en')} modalities`;
      contenders.push({ name: `aegis-${modalities}`, title, measure: contender.measure });
    }
    return {
      name: 'policy',
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
      rows: await takeTurns(contenders, bench),
    };
  },
};
