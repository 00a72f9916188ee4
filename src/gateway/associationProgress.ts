/** What goes on on an association right now, for people who look on. Plain data: it crosses a pipe as JSON. Types only. */
import type { AcceptedContext } from '../association/negotiation';

export interface AssociationProgress {
  readonly connectionId: string;
  /** The one that was asked for first, in the standard's spelling: `C-STORE`; absent where all are answered. */
  readonly command?: string | undefined;
  /** Data set bytes so far, of this command and of others that are not answered either. */
  readonly bytes: number;
  /** Those on which messages can flow; only of the association that was asked for. */
  readonly contexts?: readonly (AcceptedContext & { readonly id: number })[];
}
