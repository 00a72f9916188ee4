/** From a modality to an archive: the allowlist decides, and the archive is one of the upstream's servers. */
import type { UpstreamConfiguration } from '../config/schema';
import type { ClientTlsMaterial } from '../net/tlsContext';
import { ingressContextFilter } from '../policy/contexts';
import { type AssociationRequest, decideAddress, decideAssociation, decideCommand } from '../policy/decide';
import type { CompiledModality, CompiledUpstream } from '../policy/policy';
import { LAST_SEEN } from '../text/hostAndPort';
import { seenModalityOf } from './lastAddresses';
import type { Destination, Route } from './route';
import type { Rules } from './rules';
import { HEALTH_BY_DEFAULT } from './upstreamHealth';

/** `current` is asked at each decision, so that a reload counts at once. */
export function ingressRoute(current: () => Pick<Rules, 'policy' | 'upstreamTls'>): Route {
  return {
    direction: 'ingress',
    decideAddress: (address) => decideAddress(current().policy, address),
    decide(request) {
      const { policy, upstreamTls } = current();
      const decision = decideAssociation(policy, request);
      if (!decision.allowed) return { ...decision, modality: decision.modality?.name };
      const { modality, upstream, wouldDeny } = decision;
      const localAddress =
        upstream.configuration.localAddress && policy.localAddressByModality.get(modality.name);
      const tls = upstreamTls.get(upstream.calledAeTitle);
      const destination = destinationOf(modality, upstream, tls, localAddress);
      const seen = seenAt(modality, request);
      return {
        allowed: true,
        destination:
          seen === undefined ? destination : { ...destination, place: { ...destination.place, seen } },
        wouldDeny,
      };
    },
  };
}

function destinationOf(
  modality: CompiledModality,
  { calledAeTitle, configuration }: CompiledUpstream,
  tls: ClientTlsMaterial | undefined,
  localAddress: string | undefined,
): Destination {
  if (configuration.tls !== undefined && tls === undefined)
    throw new Error(`no TLS is loaded for ${calledAeTitle}`);
  const { servers, balance, health } = configuration;
  const retryMs = health?.check === 'off' ? health.intervalSeconds * 1000 : undefined;
  // What is too slow for a health check is too slow while there is another one.
  const { deadlineSeconds } = health ?? HEALTH_BY_DEFAULT;
  return {
    modality: modality.name,
    place: {
      modality: modality.name,
      upstream: calledAeTitle,
      servers: { names: servers, balance, retryMs },
      maxOfModality: modality.configuration.maxAssociations,
      maxOfUpstream: configuration.maxAssociations,
      // The limits that protect the archive and the gateway hold in observe mode too.
      isObserved: modality.isObserved,
    },
    tls,
    localAddress,
    othersAnswerMs: deadlineSeconds * 1000,
    calledAeTitle: configuration.calledAeTitle,
    timeouts: timeoutsOf(modality, configuration),
    associationsPerSecond: modality.configuration.associationsPerSecond,
    commandsPerSecond: modality.configuration.commandsPerSecond,
    passUserIdentity: configuration.userIdentity === 'pass',
    dataSetChecks: modality.dataSets.ingress,
    contextFilter: ingressContextFilter(modality),
    decideCommand: (request) => decideCommand(modality, request),
  };
}

/** The modality's own value wins: it is the narrower rule. */
function timeoutsOf(
  { configuration: { timeouts: own } }: CompiledModality,
  { timeouts: ofUpstream }: UpstreamConfiguration,
): Destination['timeouts'] {
  return own === undefined || ofUpstream === undefined ? (own ?? ofUpstream) : { ...ofUpstream, ...own };
}

/** Only a device that has proved the certificate of its entry says where it is. On a plain listener it has not. */
function seenAt(
  modality: CompiledModality,
  { certificate, sourceAddress }: AssociationRequest,
): Destination['place']['seen'] {
  if (modality.configuration.address?.host !== LAST_SEEN || certificate === undefined) return undefined;
  return { ...seenModalityOf(modality), address: sourceAddress };
}
