/**
 * What an association costs: opened again and again with a full handshake, and held open by the thousand.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startRawSink } from '../archives/rawSink';
import type { KeyType } from '../certificates';
import type { CleanUp } from '../cleanUp';
import { type Contender, percentile, takeTurns } from '../measure';
import { residentBytes, usageDuring } from '../processUsage';
import {
  type Bench,
  contendersInFront,
  freshContenders,
  mebibytes,
  relays,
  targetOf,
  varied,
  type Workload,
} from './workload';

const ASSOCIATIONS = 400;
const QUICK_ASSOCIATIONS = 16;
/** Enough to keep the relay busy while others wait for the network. */
const CONCURRENCY = 4;
const IDLE_ASSOCIATIONS = 1000;
const QUICK_IDLE_ASSOCIATIONS = 20;
/** What a handshake leaves behind is given back by then, where it is given back at all. */
const SETTLE_MS = 1500;

const keyTitles: Readonly<Record<KeyType, string>> = { rsa: 'RSA', ecdsa: 'ECDSA' };

export const associationRate: Workload = {
  name: 'associations',
  needs: [],
  async run(bench, cleanUp) {
    const contenders = [
      ...(await withServerKey('rsa', bench, cleanUp)),
      ...(await withServerKey('ecdsa', bench, cleanUp)),
    ];
    return {
      name: 'associations',
      title: 'Associations per second',
      note:
        `TCP, full TLS handshake, association, C-ECHO, release; ${bench.isQuick ? QUICK_ASSOCIATIONS : ASSOCIATIONS} ` +
        `of them, ${CONCURRENCY} at a time. Server certificate RSA-2048 or ECDSA P-256, client certificate RSA-2048. ` +
        'The load takes part of the processors too; CPU time each is the relay alone.',
      columns: [
        { key: 'associationsPerSecond', title: 'per s', digits: 0 },
        { key: 'p50Ms', title: 'p50 ms', digits: 1 },
        { key: 'cpuMilliseconds', title: 'CPU ms each', digits: 2 },
        { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
      ],
      rows: await takeTurns(contenders, bench),
    };
  },
};

async function withServerKey(keyType: KeyType, bench: Bench, cleanUp: CleanUp): Promise<Contender[]> {
  const archive = await startRawSink(cleanUp);
  const count = bench.isQuick ? QUICK_ASSOCIATIONS : ASSOCIATIONS;
  const contenders = await contendersInFront(bench, cleanUp, relays, { archive, keyType }, async (front) => {
    const target = targetOf(front, bench.certificates);
    const usage = await usageDuring(front.pid, () =>
      bench.load.runInTwo({
        kind: 'associate',
        target,
        count: count / 2,
        concurrency: CONCURRENCY / 2,
      }),
    );
    return {
      associationsPerSecond: count / usage.result.seconds,
      p50Ms: percentile(usage.result.latenciesMs, 0.5),
      cpuMilliseconds: (usage.cpuSeconds / count) * 1000,
      residentMegabytes: mebibytes(usage.residentBytes),
    };
  });
  return varied(contenders, keyType, ({ title }) => `${title}, ${keyTitles[keyType]}`);
}

export const idleAssociations: Workload = {
  name: 'idle',
  needs: [],
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const count = bench.isQuick ? QUICK_IDLE_ASSOCIATIONS : IDLE_ASSOCIATIONS;
    const contenders = freshContenders(bench, cleanUp, relays, archive, async (front) => {
      const target = targetOf(front, bench.certificates);
      // The first association brings in what all of them need.
      await bench.load.run({ kind: 'associate', target, count: 1, concurrency: 1 });
      const base = residentBytes(front.pid!);
      await bench.load.run({ kind: 'openIdle', target, count });
      await delay(SETTLE_MS);
      const all = residentBytes(front.pid!);
      await bench.load.run({ kind: 'closeIdle' });
      return {
        baseMegabytes: mebibytes(base),
        residentMegabytes: mebibytes(all),
        kilobytesEach: (all - base) / count / 1024,
      };
    });
    return {
      name: 'idle',
      title: `${count} idle associations`,
      note: `Memory after one association (base), and ${SETTLE_MS / 1000} s after the last of them was opened.`,
      columns: [
        { key: 'baseMegabytes', title: 'base RSS MB', digits: 1 },
        { key: 'residentMegabytes', title: 'RSS MB with all', digits: 1 },
        { key: 'kilobytesEach', title: 'KB each', digits: 1 },
      ],
      rows: await takeTurns(contenders, { rounds: 1, say: bench.say }),
    };
  },
};
