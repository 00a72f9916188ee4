/**
 * From an archive to a modality: the called AE title names the modality. Its entry says where it is, and whether to use
 * TLS.
 */
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { type ClientTlsMaterial, expectedIdentity, loadClientTlsContext } from '../net/tlsContext';
import { egressContextFilter } from '../policy/contexts';
import { decideEgressAddress, decideEgressAssociation, decideEgressCommand } from '../policy/decide';
import type { CompiledModality, Policy } from '../policy/policy';
import { formatHostAndPort } from '../text/hostAndPort';
import type { Destination, Route } from './route';

/** TLS towards each modality that has it, by the name of the entry. */
export type ModalityTls = ReadonlyMap<string, ClientTlsMaterial>;

/** `current` is asked at each decision, so that a reload counts at once. */
export function egressRoute(
  current: () => { readonly policy: Policy; readonly modalityTls: ModalityTls },
): Route {
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
  const { address, maxAssociations, timeouts } = modality.configuration;
  if (address === undefined) throw new Error(`modality ${modality.name} is reached without an address`);
  if (address.tls !== undefined && tls === undefined)
    throw new Error(`no TLS is loaded for ${modality.name}`);
  return {
    modality: modality.name,
    place: {
      modality: `egress ${modality.name}`,
      upstream: `egress ${modality.name}`,
      maxOfModality: maxAssociations,
      maxOfUpstream: undefined,
      isObserved: false,
    },
    address: formatHostAndPort(address),
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

/**
 * Reads and checks the files of every modality that egress reaches over TLS. Entries with the same files, as most have,
 * share what comes of them: a TLS context takes a millisecond to make and 100 KB to keep.
 *
 * @throws OperatorError
 */
export function loadModalityTls({ egress, modalities }: Configuration): ModalityTls {
  const materialByName = new Map<string, ClientTlsMaterial>();
  if (egress === undefined) return materialByName;
  const materialByFiles = new Map<string, ClientTlsMaterial>();
  for (const [name, { address }] of Object.entries(modalities)) {
    if (address?.tls === undefined) continue;
    const { serverName, pin, ...files } = address.tls;
    const key = JSON.stringify(files);
    const material = materialByFiles.get(key) ?? load(name, files);
    materialByFiles.set(key, material);
    materialByName.set(name, { ...material, ...expectedIdentity({ serverName, pin }) });
  }
  return materialByName;
}

function load(name: string, tls: Parameters<typeof loadClientTlsContext>[0]): ClientTlsMaterial {
  try {
    return loadClientTlsContext(tls);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`modalities.${name}.address.tls: ${error.message}`, error.exitCode);
  }
}
