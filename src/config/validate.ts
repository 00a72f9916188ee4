/**
 * What is wrong with a configuration whose every key has the right shape: parts that do not fit together or
 * that would not be safe. Pure: files and the network are inspected elsewhere, matching is the policy's.
 */
import { isIP } from 'node:net';
import { parseHostAndPort } from '../net/hostAndPort';
import { compilePolicy } from '../policy/compile';
import type { ConfigurationPath, Finding } from './problems';
import { quoteValue } from './quote';
import type { Configuration, ListenerConfiguration, ListenerTlsConfiguration } from './schema';
import { checkAdmin } from './validateAdmin';

/**
 * Every check; the policy's own problems come last. `isPartial`: modalities that have a problem of their own were
 * left out, so what could come from their absence is not reported.
 */
export function validateConfiguration(configuration: Configuration, isPartial = false): Finding[] {
  const findings: Finding[] = [
    ...checkListeners(configuration),
    ...checkUpstreams(configuration),
    ...checkModalities(configuration),
    ...checkAdmin(configuration),
    ...compilePolicy(configuration).problems,
  ];
  if (!isPartial) return findings;
  return findings.filter(({ path, severity }) => severity !== 'warning' && path.join() !== 'modalities');
}

function* checkListeners({ listeners }: Configuration): Generator<Finding> {
  for (const [index, listener] of listeners.entries()) {
    const path = ['listeners', index] as const;
    const earlier = listeners.findIndex((other) => isSameSocket(other, listener));
    if (earlier < index) {
      yield {
        path: [...path, 'port'],
        message: `${listener.host}:${listener.port} is taken by listeners[${earlier}]; give each listener its own address or port`,
      };
    }
    if (listener.tls !== undefined) yield* checkListenerTls([...path, 'tls'], listener.tls);
  }
}

/** Port 0 asks the system for a free one, so it is never the same. */
function isSameSocket(one: ListenerConfiguration, other: ListenerConfiguration): boolean {
  if (one === other) return true;
  if (one.port === 0 || one.port !== other.port) return false;
  return one.host === other.host || isUnspecified(one.host) || isUnspecified(other.host);
}

/** 0.0.0.0 and :: stand for every address of the machine (:: takes IPv4 connections too). */
function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function* checkListenerTls(path: ConfigurationPath, tls: ListenerTlsConfiguration): Generator<Finding> {
  if (tls.certificate.length !== tls.privateKey.length) {
    yield {
      path: [...path, 'privateKey'],
      message: `has ${tls.privateKey.length} where certificate has ${tls.certificate.length}; give one private key for each certificate, in the same order`,
    };
  }
  const hasTrusted = (tls.trustedCertificates ?? []).length > 0;
  if (tls.clientCertificate === 'required' && !hasTrusted) {
    yield {
      path: [...path, 'trustedCertificates'],
      message:
        'is missing or empty, so no client certificate could be trusted; name the CA that signs them, or set clientCertificate to "none"',
    };
  }
  if (tls.clientCertificate === 'none' && tls.crl !== undefined) {
    yield {
      path: [...path, 'crl'],
      message:
        'would have no effect: clientCertificate is "none"; leave it out or set clientCertificate to "required"',
    };
  }
  if (tls.clientCertificate === 'none' && hasTrusted) {
    yield {
      path: [...path, 'trustedCertificates'],
      message: 'has no effect: clientCertificate is "none"',
      severity: 'warning',
    };
  }
  if (tls.profile === 'aes-legacy') yield legacyProfile(path);
}

function legacyProfile(path: ConfigurationPath): Finding {
  return {
    path: [...path, 'profile'],
    message:
      '"aes-legacy" (PS3.15 B.3) allows TLS versions and cipher suites that are retired; use it only for peers that can do no better',
    severity: 'warning',
  };
}

function* checkUpstreams({ upstreams, listeners }: Configuration): Generator<Finding> {
  if (Object.keys(upstreams).length === 0) {
    yield {
      path: ['upstreams'],
      message:
        'is empty: there is nothing to protect; add the archive, such as "ORTHANC": { "servers": ["127.0.0.1:4242"] }',
    };
  }
  for (const [name, upstream] of Object.entries(upstreams)) {
    for (const [index, server] of upstream.servers.entries()) {
      const path = ['upstreams', name, 'servers', index];
      const { host, port } = parseHostAndPort(server);
      if (port < 1 || port > 65535) {
        yield { path, message: `${quoteValue(server)} has a port out of range; accepted is 1 to 65535` };
      }
      if (!isLoopback(host) && !upstream.allowRemotePlaintext) {
        yield {
          path,
          message: `${quoteValue(server)} is beyond loopback, so DICOM would cross the network in the clear; move the archive behind loopback, or set allowRemotePlaintext to true where that network is trusted`,
        };
      }
      const own = listeners.find((listener) => reaches(host, port, listener));
      if (own !== undefined) {
        yield {
          path,
          message: `${quoteValue(server)} is the listener ${quoteValue(own.name)} of this gateway: a loop; name the archive instead`,
        };
      }
    }
  }
}

function reaches(host: string, port: number, listener: ListenerConfiguration): boolean {
  if (listener.port !== port) return false;
  return (
    host === listener.host ||
    (isLoopback(host) && (isUnspecified(listener.host) || isLoopback(listener.host)))
  );
}

/** 127.0.0.0/8, ::1 and the name that RFC 6761 §6.3 reserves for them. */
function isLoopback(host: string): boolean {
  return (
    host === '::1' || host.toLowerCase() === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'))
  );
}

function* checkModalities({ modalities, unknownAddresses }: Configuration): Generator<Finding> {
  if (Object.keys(modalities).length === 0) {
    yield unknownAddresses === 'reject'
      ? {
          path: ['modalities'],
          message: 'is empty: everybody is rejected; those who come are listed by "aegis modality pending"',
          severity: 'warning',
        }
      : {
          path: ['modalities'],
          message:
            'is empty: no one could connect; add an entry, or set unknownAddresses to "reject" to learn who comes',
        };
  }
  for (const [name, { address }] of Object.entries(modalities)) {
    if (address === undefined) continue;
    const path = ['modalities', name, 'address'];
    if (address.port === 0)
      yield { path: [...path, 'port'], message: '0 is no port to reach; accepted is 1 to 65535' };
    if (address.tls === undefined) continue;
    const { certificate, privateKey, profile } = address.tls;
    if ((certificate === undefined) !== (privateKey === undefined)) {
      const [given, missing] =
        certificate === undefined ? ['privateKey', 'certificate'] : ['certificate', 'privateKey'];
      yield {
        path: [...path, 'tls', missing!],
        message: `is missing although ${given} is given; give both or neither`,
      };
    }
    if (profile === 'aes-legacy') yield legacyProfile([...path, 'tls']);
  }
}
