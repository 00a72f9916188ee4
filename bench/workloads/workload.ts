/**
 * What a workload gets and gives, and what all of them need: the peers started in front of an archive, and what the
 * relay used while it worked.
 */
import type { Archive } from '../archives/archive';
import type { BenchCertificates } from '../certificates';
import type { CleanUp } from '../cleanUp';
import type { LoadResult, LoadTarget } from '../load/jobs';
import type { LoadGenerator } from '../load/loadGenerator';
import type { Contender, Sample, Table, Turns } from '../measure';
import type { Front, FrontOptions, Peer, PeerName } from '../peers/peer';
import type { Usage } from '../processUsage';

export interface Bench extends Turns {
  /** Those that were asked for and are installed. */
  readonly peers: readonly Peer[];
  /** Of the floods; undefined: all. */
  readonly attacks: readonly string[] | undefined;
  /** The dist/cli.js of another build, of the pairs with it; undefined: this build. */
  readonly against: string | undefined;
  /** Of the pairs; undefined: all. */
  readonly works: readonly string[] | undefined;
  /** Small counts: to see that it runs, not to learn anything. */
  readonly isQuick: boolean;
  readonly certificates: BenchCertificates;
  readonly load: LoadGenerator;
}

export interface Workload {
  readonly name: string;
  /** Programs without which it cannot run. */
  readonly needs: readonly string[];
  /** Only where it is named: it compares nothing. */
  readonly isOnRequest?: boolean;
  /** Everything that it starts ends with the clean-up. */
  run(bench: Bench, cleanUp: CleanUp): Promise<Table | readonly Table[]>;
}

export const MEGABYTE = 1e6;
const GIGABYTE = 1e9;
const MEBIBYTE = 1024 * 1024;

/** TLS peers that relay: everything but plain TCP and what only one workload can use. */
export const relays: readonly PeerName[] = ['nginx', 'haproxy', 'stunnel', 'aegis'];

const warmedUpPeers: readonly PeerName[] = [...relays, 'aegis-no-quick-ack'];

export interface StartedPeer {
  readonly peer: Peer;
  /** Rejects where it did not start. */
  readonly front: Promise<Front>;
}

/** Each of the named peers, started one after the other and warmed up. */
export async function startPeers(
  bench: Bench,
  cleanUp: CleanUp,
  names: readonly PeerName[],
  options: Omit<FrontOptions, 'certificates'>,
): Promise<StartedPeer[]> {
  const started: StartedPeer[] = [];
  for (const peer of bench.peers.filter(({ name }) => names.includes(name))) {
    const front = peer
      .start(cleanUp, { ...options, certificates: bench.certificates })
      .then((cold) => (warmedUpPeers.includes(peer.name) ? warmedUp(bench, cold) : cold));
    await front.catch(() => {});
    started.push({ peer, front });
  }
  return started;
}

/**
 * A contender for each of the named peers, its front started and warmed up before the first round, and kept. A peer
 * that does not start fails in its first turn.
 */
export async function contendersInFront(
  bench: Bench,
  cleanUp: CleanUp,
  names: readonly PeerName[],
  options: Omit<FrontOptions, 'certificates'>,
  measure: (front: Front, peer: Peer) => Promise<Sample>,
): Promise<Contender[]> {
  const started = await startPeers(bench, cleanUp, names, options);
  return started.map(({ peer, front }) => ({
    name: peer.name,
    title: peer.title,
    measure: async () => measure(await front, peer),
  }));
}

/** V8 still compiles after a thousand associations; the others are as fast from the first one on. */
const WARM_UP = { associations: 2000, instances: 800, echoes: 2000 };

/**
 * Relays run for months; what a process does slowly the first time (compiling, growing its heap) is not what is
 * compared. The same for each, some seconds. Archives that keep what comes are left alone.
 */
async function warmedUp(bench: Bench, front: Front): Promise<Front> {
  if (!front.archive.isSink || bench.isQuick) return front;
  const target = targetOf(front, bench.certificates);
  await bench.load.run({ kind: 'associate', target, count: WARM_UP.associations, concurrency: 4 });
  await bench.load.run({
    kind: 'store',
    target,
    associations: 4,
    instancesEach: WARM_UP.instances / 4,
    instanceBytes: MEGABYTE,
  });
  await bench.load.run({ kind: 'echo', target, count: WARM_UP.echoes });
  return front;
}

/** A peer of its own for each turn, for what depends on a fresh process. */
export function freshContenders(
  bench: Bench,
  cleanUp: CleanUp,
  names: readonly PeerName[],
  archive: Archive,
  measure: (front: Front) => Promise<Sample>,
): Contender[] {
  return bench.peers
    .filter(({ name }) => names.includes(name))
    .map((peer) => ({
      name: peer.name,
      title: peer.title,
      async measure() {
        const turn = cleanUp.nested();
        try {
          return await measure(await peer.start(turn, { archive, certificates: bench.certificates }));
        } finally {
          await turn.run();
        }
      },
    }));
}

export function targetOf({ port, isTls }: Front, { client }: BenchCertificates): LoadTarget {
  return isTls ? { port, tls: { cert: client.certificate, key: client.privateKey } } : { port };
}

/** Megabytes of data sets in a second, and what they cost the relay. */
export function throughput(usage: Usage & { readonly result: LoadResult }): Sample {
  const { seconds, dataSetBytes } = usage.result;
  return { megabytesPerSecond: dataSetBytes / MEGABYTE / seconds, ...relayCost(usage, dataSetBytes) };
}

/** The same contenders, with names that differ from others of the same peers. */
export function varied(
  contenders: readonly Contender[],
  suffix: string,
  title: (contender: Contender) => string,
): Contender[] {
  return contenders.map((contender) => ({
    name: `${contender.name}-${suffix}`,
    title: title(contender),
    measure: (round) => contender.measure(round),
  }));
}

/** CPU time for each gigabyte of data sets, and the most memory that was seen. */
export function relayCost({ cpuSeconds, residentBytes }: Usage, dataSetBytes: number): Sample {
  return {
    cpuSecondsPerGigabyte: (cpuSeconds / dataSetBytes) * GIGABYTE,
    residentMegabytes: mebibytes(residentBytes),
  };
}

export function mebibytes(bytes: number): number {
  return bytes / MEBIBYTE;
}

export const relayCostColumns = [
  { key: 'cpuSecondsPerGigabyte', title: 'CPU s per GB', digits: 2 },
  { key: 'residentMegabytes', title: 'RSS MB', digits: 0 },
] as const;

export const throughputColumns = [
  { key: 'megabytesPerSecond', title: 'MB/s', digits: 0 },
  ...relayCostColumns,
] as const;
