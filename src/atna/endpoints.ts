/** Who is at the two ends of an association, as DICOM audit messages name them. */
import type { AuditEvent } from '../audit/events';
import { parseHostAndPort } from '../text/hostAndPort';
import { gatewayParticipant, type Participant } from './auditMessage';

export interface Endpoints {
  readonly modality: Participant;
  /** The gateway, which stands for it. */
  readonly archive: Participant;
  readonly archiveAeTitle: string | undefined;
  /** The peer that dialled, whichever it is. */
  readonly caller: Participant;
}

export function endpointsOf(event: AuditEvent): Endpoints {
  const { direction, callingAeTitle, calledAeTitle, sourceAddress, upstream } = event;
  const isEgress = direction === 'egress';
  const archiveAeTitle = isEgress ? callingAeTitle : calledAeTitle;
  const called = upstream === undefined ? undefined : parseHostAndPort(upstream).host;
  return {
    modality: peer(isEgress ? calledAeTitle : callingAeTitle, isEgress ? called : sourceAddress),
    archive: gatewayParticipant(archiveAeTitle === undefined ? undefined : [archiveAeTitle]),
    archiveAeTitle,
    caller: peer(callingAeTitle, sourceAddress),
  };
}

function peer(aeTitle: string | undefined, machine: string | undefined): Participant {
  return {
    userId: aeTitle ?? machine ?? 'unknown',
    aeTitles: aeTitle === undefined ? undefined : [aeTitle],
    machine,
  };
}
