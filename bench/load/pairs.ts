/**
 * Two targets in turns of some 100 ms: ABBA, so that what gets slower or faster meanwhile counts for both. Each keeps its
 * association. The processor time of both relays is read between the pairs, so that what one leaves for later counts too.
 * Knows nothing of what is compared.
 */
import { runtimeSeconds } from '../processUsage';
import { storeRequest } from '../wire/instances';
import { ContextId, LoadAssociation } from './association';
import type { LoadResult, LoadTarget, PairedSide, PairedWork, PairsJob, Turn } from './jobs';
import { echo, find, get, succeeded } from './runJob';

/** Before the first pair counts: V8 has compiled by then what the work needs. */
const WARM_UP_MS = 2000;

export async function pairs({ sides, work, count }: PairsJob): Promise<Partial<LoadResult>> {
  const workers = [await Worker.begin(sides[0], work), await Worker.begin(sides[1], work)] as const;
  const turns: [Turn[], Turn[]] = [[], []];
  const warmAtMs = performance.now() + WARM_UP_MS;
  for (let pair = 0; turns[0].length < count; pair += 1) {
    const isWarm = performance.now() >= warmAtMs;
    const cpuBefore = sides.map(({ pid }) => runtimeSeconds(pid));
    const timed: Timed[] = [];
    for (const side of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      timed[side] = await workers[side].turn();
    }
    if (!isWarm) continue;
    for (const side of [0, 1] as const) {
      const cpuSeconds = runtimeSeconds(sides[side].pid) - cpuBefore[side]!;
      turns[side].push({ ...timed[side]!, cpuSeconds });
    }
  }
  for (const worker of workers) await worker.end();
  return { turns };
}

type Timed = Omit<Turn, 'cpuSeconds'>;

class Worker {
  readonly #target: LoadTarget;
  readonly #work: PairedWork;
  /** undefined where each piece of work has its own. */
  readonly #association: LoadAssociation | undefined;

  private constructor(target: LoadTarget, work: PairedWork, association: LoadAssociation | undefined) {
    this.#target = target;
    this.#work = work;
    this.#association = association;
  }

  static async begin({ target }: PairedSide, work: PairedWork): Promise<Worker> {
    const association = work.kind === 'associate' ? undefined : await LoadAssociation.open(target);
    return new Worker(target, work, association);
  }

  async turn(): Promise<Timed> {
    const once = onceOf(this.#work, this.#target, this.#association);
    const latenciesMs: number[] = [];
    const from = performance.now();
    for (let done = 0; done < this.#work.each; done += 1) {
      const begunMs = performance.now();
      await once();
      latenciesMs.push(performance.now() - begunMs);
    }
    const seconds = (performance.now() - from) / 1000;
    latenciesMs.sort((one, other) => one - other);
    return { seconds, p50Ms: latenciesMs[latenciesMs.length >> 1]! };
  }

  async end(): Promise<void> {
    await this.#association?.release();
  }
}

function onceOf(
  work: PairedWork,
  target: LoadTarget,
  kept: LoadAssociation | undefined,
): () => Promise<unknown> {
  if (kept === undefined) {
    return async () => {
      const association = await LoadAssociation.open(target);
      await echo(association);
      await association.release();
    };
  }
  switch (work.kind) {
    case 'echo':
      return () => echo(kept);
    case 'find':
      return () => find(kept);
    case 'get':
      return () => get(kept);
    default: {
      const bytes = work.kind === 'store' ? work.instanceBytes : 0;
      const { writes } = storeRequest(ContextId.ctImageStorage, 1, bytes, kept.maxPduLength);
      return async () => {
        for (const chunk of writes) await kept.write(chunk);
        await succeeded(kept);
      };
    }
  }
}
