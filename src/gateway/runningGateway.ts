/** What the rest of the program sees of a gateway that runs, in this process or in several. */
import type { CaptureSource } from '../capture/order';
import type { Configuration } from '../config/schema';
import type { InheritedSockets } from '../net/inheritedSockets';
import type { ModalityLock } from '../policy/locks';
import type { AssociationProgress } from './associationProgress';
import type { DisclosureSink } from './dataSetTap';
import type { Penalty, PenaltyBox } from './penaltyBox';
import type { UpstreamHealth } from './upstreamHealth';

export interface GatewayOptions {
  /** Those that count from the start. */
  readonly locks?: readonly ModalityLock[];
  /** Called with each penalty that this process imposes. */
  readonly imposed?: (penalty: Penalty) => void;
  /** What DICOM audit messages need goes there; left out where nobody takes it. */
  readonly disclosures?: DisclosureSink | undefined;
  /** Listeners take theirs of these before they open a port. */
  readonly sockets?: InheritedSockets;
}

/** An address that the gateway listens on; the port is the real one where 0 was configured. */
export interface ListeningAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** How a stop ended. */
export interface StopResult {
  /** Associations that had not ended by themselves at the deadline and were aborted. */
  readonly aborted: number;
}

export interface ReloadOptions {
  /** End the associations that the new rules refuse, and judge the commands of the others by the new rules. */
  readonly enforce?: boolean;
}

export interface ReloadResult {
  /** Associations that were ended because they are no longer allowed. */
  readonly ended: number;
}

export interface LockResult {
  /** Associations that were ended because their modality is locked. */
  readonly ended: number;
}

export interface RunningGateway {
  readonly addresses: readonly ListeningAddress[];
  readonly timeouts: Configuration['timeouts'];
  /** Connections, or at least those with an association, that a drain would wait for. */
  readonly connectionCount: number;
  /** Associations that are open. */
  readonly associationCount: number;
  /** Whether its listeners are open: not after the stop, and not while all of its workers have died. */
  readonly isListening: boolean;
  /** Absent in a worker: the primary asks for all. */
  readonly health: UpstreamHealth | undefined;
  /**
   * Takes over a new configuration, all or nothing. Running associations keep what they were allowed, unless `enforce`
   * judges them again. Rejects with OperatorError where it cannot be used.
   */
  reload(configuration: Configuration, options?: ReloadOptions): Promise<ReloadResult>;
  /** Who is in the penalty box; what another gateway imposed is taken. */
  readonly penalties: Pick<PenaltyBox, 'list' | 'faultOf' | 'take'>;
  /** These locks count from now on, and no others; ends the associations of the modalities that are locked. */
  lock(locks: readonly ModalityLock[]): Promise<LockResult>;
  /**
   * What is under way on each association with an operation that is not answered. `wanted` is the connection ID of one
   * that is in the answer whatever goes on, with its contexts.
   */
  progress(wanted?: string): Promise<readonly AssociationProgress[]>;
  readonly taps: CaptureSource;
  /** Resolves once every process of it has answered. One that hangs is replaced, which takes some seconds. */
  heartbeat(): Promise<void>;
  /**
   * Another process listens from now on. Everybody who came before is served, with all that they are allowed; resolves when
   * nobody is left, or after an hour.
   */
  retire(): Promise<void>;
  /** Drains and stops; called again, stops at once. */
  stop(): Promise<StopResult>;
}
