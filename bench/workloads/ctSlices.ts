/**
 * The everyday case: storescu sends a CT series of slices of 0.5 MB over one association to an archive that people
 * have. Real programs on both sides.
 */
import { writePart10 } from '../../test/support/dicomFiles';
import type { Archive } from '../archives/archive';
import { startOrthanc } from '../archives/orthanc';
import { startStorescp } from '../archives/storescp';
import type { CleanUp } from '../cleanUp';
import { type Row, type Table, takeTurns } from '../measure';
import type { Front, PeerName } from '../peers/peer';
import { runProgram, temporaryFolder } from '../processes';
import { type Usage, usageDuring } from '../processUsage';
import { ctImage } from '../wire/instances';
import {
  type Bench,
  contendersInFront,
  MEGABYTE,
  relayCost,
  relayCostColumns,
  type Workload,
} from './workload';

const SLICE_BYTES = MEGABYTE / 2;
const SLICES = 200;
const QUICK_SLICES = 5;
const STORESCU_DEADLINE_MS = 120_000;
/** Ten seconds a turn, nearly all of them waiting: a third round would show nothing new. */
const MAX_ROUNDS = 2;
/** A turn sends the series again as long as it has not lasted so long, so that a fast relay is not measured cold. */
const TURN_MS = 4_000;

type Environment = Readonly<Record<string, string>>;

interface CtSlicesOptions {
  readonly name: string;
  /** As in "200 CT slices to …". */
  readonly archiveTitle: string;
  readonly archiveProgram: string;
  readonly peers: readonly PeerName[];
  /** Of the archive, as its tools read it. */
  readonly environment: Environment;
  start(cleanUp: CleanUp, environment: Environment): Promise<Archive>;
}

/** What turns off Nagle's algorithm in DCMTK's tools, and in Orthanc. */
const NO_DELAY: Environment = { TCP_NODELAY: '1' };
/** A row of its own: nothing in front, and no delay on either side. No relay is faster than the programs themselves. */
const LIMIT = { name: 'limit', title: 'the limit: plain TCP, no delay in either program' };

const inFrontOfAll: readonly PeerName[] = [
  'none',
  'nginx',
  'haproxy',
  'stunnel',
  'aegis',
  'aegis-no-quick-ack',
];

export const ctToStorescp = ctSlices({
  name: 'ct-storescp',
  archiveTitle: 'stock storescp',
  archiveProgram: 'storescp',
  peers: inFrontOfAll,
  environment: {},
  start: startStorescp,
});

export const ctToOrthanc = ctSlices({
  name: 'ct-orthanc',
  archiveTitle: 'stock Orthanc',
  archiveProgram: 'Orthanc',
  peers: [...inFrontOfAll, 'orthanc-tls'],
  environment: {},
  start: startOrthanc,
});

export const ctToOrthancWithoutDelay = ctSlices({
  name: 'ct-orthanc-nodelay',
  archiveTitle: 'Orthanc with TCP_NODELAY=1',
  archiveProgram: 'Orthanc',
  peers: [...inFrontOfAll, 'orthanc-tls'],
  environment: NO_DELAY,
  start: startOrthanc,
});

function ctSlices(options: CtSlicesOptions): Workload {
  return {
    name: options.name,
    needs: ['storescu', options.archiveProgram],
    run: (bench, cleanUp) => run(options, bench, cleanUp),
  };
}

async function run(options: CtSlicesOptions, bench: Bench, cleanUp: CleanUp): Promise<Table> {
  const slices = bench.isQuick ? QUICK_SLICES : SLICES;
  const folder = temporaryFolder(cleanUp);
  for (let slice = 0; slice < slices; slice += 1) writePart10(folder, ctImage(`slice${slice}`, SLICE_BYTES));
  const measuring = (environment: Environment) => async (front: Front) => {
    const usages: Usage[] = [];
    const from = performance.now();
    do {
      await front.archive.forget();
      usages.push(await usageDuring(front.pid, () => storescu(bench, cleanUp, front, folder, environment)));
    } while (performance.now() - from < TURN_MS && !bench.isQuick);
    const mean = meanOf(usages);
    return {
      seconds: mean.seconds,
      millisecondsPerSlice: (mean.seconds * 1000) / slices,
      ...relayCost(mean, slices * SLICE_BYTES),
    };
  };
  const inFront = async (names: readonly PeerName[], ofArchive: Environment, ofSender: Environment) => {
    const archive = await options.start(cleanUp, ofArchive);
    return contendersInFront(bench, cleanUp, names, { archive }, measuring(ofSender));
  };
  const limit = await inFront(['none'], NO_DELAY, NO_DELAY);
  const contenders = [
    ...limit.map(({ measure }) => ({ ...LIMIT, measure })),
    ...(await inFront(options.peers, options.environment, {})),
  ];
  const turns = { rounds: Math.min(bench.rounds, MAX_ROUNDS), say: bench.say };
  return {
    name: options.name,
    title: `${slices} CT slices of 0.5 MB from storescu to ${options.archiveTitle}`,
    note:
      `One association; but for the limit, what the programs do by default. A turn sends them as often as it can begin ` +
      `to in ${TURN_MS / 1000} s.`,
    columns: [
      { key: 'seconds', title: 's', digits: 2 },
      { key: 'millisecondsPerSlice', title: 'ms per slice', digits: 1 },
      ...relayCostColumns,
      { key: 'timesLimit', title: '× the limit', digits: 2 },
    ],
    rows: againstLimit(await takeTurns(contenders, turns)),
  };
}

/** Each turn beside that of the limit in the same round. */
function againstLimit(rows: readonly Row[]): Row[] {
  const limit = rows.find(({ name }) => name === LIMIT.name)?.samples ?? [];
  return rows.map((row) => ({
    ...row,
    samples: row.samples.map((sample, round) => ({
      ...sample,
      timesLimit: sample.seconds! / (limit[round]?.seconds ?? Number.NaN),
    })),
  }));
}

function meanOf(usages: readonly Usage[]): Usage {
  const sumOf = (key: 'seconds' | 'cpuSeconds') => usages.reduce((sum, usage) => sum + usage[key], 0);
  return {
    seconds: sumOf('seconds') / usages.length,
    cpuSeconds: sumOf('cpuSeconds') / usages.length,
    residentBytes: Math.max(...usages.map(({ residentBytes }) => residentBytes)),
    residentSeries: usages.flatMap(({ residentSeries }) => residentSeries),
  };
}

function storescu(
  bench: Bench,
  cleanUp: CleanUp,
  front: Front,
  folder: string,
  environment: Environment,
): Promise<void> {
  const { client, caFile } = bench.certificates;
  const tls = ['--enable-tls', client.privateKeyFile, client.certificateFile, '--add-cert-file', caFile];
  const programArguments = [
    '--required',
    '--aetitle',
    'CT1',
    '--call',
    'ORTHANC',
    ...(front.isTls ? tls : []),
    '127.0.0.1',
    String(front.port),
    '--scan-directories',
    folder,
  ];
  return runProgram(cleanUp, 'storescu', programArguments, STORESCU_DEADLINE_MS, environment);
}
