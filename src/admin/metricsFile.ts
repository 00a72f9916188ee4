/**
 * The file that keeps counters across restarts, `metrics.json` in `stateDirectory`: what is in it, and how a metric gets
 * it back. Series of modalities that the configuration no longer has are left out, so that the file does not grow for
 * ever. A file that cannot be read costs the counts of the past, never the gateway. Counts nothing.
 */
import { type Counter, Histogram } from 'prom-client';
import * as z from 'zod';
import { recoverKept } from '../files/keptJson';
import { stateFile, writeStateFile } from '../files/stateDirectory';

const FILE = 'metrics.json';
const VERSION = 1;
/** 10,000 modalities with 50 series each are less. Anything longer is another file. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** The values of labels in the order of their names, then the numbers: one, or sum, count and each bucket. */
const series = z.tuple([
  z.array(z.string().max(512)).max(8),
  z.array(z.number().nonnegative()).min(1).max(64),
]);
const fileSchema = z.object({ version: z.literal(VERSION), metrics: z.record(z.string(), z.array(series)) });
type KeptSeries = z.output<typeof series>;

export type KeptMetric = Counter | Histogram;

/** How prom-client holds a metric. Its own JSON adds up the buckets of a histogram, which cannot be put back. */
interface Held {
  readonly name: string;
  readonly labelNames: readonly string[];
  readonly upperBounds?: readonly number[];
  readonly hashMap: Readonly<Record<string, HeldSeries>>;
}

interface HeldSeries {
  readonly labels: Readonly<Record<string, string>>;
  value?: number;
  sum?: number;
  count?: number;
  bucketValues?: Record<number, number>;
}

function held(metric: KeptMetric): Held {
  return metric as unknown as Held;
}

/** Replaces the file. Rejects with FileError. */
export async function writeMetricsFile(directory: string, kept: readonly KeptMetric[]): Promise<void> {
  const metrics = Object.fromEntries(
    kept.map(held).map(({ name, labelNames, hashMap, upperBounds }) => {
      const ofLabels = Object.values(hashMap).map((each) => [
        labelNames.map((label) => each.labels[label] ?? ''),
        numbersOf(each, upperBounds),
      ]);
      return [name, ofLabels];
    }),
  );
  await writeStateFile(directory, FILE, JSON.stringify({ version: VERSION, metrics }));
}

function numbersOf(
  { value = 0, sum = 0, count = 0, bucketValues }: HeldSeries,
  bounds: readonly number[] = [],
) {
  return bucketValues === undefined ? [value] : [sum, count, ...bounds.map((bound) => bucketValues[bound])];
}

/**
 * Gives metrics that have just been made what the file holds of them. Series of another version of the program, with other
 * labels or buckets, begin at 0. `warn` gets words where the file cannot be read.
 */
export function restoreMetrics(
  directory: string,
  metrics: readonly KeptMetric[],
  isModality: (name: string) => boolean,
  warn: (message: string) => void,
): void {
  const kept = readMetricsFile(directory, warn);
  for (const metric of metrics) {
    const { name, labelNames, upperBounds } = held(metric);
    const numberCount = upperBounds === undefined ? 1 : 2 + upperBounds.length;
    for (const [values, numbers] of kept[name] ?? []) {
      if (values.length !== labelNames.length || numbers.length !== numberCount) continue;
      const labels = Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? '']));
      const { modality = '' } = labels;
      if (modality === '' || isModality(modality)) putBack(metric, labels, numbers);
    }
  }
}

function putBack(metric: KeptMetric, labels: Record<string, string>, numbers: readonly number[]): void {
  if (!(metric instanceof Histogram)) {
    metric.inc(labels, numbers[0]);
    return;
  }
  metric.zero(labels);
  const { hashMap, upperBounds = [] } = held(metric);
  const [sum, count, ...buckets] = numbers;
  const bucketValues = Object.fromEntries(upperBounds.map((bound, index) => [bound, buckets[index]]));
  // The one that was made just now.
  Object.assign(Object.values(hashMap).at(-1) as HeldSeries, { sum, count, bucketValues });
}

function readMetricsFile(
  directory: string,
  warn: (message: string) => void,
): Readonly<Record<string, readonly KeptSeries[]>> {
  const kept = recoverKept(stateFile(directory, FILE), fileSchema, MAX_FILE_BYTES, (what) =>
    warn(`${what}; the counters of the metrics start at 0`),
  );
  return kept?.metrics ?? {};
}
