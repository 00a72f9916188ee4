/**
 * What the load process can be asked to do, and what it answers. Plain data: it crosses a process boundary.
 */

/** Where to connect; all on 127.0.0.1. */
export interface LoadTarget {
  readonly port: number;
  /** What is shown, as PEM. Left out: plain TCP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** The calling AE title; default CT1. */
  readonly calling?: string;
  /** The loopback address to come from. */
  readonly from?: string;
}

/** What is done again and again in one turn of a pair, `each` times. */
export type PairedWork = { readonly each: number } & (
  | { readonly kind: 'associate' | 'echo' | 'find' | 'get' }
  | { readonly kind: 'store'; readonly instanceBytes: number }
);

/** The same work through two targets, in turns. */
export interface PairsJob {
  readonly kind: 'pairs';
  /** `pid`: of the relay whose processor time counts. */
  readonly sides: readonly [PairedSide, PairedSide];
  readonly work: PairedWork;
  readonly count: number;
}

export interface PairedSide {
  readonly target: LoadTarget;
  readonly pid: number;
}

/** One turn of one side. */
export interface Turn {
  readonly seconds: number;
  /** Of the whole pair. */
  readonly cpuSeconds: number;
  /** Of one piece of work. */
  readonly p50Ms: number;
}

export type LoadJob =
  /** C-STORE of equal instances, one after the other on each of the associations. */
  | {
      readonly kind: 'store';
      readonly target: LoadTarget;
      readonly associations: number;
      readonly instancesEach: number;
      readonly instanceBytes: number;
      /** On those that openIdle left open, so that no handshake counts. */
      readonly areOpen?: boolean;
    }
  /** C-ECHO again and again on one association. */
  | { readonly kind: 'echo'; readonly target: LoadTarget; readonly count: number }
  /** Connect, associate, C-ECHO, release, close; `concurrency` of them at any time. */
  | {
      readonly kind: 'associate';
      readonly target: LoadTarget;
      readonly count: number;
      readonly concurrency: number;
    }
  /** Opens associations and keeps them. */
  | { readonly kind: 'openIdle'; readonly target: LoadTarget; readonly count: number }
  /** Releases what openIdle left open, and no store took over. */
  | { readonly kind: 'closeIdle' }
  /** C-FIND requests on one association. */
  | { readonly kind: 'find'; readonly target: LoadTarget; readonly count: number }
  /** One C-GET. */
  | { readonly kind: 'get'; readonly target: LoadTarget }
  /** Fifty modalities that do their work while others attack: see crowd.ts. */
  | { readonly kind: 'crowd'; readonly target: LoadTarget; readonly forMs: number }
  | PairsJob;

export interface LoadResult {
  /** From the first byte of work to the last answer; opening and releasing associations count only in `associate`. */
  readonly seconds: number;
  /** Of data sets, both directions. */
  readonly dataSetBytes: number;
  /** Responses (pending ones too), or associations. */
  readonly answers: number;
  /** Of each C-STORE, C-ECHO or association, ascending. */
  readonly latenciesMs: readonly number[];
  /** What of a crowd came to an end. */
  readonly done?: CrowdCounts;
  /** Of both sides of the pairs, in the order of the pairs. */
  readonly turns?: readonly [readonly Turn[], readonly Turn[]];
}

export interface CrowdCounts {
  /** C-ECHOs of those that never wait. */
  readonly greedy: number;
  /** What was to be done at a pace of its own: C-ECHOs, C-STOREs and whole associations. */
  readonly paced: number;
  /** Associations that failed, and were opened again. */
  readonly failures: number;
}
