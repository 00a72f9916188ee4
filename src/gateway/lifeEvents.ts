/** What the audit log says of the start and the stop, alike for one process and for several. */
import type { AuditEvent } from '../audit/events';
import { formatHostAndPort } from '../net/hostAndPort';
import type { ListeningAddress } from './gateway';

/** `workers` is left out where there are none. */
export function startedEvent(
  addresses: readonly ListeningAddress[],
  quickAck: string,
  workers?: number,
): AuditEvent {
  const listening = addresses
    .map(({ name, ...address }) => `${name} ${formatHostAndPort(address)}`)
    .join(', ');
  const shared = workers === undefined ? '' : ` with ${workers} workers`;
  return {
    event: 'gateway.started',
    outcome: 'info',
    detail: `listening on ${listening}${shared}; quick acknowledgement ${quickAck}`,
  };
}

/** `aborted` counts the associations that had not ended by themselves at the deadline. */
export function stoppedEvent(aborted: number): AuditEvent {
  return {
    event: 'gateway.stopped',
    outcome: 'info',
    ...(aborted === 0 ? {} : { detail: `${aborted} associations were aborted at the end of the drain` }),
  };
}
