/**
 * Owns configurations for tests of the policy: what the schema makes of them, with two TLS listeners and a plain
 * one, and two upstreams, unless the test says otherwise.
 */
import type { z } from 'zod';
import { type Configuration, configurationSchema } from '../../src/config/schema';
import type { PeerCertificate } from '../../src/policy/certificate';
import { compilePolicy } from '../../src/policy/compile';
import type { AssociationRequest } from '../../src/policy/decide';
import type { Policy } from '../../src/policy/policy';

type Input = z.input<typeof configurationSchema>;
export type ModalityInput = Input['modalities'][string];

const tls = { certificate: 'server.crt', privateKey: 'server.key', trustedCertificates: 'ca.crt' };

export function configurationOf(
  modalities: Readonly<Record<string, ModalityInput>>,
  rest: Partial<Input> = {},
): Configuration {
  return configurationSchema.parse({
    listeners: [
      { name: 'tls', port: 2762, tls },
      { name: 'tls2', port: 2763, tls },
      { name: 'plain', port: 11112 },
    ],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] }, PACS: { servers: ['127.0.0.1:4243'] } },
    modalities,
    ...rest,
  });
}

/** Throws where the configuration has a problem that is an error. */
export function policyOf(
  modalities: Readonly<Record<string, ModalityInput>>,
  rest: Partial<Input> = {},
  nowMs = Date.now(),
): Policy {
  const { policy, problems } = compilePolicy(configurationOf(modalities, rest), nowMs);
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return policy;
}

/** A certificate with this common name, `NAME.example`, and fingerprints that no other name has. */
export function certificateOf(name: string): PeerCertificate {
  const hex = Buffer.from(name.padEnd(31, '.')).toString('hex').toUpperCase().slice(0, 62);
  const colons = (first: string) => `${first}${hex}`.replace(/..(?=.)/g, '$&:');
  return {
    fingerprint256: colons('AA'),
    spkiSha256: colons('BB'),
    dnsNames: [`${name}.example`],
    commonName: name,
    subject: `CN=${name}`,
    issuer: 'CN=Test CA',
    serialNumber: '01',
    validTo: 'Jan  1 00:00:00 2036 GMT',
  };
}

/** A good request of CT1 at 10.1.2.10 to ORTHANC over TLS, with changes. */
export function associationRequest(changes: Partial<AssociationRequest> = {}): AssociationRequest {
  return {
    listener: 'tls',
    sourceAddress: '10.1.2.10',
    protocolVersion: 1,
    applicationContextName: '1.2.840.10008.3.1.1.1',
    callingAeTitle: 'CT1',
    calledAeTitle: 'ORTHANC',
    ...changes,
  };
}
