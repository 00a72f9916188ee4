/**
 * How many associations there may be: altogether, of each modality, towards each upstream. A place is taken when an
 * association is authorised, before the upstream is dialled, so that a burst cannot pass a limit. Where the upstream is
 * full, an association waits in line: with many associations Orthanc slows down, it does not refuse. Knows no sockets.
 */
import { Deadline } from '../association/deadline';
import { type ServerList, ServerStates, ServerUse } from './serverStates';

/** What an association needs. Limits are given with each request, so that a reload counts at once. */
export interface PlaceRequest {
  /** What is counted together: all associations of the modality, and separately those of the archive to it. */
  readonly modality: string;
  /** Where the association goes. */
  readonly upstream: string;
  /** The servers of the upstream; absent where there is nothing to choose and nothing to watch. */
  readonly servers?: ServerList;
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
      /** The servers in the order to try them; empty where none were given. */
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
  /** `answered` is called once, never before this returns; not after `free`. */
  request(request: PlaceRequest, answered: (answer: PlaceAnswer) => void): AssociationPlace;
}

interface Waiting {
  readonly request: PlaceRequest;
  readonly deadline: Deadline;
  grant(): void;
}

/** The places of one process, or, in its primary, of all workers. */
export class LocalPlaces implements AssociationPlaces {
  readonly servers = new ServerStates();
  #taken = 0;
  readonly #takenOfModality = new Map<string, number>();
  readonly #takenOfUpstream = new Map<string, number>();
  /** The associations that wait for an upstream, by modality, in the order in which the modalities are next. */
  readonly #lines = new Map<string, Map<string, Set<Waiting>>>();

  get taken(): number {
    return this.#taken;
  }

  request(request: PlaceRequest, answered: (answer: PlaceAnswer) => void): AssociationPlace {
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
    const { upstream } = request;
    const use = request.servers && new ServerUse(this.servers, upstream, request.servers);
    let holdsUpstream = false;
    const grant = () => {
      holdsUpstream = true;
      this.#count(this.#takenOfUpstream, upstream, 1);
      answer({ isGranted: true, exceedsModalityLimit, servers: use?.choose() ?? [] });
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
        this.#next(upstream);
      },
    };
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
    return leave;
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
