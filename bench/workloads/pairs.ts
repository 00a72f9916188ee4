/**
 * Comparisons by pairs: two fronts do the same work in the same seconds, in turns of some 100 ms. Their ratios hold on a
 * machine that does other work too, if there are enough pairs. What features cost, Aegis beside its peers, and Aegis beside
 * another build of itself.
 */
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { startRawSink } from '../archives/rawSink';
import type { CleanUp } from '../cleanUp';
import type { PairedSide, PairedWork, Turn } from '../load/jobs';
import { median, type Row, ratioOf, ratioOfRounds, type Sample, type Table } from '../measure';
import { aegisOf } from '../peers/aegis';
import type { Front, FrontOptions, Peer, PeerName } from '../peers/peer';
import { pinned, temporaryFolder } from '../processes';
import { type Bench, MEGABYTE, targetOf, type Workload } from './workload';

/**
 * Of one start of both. Two processes that do the same differ for as long as they live, so more rounds bring more than
 * more pairs.
 */
const PAIRS = 10;
const QUICK_PAIRS = 3;
/** Fewer have no interval worth a look. An even number: the one that starts first is also the first to be opened. */
const MIN_ROUNDS = 6;
/** Answers of a C-FIND. */
const FIND_ANSWERS = 1000;
/** One C-GET is one turn. */
const STUDY = { studyInstances: 100, studyInstanceBytes: MEGABYTE / 2 };
/** Smaller ones would be shorter than what the raw sink takes for its answer. */
const SMALL_INSTANCE_BYTES = 16 * 1024;

/** Each takes 20 to 200 ms. */
export const works = {
  bulk: { kind: 'store', instanceBytes: MEGABYTE, each: 60 },
  small: { kind: 'store', instanceBytes: SMALL_INSTANCE_BYTES, each: 300 },
  echo: { kind: 'echo', each: 300 },
  find: { kind: 'find', each: 10 },
  get: { kind: 'get', each: 1 },
  associate: { kind: 'associate', each: 30 },
} as const satisfies Readonly<Record<string, PairedWork>>;

type WorkName = keyof typeof works;

const workTitles: Readonly<Record<WorkName, string>> = {
  bulk: 'C-STORE of 1 MB',
  small: 'C-STORE of 16 KB',
  echo: 'C-ECHO',
  find: `C-FIND of ${FIND_ANSWERS} answers`,
  get: 'C-GET of 50 MB',
  associate: 'associations',
};

interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly works: readonly WorkName[];
  /** The one that is looked at, over the other. */
  readonly over: (cleanUp: CleanUp, options: FrontOptions) => Promise<Front>;
  readonly under: (cleanUp: CleanUp, options: FrontOptions) => Promise<Front>;
}

const columns = [
  { key: 'seconds', title: 'time ×', digits: 3 },
  { key: 'secondsLow', title: 'from', digits: 3 },
  { key: 'secondsHigh', title: 'to', digits: 3 },
  { key: 'cpu', title: 'CPU ×', digits: 3 },
  { key: 'cpuLow', title: 'from', digits: 3 },
  { key: 'cpuHigh', title: 'to', digits: 3 },
  { key: 'roundsNeeded', title: 'rounds for ±2 %', digits: 0 },
  { key: 'p50', title: 'p50 ×', digits: 3 },
  { key: 'cpuMicroseconds', title: 'CPU µs more each', digits: 1 },
] as const;

const NOTE =
  'Ratios of pairs: both do the same in turns of some 100 ms (ABBA). Each round has new processes. The mean of the rounds, ' +
  'with a confidence interval of 95 %, and how many rounds like these have one of ±2 % for the CPU. Below 1 is better.';

export const againstPeers = comparing('pairs', 'Aegis beside others, by pairs', false, (bench) => {
  const all: readonly WorkName[] = ['bulk', 'get', 'find', 'echo', 'associate'];
  const rivals: Partial<Record<PeerName, readonly WorkName[]>> = {
    nginx: ['bulk', 'get'],
    haproxy: all,
    'plain-relay': ['echo', 'associate'],
  };
  return bench.peers.flatMap((peer: Peer) => {
    const ofPeer = rivals[peer.name];
    if (ofPeer === undefined) return [];
    const { name, title } = peer;
    return [{ name, title: `against ${title}`, works: ofPeer, over: aegisOf({}).start, under: peer.start }];
  });
});

/** The configuration of the benchmark against the same with one thing changed. */
export const features = comparing('features', 'What features cost', false, () => [
  {
    name: 'verify',
    title: 'dataSets: verify against off',
    works: ['bulk', 'small'],
    over: aegisOf({}).start,
    under: (cleanUp, options) => aegisOf({}).start(cleanUp, { ...options, dataSets: 'off' }),
  },
  {
    name: 'everything',
    title: 'file with chain, syslog, ATNA and alerts against none of them',
    works: ['bulk', 'echo', 'find', 'associate'],
    over: async (cleanUp, options) => aegisOf(await everythingOn(cleanUp)).start(cleanUp, options),
    under: aegisOf({}).start,
  },
]);

/** `--against dist/cli.js` of another build: whether a change made it faster. */
export const againstBuild = comparing('build', 'Against another build', true, ({ against }) => [
  {
    name: 'build',
    title: 'against the other build',
    works: ['bulk', 'small', 'get', 'find', 'echo', 'associate'],
    over: aegisOf({}).start,
    under: aegisOf({}, against).start,
  },
]);

