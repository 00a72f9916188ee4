/** What the primary and its workers say to each other: types only. Plain data, because it crosses a pipe as JSON. */
import type { AuditEvent } from '../../audit/events';
import type { CapturedBatch, CaptureOrder } from '../../capture/order';
import type { Configuration } from '../../config/schema';
import type { DataSetFacts } from '../../dimse/dataSetFacts';
import type { InheritedSocket } from '../../net/inheritedSockets';
import type { ModalityLock } from '../../policy/locks';
import type { PlaceAnswer, PlaceRequest } from '../associationPlaces';
import type { AssociationProgress } from '../associationProgress';
import type { Disclosure } from '../dataSetTap';
import type { Penalty } from '../penaltyBox';
import type { ListeningAddress } from '../runningGateway';

/** What DICOM audit messages need of one of the events that it comes with. */
export interface DisclosedInPipe {
  /** The index of that event. */
  readonly at: number;
  readonly disclosure: Omit<Disclosure, 'facts'>;
  /** Unsealed, because they cross the pipe. */
  readonly facts: DataSetFacts | undefined;
}

/** From the primary. */
export type ToWorker =
  | {
      readonly kind: 'start';
      readonly configuration: Configuration;
      readonly locks: readonly ModalityLock[];
      /** Opened by systemd; the descriptors are those of the primary. */
      readonly sockets: readonly InheritedSocket[];
    }
  /** Another process listens from now on: serve who came before, and end. Answered as a heartbeat. */
  | { readonly kind: 'retire' }
  /** Say that you still turn. */
  | { readonly kind: 'heartbeat' }
  /** These locks count from now on. */
  | { readonly kind: 'lock'; readonly locks: readonly ModalityLock[] }
  /** Make ready for this configuration and say whether it can be used; nothing changes yet. */
  | { readonly kind: 'prepareReload'; readonly configuration: Configuration }
  /** Take over what was prepared, or forget it; then judge running associations again, or not. */
  | { readonly kind: 'endReload'; readonly isCommitted: boolean; readonly enforce: boolean }
  | { readonly kind: 'placeAnswer'; readonly id: number; readonly answer: PlaceAnswer }
  /** Say what is under way. */
  | { readonly kind: 'tellProgress'; readonly wanted?: string | undefined }
  /** Whether the log takes no lines: who is refused is not read meanwhile. */
  | { readonly kind: 'logBlocked'; readonly isBlocked: boolean }
  /** So many more of its audit lines are written. */
  | { readonly kind: 'auditWritten'; readonly count: number }
  /** Another modality waits for the place: free it where the association is idle. */
  | { readonly kind: 'placeAsked'; readonly id: number; readonly held: number }
  /** Another worker has imposed it. */
  | { readonly kind: 'penalty'; readonly penalty: Penalty }
  /** Record what this names. */
  | { readonly kind: 'capture'; readonly order: CaptureOrder }
  /** The oldest batch of what it captured was taken. */
  | { readonly kind: 'captureTaken' }
  | { readonly kind: 'endCapture' }
  /** Drain. The second time: stop at once. */
  | { readonly kind: 'stop' };

/** From a worker. */
export type FromWorker =
  | { readonly kind: 'started'; readonly addresses: readonly ListeningAddress[]; readonly quickAck: string }
  | { readonly kind: 'failed'; readonly message: string; readonly exitCode: 1 | 2 }
  /** `error` is why the configuration cannot be used. */
  | { readonly kind: 'reloadPrepared'; readonly error?: string }
  | {
      readonly kind: 'reloadEnded';
      readonly addresses: readonly ListeningAddress[];
      /** Associations that are no longer allowed and were ended. */
      readonly ended: number;
    }
  /** The locks count; so many associations were ended. */
  | { readonly kind: 'locked'; readonly ended: number }
  | { readonly kind: 'progress'; readonly associations: readonly AssociationProgress[] }
  | {
      readonly kind: 'audit';
      readonly events: readonly AuditEvent[];
      /** Not for the log. */
      readonly disclosed: readonly DisclosedInPipe[];
    }
  | { readonly kind: 'placeRequest'; readonly id: number; readonly request: PlaceRequest }
  | { readonly kind: 'serverAnswered'; readonly id: number; readonly server: string }
  | { readonly kind: 'serverFailed'; readonly id: number; readonly server: string; readonly detail: string }
  | { readonly kind: 'placeFreed'; readonly id: number }
  | { readonly kind: 'penaltyImposed'; readonly penalty: Penalty }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'captureBegun' }
  /** Blocks of a pcapng file, in base64. */
  | { readonly kind: 'captured'; readonly blocks: string; readonly dropped: CapturedBatch['dropped'] }
  /** All that it captured was sent before. */
  | { readonly kind: 'captureEnded' }
  | { readonly kind: 'stopped'; readonly aborted: number };
