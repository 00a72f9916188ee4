/**
 * What Aegis has to reach, as ratios within one run, and whether it did. Decides from tables; measures nothing.
 */
import { availableParallelism } from 'node:os';
import { medianOf, type Row, ratioOf, type Table, valuesOf } from './measure';

export interface Verdict {
  readonly title: string;
  /** As in "≥ 8". */
  readonly limit: string;
  /** undefined: not measured in this run. */
  readonly value: number | undefined;
  readonly unit: string;
  readonly isMet: boolean;
  /** Why it was not judged although it was measured. */
  readonly note?: string | undefined;
}

interface Target {
  readonly title: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: string;
  /** NaN where something is missing. */
  value(tables: Tables): number;
  note?(tables: Tables): string | undefined;
}

class Tables {
  readonly #tables: readonly Table[];

  constructor(tables: readonly Table[]) {
    this.#tables = tables;
  }

  row(table: string, name: string): Row | undefined {
    return this.#tables.find((each) => each.name === table)?.rows.find((row) => row.name === name);
  }

  /** `key` of one row over that of another, of the same table unless said otherwise. */
  ratio(table: string, key: string, over: string, under: string): number {
    return ratioOf(valuesOf(this.row(table, over), key), valuesOf(this.row(table, under), key));
  }

  median(table: string, name: string, key: string): number {
    return medianOf(this.row(table, name), key);
  }