function comparing(
  name: string,
  title: string,
  isOnRequest: boolean,
  comparisonsOf: (bench: Bench) => readonly Comparison[],
): Workload {
  return {
    name,
    needs: [],
    isOnRequest,
    async run(bench, cleanUp): Promise<Table> {
      const rows: Row[] = [];
      for (const comparison of comparisonsOf(bench)) {
        const named = comparison.works.filter((work) => bench.works?.includes(work) ?? true);
        if (named.length === 0) continue;
        try {
          rows.push(...(await rowsOf(bench, cleanUp, { ...comparison, works: named })));
        } catch (error) {
          // The other comparisons are worth their minutes all the same.
          const failure = (error as Error).message;
          bench.say(`  ${comparison.title}: failed: ${failure}\n`);
          rows.push({ name: comparison.name, title: comparison.title, samples: [], failure });
        }
      }
      return { name, title, note: NOTE, columns, rows };
    },
  };
}

/** Of one round. */
type Turns = readonly [over: readonly Turn[], under: readonly Turn[]];

/** Each round starts both again. */
async function rowsOf(bench: Bench, cleanUp: CleanUp, comparison: Comparison): Promise<Row[]> {
  const roundsOf = new Map<WorkName, Turns[]>(comparison.works.map((work) => [work, []]));
  const rounds = bench.isQuick ? bench.rounds : Math.max(bench.rounds, MIN_ROUNDS);
  for (let round = 0; round < rounds; round += 1) {
    const ending = cleanUp.nested();
    bench.say(`  round ${round + 1}/${rounds}  ${comparison.title}:`);
    try {
      await runRound(bench, ending, comparison, round, roundsOf);
    } finally {
      bench.say('\n');
      await ending.run();
    }
  }
  return comparison.works.map((work) => {
    const title = `${workTitles[work]}, ${comparison.title}`;
    const sample = sampleOf(roundsOf.get(work)!, works[work].each);
    const shown = Object.entries(sample).map(([key, value]) => `${key} ${value.toFixed(3)}`);
    bench.say(`  ${title}: ${shown.join(', ')}\n`);
    return { name: `${comparison.name}-${work}`, title, samples: [sample] };
  });
}

async function runRound(
  bench: Bench,
  cleanUp: CleanUp,
  { over, under, works: names }: Comparison,
  round: number,
  roundsOf: ReadonlyMap<WorkName, Turns[]>,
): Promise<void> {
  const archive = await startRawSink(cleanUp, { findAnswers: FIND_ANSWERS, ...STUDY });
  const side = async (start: Comparison['over']): Promise<PairedSide> => {
    const front = await start(cleanUp, { archive, certificates: bench.certificates });
    return { target: targetOf(front, bench.certificates), pid: front.pid! };
  };
  // What is started and opened first is faster by some percent, so each is the first one in half of the rounds.
  const isOverFirst = round % 2 === 0;
  const sides = [await side(isOverFirst ? over : under), await side(isOverFirst ? under : over)] as const;
  pinned(sides.map(({ pid }) => pid));
  for (const work of names) {
    const count = bench.isQuick ? QUICK_PAIRS : PAIRS;
    const { turns } = await bench.load.run({ kind: 'pairs', sides, work: works[work], count });
    const ofRound: Turns = isOverFirst ? turns! : [turns![1], turns![0]];
    roundsOf.get(work)!.push(ofRound);
    bench.say(` ${work} CPU ${ratioIn(ofRound, 'cpuSeconds').toFixed(3)}`);
  }
}

function sampleOf(rounds: readonly Turns[], each: number): Sample {
  const of = (key: keyof Turn) => ratioOfRounds(rounds.map((round) => ratioIn(round, key)));
  const [seconds, cpu, p50] = [of('seconds'), of('cpuSeconds'), of('p50Ms')];
  const more = rounds.map(([over, under]) =>
    median(over.map(({ cpuSeconds }, pair) => cpuSeconds - under[pair]!.cpuSeconds)),
  );
  return {
    seconds: seconds.ratio,
    secondsLow: seconds.low,
    secondsHigh: seconds.high,
    cpu: cpu.ratio,
    cpuLow: cpu.low,
    cpuHigh: cpu.high,
    roundsNeeded: cpu.roundsNeeded,
    p50: p50.ratio,
    p50Low: p50.low,
    p50High: p50.high,
    cpuMicroseconds: (median(more) / each) * 1e6,
  };
}

function ratioIn([over, under]: Turns, key: keyof Turn): number {
  return ratioOf(
    over.map((turn) => turn[key]),
    under.map((turn) => turn[key]),
  );
}

/** Receivers that take everything and keep nothing, and the configuration that sends to them. */
async function everythingOn(cleanUp: CleanUp): Promise<Readonly<Record<string, unknown>>> {
  const syslog = await listening(
    cleanUp,
    createServer((socket) => socket.on('error', () => {}).resume()),
  );
  const webhook = await listening(
    cleanUp,
    createHttpServer((request, answer) => request.resume().on('end', () => answer.end())),
  );
  return {
    audit: {
      file: join(temporaryFolder(cleanUp), 'audit.jsonl'),
      chain: true,
      syslog: { server: `127.0.0.1:${syslog}`, protocol: 'tcp' },
      atna: {},
    },
    alerts: { webhooks: [{ url: `http://127.0.0.1:${webhook}/` }] },
  };
}

async function listening(cleanUp: CleanUp, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanUp.add(() => void server.close());
  return (server.address() as AddressInfo).port;
}
