/** What the admin HTTP may ask of the gateway that it belongs to: types only. */

import type { ReloadOptions, RunningGateway } from '../gateway/gateway';
import type { Problem } from '../text/problems';

export interface GatewayControl {
  /** Asked each time: a reload may change where it listens. */
  readonly gateway: Pick<RunningGateway, 'addresses' | 'isListening'>;
  readonly workers: number;
  /** The reload of SIGHUP, in turn with others. Never rejects. */
  reload(options?: ReloadOptions): Promise<ReloadResult>;
}

/** A problem of the configuration, with its place where it has one. */
export type ReloadProblem = Pick<Problem, 'message' | 'severity'> & Partial<Problem>;

/** The answer of `POST /api/v1/reload`. */
export interface ReloadResult {
  /** false: the running configuration stays. */
  readonly isReloaded: boolean;
  /** What the gateway runs from: an absolute path. */
  readonly file: string;
  /** Of the text of that file as it was taken over, hex; only where it was reloaded. */
  readonly sha256?: string;
  /** Errors where it was not reloaded, warnings where it was. */
  readonly problems: readonly ReloadProblem[];
  /** What is different now, a line each; only where it was reloaded. */
  readonly changes?: readonly string[];
  /** Associations that were ended because they are no longer allowed; only where it was reloaded. */
  readonly ended?: number;
}
