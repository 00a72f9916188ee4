/**
 * What a configuration may well have and should better not: for `aegis check` alone, because a gateway that starts or
 * reloads would repeat it each time. Refuses nothing, reads no file.
 */
import { isLoopback, LAST_SEEN, parseHostAndPort } from '../text/hostAndPort';
import { type Finding, formatPath } from '../text/problems';
import { countOf, quoteValue } from '../text/quote';
import type { Configuration, ModalityConfiguration } from './schema';

export function adviceOn(configuration: Configuration): Finding[] {
  return [
    ...everywhere(configuration),
    ...unnamedCertificates(configuration),
    ...plaintextArchives(configuration),
    ...plaintextToLastSeen(configuration),
    ...unwatchedArchives(configuration),
  ];
}

/** With ten thousand entries, the first ones say enough. */
const MAX_NAMES = 3;

function* everywhere({ modalities }: Configuration): Generator<Finding> {
  for (const [name, { from }] of Object.entries(modalities)) {
    for (const [index, block] of from.entries()) {
      if (!block.endsWith('/0')) continue;
      yield {
        path: ['modalities', name, 'from', index],
        message: `${quoteValue(block)} is every address, so gate 1 keeps nobody out; name the addresses or networks of the device`,
        severity: 'warning',
      };
    }
  }
}

/** One certificate of the CA is then as good as another: what remains is the address, and an AE title anybody can send. */
function* unnamedCertificates({ listeners, modalities }: Configuration): Generator<Finding> {
  for (const [index, { name, tls }] of listeners.entries()) {
    if (tls?.clientCertificate !== 'required') continue;
    const users = Object.entries(modalities).filter(([, entry]) => mayUse(entry, name));
    const unnamed = users.filter(([, { certificate }]) => certificate === undefined);
    if (users.length < 2 || unnamed.length === 0) continue;
    const shown = unnamed.slice(0, MAX_NAMES).map(([entry]) => formatPath(['modalities', entry]));
    const rest = unnamed.length - shown.length;
    yield {
      path: ['listeners', index],
      message:
        `${quoteValue(name)} is shared by ${countOf(users.length, 'modality')}, and ${unnamed.length === 1 ? 'one names' : `${unnamed.length} name`} no certificate ` +
        `(${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}): any certificate of the CA may use those AE titles from those addresses; give them "certificate"`,
      severity: 'warning',
    };
  }
}

/** Without a list, an entry may use every TLS listener. */
function mayUse({ listeners }: ModalityConfiguration, name: string): boolean {
  return listeners === undefined || listeners.includes(name);
}

function* plaintextArchives({ upstreams }: Configuration): Generator<Finding> {
  for (const [name, { servers, tls, allowRemotePlaintext }] of Object.entries(upstreams)) {
    const remote = servers.find((server) => !isLoopback(parseHostAndPort(server).host));
    // Without the permission it is an error of the configuration.
    if (remote === undefined || tls !== undefined || !allowRemotePlaintext) continue;
    yield {
      path: ['upstreams', name, 'allowRemotePlaintext'],
      message: `lets DICOM cross the network to ${remote} in the clear; where that archive can do TLS, give ${formatPath(['upstreams', name, 'tls'])} instead`,
      severity: 'warning',
    };
  }
}

function* plaintextToLastSeen({ modalities }: Configuration): Generator<Finding> {
  for (const [name, { address }] of Object.entries(modalities)) {
    if (address?.host !== LAST_SEEN || address.tls !== undefined) continue;
    yield {
      path: ['modalities', name, 'address', 'host'],
      message:
        '"last-seen" without tls sends to any machine that has the address by then; where the device can do TLS, give address.tls',
      severity: 'warning',
    };
  }
}

/** A server that is the only one is asked when somebody wants to know. An alert is for when nobody does. */
function* unwatchedArchives({ alerts, upstreams }: Configuration): Generator<Finding> {
  const channels =
    alerts === undefined ? [] : [...alerts.webhooks, ...(alerts.mail === undefined ? [] : [alerts.mail])];
  if (!channels.some(({ events }) => events?.includes('archive-down') !== false)) return;
  for (const [name, { servers, health }] of Object.entries(upstreams)) {
    if (health !== undefined || servers.length > 1) continue;
    yield {
      path: ['upstreams', name],
      message:
        'has no health, so the alert that it is down comes only once a modality calls, or somebody asks for the status; set "health": {}',
      severity: 'warning',
    };
  }
}
