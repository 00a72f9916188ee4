/**
 * How many associations there may be: altogether, of each modality, towards each upstream. A place is taken when an
 * association is authorised, before the upstream is dialled, so that a burst cannot pass a limit. Where the upstream is
 * full, an association waits in line: with many associations Orthanc slows down, it does not refuse. Knows no sockets.
 */
import { Deadline } from '../association/deadline';
import { formatHostAndPort } from '../text/hostAndPort';
import { LastAddresses, type SeenModality } from './lastAddresses';
import { type ServerList, ServerStates, ServerUse } from './serverStates';

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
  /** The modality's own limit is noted, not enforced. */
  readonly isObserved: boolean;
  /** How long to wait for a place at the upstream. */
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
  | { readonly isGranted: false };

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
  /**
   * `answered` is called once, never before this returns; not after `free`. `asked` is called where another modality waits
   * and this one has more than its share: it frees the place where the association is idle.
   */
  request(
    request: PlaceRequest,
    answered: (answer: PlaceAnswer) => void,
    asked?: () => void,
  ): AssociationPlace;
}

/** While somebody waits, how often others are asked for idle places. */
const ASK_MS = 250;

interface Waiting {
  readonly request: PlaceRequest;
  readonly deadline: Deadline;
  grant(): void;
}

/** The places of one process, or, in its primary, of all workers. */
export class LocalPlaces implements AssociationPlaces {
  readonly servers = new ServerStates();
  readonly #lastAddresses: LastAddresses;
  #taken = 0;
  readonly #takenOfModality = new Map<string, number>();
  readonly #takenOfUpstream = new Map<string, number>();
  /** Who can be asked for a place at an upstream, by modality; who was not asked for longest comes first. */
  readonly #holders = new Map<string, Map<string, Set<() => void>>>();
  readonly #askAgain = new Deadline(() => this.#askAll());
  /** The associations that wait for an upstream, by modality, in the order in which the modalities are next. */
  readonly #lines = new Map<string, Map<string, Set<Waiting>>>();

  constructor(lastAddresses = new LastAddresses()) {
    this.#lastAddresses = lastAddresses;
  }

  get taken(): number {
    return this.#taken;
  }

  request(
    request: PlaceRequest,
    answered: (answer: PlaceAnswer) => void,
    asked: () => void = () => {},
  ): AssociationPlace {
    const ofModality = this.#takenOfModality.get(request.modality) ?? 0;
    const exceedsModalityLimit = ofModality >= (request.maxOfModality ?? Number.POSITIVE_INFINITY);
    let isOver = false;
    // Forgotten once called: the place is kept as long as the association, what asked for it need not be.
    let waiting: typeof answered | undefined = answered;
    const answer = (value: PlaceAnswer) => {
      queueMicrotask(() => {
        if (!isOver) waiting?.(value);
        waiting = undefined;
      });
    };
    if (this.#taken >= request.maxOfAll || (exceedsModalityLimit && !request.isObserved)) {
      answer({ isGranted: false });
      return { arrived() {}, failed() {}, free() {} };
    }
    // A place of the modality and of all is taken while waiting too: waiting costs a connection.
    this.#count(this.#takenOfModality, request.modality, 1);
    this.#taken += 1;
    const { upstream, modality } = request;
    const use = request.servers && new ServerUse(this.servers, upstream, request.servers);
    let holdsUpstream = false;
    const grant = () => {
      holdsUpstream = true;
      this.#count(this.#takenOfUpstream, upstream, 1);
      this.#holdersOf(upstream, modality).add(asked);
      if (request.seen !== undefined) this.#lastAddresses.saw(request.seen, request.seen.address);
      const servers = use?.choose() ?? this.#addressOf(request);
      answer({ isGranted: true, exceedsModalityLimit, servers });
    };
    let leaveLine = () => {};
    if (this.#isUpstreamFull(request)) {
      leaveLine = this.#wait(request, grant, () => answer({ isGranted: false }));
    } else {
      grant();
    }
    return {
      arrived: (server) => use?.arrived(server),
      failed: (server, detail) => use?.failed(server, detail),
      free: () => {
        if (isOver) return;
        isOver = true;
        leaveLine();
        use?.end();
        this.#count(this.#takenOfModality, request.modality, -1);
        this.#taken -= 1;
        if (!holdsUpstream) return;
        this.#count(this.#takenOfUpstream, upstream, -1);
        this.#forget(upstream, modality, asked);
        this.#next(upstream);
      },
    };
  }