  /** How many times as long the best of all others takes, round by round. */
  timesFasterThanBest(table: string): number {
    const rivals = (this.#tables.find((each) => each.name === table)?.rows ?? [])
      .filter(({ name, samples }) => !name.startsWith('aegis') && name !== 'limit' && samples.length > 0)
      .map((row) => valuesOf(row, 'seconds'));
    if (rivals.length === 0) return Number.NaN;
    const best = rivals[0]!.map((_, round) => Math.min(...rivals.map((seconds) => seconds[round]!)));
    return ratioOf(best, valuesOf(this.row(table, 'aegis'), 'seconds'));
  }
}

/** Load, sink and two workers, each a processor of its own. */
const WORKERS_NEED_PROCESSORS = 4;

const targets: readonly Target[] = [
  {
    title: '200 CT slices to stock storescp, against the best of all others',
    atLeast: 8,
    unit: '×',
    value: (tables) => tables.timesFasterThanBest('ct-storescp'),
  },
  {
    title: '200 CT slices to stock Orthanc, against the best of all others',
    atLeast: 4,
    unit: '×',
    value: (tables) => tables.timesFasterThanBest('ct-orthanc'),
  },
  {
    title: 'the same, against the limit: plain TCP, no delay in either program',
    atMost: 1.15,
    unit: '×',
    value: (tables) => tables.median('ct-orthanc', 'aegis', 'timesLimit'),
  },
  {
    title: 'Bulk MB/s, against HAProxy',
    atLeast: 1,
    unit: '×',
    value: (tables) => tables.ratio('bulk', 'megabytesPerSecond', 'aegis', 'haproxy'),
  },
  {
    title: 'CPU per GB, against stunnel',
    atMost: 0.85,
    unit: '×',
    value: (tables) => tables.ratio('bulk', 'cpuSecondsPerGigabyte', 'aegis', 'stunnel'),
  },
  {
    title: 'CPU per GB, against nginx',
    atMost: 1,
    unit: '×',
    value: (tables) => tables.ratio('bulk', 'cpuSecondsPerGigabyte', 'aegis', 'nginx'),
  },
  {
    title: 'CPU per GB of the first 600 instances of a process, against nginx',
    atMost: 1.15,
    unit: '×',
    value: (tables) => tables.ratio('first-seconds', 'cpuSecondsPerGigabyte', 'aegis', 'nginx'),
  },
  {
    title: 'C-GET MB/s, against the best of the proxies',
    atLeast: 1,
    unit: '×',
    value: (tables) =>
      Math.min(
        ...['nginx', 'haproxy', 'stunnel'].map((proxy) =>
          tables.ratio('get', 'megabytesPerSecond', 'aegis', proxy),
        ),
      ),
  },
  {
    title: 'C-FIND answers per second, against HAProxy',
    atLeast: 1,
    unit: '×',
    value: (tables) => tables.ratio('find', 'answersPerSecond', 'aegis', 'haproxy'),
  },
  {
    title: 'MB/s of 50 concurrent associations, against HAProxy',
    atLeast: 1,
    unit: '×',
    value: (tables) => tables.ratio('tail', 'megabytesPerSecond 50', 'aegis', 'haproxy'),
  },
  {
    title: 'p99 of a slice on 50 concurrent associations, against HAProxy',
    atMost: 1.2,
    unit: '×',
    value: (tables) => tables.ratio('tail', 'p99Ms 50', 'aegis', 'haproxy'),
  },
  {
    title: 'C-ECHO p50, against HAProxy',
    atMost: 1.25,
    unit: '×',
    value: (tables) => tables.ratio('echo', 'p50Ms', 'aegis', 'haproxy'),
  },
  {
    title: 'Associations per second with RSA, against HAProxy',
    atLeast: 0.95,
    unit: '×',
    value: (tables) => tables.ratio('associations', 'associationsPerSecond', 'aegis-rsa', 'haproxy-rsa'),
  },
  {
    title: 'Memory per idle association',
    atMost: 50,
    unit: ' KB',
    value: (tables) => tables.median('idle', 'aegis', 'kilobytesEach'),
  },
  {
    title: 'Memory without associations',
    atMost: 90,
    unit: ' MB',
    value: (tables) => tables.median('idle', 'aegis', 'baseMegabytes'),
  },
  {
    title: 'Memory growth while 2 GB pass',
    atMost: 48,
    unit: ' MB',
    value: (tables) => tables.median('large-instance', 'aegis', 'growthMegabytes'),
  },
  {
    title: 'of it in the second half of the time (flat)',
    atMost: 8,
    unit: ' MB',
    value: (tables) => tables.median('large-instance', 'aegis', 'slopeMegabytes'),
  },
  {
    title: 'Time to start',
    atMost: 300,
    unit: ' ms',
    value: (tables) => tables.median('start', 'aegis', 'milliseconds'),
  },
  {
    title: 'Two workers against one, eight associations',
    atLeast: 1.7,
    unit: '×',
    value: (tables) => tables.ratio('concurrent', 'megabytesPerSecond', 'aegis-2', 'aegis-1'),
    note: () =>
      availableParallelism() < WORKERS_NEED_PROCESSORS
        ? `not judged: that takes ${WORKERS_NEED_PROCESSORS} processors, with load and sink`
        : undefined,
  },
  {
    title: 'Association latency, 10,000 modalities against 10',
    atMost: 1.1,
    unit: '×',
    value: (tables) => tables.ratio('modalities', 'p50Ms', 'aegis-10000', 'aegis-10'),
  },
  ...pairedTargets([
    ['C-FIND of 1,000 answers, time against HAProxy', 1, 'pairs', 'haproxy-find', 'seconds'],
    ['C-GET, time against HAProxy', 1, 'pairs', 'haproxy-get', 'seconds'],
    ['C-GET, CPU against nginx', 1, 'pairs', 'nginx-get', 'cpu'],
    ['C-ECHO p50 against a relay of 40 lines on the same Node', 1.1, 'pairs', 'plain-relay-echo', 'p50'],
    ['Looking into data sets, CPU of bulk', 1.02, 'features', 'verify-bulk', 'cpu'],
    ['Chain, syslog, ATNA and alerts, CPU of bulk', 1.05, 'features', 'everything-bulk', 'cpu'],
    ['Chain, syslog, ATNA and alerts, p50 of C-ECHO', 1.05, 'features', 'everything-echo', 'p50'],
  ]),
  {
    title: 'Looking into data sets, for each instance',
    atMost: 20,
    unit: ' µs',
    value: (tables) => tables.median('features', 'verify-small', 'cpuMicroseconds'),
  },
];

type PairedTarget = readonly [title: string, atMost: number, table: string, row: string, key: string];

function pairedTargets(all: readonly PairedTarget[]): Target[] {
  return all.map(([title, atMost, table, row, key]) => ({
    title: `${title}, by pairs`,
    atMost,
    unit: '×',
    value: (tables) => tables.median(table, row, key),
    note: (tables) => {
      const [low, high] = [`${key}Low`, `${key}High`].map((bound) => tables.median(table, row, bound));
      // Without an interval, as of one round, both comparisons are false.
      if (!(low! <= atMost && high! > atMost)) return undefined;
      return `not certain: ${low!.toFixed(2)} to ${high!.toFixed(2)}, take more rounds`;
    },
  }));
}

export function judge(tables: readonly Table[]): Verdict[] {
  const all = new Tables(tables);
  return targets.map(({ title, atLeast, atMost, unit, value, note }) => {
    const measured = value(all);
    return {
      title,
      limit: atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`,
      value: Number.isNaN(measured) ? undefined : measured,
      unit,
      isMet:
        measured >= (atLeast ?? Number.NEGATIVE_INFINITY) && measured <= (atMost ?? Number.POSITIVE_INFINITY),
      note: note?.(all),
    };
  });
}
