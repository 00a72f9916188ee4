/**
 * Fifty honest modalities beside many attackers of one kind: what is left of their rate, what the attack costs the gateway
 * in memory, processor and log, and whether all is as before when it is over. A gateway of its own for each attack.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Archive } from '../archives/archive';
import { startRawSink } from '../archives/rawSink';
import type { CleanUp } from '../cleanUp';
import type { AttackOrder } from '../floods/attacks';
import { type Flood, floods } from '../floods/kinds';
import { sinkOf } from '../floods/sinks';
import { CROWD_SIZE, crowdMember } from '../load/crowd';
import type { CrowdCounts, LoadResult, LoadTarget } from '../load/jobs';
import { percentile, type Sample, takeTurns } from '../measure';
import { aegis } from '../peers/aegis';
import { freePort, temporaryFolder } from '../processes';
import { residentBytes, type Usage, usageDuring } from '../processUsage';
import { type Bench, mebibytes, targetOf, type Workload } from './workload';

const WARM_UP_MS = 6000;
const BEFORE_MS = 4000;
const DURING_MS = 6000;
/** The attackers alone: what they take of the gateway's processor. */
const ALONE_MS = 3000;
const AFTER_MS = 3000;
/** Until the attackers have begun. */
const RAMP_MS = 2500;
/** For the connections of the fifty. */
const CLOSE_MS = 500;
/** For connections that were left, to be closed by the gateway: closeSeconds and more. */
const SETTLE_MS = 8000;
/** SYN, ACK, FIN and the ACK of it, each of 40 bytes: what a connection without a byte sends. */
const CONNECTION_BYTES = 160;
const ATTACKERS = '127.0.2';

export const flooding: Workload = {
  name: 'floods',
  needs: [],
  isOnRequest: true,
  async run(bench, cleanUp) {
    const archive = await startRawSink(cleanUp);
    const contenders = floods
      .filter(({ name }) => bench.attacks?.includes(name) ?? true)
      .map((flood) => ({
        name: flood.name,
        title: flood.title,
        async measure() {
          const turn = cleanUp.nested();
          try {
            return await measure(flood, bench, archive, turn);
          } finally {
            await turn.run();
          }
        },
      }));
    return {
      name: 'floods',
      title: `${CROWD_SIZE} modalities beside attackers`,
      note:
        'Percent of the rate without attackers: of those that work as fast as they can, and of those with a pace of their ' +
        'own. CPU is what the attackers take of one processor when they are alone. Memory is above that before the attack.',
      columns: [
        { key: 'greedyPercent', title: 'fast %', digits: 0 },
        { key: 'pacedPercent', title: 'paced %', digits: 0 },
        { key: 'p99Ms', title: 'p99 ms', digits: 0 },
        { key: 'failures', title: 'failed', digits: 0 },
        { key: 'cpuPercent', title: 'CPU %', digits: 0 },
        { key: 'grownMegabytes', title: 'RSS + MB', digits: 0 },
        { key: 'logPerByte', title: 'log/sent', digits: 2 },
        { key: 'connectionsPerSecond', title: 'connects/s', digits: 0 },
        { key: 'afterPercent', title: 'after %', digits: 0 },
        { key: 'leftDescriptors', title: 'left', digits: 0 },
      ],
      rows: await takeTurns(contenders, bench),
    };
  },
};

