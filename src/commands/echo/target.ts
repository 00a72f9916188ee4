/**
 * What `aegis echo` calls: the gateway itself, an upstream or a modality by its name in the configuration, or any
 * host:port. Finds addresses, titles and certificates; makes no connection.
 */

import { loadConfiguration } from '../../config/load';
import type { Configuration, ListenerTlsConfiguration } from '../../config/schema';
import { OperatorError } from '../../errors';
import type { ClientTlsConfiguration } from '../../net/tlsContext';
import { peerCertificate } from '../../policy/certificate';
import { ANY_SCP, EVERY_AE_TITLE, OWN_AE_TITLE, titleToAsk } from '../../text/aeTitle';
import { dialledHost, LAST_SEEN, parseHostAndPort } from '../../text/hostAndPort';
import { nearestOf, quoteChoices, quoteValue } from '../../text/quote';
import { readCertificates } from '../../x509/tlsFiles';

export interface EchoTarget {
  readonly kind: 'gateway' | 'upstream' | 'modality' | 'address';
  /** As a person calls it, e.g. `upstream ORTHANC`. */
  readonly title: string;
  readonly host: string;
  readonly port: number;
  /** The calling AE title that the peer expects. */
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** Left out: plain DICOM. */
  readonly tls?: ClientTlsConfiguration;
}
const HOST_AND_PORT = /^(\[[0-9A-Fa-f:.]+\]|[^:\s[\]]+):(\d{1,5})$/;

/**
 * More than one for an upstream with several servers. The configuration is read for names only: host:port works
 * without one. Throws OperatorError.
 */
export function findEchoTargets(name: string | undefined, configurationFile: string): EchoTarget[] {
  if (name !== undefined && HOST_AND_PORT.test(name)) return [addressTarget(name)];
  const { configuration } = loadConfiguration(configurationFile);
  if (name === undefined) return [gatewayTarget(configuration)];
  const upstream = configuration.upstreams[name];
  const modality = configuration.modalities[name];
  if (upstream !== undefined && modality !== undefined) {
    throw new OperatorError(`${quoteValue(name)} is an upstream and a modality; give its host:port instead`);
  }
  if (upstream !== undefined) return upstreamTargets(name, upstream);
  if (modality !== undefined) return [modalityTarget(name, modality, configuration)];
  const names = [...Object.keys(configuration.upstreams), ...Object.keys(configuration.modalities)];
  const meant = nearestOf(name, names);
  throw new OperatorError(
    `${quoteValue(name)} is not an upstream and not a modality of ${configurationFile}${meant === undefined ? '' : ` (did you mean ${quoteValue(meant)}?)`}; accepted is one of ${quoteChoices(names)}, or host:port`,
  );
}

function addressTarget(text: string): EchoTarget {
  const { host, port } = parseHostAndPort(text);
  if (port < 1 || port > 65535)
    throw new OperatorError(`${text} has a port out of range; accepted is 1 to 65535`);
  return { kind: 'address', title: text, host, port, callingAeTitle: OWN_AE_TITLE, calledAeTitle: ANY_SCP };
}

function upstreamTargets(name: string, upstream: Configuration['upstreams'][string]): EchoTarget[] {
  return upstream.servers.map((server) => ({
    kind: 'upstream',
    title: `upstream ${name}`,
    ...parseHostAndPort(server),
    callingAeTitle: OWN_AE_TITLE,
    calledAeTitle: titleToAsk(name, upstream.calledAeTitle),
    ...(upstream.tls === undefined ? {} : { tls: upstream.tls }),
  }));
}

/** As the archive calls it: a device that checks calling AE titles knows that one. */
export function modalityTarget(
  name: string,
  modality: Configuration['modalities'][string],
  { upstreams }: Configuration,
): EchoTarget {
  const { address, callingAeTitle } = modality;
  if (address === undefined) {
    throw new OperatorError(
      `modalities.${name} has no address; add "address": { "host": "…", "port": 104 }, or give host:port`,
    );
  }
  const { host, port, calledAeTitle, tls } = address;
  if (host === LAST_SEEN) {
    throw new OperatorError(
      `modalities.${name}.address.host is "last-seen", which the running gateway knows; find its address with "aegis modality list --seen", and give host:port`,
    );
  }
  const [archive] = Object.entries(upstreams).map(([key, upstream]) =>
    titleToAsk(key, upstream.calledAeTitle),
  );
  return {
    kind: 'modality',
    title: `modality ${name}`,
    host,
    port,
    callingAeTitle: address.callingAeTitle ?? archive ?? OWN_AE_TITLE,
    calledAeTitle: calledAeTitle ?? callingAeTitle[0] ?? ANY_SCP,
    ...(tls === undefined ? {} : { tls }),
  };
}

function gatewayTarget({ listeners, upstreams }: Configuration): EchoTarget {
  const [listener] = listeners;
  if (listener === undefined || listener.port === 0) {
    throw new OperatorError('listeners[0].port is 0, which is any free port; give host:port instead');
  }
  const host = dialledHost(listener.host);
  return {
    kind: 'gateway',
    title: `the gateway, listener ${listener.name}`,
    host,
    port: listener.port,
    callingAeTitle: OWN_AE_TITLE,
    calledAeTitle: titleToAsk(Object.keys(upstreams)[0] ?? EVERY_AE_TITLE, undefined),
    ...(listener.tls === undefined ? {} : { tls: towards(listener.tls, host) }),
  };
}

/**
 * The gateway as its own client: it has to show the very certificate that its files hold, under one of the names in
 * it, because modalities do not dial the loopback address that we dial.
 */
function towards(tls: ListenerTlsConfiguration, host: string): ClientTlsConfiguration {
  const [own] = readCertificates(tls.certificate[0]!).certificates;
  const [name] = own.checkIP(host) === undefined ? peerCertificate(own).dnsNames : [];
  return {
    profile: tls.profile,
    trustedCertificates: [...(tls.trustedCertificates ?? []), ...tls.certificate],
    ...(name === undefined ? {} : { serverName: name }),
  };
}
