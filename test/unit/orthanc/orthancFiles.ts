/**
 * Files of Orthanc in memory, and the gateway that belongs to them. Owns no expectation.
 */
import { parseConfiguration } from '../../../src/config/load';
import type { Configuration } from '../../../src/config/schema';
import { type OrthancConfiguration, parseOrthancConfiguration } from '../../../src/orthanc/configuration';
import { compilePolicy } from '../../../src/policy/compile';
import type { Policy } from '../../../src/policy/policy';

/** Each text is a file: `a.json`, `b.json`, … */
export function orthanc(...texts: readonly string[]): OrthancConfiguration {
  return orthancWith({}, ...texts);
}

export function orthancWith(env: Record<string, string>, ...texts: readonly string[]): OrthancConfiguration {
  const files = texts.map((text, index) => ({ file: `${String.fromCharCode(97 + index)}.json`, text }));
  return parseOrthancConfiguration(files, env);
}

export interface TestGatewayConfiguration {
  readonly configuration: Configuration;
  readonly policy: Policy;
}

const TLS = '"certificate": "s.crt", "privateKey": "s.key", "trustedCertificates": "ca.crt"';

/** `modalities` and everything else as JSON with comments; the archive is ORTHANC unless `upstreams` says otherwise. */
export function gateway(parts: {
  readonly modalities: string;
  readonly upstreams?: string;
  readonly rest?: string;
}): TestGatewayConfiguration {
  const {
    modalities,
    upstreams = '"ORTHANC": { "servers": ["127.0.0.1:4242"] }',
    rest = '"egress": {}',
  } = parts;
  const text = `{
    "listeners": [{ "name": "tls", "port": 2762, "tls": { ${TLS} } }],
    "upstreams": { ${upstreams} },
    "modalities": { ${modalities} },
    ${rest}
  }`;
  const { configuration, problems } = parseConfiguration(text, 'aegis.jsonc', {});
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (configuration === undefined || errors.length > 0) throw new Error(JSON.stringify(errors));
  return { configuration, policy: compilePolicy(configuration, Date.now()).policy };
}
