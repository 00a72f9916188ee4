/**
 * What is wrong with a configuration whose every key has the right shape: parts that do not fit together or
 * that would not be safe. Files and the network are inspected elsewhere, matching is the policy's.
 */
import { compileCertificateMatchers, pinsOf } from '../policy/certificate';
import { compilePolicy } from '../policy/compile';
import { isLoopbackAddress } from '../text/addresses';
import { formatHostAndPort, isLoopback, parseHostAndPort } from '../text/hostAndPort';
import { type ConfigurationPath, type Finding, formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import { checkAlerts } from './alertChannels';
import { clientTlsOf } from './clientTls';
import { runPolicyTests } from './policyTests';
import type { Configuration, ListenerConfiguration, ListenerTlsConfiguration } from './schema';
import { checkShared } from './sharedRedis';
import { checkRoutes, isSameSocket } from './validateRoutes';

/**
 * Every check; the policy's own problems come last, and its tests only where nothing else is wrong. `isPartial`:
 * modalities that have a problem of their own were left out, so what could come from their absence is not reported.
 */
export function validateConfiguration(configuration: Configuration, isPartial = false): Finding[] {
  const findings: Finding[] = [
    ...checkListeners(configuration),
    ...checkRoutes(configuration),
    ...checkModalities(configuration),
    ...checkClientTls(configuration),
    ...checkAdmin(configuration),
    ...checkAlerts(configuration),
    ...checkSyslog(configuration),
    ...checkShared(configuration),
    ...compilePolicy(configuration, Date.now()).problems,
  ];
  const hasErrors = isPartial || findings.some(({ severity }) => severity !== 'warning');
  if (!hasErrors) findings.push(...runPolicyTests(configuration));
  if (!isPartial) return findings;
  return findings.filter(({ path, severity }) => severity !== 'warning' && path.join() !== 'modalities');
}

function* checkListeners({ listeners, modalities }: Configuration): Generator<Finding> {
  for (const [index, listener] of listeners.entries()) {
    const path = ['listeners', index] as const;
    const earlier = listeners.findIndex((other) => isSameSocket(other, listener));
    if (earlier < index) {
      yield {
        path: [...path, 'port'],
        message: `${formatHostAndPort(listener)} is taken by listeners[${earlier}]; give each listener its own address or port`,
      };
    }
    if (listener.tls === undefined) continue;
    yield* checkListenerTls([...path, 'tls'], listener.tls);
    yield* checkTrust([...path, 'tls', 'trustedCertificates'], listener, modalities);
  }
}

function* checkListenerTls(path: ConfigurationPath, tls: ListenerTlsConfiguration): Generator<Finding> {
  if (tls.certificate.length !== tls.privateKey.length) {
    yield {
      path: [...path, 'privateKey'],
      message: `has ${tls.privateKey.length} where certificate has ${tls.certificate.length}; give one private key for each certificate, in the same order`,
    };
  }
  const hasTrusted = (tls.trustedCertificates ?? []).length > 0;
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

/** Without a CA an entry has to name its certificate or its key. */
function* checkTrust(
  path: ConfigurationPath,
  { name, tls }: ListenerConfiguration,
  modalities: Configuration['modalities'],
): Generator<Finding> {
  const hasTrusted = (tls?.trustedCertificates ?? []).length > 0;
  if (tls?.clientCertificate !== 'required' || hasTrusted) return;
  const unpinned = Object.entries(modalities).find(
    ([, { listeners = [name], certificate = [] }]) =>
      listeners.includes(name) && pinsOf(compileCertificateMatchers(certificate)).length === 0,
  );
  if (unpinned === undefined) return;
  yield {
    path,
    message: `is missing or empty, so no certificate of ${formatPath(['modalities', unpinned[0]])} could be trusted; name the CA that signs them, pin the certificate in the entry (spki-sha256: or sha256:), or set clientCertificate to "none"`,
  };
}

function legacyProfile(path: ConfigurationPath): Finding {
  return {
    path: [...path, 'profile'],
    message:
      '"aes-legacy" (PS3.15 B.3) allows TLS versions and cipher suites that are retired; use it only for peers that can do no better',
    severity: 'warning',
  };
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
}

function* checkClientTls(configuration: Configuration): Generator<Finding> {
  for (const { path, tls } of clientTlsOf(configuration)) {
    const { certificate, privateKey, profile } = tls;
    if ((certificate === undefined) !== (privateKey === undefined)) {
      const [given, missing] =
        certificate === undefined ? ['privateKey', 'certificate'] : ['certificate', 'privateKey'];
      yield {
        path: [...path, missing!],
        message: `is missing although ${given} is given; give both or neither`,
      };
    }
    if (profile === 'aes-legacy') yield legacyProfile(path);
  }
}

/** On loopback, only this machine reaches the admin HTTP. Beyond it, only a token keeps others out. */
function* checkAdmin({ admin, listeners, egress }: Configuration): Generator<Finding> {
  if (admin === undefined) return;
  const { host, token, tokenFile } = admin;
  const index = listeners.findIndex((listener) => isSameSocket(listener, admin));
  const isOfEgress = egress !== undefined && isSameSocket(egress, admin);
  if (index >= 0 || isOfEgress) {
    const taken = index >= 0 ? `listeners[${index}]` : 'egress';
    yield {
      path: ['admin', 'port'],
      message: `${formatHostAndPort(admin)} is taken by ${taken}; give admin its own address or port`,
    };
  }
  if (token !== undefined && tokenFile !== undefined) {
    yield {
      path: ['admin', 'tokenFile'],
      message: 'is given although token is; leave one of them out (AEGIS__ADMIN__TOKEN sets token)',
    };
  }
  if (isLoopbackAddress(host)) return;
  const hasToken = token !== undefined || tokenFile !== undefined;
  yield hasToken
    ? {
        path: ['admin', 'host'],
        message: `${quoteValue(host)} is beyond loopback, so the token crosses the network in the clear; put a proxy with TLS in front where that network is not trusted`,
        severity: 'warning',
      }
    : {
        path: ['admin', 'host'],
        message: `${quoteValue(host)} is beyond loopback, where anybody could ask; set admin.token (best as AEGIS__ADMIN__TOKEN) or admin.tokenFile, or use 127.0.0.1 or ::1`,
      };
}

function* checkSyslog({ audit: { syslog, atna } }: Configuration): Generator<Finding> {
  if (syslog === undefined) {
    if (atna === undefined) return;
    const message = 'is given without audit.syslog, so the messages would go nowhere; name the syslog server';
    yield { path: ['audit', 'atna'], message };
    return;
  }
  const { server, protocol, tls } = syslog;
  if (protocol === 'tls' && tls === undefined) {
    const message = 'is missing; name trustedCertificates of the server, or set protocol to "tcp" or "udp"';
    yield { path: ['audit', 'syslog', 'tls'], message };
  }
  if (protocol === 'tls') return;
  if (tls !== undefined) {
    const message = `would have no effect: protocol is "${protocol}"; leave it out or set protocol to "tls"`;
    yield { path: ['audit', 'syslog', 'tls'], message };
  }
  if (isLoopback(parseHostAndPort(server).host)) return;
  const hasPatients = atna?.patients === true;
  const what = hasPatients ? 'patient data' : 'audit messages';
  yield {
    path: ['audit', 'syslog', 'protocol'],
    message: `"${protocol}" would send ${what} to ${server} in the clear; use "tls"${hasPatients ? ', or set audit.atna.patients to false' : ' where that network is not trusted'}`,
    severity: hasPatients ? 'error' : 'warning',
  };
}