  #addressOf({ lastSeen }: PlaceRequest): readonly string[] {
    const host = lastSeen && this.#lastAddresses.of(lastSeen);
    return host === undefined ? [] : [formatHostAndPort({ host, port: lastSeen!.port })];
  }

  #isUpstreamFull({ upstream, maxOfUpstream }: PlaceRequest): boolean {
    return (this.#takenOfUpstream.get(upstream) ?? 0) >= (maxOfUpstream ?? Number.POSITIVE_INFINITY);
  }

  /** Returns what leaves the line. */
  #wait(request: PlaceRequest, granted: () => void, gaveUp: () => void): () => void {
    const { upstream, modality, waitMs } = request;
    const line = this.#lines.get(upstream) ?? new Map<string, Set<Waiting>>();
    const ofModality = line.get(modality) ?? new Set<Waiting>();
    const leave = () => {
      waiting.deadline.dispose();
      ofModality.delete(waiting);
      if (ofModality.size === 0 && line.get(modality) === ofModality) line.delete(modality);
      // An association that was let in leaves again at its end. Another line may stand here then.
      if (line.size === 0 && this.#lines.get(upstream) === line) this.#lines.delete(upstream);
      if (this.#lines.size === 0) this.#askAgain.dispose();
    };
    const waiting: Waiting = {
      request,
      deadline: new Deadline(() => {
        leave();
        gaveUp();
      }),
      grant: () => {
        leave();
        granted();
      },
    };
    this.#lines.set(upstream, line.set(modality, ofModality.add(waiting)));
    waiting.deadline.start(waitMs);
    if (!this.#askAgain.isRunning) this.#askAgain.start(0);
    return leave;
  }

  #holdersOf(upstream: string, modality: string): Set<() => void> {
    const byModality = this.#holders.get(upstream) ?? new Map<string, Set<() => void>>();
    const ofModality = byModality.get(modality) ?? new Set();
    this.#holders.set(upstream, byModality.set(modality, ofModality));
    return ofModality;
  }

  #forget(upstream: string, modality: string, asked: () => void): void {
    const byModality = this.#holders.get(upstream);
    const ofModality = byModality?.get(modality);
    ofModality?.delete(asked);
    if (ofModality?.size === 0) byModality?.delete(modality);
    if (byModality?.size === 0) this.#holders.delete(upstream);
  }

  #askAll(): void {
    for (const [upstream, line] of this.#lines) {
      for (const modality of line.keys()) this.#askFor(modality, upstream);
    }
    if (this.#lines.size > 0) this.#askAgain.start(ASK_MS);
  }

  /**
   * Asks the modality that holds most for one place. It must hold two more than the one that waits, or the two would take
   * the place from each other for ever. A worker answers later, so it is not known here whether the place comes.
   */
  #askFor(modality: string, upstream: string): void {
    const byModality = this.#holders.get(upstream);
    let most: Set<() => void> | undefined;
    for (const held of byModality?.values() ?? []) if (held.size > (most?.size ?? 0)) most = held;
    const own = byModality?.get(modality)?.size ?? 0;
    const [longest] = most ?? [];
    if (most === undefined || longest === undefined || most.size < own + 2) return;
    most.delete(longest);
    most.add(longest);
    longest();
  }

  /**
   * Lets in the next one. Modalities take turns, so that one that asks for hundreds of associations does not keep
   * the others out; within a modality, first come, first served.
   */
  #next(upstream: string): void {
    const line = this.#lines.get(upstream);
    const [modality, ofModality] = line?.entries().next().value ?? [];
    const [waiting] = ofModality ?? [];
    if (line === undefined || modality === undefined || ofModality === undefined || waiting === undefined)
      return;
    if (this.#isUpstreamFull(waiting.request)) return;
    line.delete(modality);
    if (ofModality.size > 1) line.set(modality, ofModality);
    waiting.grant();
  }

  #count(counts: Map<string, number>, key: string, change: 1 | -1): void {
    const count = (counts.get(key) ?? 0) + change;
    if (count === 0) counts.delete(key);
    else counts.set(key, count);
  }
}
