/**
 * Small messages: C-ECHO on a warm association, and C-FIND with many answers. Peers and archive without delays of
 * their own, so that what is left is the relay.
 */
import { startRawSink } from '../archives/rawSink';
import { percentile, takeTurns } from '../measure';
import { usageDuring } from '../processUsage';
import { contendersInFront, mebibytes, relays, targetOf, type Workload } from './workload';

const ECHOES = 2000;
const QUICK_ECHOES = 50;
const FIND_ANSWERS = 1000;
const QUICK_FIND_ANSWERS = 50;
const FINDS = 20;
const QUICK_FINDS = 2;

export const echoLatency: Workload = {
  name: 'echo',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const count = bench.isQuick ? QUICK_ECHOES : ECHOES;
    const contenders = await contendersInFront(
      bench,
      cleanUp,
      ['none', ...relays, 'aegis-no-quick-ack'],
      { archive },
      async (front) => {
        const target = targetOf(front, bench.certificates);
        const usage = await usageDuring(front.pid, () => bench.load.run({ kind: 'echo', target, count }));
        return {
          p50Ms: percentile(usage.result.latenciesMs, 0.5),
          p99Ms: percentile(usage.result.latenciesMs, 0.99),
          cpuMicroseconds: (usage.cpuSeconds / count) * 1e6,
          residentMegabytes: mebibytes(usage.residentBytes),
        };
      },
    );
    return {
      name: 'echo',
      title: 'C-ECHO on a warm association',
      note: `${count} of them, one after the other, to the raw sink; nobody delays anything.`,
      columns: [
        { key: 'p50Ms', title: 'p50 ms', digits: 3 },
        { key: 'p99Ms', title: 'p99 ms', digits: 3 },
        { key: 'cpuMicroseconds', title: 'CPU µs each', digits: 0 },
        { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
      ],
      rows: await takeTurns(contenders, bench),
    };
  },
};

export const find: Workload = {
  name: 'find',
  needs: [],
  async run(bench, cleanUp) {
    const findAnswers = bench.isQuick ? QUICK_FIND_ANSWERS : FIND_ANSWERS;
    const count = bench.isQuick ? QUICK_FINDS : FINDS;
    const archive = await startRawSink(cleanUp, { findAnswers });
    const contenders = await contendersInFront(
      bench,
      cleanUp,
      ['none', ...relays],
      { archive },
      async (front) => {
        const target = targetOf(front, bench.certificates);
        const usage = await usageDuring(front.pid, () => bench.load.run({ kind: 'find', target, count }));
        const { seconds, answers } = usage.result;
        return {
          millisecondsPerFind: (seconds / count) * 1000,
          answersPerSecond: answers / seconds,
          cpuMicroseconds: (usage.cpuSeconds / answers) * 1e6,
          residentMegabytes: mebibytes(usage.residentBytes),
        };
      },
    );
    return {
      name: 'find',
      title: `C-FIND with ${findAnswers} answers`,
      note: `${count} of them on one association, to the raw sink.`,
      columns: [
        { key: 'millisecondsPerFind', title: 'ms each', digits: 1 },
        { key: 'answersPerSecond', title: 'answers per s', digits: 0 },
        { key: 'cpuMicroseconds', title: 'CPU µs per answer', digits: 1 },
        { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
      ],
      rows: await takeTurns(contenders, bench),
    };
  },
};
