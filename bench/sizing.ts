/**
 * How large a gateway has to be: draws the busiest hour of hospitals from their devices, second by second, and says what
 * of a machine it takes. Measures nothing: the costs of each piece are those of docs/sizing.md.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { markdownTable } from './report/markdown';

/** What one core does. Rounded up from results.md; a test compares. */
export const costs = {
  /** TCP, full TLS handshake, association, C-ECHO, release. */
  associationCpuMs: 2,
  cpuSecondsPerGb: 2,
  /** Request and response of one command, whatever its size. */
  messageCpuMs: 0.1,
  answerCpuMs: 0.01,
  associationKb: 100,
  processMb: 100,
} as const;

/** A half-full machine: the other half is for the second that nobody foresaw, and for a gateway that is down. */
const SHARE = 0.5;
/** Of the work of a day, what falls into its busiest hour. */
const BUSIEST_HOUR = 0.12;
const HOUR_SECONDS = 3600;
/** Of a machine of a region. */
const NETWORK_MBIT = 10_000;
/** `limits.maxAssociations` unless set, and connections in their handshake beside. */
const ASSOCIATIONS_PER_GATEWAY = 1000;
const CORES_PER_GATEWAY = 8;

/** Something that happens again and again: associations of a kind. */
export interface Traffic {
  readonly name: string;
  readonly associationsPerDay: number;
  /** true: all day long at the same rate, as polls are. */
  readonly isSteady?: boolean;
  readonly instances?: number;
  readonly mbPerInstance?: number;
  /** Answers of a query. */
  readonly answers?: number;
}

interface Device {
  readonly name: string;
  readonly count: number;
  readonly studiesPerDay: number;
  readonly instances: number;
  readonly mbPerInstance: number;
}

export interface Hospital {
  readonly devices: readonly Device[];
  /** Each device asks for its worklist so often, and opens an association for it. */
  readonly worklistSeconds: number;
  readonly worklistAnswers: number;
  readonly echoSeconds: number;
  /** Of what is stored, what workstations and other archives fetch again, through egress. */
  readonly fetched: number;
  readonly queriesPerDay: number;
  readonly answersPerQuery: number;
  /** What a device sends while it sends. */
  readonly mbPerSecond: number;
  /** The archive takes so long for each instance. */
  readonly msPerInstance: number;
}

/** 500 beds, some 800 examinations a day. */
export const HOSPITAL: Hospital = {
  devices: [
    { name: 'CT', count: 4, studiesPerDay: 40, instances: 800, mbPerInstance: 0.5 },
    { name: 'MR', count: 3, studiesPerDay: 25, instances: 1000, mbPerInstance: 0.2 },
    { name: 'X-ray', count: 8, studiesPerDay: 40, instances: 3, mbPerInstance: 15 },
    { name: 'ultrasound', count: 12, studiesPerDay: 15, instances: 40, mbPerInstance: 3 },
    { name: 'mammography', count: 1, studiesPerDay: 30, instances: 8, mbPerInstance: 60 },
    { name: 'angiography', count: 2, studiesPerDay: 10, instances: 20, mbPerInstance: 40 },
    { name: 'PET and nuclear', count: 1, studiesPerDay: 12, instances: 600, mbPerInstance: 0.1 },
  ],
  worklistSeconds: 60,
  worklistAnswers: 50,
  echoSeconds: 300,
  fetched: 2,
  queriesPerDay: 5000,
  answersPerQuery: 50,
  mbPerSecond: 50,
  msPerInstance: 5,
};

export function trafficOf(hospital: Hospital): Traffic[] {
  const { devices, fetched } = hospital;
  const count = devices.reduce((sum, device) => sum + device.count, 0);
  const studies = devices.map(({ name, count, studiesPerDay, instances, mbPerInstance }) => ({
    ...{ name: `${name}, stored`, associationsPerDay: count * studiesPerDay },
    ...{ instances, mbPerInstance },
  }));
  const examinations = studies.reduce((sum, { associationsPerDay }) => sum + associationsPerDay, 0);
  const polls = (seconds: number) => (count * 24 * HOUR_SECONDS) / seconds;
  return [
    ...studies,
    ...studies.map((study) => ({
      ...study,
      name: study.name.replace('stored', 'fetched'),
      associationsPerDay: study.associationsPerDay * fetched,
    })),
    {
      ...{ name: 'worklist', isSteady: true, answers: hospital.worklistAnswers },
      associationsPerDay: polls(hospital.worklistSeconds),
    },
    { name: 'echo', isSteady: true, associationsPerDay: polls(hospital.echoSeconds) },
    { name: 'query', associationsPerDay: hospital.queriesPerDay, answers: hospital.answersPerQuery },
    // The request, and its report on an association of its own.
    { name: 'storage commitment', associationsPerDay: 2 * examinations },
  ];
}

export interface Load {
  /** CPU seconds a second: cores that are busy. */
  readonly cores: number;
  readonly mbit: number;
  readonly associations: number;
}

export interface Simulation {
  readonly mean: Load;
  /** 99 of 100 seconds need no more. */
  readonly busy: Load;
  readonly gbPerDay: number;
  readonly associationsPerSecond: number;
}

