/**
 * How many associations there may be: altogether, of each modality, towards each upstream; and how many of a modality may
 * begin in a second. A place is taken when an association is authorised, before the upstream is dialled, so that a burst
 * cannot pass a limit. Where there is hope of a place, an association waits for it. Knows no sockets.
 */
import { Deadline } from '../association/deadline';
import { type Budget, Budgets } from '../net/budget';
import { formatHostAndPort } from '../text/hostAndPort';
import { LastAddresses, type SeenModality } from './lastAddresses';
import { type ServerList, ServerStates, ServerUse } from './serverStates';
import { type Asked, SharedPlaces, type Waiting } from './sharedPlaces';

/** What an association needs. Limits are given with each request, so that a reload counts at once. */
export interface PlaceRequest {
  /** What is counted together: all associations of the modality, and separately those of the archive to it. */
  readonly modality: string;
  /** Where the association goes. */
  readonly upstream: string;
  /** The servers of the upstream; absent where there is nothing to choose and nothing to watch. */
  readonly servers?: ServerList;
  /** The association shows where this modality is: egress goes there from now on. */
  readonly seen?: SeenModality & { readonly address: string };
  /** The association goes to where this modality was seen last. */
  readonly lastSeen?: SeenModality & { readonly port: number };
  readonly maxOfAll: number;
  readonly maxOfModality: number | undefined;
  readonly maxOfUpstream: number | undefined;
  /** Associations of the modality that may begin in a second. 0: no limit. */
  readonly perSecond: number;
  /** The modality's own limit is noted, not enforced. */
  readonly isObserved: boolean;
  /** How long to wait in all. */
  readonly waitMs: number;
}

export type PlaceAnswer =
  | {
      readonly isGranted: true;
      /** Only where the modality is observed. */
      readonly exceedsModalityLimit: boolean;
      /** The servers in the order to try them; empty where none were given, and for a modality that was never seen. */
      readonly servers: readonly string[];
    }
  | {
      readonly isGranted: false;
      /** Which limit it was, or why with another reason. */
      readonly detail: string;
      readonly reason?: 'shared-unavailable';
    };

export interface AssociationPlace {
  /** The association is at this server of those that were granted. */
  arrived(server: string): void;
  /** This server did not take the association. */
  failed(server: string, detail: string): void;
  /** Gives the place back, or leaves the line. Idempotent. */
  free(): void;
}

export interface AssociationPlaces {
  /** What is known of the servers; absent where another process keeps the places. */
  readonly servers?: ServerStates;
  /** `answered` is called once and later, never after `free`; `asked` where an idle place would help another modality. */
  request(request: PlaceRequest, answered: (answer: PlaceAnswer) => void, asked?: Asked): AssociationPlace;
}

/** While somebody waits, how often others are asked for idle places. */
const ASK_MS = 250;
/** Of one modality that wait for their second, or for a place of all. More are rejected: each costs a connection. */
const MAX_WAITING_OF_MODALITY = 64;

/** The places of one process, or, in its primary, of all workers. */
export class LocalPlaces implements AssociationPlaces {
  readonly servers = new ServerStates();
  readonly #all = new SharedPlaces();
  readonly #byUpstream = new Map<string, SharedPlaces>();
  readonly #countByModality = new Map<string, number>();
  readonly #budgets = new Budgets();
  readonly #lastAddresses: LastAddresses;
  readonly #askAgain = new Deadline(() => this.#askAll());

  constructor(lastAddresses = new LastAddresses()) {
    this.#lastAddresses = lastAddresses;
  }

  get taken(): number {
    return this.#all.taken;
  }

