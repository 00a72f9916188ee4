/** What the primary and its workers say to each other. Plain data: it crosses a pipe as JSON. */
import type { AuditEvent } from '../../audit/events';
import type { Configuration } from '../../config/schema';
import type { PlaceAnswer, PlaceRequest } from '../associationPlaces';
import type { ListeningAddress } from '../gateway';

export type ToWorker =
  | { readonly kind: 'start'; readonly configuration: Configuration }
  /** Make ready for this configuration and say whether it can be used; nothing changes yet. */
  | { readonly kind: 'prepareReload'; readonly configuration: Configuration }
  /** Take over what was prepared, or forget it; then judge running associations anew, or not. */
  | { readonly kind: 'endReload'; readonly isCommitted: boolean; readonly enforce: boolean }
  | { readonly kind: 'placeAnswer'; readonly id: number; readonly answer: PlaceAnswer }
  /** Drain; said again, stop at once. */
  | { readonly kind: 'stop' };

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
  | { readonly kind: 'audit'; readonly event: AuditEvent }
  | { readonly kind: 'placeRequest'; readonly id: number; readonly request: PlaceRequest }
  | { readonly kind: 'serverAnswered'; readonly id: number; readonly server: string }
  | { readonly kind: 'serverFailed'; readonly id: number; readonly server: string; readonly detail: string }
  | { readonly kind: 'placeFreed'; readonly id: number }
  | { readonly kind: 'stopped'; readonly aborted: number };