/** The busiest hour of so many hospitals. The same seed draws the same hour. */
export function simulate(hospital: Hospital, hospitals: number, seed = 1): Simulation {
  const random = randomFrom(seed);
  const cpuMs = new Float64Array(HOUR_SECONDS);
  const mb = new Float64Array(HOUR_SECONDS);
  const open = new Float64Array(HOUR_SECONDS);
  let associations = 0;
  const traffic = trafficOf(hospital);
  for (const kind of traffic) {
    const { instances = 0, mbPerInstance = 0, answers = 0, associationsPerDay, isSteady = false } = kind;
    const perHour = associationsPerDay * hospitals * (isSteady ? 1 / 24 : BUSIEST_HOUR);
    const drawn = drawCount(perHour, random);
    associations += drawn;
    const size = instances * mbPerInstance;
    const work =
      costs.associationCpuMs +
      (size / 1000) * costs.cpuSecondsPerGb * 1000 +
      Math.max(1, instances) * costs.messageCpuMs +
      answers * costs.answerCpuMs;
    const seconds = Math.max(size / hospital.mbPerSecond, (instances * hospital.msPerInstance) / 1000, 0.1);
    for (let index = 0; index < drawn; index += 1) {
      spread(random() * HOUR_SECONDS, seconds, (second, share) => {
        cpuMs[second]! += work * share;
        mb[second]! += size * share;
        open[second]! += seconds * share;
      });
    }
  }
  const loadOf = (pick: (values: Float64Array) => number): Load => ({
    cores: pick(cpuMs) / 1000,
    mbit: pick(mb) * 8,
    associations: pick(open),
  });
  return {
    mean: loadOf((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
    busy: loadOf((values) => values.toSorted()[Math.floor(values.length * 0.99)]!),
    gbPerDay:
      traffic.reduce(
        (sum, { associationsPerDay, instances = 0, mbPerInstance = 0 }) =>
          sum + associationsPerDay * instances * mbPerInstance,
        0,
      ) *
      (hospitals / 1000),
    associationsPerSecond: associations / HOUR_SECONDS,
  };
}

/** Gives each second of the hour its share. What lasts beyond the hour goes on at its beginning: the hour before was alike. */
function spread(from: number, seconds: number, give: (second: number, share: number) => void): void {
  for (let at = from; at < from + seconds; ) {
    const until = Math.min(Math.floor(at) + 1, from + seconds);
    give(Math.floor(at) % HOUR_SECONDS, (until - at) / seconds);
    at = until;
  }
}

/** How many come in an hour where `mean` come on average and none waits for another: by the normal distribution. */
function drawCount(mean: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
}

/** Mulberry32: small, and good enough for arrivals. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Need {
  /** To buy, at half load. */
  readonly cores: number;
  readonly memoryMb: number;
  /** Of eight cores and 10 Gbit/s each, one of them to spare. */
  readonly gateways: number;
}

export function needOf({ busy }: Simulation): Need {
  const cores = Math.max(1, Math.ceil(busy.cores / SHARE));
  const gateways = Math.max(
    1,
    Math.ceil(cores / CORES_PER_GATEWAY),
    // Each byte comes in and goes out; a card does both at once.
    Math.ceil(busy.mbit / (NETWORK_MBIT * SHARE)),
    Math.ceil(busy.associations / (ASSOCIATIONS_PER_GATEWAY * SHARE)),
  );
  const memoryMb = (cores + gateways) * costs.processMb + (busy.associations * costs.associationKb) / 1000;
  return { cores, memoryMb, gateways: gateways + 1 };
}

/** A row of the table in docs/sizing.md. */
export function rowOf(name: string, simulation: Simulation): string[] {
  const { busy, gbPerDay, associationsPerSecond } = simulation;
  const { cores, memoryMb, gateways } = needOf(simulation);
  const round = (value: number) => Number(value.toPrecision(2)).toLocaleString('en');
  return [
    ...[name, round(gbPerDay), round(associationsPerSecond), round(busy.associations), round(busy.mbit)],
    ...[round(busy.cores), `${cores}`, round(memoryMb), `${gateways}`],
  ];
}

export const COLUMNS = [
  '',
  'GB a day',
  'associations a second',
  'open at once',
  'Mbit/s',
  'cores busy',
  'cores to buy',
  'memory MB',
  'gateways',
];

function main(): void {
  const { values } = parseArgs({
    options: { hospitals: { type: 'string' }, site: { type: 'string' }, seed: { type: 'string' } },
  });
  const site =
    values.site === undefined ? {} : (JSON.parse(readFileSync(values.site, 'utf8')) as Partial<Hospital>);
  const hospital = { ...HOSPITAL, ...site };
  const counts = values.hospitals === undefined ? [1, 10, 100, 500] : [Number(values.hospitals)];
  const rows = counts.map((count) =>
    rowOf(
      count === 1 ? '1 hospital' : `${count} hospitals`,
      simulate(hospital, count, Number(values.seed ?? 1)),
    ),
  );
  process.stdout.write(`${markdownTable(COLUMNS, rows)}\n`);
}

if (require.main === module) main();
