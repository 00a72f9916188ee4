/** What an association needs of the gateway around it. */
import type { AuditSink } from '../audit/events';
import type { Limits, Timeouts } from '../config/schema';
import type { InboundConnection } from '../net/inboundConnection';
import type { QuickAck } from '../net/quickAck';
import type { ReasonCode } from '../policy/reasons';
import type { AssociationPlaces } from './associationPlaces';
import type { CommandPace } from './commandPace';
import type { DisclosureSink } from './dataSetTap';
import type { Destination, Route } from './route';
import type { Taps } from './taps';

/** Read at each decision, so that a reload is seen at once. */
export interface InboundContext {
  readonly timeouts: Timeouts;
  readonly keepAliveSeconds: number;
  readonly limits: Limits;
  readonly places: AssociationPlaces;
  readonly audit: AuditSink;
  /** Where what DICOM audit messages need goes; absent where nobody takes it. */
  readonly disclosures?: DisclosureSink | undefined;
  readonly quickAck: QuickAck;
  /** Where a capture may look on. */
  readonly taps?: Taps;
  /** How many associations of the modality may begin in a second. 0: as they come. */
  associationsPerSecond(destination: Destination, direction: Route['direction']): number;
  /** How fast the commands of an association are taken; undefined: as they come. */
  paceOf?(destination: Destination, direction: Route['direction']): CommandPace | undefined;
  /** Whether no new association is taken because the gateway stops. */
  isRefusing(association: object, direction: Route['direction']): boolean;
  /** Checks the certificate of this connection again, with the trust and the CRLs that its listener has now. */
  certificateRefusal(connection: InboundConnection): ReasonCode | undefined;
}
