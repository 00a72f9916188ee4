/** From a modality to an archive: the allowlist decides, and the archive is one of the upstream's servers. */
import type { UpstreamConfiguration } from '../config/schema';
import { decideAddress, decideAssociation, decideCommand } from '../policy/decide';
import type { CompiledModality, CompiledUpstream, Policy } from '../policy/policy';
import type { Destination, Route } from './route';
import { HEALTH_BY_DEFAULT } from './upstreamHealth';

/** `policy` is asked at each decision, so that a reload counts at once. */
export function ingressRoute(policy: () => Policy): Route {
  return {
    direction: 'ingress',
    decideAddress: (address) => decideAddress(policy(), address),
    decide(request) {
      const current = policy();
      const decision = decideAssociation(current, request);
      if (!decision.allowed) return { ...decision, modality: decision.modality?.name };
      const { modality, upstream, wouldDeny } = decision;
      const localAddress =
        upstream.configuration.localAddress && current.localAddressByModality.get(modality.name);
      return { allowed: true, destination: destinationOf(modality, upstream, localAddress), wouldDeny };
    },
  };
}

function destinationOf(
  modality: CompiledModality,
  { calledAeTitle, configuration }: CompiledUpstream,
  localAddress: string | undefined,
): Destination {
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
    localAddress,
    othersAnswerMs: deadlineSeconds * 1000,
    calledAeTitle: configuration.calledAeTitle,
    timeouts: timeoutsOf(modality, configuration),
    associationsPerSecond: modality.configuration.associationsPerSecond,
    commandsPerSecond: modality.configuration.commandsPerSecond,
    passUserIdentity: configuration.userIdentity === 'pass',
    dataSetChecks: modality.dataSets.ingress,
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
