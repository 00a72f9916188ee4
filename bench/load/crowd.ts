/**
 * Fifty modalities that work while others attack: some as fast as they can, most at a pace of their own, each from an
 * address of its own. One that fails counts, and begins again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { storeRequest } from '../wire/instances';
import { ContextId, LoadAssociation, MAX_PDU_LENGTH } from './association';
import type { CrowdCounts, LoadTarget } from './jobs';
import { echo, succeeded } from './runJob';

/** Of CT size. */
const INSTANCE_BYTES = 512 * 1024;
const AGAIN_AFTER_MS = 100;

type Work = 'echo' | 'store' | 'associate';

interface Group {
  readonly count: number;
  readonly work: Work;
  /** Left out: as fast as it can. */
  readonly everyMs?: number;
}

const GROUPS: readonly Group[] = [
  { count: 2, work: 'echo' },
  { count: 32, work: 'echo', everyMs: 100 },
  { count: 10, work: 'store', everyMs: 200 },
  { count: 6, work: 'associate', everyMs: 200 },
];
export const CROWD_SIZE = GROUPS.reduce((sum, { count }) => sum + count, 0);

export function crowdMember(index: number): { readonly calling: string; readonly from: string } {
  return { calling: `HONEST${index}`, from: `127.0.1.${index + 1}` };
}

type Counts = { -readonly [K in keyof CrowdCounts]: number };

export async function crowd(target: LoadTarget, forMs: number) {
  const done: Counts = { greedy: 0, paced: 0, failures: 0 };
  const latenciesMs: number[] = [];
  const endMs = performance.now() + forMs;
  const members = GROUPS.flatMap((group) => Array.from({ length: group.count }, () => group));
  await Promise.all(
    members.map(async (group, index) => {
      const member = new Member({ ...target, ...crowdMember(index) }, group, done, latenciesMs);
      // Not all in the same millisecond.
      await delay(index * 4);
      await member.work(endMs);
    }),
  );
  latenciesMs.sort((one, other) => one - other);
  return { done, latenciesMs };
}

class Member {
  readonly #target: LoadTarget;
  readonly #group: Group;
  readonly #done: Counts;
  readonly #latenciesMs: number[];
  #association: LoadAssociation | undefined;

  constructor(target: LoadTarget, group: Group, done: Counts, latenciesMs: number[]) {
    this.#target = target;
    this.#group = group;
    this.#done = done;
    this.#latenciesMs = latenciesMs;
  }

  async work(endMs: number): Promise<void> {
    const { everyMs } = this.#group;
    for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
      const deadline = delay(endMs - nowMs, 'late' as const, { ref: false });
      const outcome = await Promise.race([this.#once(), deadline]).catch(() => 'failed' as const);
      if (outcome === 'late') break;
      if (outcome === 'failed') {
        this.#done.failures += 1;
        this.#association?.destroy();
        this.#association = undefined;
        await delay(AGAIN_AFTER_MS);
      } else if (everyMs !== undefined) {
        this.#latenciesMs.push(performance.now() - nowMs);
        await delay(Math.max(0, everyMs - (performance.now() - nowMs)));
      }
    }
    this.#association?.destroy();
  }

  async #once(): Promise<void> {
    const { work, everyMs } = this.#group;
    this.#association ??= await LoadAssociation.open(this.#target);
    if (work === 'store') {
      for (const bytes of STORE_RQ.writes) await this.#association.write(bytes);
      await succeeded(this.#association);
    } else {
      await echo(this.#association);
    }
    if (work === 'associate') {
      await this.#association.release();
      this.#association = undefined;
    }
    if (everyMs === undefined) this.#done.greedy += 1;
    else this.#done.paced += 1;
  }
}

const STORE_RQ = storeRequest(ContextId.ctImageStorage, 1, INSTANCE_BYTES, MAX_PDU_LENGTH);
