/**
 * Takes turns: every contender does the same work, one after the other, in each round, so that a machine that is
 * slower for a minute is slower for all. Knows medians and ratios, and nothing of DICOM.
 */

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

export interface PairedRatio {
  /** The median of the ratios of all pairs. */
  readonly ratio: number;
  /** Its confidence interval of 95 %. It assumes no distribution, so a disturbed pair moves it by one rank only. */
  readonly low: number;
  readonly high: number;
}

/** Of the standard normal distribution, two-sided. */
const Z_OF_95_PERCENT = 1.96;

export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): PairedRatio {
  const ratios = numerators
    .map((numerator, pair) => numerator / denominators[pair]!)
    .sort((one, other) => one - other);
  const count = ratios.length;
  // The ranks of a sign test.
  const low = Math.floor((count - Z_OF_95_PERCENT * Math.sqrt(count)) / 2) - 1;
  const at = (rank: number) => ratios[Math.min(count - 1, Math.max(0, rank))] ?? Number.NaN;
  return { ratio: median(ratios), low: at(low), high: at(count - 1 - low) };
}
