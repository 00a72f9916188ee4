/**
 * What a relay costs along an axis: the size of an instance, and how many modalities send at once. All peers take
 * turns at one place of the axis, then at the next. The tables of a workload are views of these turns; its chart draws them.
 */
import { startRawSink } from '../archives/rawSink';
import type { LoadJob } from '../load/jobs';
import { type Column, medianOf, percentile, type Row, type Sample, type Table, takeTurns } from '../measure';
import type { Front, Peer } from '../peers/peer';
import { usageDuring } from '../processUsage';
import type { LineChart } from '../report/lineChart';
import { type Bench, MEGABYTE, relays, startPeers, targetOf, throughput, type Workload } from './workload';

const QUICK_INSTANCES_EACH = 2;

interface Place {
  /** On the axis. */
  readonly value: number;
  readonly label: string;
  readonly associations: number;
  readonly instancesEach: number;
  readonly instanceBytes: number;
}

interface Metric extends Column {
  readonly isLogarithmic: boolean;
  /** As in "less is better". */
  readonly better: 'less' | 'more';
}

interface Curve {
  readonly name: string;
  /** As in "Cost by …". */
  readonly axis: string;
  readonly note: string;
  readonly places: readonly Place[];
  readonly metrics: readonly Metric[];
  /** Tables beside those of the metrics. */
  tables?(rows: readonly Row[]): Table[];
}

const CPU = { key: 'cpuSecondsPerGigabyte', title: 'CPU s per GB', digits: 2 };
const RATE = { key: 'megabytesPerSecond', title: 'MB/s', digits: 0 };
const P99 = { key: 'p99Ms', title: 'p99 of a slice, ms', digits: 1 };

/** So many of each size that a turn takes half a second. */
const sizes = (
  [
    [1e3, '1 KB', 4000],
    [1e4, '10 KB', 4000],
    [1e5, '100 KB', 2000],
    [1e6, '1 MB', 500],
    [1e7, '10 MB', 50],
    [1e8, '100 MB', 5],
  ] as const
).map(([value, label, instancesEach]) => ({
  ...{ value, label, instancesEach, instanceBytes: value, associations: 1 },
}));

export const instanceSize = curve({
  name: 'size',
  axis: 'the size of an instance',
  note: 'One association, warm, to the raw sink. The size is that of the pixel data.',
  places: sizes,
  metrics: [
    { ...CPU, isLogarithmic: true, better: 'less' },
    { ...RATE, isLogarithmic: true, better: 'more' },
  ],
});

/** Of all associations together, at each place: enough for a p99. */
const SLICES = 1200;
const SLICE_BYTES = MEGABYTE / 2;
/** Fifty modalities at once are a large hospital in its busiest minute. */
const MANY = 50;

export const concurrency = curve({
  name: 'concurrency',
  axis: 'associations at once',
  note: `CT slices of 0.5 MB, ${SLICES} at each place, each association as fast as it can; no handshake counts. Warm, one worker, to the raw sink.`,
  places: [1, 4, 10, 20, MANY, 100, 200].map((associations) => ({
    ...{ value: associations, label: `${associations}`, associations },
    ...{ instancesEach: SLICES / associations, instanceBytes: SLICE_BYTES },
  })),
  metrics: [
    { ...CPU, isLogarithmic: false, better: 'less' },
    { ...P99, isLogarithmic: true, better: 'less' },
  ],
  tables: (rows) => [
    {
      name: 'tail',
      title: `${MANY} concurrent associations of CT slices`,
      note: 'The same turns. A slice is slow here because the others are sent at the same time.',
      columns: [RATE, { key: 'p50Ms', title: 'p50 ms', digits: 1 }, P99, CPU].map((column) => ({
        ...column,
        key: keyAt(column.key, MANY),
      })),
      rows,
    },
  ],
});

/** Of a value at one place of the axis. */
function keyAt(key: string, place: number): string {
  return `${key} ${place}`;
}

function curve(description: Curve): Workload {
  const { name, places } = description;
  return {
    name,
    needs: [],
    async run(bench, cleanUp) {
      const archive = await startRawSink(cleanUp);
      const peers = await startPeers(bench, cleanUp, relays, { archive });
      const rowsAt: Row[][] = [];
      for (const place of places) {
        const contenders = peers.map(({ peer, front }) => ({
          name: peer.name,
          title: `${peer.title}, ${place.label}`,
          measure: async () => measureAt(place, await front, bench),
        }));
        rowsAt.push(await takeTurns(contenders, bench));
      }
      const rows = peers.map(({ peer }, index) =>
        rowAlong(
          description,
          peer,
          rowsAt.map((at) => at[index]!),
        ),
      );
      return tablesOf(description, rows);
    },
  };
}

async function measureAt(place: Place, front: Front, bench: Bench): Promise<Sample> {
  const { associations, instanceBytes } = place;
  const instancesEach = bench.isQuick
    ? Math.min(QUICK_INSTANCES_EACH, place.instancesEach)
    : place.instancesEach;
  const target = targetOf(front, bench.certificates);
  const load = (job: LoadJob) => (associations === 1 ? bench.load.run(job) : bench.load.runInTwo(job));
  const ofOne = associations === 1 ? 1 : associations / 2;
  await load({ kind: 'openIdle', target, count: ofOne });
  const store = { kind: 'store', target, instanceBytes, instancesEach, areOpen: true } as const;
  const usage = await usageDuring(front.pid, () => load({ ...store, associations: ofOne }));
  const { latenciesMs } = usage.result;
  return {
    ...throughput(usage),
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}

/** What one peer did at the places of the axis, as one row. A place where it failed has no values. */
function rowAlong({ places }: Curve, { name, title }: Peer, rows: readonly Row[]): Row {
  const rounds = Math.max(...rows.map(({ samples }) => samples.length));
  const samples = Array.from({ length: rounds }, (_, round) =>
    Object.fromEntries(
      rows.flatMap((row, index) =>
        Object.entries(row.samples[round] ?? {}).map(([key, value]) => [
          keyAt(key, places[index]!.value),
          value,
        ]),
      ),
    ),
  );
  return { name, title, samples, failure: rows.find(({ failure }) => failure !== undefined)?.failure };
}

function tablesOf({ name, axis, note, places, metrics, tables }: Curve, rows: readonly Row[]): Table[] {
  const title = `Cost by ${axis}`;
  const chart: LineChart = {
    name,
    title,
    note: 'Mutual TLS, one process each; same machine, same run.',
    xTitle: axis,
    ticks: places,
    panels: metrics.map((metric) => ({
      title: `${metric.title} (${metric.better} is better)`,
      isLogarithmic: metric.isLogarithmic,
      lines: rows.map((row) => ({
        title: row.title,
        isOurs: row.name === 'aegis',
        points: places
          .map(({ value }) => ({ x: value, y: medianOf(row, keyAt(metric.key, value)) }))
          // A logarithmic axis has no place for 0, which is too short to count.
          .filter(({ y }) => y > 0),
      })),
    })),
  };
  const [first, ...others] = metrics.map((metric) => ({
    name: `${name}-${metric.key}`,
    title: `${title}: ${metric.title}`,
    note,
    columns: places.map(({ value, label }) => ({
      ...{ key: keyAt(metric.key, value), title: label, digits: metric.digits },
    })),
    rows,
  }));
  return [{ ...first!, chart }, ...others, ...(tables?.(rows) ?? [])];
}
