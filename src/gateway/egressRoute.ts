/**
 * From an archive to a modality: the called AE title names the modality. Its entry says where it is, and whether to use
 * TLS.
 */
import type { ClientTlsMaterial } from '../net/tlsContext';
import { egressContextFilter } from '../policy/contexts';
import { decideEgressAddress, decideEgressAssociation, decideEgressCommand } from '../policy/decide';
import type { CompiledModality } from '../policy/policy';
import { AddressSet } from '../text/addresses';
import { formatHostAndPort, LAST_SEEN, parseHostAndPort } from '../text/hostAndPort';
import { seenModalityOf } from './lastAddresses';
import type { Destination, Route } from './route';
import type { Rules } from './rules';

/** `current` is asked at each decision, so that a reload counts at once. */
export function egressRoute(current: () => Pick<Rules, 'policy' | 'modalityTls'>): Route {
  return {
    direction: 'egress',
    decideAddress(address) {
      const { egress } = current().policy;
      // A reload took egress away, and this connection was in the queue.
      if (egress === undefined) return { allowed: false, reason: 'source-address-unknown' };
      return decideEgressAddress(egress, address);
    },
    decide(request) {
      const { policy, modalityTls } = current();
      if (policy.egress === undefined) return { allowed: false, reason: 'called-ae-title-unknown' };
      const decision = decideEgressAssociation(policy.egress, request);
      if (!decision.allowed) return { ...decision, modality: decision.modality?.name };
      const { modality } = decision;
      return { allowed: true, destination: destinationOf(modality, modalityTls.get(modality.name)) };
    },
  };
}

function destinationOf(modality: CompiledModality, tls: ClientTlsMaterial | undefined): Destination {
  const { address, from, maxAssociations, timeouts } = modality.configuration;
  if (address === undefined) throw new Error(`modality ${modality.name} is reached without an address`);
  if (address.tls !== undefined && tls === undefined)
    throw new Error(`no TLS is loaded for ${modality.name}`);
  const isLastSeen = address.host === LAST_SEEN;
  return {
    modality: modality.name,
    place: {
      modality: `egress ${modality.name}`,
      upstream: `egress ${modality.name}`,
      maxOfModality: maxAssociations,
      maxOfUpstream: undefined,
      isObserved: false,
      ...(isLastSeen ? { lastSeen: { ...seenModalityOf(modality), port: address.port } } : {}),
    },
    ...(isLastSeen
      ? { mayDial: (server: string) => new AddressSet(from).has(parseHostAndPort(server).host) }
      : { address: formatHostAndPort(address) }),
    tls,
    calledAeTitle: address.calledAeTitle,
    callingAeTitle: address.callingAeTitle,
    // A password must not go out in the clear.
    passUserIdentity: tls !== undefined,
    timeouts,
    dataSetChecks: modality.dataSets.egress,
    contextFilter: egressContextFilter(modality),
    decideCommand: (request) => decideEgressCommand(modality, request),
  };
}