async function measure(flood: Flood, bench: Bench, archive: Archive, turn: CleanUp): Promise<Sample> {
  const folder = temporaryFolder(turn);
  const plainPort = await freePort();
  const { file, outputFile, audit } = await sinkOf(flood.sink, folder, turn);
  const listener = { name: 'plain', host: '127.0.0.1', port: plainPort };
  const front = await aegis.start(turn, {
    archive,
    certificates: bench.certificates,
    outputFile,
    settings: (own) => ({
      listeners: [...own.listeners, listener],
      modalities: modalities(),
      limits: flood.limits ?? {},
      audit,
    }),
  });
  const pid = front.pid!;
  const target = targetOf(front, bench.certificates);
  const crowd = (forMs: number) => bench.load.run({ kind: 'crowd', target, forMs });
  await crowd(bench.isQuick ? 300 : WARM_UP_MS);
  const before = await usageDuring(pid, () => crowd(bench.isQuick ? 500 : BEFORE_MS));
  await delay(CLOSE_MS);
  const descriptors = openDescriptors(pid);
  const base = residentBytes(pid);
  const attackers = startAttackers(
    flood,
    { port: flood.tls === undefined ? plainPort : front.port, target },
    turn,
  );
  await delay(bench.isQuick ? CLOSE_MS : RAMP_MS);
  const sentBefore = await attackers.count();
  const during = await usageDuring(pid, () => crowd(bench.isQuick ? 500 : DURING_MS));
  const sent = await attackers.count();
  const alone = await usageDuring(pid, () => delay(bench.isQuick ? 100 : ALONE_MS));
  const sentInAll = await attackers.count();
  attackers.end();
  await settled(pid, descriptors);
  const after = await usageDuring(pid, () => crowd(bench.isQuick ? 500 : AFTER_MS));
  await settled(pid, descriptors);
  return {
    greedyPercent: 100 * shareOf(during, before, ({ greedy }) => greedy),
    pacedPercent: 100 * shareOf(during, before, ({ paced }) => paced),
    p99Ms: percentile(during.result.latenciesMs, 0.99),
    failures: during.result.done!.failures,
    cpuPercent: 100 * (alone.cpuSeconds / alone.seconds),
    grownMegabytes: mebibytes(during.residentBytes - base),
    logPerByte:
      file === undefined
        ? Number.NaN
        : (await bytesAboutAttackers(file)) / (sentInAll.bytes + sentInAll.connections * CONNECTION_BYTES),
    connectionsPerSecond: (sent.connections - sentBefore.connections) / during.seconds,
    afterPercent: 100 * shareOf(after, before, ({ greedy }) => greedy),
    leftDescriptors: openDescriptors(pid) - descriptors,
  };
}

function modalities(): Readonly<Record<string, unknown>> {
  const honest = Array.from({ length: CROWD_SIZE }, (_, index) => {
    const { calling, from } = crowdMember(index);
    const certificate = 'cn:ct1';
    return [calling.toLowerCase(), { callingAeTitle: calling, from, certificate, allow: ['echo', 'store'] }];
  });
  const attacker = { from: `${ATTACKERS}.0/24`, allow: ['echo'], listeners: ['plain', 'tls'] };
  return {
    ...Object.fromEntries(honest),
    attacker: { callingAeTitle: 'ATTACKER', ...attacker },
  };
}

type Measured = Usage & { readonly result: LoadResult };

function shareOf(during: Measured, before: Measured, what: (done: CrowdCounts) => number): number {
  const rate = ({ result }: Measured) => what(result.done!) / result.seconds;
  return rate(during) / rate(before);
}

interface Attackers {
  count(): Promise<{ readonly connections: number; readonly bytes: number }>;
  end(): void;
}

function startAttackers(
  flood: Flood,
  { port, target }: { readonly port: number; readonly target: LoadTarget },
  turn: CleanUp,
): Attackers {
  const child: ChildProcess = fork(join(__dirname, '../floods/attackProcess.js'), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  turn.add(() => void child.kill('SIGKILL'));
  const order: AttackOrder = {
    attack: flood.attack,
    connections: flood.connections,
    port,
    tls: flood.tls === 'certificate' ? target.tls : flood.tls && {},
    calling: flood.calling ?? 'ATTACKER',
    network: flood.network ?? ATTACKERS,
    addresses: flood.addresses ?? 1,
  };
  child.send(order);
  return {
    async count() {
      child.send('count');
      const [counts] = await once(child, 'message');
      return counts;
    },
    end: () => void child.kill('SIGKILL'),
  };
}

function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function settled(pid: number, descriptors: number): Promise<void> {
  const endMs = performance.now() + SETTLE_MS;
  while (openDescriptors(pid) > descriptors && performance.now() < endMs) await delay(100);
}

async function bytesAboutAttackers(file: string): Promise<number> {
  let bytes = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (!line.includes('"HONEST')) bytes += line.length + 1;
  }
  return bytes;
}
