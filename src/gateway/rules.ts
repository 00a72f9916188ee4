/**
 * What decides, all of one configuration: the policy, and TLS towards the peers that the gateway dials. Knows no
 * connections.
 */
import { type ClientTls, usedClientTlsOf } from '../config/clientTls';
import type { Configuration } from '../config/schema';
import { OperatorError } from '../errors';
import { type ClientTlsMaterial, expectedIdentity, loadClientTlsContext } from '../net/tlsContext';
import { compilePolicy } from '../policy/compile';
import type { Policy } from '../policy/policy';
import { formatPath } from '../text/problems';

/** By the name of the upstream or modality; those without TLS are not in it. */
export type ClientTlsByName = ReadonlyMap<string, ClientTlsMaterial>;

export interface Rules {
  readonly configuration: Configuration;
  readonly policy: Policy;
  readonly upstreamTls: ClientTlsByName;
  readonly modalityTls: ClientTlsByName;
}

/** Throws OperatorError where the configuration cannot be used. */
export function rulesOf(configuration: Configuration): Rules {
  return {
    configuration,
    policy: policyOf(configuration),
    upstreamTls: loadClientTls(configuration, 'upstream'),
    modalityTls: loadClientTls(configuration, 'egress'),
  };
}

export function policyOf(configuration: Configuration): Policy {
  const { policy, problems } = compilePolicy(configuration, Date.now());
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new OperatorError(errors.map(({ message }) => message).join('\n'));
  return policy;
}

/**
 * Reads and checks the files. Entries with the same files, as most modalities have, share what comes of them: a TLS
 * context takes a millisecond to make and 100 KB to keep.
 *
 * @throws OperatorError
 */
export function loadClientTls(configuration: Configuration, kind: ClientTls['kind']): ClientTlsByName {
  const materialByName = new Map<string, ClientTlsMaterial>();
  const materialByFiles = new Map<string, ClientTlsMaterial>();
  for (const client of usedClientTlsOf(configuration)) {
    if (client.kind !== kind) continue;
    const { serverName, pin, ...files } = client.tls;
    const key = JSON.stringify(files);
    const material = materialByFiles.get(key) ?? load(client.path, files);
    materialByFiles.set(key, material);
    materialByName.set(client.name, { ...material, ...expectedIdentity({ serverName, pin }) });
  }
  return materialByName;
}

function load(path: ClientTls['path'], files: Parameters<typeof loadClientTlsContext>[0]): ClientTlsMaterial {
  try {
    return loadClientTlsContext(files);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(`${formatPath(path)}: ${error.message}`, error.exitCode);
  }
}
