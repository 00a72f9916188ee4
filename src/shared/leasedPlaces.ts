/**
 * The places of one gateway of several: each one is taken here first, then of what all gateways share. While the server is
 * away, this gateway counts by itself or lets nobody in, as configured. Lines and turns of modalities stay those of one
 * gateway.
 */
import type {
  AssociationPlace,
  AssociationPlaces,
  LocalPlaces,
  PlaceAnswer,
  PlaceRequest,
} from '../gateway/associationPlaces';
import type { ServerStates } from '../gateway/serverStates';
import type { Asked } from '../gateway/sharedPlaces';
import type { LeaseKeeper, Verdict } from './leases';

/** While another gateway has the last place of an upstream. No message says that it is free. */
const ASK_AGAIN_MS = 100;

export class LeasedPlaces implements AssociationPlaces {
  readonly #local: LocalPlaces;
  readonly #leases: LeaseKeeper;
  readonly #isClosedWhileAway: boolean;

  constructor(local: LocalPlaces, leases: LeaseKeeper, isClosedWhileAway: boolean) {
    this.#local = local;
    this.#leases = leases;
    this.#isClosedWhileAway = isClosedWhileAway;
  }

  get servers(): ServerStates {
    return this.#local.servers;
  }

  get taken(): number {
    return this.#local.taken;
  }

  request(request: PlaceRequest, answered: (answer: PlaceAnswer) => void, asked?: Asked): AssociationPlace {
    const lease = new Lease(request, this.#leases, this.#isClosedWhileAway, answered);
    const place = this.#local.request(request, (answer) => lease.begin(answer), asked);
    return {
      arrived: (server) => place.arrived(server),
      failed: (server, detail) => place.failed(server, detail),
      free: () => {
        place.free();
        lease.end();
      },
    };
  }
}

class Lease {
  readonly #request: PlaceRequest;
  readonly #leases: LeaseKeeper;
  readonly #isClosedWhileAway: boolean;
  /** Forgotten once called, as in associationPlaces.ts. */
  #answered: ((answer: PlaceAnswer) => void) | undefined;
  readonly #untilMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isHeld = false;
  #isOver = false;

  constructor(
    request: PlaceRequest,
    leases: LeaseKeeper,
    isClosedWhileAway: boolean,
    answered: (answer: PlaceAnswer) => void,
  ) {
    this.#request = request;
    this.#leases = leases;
    this.#isClosedWhileAway = isClosedWhileAway;
    this.#answered = answered;
    this.#untilMs = performance.now() + request.waitMs;
  }

  /** With the answer of this gateway's own places. */
  begin(answer: PlaceAnswer): void {
    if (answer.isGranted) void this.#ask(answer);
    else this.#answer(answer);
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#answered = undefined;
    clearTimeout(this.#timer);
    if (this.#isHeld) this.#leases.free(this.#request);
  }

  async #ask(granted: Extract<PlaceAnswer, { isGranted: true }>): Promise<void> {
    const verdict = await this.#leases.take(this.#request);
    const isTaken = verdict === 'taken' || verdict === 'exceeded';
    // Who asked may have gone meanwhile.
    if (this.#isOver) {
      if (isTaken) this.#leases.free(this.#request);
      return;
    }
    if (verdict === 'away') this.#answerAlone(granted);
    else if (isTaken) {
      this.#isHeld = true;
      const exceedsModalityLimit = granted.exceedsModalityLimit || verdict === 'exceeded';
      this.#answer({ ...granted, exceedsModalityLimit });
    } else if (verdict === 'upstream' && performance.now() + ASK_AGAIN_MS < this.#untilMs) {
      this.#timer = setTimeout(() => void this.#ask(granted), ASK_AGAIN_MS);
    } else this.#answer({ isGranted: false, detail: this.#limitOf(verdict) });
  }

  #answerAlone(granted: PlaceAnswer): void {
    if (this.#isClosedWhileAway) {
      const detail = 'Redis is away, and shared.whileAway is "closed"';
      this.#answer({ isGranted: false, detail, reason: 'shared-unavailable' });
      return;
    }
    this.#isHeld = true;
    this.#leases.hold(this.#request);
    this.#answer(granted);
  }

  #limitOf(verdict: Exclude<Verdict, 'taken' | 'exceeded' | 'away'>): string {
    const { maxOfModality, maxOfAll, maxOfUpstream } = this.#request;
    const where = ', counted over all gateways';
    if (verdict === 'modality') return `the modality has the ${maxOfModality} that it may have${where}`;
    const [max, what] = verdict === 'all' ? [maxOfAll, 'gateway'] : [maxOfUpstream, 'upstream'];
    return `all ${max} places of the ${what} are taken${where}`;
  }

  #answer(answer: PlaceAnswer): void {
    this.#answered?.(answer);
    this.#answered = undefined;
  }
}
