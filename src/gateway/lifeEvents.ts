/** What is said of the start, the stop and a shortage between them, alike for one process and for several. */
import type { AuditEvent } from '../audit/events';
import { EGRESS_LISTENER } from '../policy/policy';
import { formatHostAndPort } from '../text/hostAndPort';
import type { Shortage } from './connectionRoom';
import type { ListeningAddress } from './runningGateway';

/**
 * `127.0.0.1:2762 (tls)` for each listener. Egress may have an address for each modality, hundreds of them: the first
 * one stands for all.
 */
export function describeAddresses(addresses: readonly ListeningAddress[]): string[] {
  const egress = addresses.filter(({ name }) => name === EGRESS_LISTENER);
  return addresses
    .filter((address) => address.name !== EGRESS_LISTENER || address === egress[0])
    .map(({ name, ...address }) => {
      const others = name === EGRESS_LISTENER ? egress.length - 1 : 0;
      const more = others === 0 ? '' : ` and ${others} local addresses of modalities`;
      return `${formatHostAndPort(address)} (${name}${more})`;
    });
}

/** `workers` is left out where there are none. */
export function startedEvent(
  addresses: readonly ListeningAddress[],
  quickAck: string,
  workers?: number,
): AuditEvent {
  const shared = workers === undefined ? '' : ` with ${workers} workers`;
  return {
    event: 'gateway.started',
    outcome: 'info',
    detail: `listening on ${describeAddresses(addresses).join(', ')}${shared}; quick acknowledgement ${quickAck}`,
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

/** Open files were short, and are not any more. */
export function resumedEvent({ count, since }: Shortage): AuditEvent {
  return {
    event: 'gateway.resumed',
    outcome: 'info',
    reason: 'descriptors-exhausted',
    detail: `there is room for connections again; ${count} came while there was none`,
    count,
    since: since.toISOString(),
  };
}
