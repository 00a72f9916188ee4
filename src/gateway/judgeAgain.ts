/**
 * An association that is open, judged by the rules of now: after a reload that enforces them, when a modality is locked,
 * and when the time of its entry is over. Ends nothing.
 */
import type { InboundConnection } from '../net/listener';
import type { AssociationRequest } from '../policy/decide';
import type { ReasonCode } from '../policy/reasons';
import type { InboundContext } from './inboundContext';
import type { Destination, Route } from './route';

/** Why it would not be let in now, or where it would go. */
interface Judgement {
  readonly refusal?: ReasonCode;
  readonly destination?: Destination;
}

export function judgeAgain(
  context: Pick<InboundContext, 'certificateRefusal'>,
  route: Route,
  connection: InboundConnection,
  request: AssociationRequest,
): Judgement {
  const address = route.decideAddress(request.sourceAddress);
  if (!address.allowed) return { refusal: address.reason };
  const certificate = context.certificateRefusal(connection);
  if (certificate !== undefined) return { refusal: certificate };
  const decision = route.decide(request);
  return decision.allowed ? { destination: decision.destination } : { refusal: decision.reason };
}

/** Why nobody may be the modality of this name now; undefined where somebody may. */
export type Suspension = (modality: string) => ReasonCode | undefined;

/** Of the entry that let the association in, or of the one that would now: a reload may have given it another name. */
export function suspensionNow(
  route: Route,
  request: AssociationRequest,
  { modality }: Destination,
  suspension: Suspension,
): ReasonCode | undefined {
  const decision = route.decide(request);
  const nameNow = decision.allowed ? decision.destination.modality : decision.modality;
  return suspension(modality) ?? (nameNow === undefined ? undefined : suspension(nameNow));
}