  request(
    request: PlaceRequest,
    answered: (answer: PlaceAnswer) => void,
    asked: Asked = () => {},
  ): AssociationPlace {
    const { modality, upstream, maxOfModality = Number.POSITIVE_INFINITY, isObserved } = request;
    const exceedsModalityLimit = (this.#countByModality.get(modality) ?? 0) >= maxOfModality;
    const refusal =
      exceedsModalityLimit && !isObserved
        ? `the modality has the ${maxOfModality} that it may have`
        : this.#refusalOfAll(request);
    if (refusal !== undefined) {
      // Bound: what a closure knows here is kept as long as the place, and `answered` knows the whole request.
      queueMicrotask(answered.bind(undefined, { isGranted: false, detail: refusal }));
      return { arrived: nothing, failed: nothing, free: nothing };
    }
    this.#count(modality, 1);
    const use = request.servers && new ServerUse(this.servers, upstream, request.servers);
    const stay = new Stay(request, exceedsModalityLimit, answered, asked, {
      all: this.#all,
      ofUpstream: () => this.#ofUpstream(upstream),
      budget: this.#budgets.of(modality, request.perSecond),
      use,
      servers: () => {
        if (request.seen !== undefined) this.#lastAddresses.saw(request.seen, request.seen.address);
        return use?.choose() ?? this.#addressOf(request);
      },
      waits: () => {
        if (!this.#askAgain.isRunning) this.#askAgain.start(0);
      },
      freed: () => {
        this.#count(modality, -1);
        if (this.#ofUpstream(upstream).isUnused) this.#byUpstream.delete(upstream);
        if (!this.#hasLine) this.#askAgain.dispose();
      },
    });
    stay.begin();
    return stay;
  }

  #addressOf({ lastSeen }: PlaceRequest): readonly string[] {
    const host = lastSeen && this.#lastAddresses.of(lastSeen);
    return host === undefined ? [] : [formatHostAndPort({ host, port: lastSeen!.port })];
  }

  /** Where all places are taken, only somebody who has many more than this one can give one. */
  #refusalOfAll({ modality, maxOfAll }: PlaceRequest): string | undefined {
    if (this.#all.taken < maxOfAll) return undefined;
    const mayWait = this.#all.owes(modality) && this.#all.waitingOf(modality) < MAX_WAITING_OF_MODALITY;
    return mayWait ? undefined : isFull(maxOfAll, 'gateway');
  }

  #ofUpstream(upstream: string): SharedPlaces {
    const places = this.#byUpstream.get(upstream) ?? new SharedPlaces();
    this.#byUpstream.set(upstream, places);
    return places;
  }

  get #hasLine(): boolean {
    return [this.#all, ...this.#byUpstream.values()].some(({ hasLine }) => hasLine);
  }

  #askAll(): void {
    for (const places of [this.#all, ...this.#byUpstream.values()]) places.askAll();
    if (this.#hasLine) this.#askAgain.start(ASK_MS);
  }

  #count(modality: string, change: 1 | -1): void {
    const count = (this.#countByModality.get(modality) ?? 0) + change;
    if (count === 0) this.#countByModality.delete(modality);
    else this.#countByModality.set(modality, count);
  }
}

interface Needs {
  readonly all: SharedPlaces;
  ofUpstream(): SharedPlaces;
  readonly budget: Budget | undefined;
  readonly use: ServerUse | undefined;
  /** Where to dial, now that it has its places. */
  servers(): readonly string[];
  /** It stands in a line. */
  waits(): void;
  freed(): void;
}

/** One association and its places: it gets a place of all, then its second, then a place of the upstream. */
class Stay implements AssociationPlace {
  readonly #request: PlaceRequest;
  readonly #exceedsModalityLimit: boolean;
  readonly #asked: Asked;
  readonly #needs: Needs;
  readonly #deadline = new Deadline(() => this.#refuse(this.#awaited));
  /** Forgotten once called: the place is kept as long as the association, what asked for it need not be. */
  #answered: ((answer: PlaceAnswer) => void) | undefined;
  readonly #held: SharedPlaces[] = [];
  #leaveLine: () => void = nothing;
  /** What it waits for, in words. */
  #awaited = '';
  #isOver = false;

  constructor(
    request: PlaceRequest,
    exceedsModalityLimit: boolean,
    answered: (answer: PlaceAnswer) => void,
    asked: Asked,
    needs: Needs,
  ) {
    this.#request = request;
    this.#exceedsModalityLimit = exceedsModalityLimit;
    this.#answered = answered;
    this.#asked = asked;
    this.#needs = needs;
  }

  begin(): void {
    const { maxOfAll } = this.#request;
    this.#takeOf(this.#needs.all, maxOfAll, isFull(maxOfAll, 'gateway'), () => this.#awaitSecond());
  }

  arrived(server: string): void {
    if (!this.#isOver) this.#needs.use?.arrived(server);
  }

  failed(server: string, detail: string): void {
    if (!this.#isOver) this.#needs.use?.failed(server, detail);
  }

  free(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline.dispose();
    this.#leaveLine();
    this.#needs.use?.end();
    for (const places of this.#held) places.giveBack(this.#request.modality, this.#asked);
    this.#needs.freed();
  }

  #takeOf(places: SharedPlaces, max: number, awaited: string, then: () => void): void {
    const { modality } = this.#request;
    const taken = () => {
      this.#leaveLine = nothing;
      places.take(modality, this.#asked);
      this.#held.push(places);
      then();
    };
    if (places.taken < max) {
      taken();
      return;
    }
    const waiting: Waiting = { modality, max, granted: taken };
    places.wait(waiting);
    this.#wait(awaited, () => places.leave(waiting));
    this.#needs.waits();
  }

  /** Places of all and of the modality are taken while waiting too: waiting costs a connection. */
  #awaitSecond(): void {
    const { budget } = this.#needs;
    const detail = `the modality began more than ${this.#request.perSecond} associations a second`;
    if (budget === undefined) this.#awaitUpstream();
    else if (budget.waiting >= MAX_WAITING_OF_MODALITY) this.#refuse(detail);
    else if (budget.take(this.#secondCame)) this.#awaitUpstream();
    else this.#wait(detail, () => budget.leave(this.#secondCame));
  }

  readonly #secondCame = (): void => {
    this.#leaveLine = nothing;
    this.#awaitUpstream();
  };

  #awaitUpstream(): void {
    const { maxOfUpstream: max = Number.POSITIVE_INFINITY } = this.#request;
    this.#takeOf(this.#needs.ofUpstream(), max, isFull(max, 'upstream'), () => {
      const exceedsModalityLimit = this.#exceedsModalityLimit;
      this.#answer({ isGranted: true, exceedsModalityLimit, servers: this.#needs.servers() });
    });
  }

  #wait(awaited: string, leaveLine: () => void): void {
    this.#awaited = awaited;
    this.#leaveLine = leaveLine;
    if (!this.#deadline.isRunning) this.#deadline.start(this.#request.waitMs);
  }

  #refuse(detail: string): void {
    this.#leaveLine();
    this.#leaveLine = nothing;
    this.#answer({ isGranted: false, detail });
  }

  #answer(answer: PlaceAnswer): void {
    this.#deadline.dispose();
    queueMicrotask(() => {
      if (!this.#isOver) this.#answered?.(answer);
      this.#answered = undefined;
    });
  }
}

function isFull(max: number, what: 'gateway' | 'upstream'): string {
  return `all ${max} places of the ${what} are taken`;
}

function nothing(): void {}
