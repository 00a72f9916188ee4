/**
 * Takes turns: every contender does the same work, one after the other, in each round, so that a machine that is
 * slower for a minute is slower for all. Knows medians and ratios, and nothing of DICOM.
 */
import type { LineChart } from './report/lineChart';

/** What one turn measured, by name; NaN where there was nothing to look at. */
export type Sample = Readonly<Record<string, number>>;

export interface Row {
  readonly name: string;
  readonly title: string;
  /** One for each round. */
  readonly samples: readonly Sample[];
  /** Why there are none, or no more. */
  readonly failure?: string | undefined;
}

export interface Column {
  /** Of a sample. */
  readonly key: string;
  readonly title: string;
  /** After the decimal point. */
  readonly digits: number;
}

export interface Table {
  readonly name: string;
  readonly title: string;
  /** What was done, in a sentence or two. */
  readonly note: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Of this table and those that follow it. */
  readonly chart?: LineChart;
}

export interface Contender {
  readonly name: string;
  readonly title: string;
  measure(round: number): Promise<Sample>;
}

export interface Turns {
  readonly rounds: number;
  say(text: string): void;
}

/** A contender that fails has no further turns, and its row says why. Each round begins with another one. */
export async function takeTurns(contenders: readonly Contender[], turns: Turns): Promise<Row[]> {
  const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
  const failures = new Map<string, string>();
  for (let round = 0; round < turns.rounds; round += 1) {
    const first = round % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const { name, title } = contender;
      if (failures.has(name)) continue;
      const what = `  round ${round + 1}/${turns.rounds}  ${title}: `;
      try {
        const sample = await contender.measure(round);
        samples.get(name)!.push(sample);
        turns.say(`${what}${formatSample(sample)}\n`);
      } catch (error) {
        const failure = (error as Error).message;
        failures.set(name, failure);
        turns.say(`${what}failed: ${failure}\n`);
      }
    }
  }
  return contenders.map(({ name, title }) => ({
    name,
    title,
    samples: samples.get(name)!,
    failure: failures.get(name),
  }));
}

function formatSample(sample: Sample): string {
  return Object.entries(sample)
    .filter(([, value]) => !Number.isNaN(value))
    .map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`)
    .join(', ');
}

/** NaN of nothing, and of anything that holds a NaN. */
export function median(values: readonly number[]): number {
  if (values.length === 0 || values.some(Number.isNaN)) return Number.NaN;
  const ascending = [...values].sort((one, other) => one - other);
  const middle = ascending.length >> 1;
  return ascending.length % 2 === 1 ? ascending[middle]! : (ascending[middle - 1]! + ascending[middle]!) / 2;
}

/** Of values in ascending order; `share` 0.99 for p99. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

export function medianOf(row: Row | undefined, key: string): number {
  return median((row?.samples ?? []).map((sample) => sample[key] ?? Number.NaN));
}

/** The values of one row, round by round. */
export function valuesOf(row: Row | undefined, key: string): number[] {
  return (row?.samples ?? []).map((sample) => sample[key] ?? Number.NaN);
}

/**
 * The median of the ratios of each round, not the ratio of the medians: both of one round were measured within
 * seconds of each other. NaN where one of the two is missing.
 */
export function ratioOf(numerators: readonly number[], denominators: readonly number[]): number {
  const rounds = Math.min(numerators.length, denominators.length);
  return median(Array.from({ length: rounds }, (_, round) => numerators[round]! / denominators[round]!));
}

export interface RatioOfRounds {
  readonly ratio: number;
  /** Its confidence interval of 95 %. NaN of a single round. */
  readonly low: number;
  readonly high: number;
  /** So many rounds like these have an interval of ±2 %. */
  readonly roundsNeeded: number;
}

/** Of Student's distribution, two-sided, by degrees of freedom from 1. Beyond them it is close to what is below. */
const T_OF_95_PERCENT = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26];
const Z_OF_95_PERCENT = 1.96;
const HALF_WIDTH = 0.02;

/**
 * The mean of the ratios of rounds. Each round has processes of its own, and they differ for as long as they live. So the
 * interval comes from the rounds: many pairs of the same two processes do not make it narrower.
 */
export function ratioOfRounds(ratios: readonly number[]): RatioOfRounds {
  const logarithms = ratios.map(Math.log);
  const count = logarithms.length;
  const mean = logarithms.reduce((sum, each) => sum + each, 0) / count;
  const variance = logarithms.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (count - 1);
  const t = T_OF_95_PERCENT[count - 2] ?? Z_OF_95_PERCENT + 2.6 / (count - 1);
  const halfWidth = t * Math.sqrt(variance / count);
  return {
    ratio: Math.exp(mean),
    low: Math.exp(mean - halfWidth),
    high: Math.exp(mean + halfWidth),
    roundsNeeded: Math.ceil((Z_OF_95_PERCENT ** 2 * variance) / HALF_WIDTH ** 2),
  };
}
