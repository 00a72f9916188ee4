/**
 * What is wrong with the ways that associations take through the gateway: the archives behind it, the egress listener,
 * and the modalities that the archives reach through it. Part of validate.ts. Asks the system for its own addresses only.
 */
import { hostname, networkInterfaces } from 'node:os';
import { EGRESS_LISTENER } from '../policy/policy';
import { AddressSet, canonicalAddress } from '../text/addresses';
import {
  formatHostAndPort,
  type HostAndPort,
  isIpv4Loopback,
  isLoopback,
  isUnspecified,
  LAST_SEEN,
  parseHostAndPort,
} from '../text/hostAndPort';
import { type Finding, formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import type { Configuration } from './schema';

/** An address that the gateway itself listens on. */
interface OwnSocket {
  /** As a person calls it: `the listener "tls"`. */
  readonly title: string;
  readonly host: string;
  readonly port: number;
  /** What 0.0.0.0 stands for, as the system spells it. */
  readonly addressesOfMachine: ReadonlySet<string>;
}

export function* checkRoutes(configuration: Configuration): Generator<Finding> {
  const { listeners, egress, admin } = configuration;
  const addressesOfMachine = readAddresses();
  const ownSockets: OwnSocket[] = [
    ...listeners.map(({ name, host, port }) => ({ title: `the listener ${quoteValue(name)}`, host, port })),
    ...(egress === undefined ? [] : [{ title: 'the egress listener', host: egress.host, port: egress.port }]),
    ...(admin === undefined ? [] : [{ title: 'the admin HTTP', host: admin.host, port: admin.port }]),
  ].map((socket) => ({ ...socket, addressesOfMachine }));
  yield* checkUpstreams(configuration, ownSockets);
  yield* checkEgress(configuration);
  yield* checkAddresses(configuration, ownSockets);
}

/** None where the system refuses: a unit without AF_NETLINK, for example. A gateway that does not start is worse. */
function readAddresses(): ReadonlySet<string> {
  try {
    const interfaces = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    return new Set(interfaces.map(({ address }) => address));
  } catch {
    return new Set();
  }
}

function* checkUpstreams({ upstreams }: Configuration, ownSockets: readonly OwnSocket[]): Generator<Finding> {
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
      const earlier = upstream.servers.indexOf(server);
      if (earlier < index) {
        yield { path, message: `${quoteValue(server)} is servers[${earlier}] too; name each server once` };
      }
      if (!isLoopback(host) && upstream.tls === undefined && !upstream.allowRemotePlaintext) {
        yield {
          path,
          message: `${quoteValue(server)} is beyond loopback, so DICOM would cross the network in the clear; give ${formatPath(['upstreams', name, 'tls'])}, or set allowRemotePlaintext to true where that network is trusted`,
        };
      }
      const own = ownSockets.find((socket) => reaches(host, port, socket));
      if (own !== undefined) {
        yield {
          path,
          message: `${quoteValue(server)} is ${own.title} of this gateway: a loop; name the archive instead`,
        };
      }
      if (upstream.localAddress !== undefined && !isIpv4Loopback(host)) {
        yield {
          path,
          message: `${quoteValue(server)} cannot be reached from 127.0.0.0/8, which localAddress "per-modality" takes its addresses from; use 127.0.0.1, or leave localAddress out`,
        };
      }
    }
    if (upstream.localAddress !== undefined && process.platform !== 'linux') {
      yield {
        path: ['upstreams', name, 'localAddress'],
        message: `"per-modality" needs Linux, where all of 127.0.0.0/8 is there; leave it out on ${process.platform}`,
      };
    }
  }
}

function* checkEgress({ egress, listeners, upstreams }: Configuration): Generator<Finding> {
  if (egress === undefined) return;
  const { host, from, allowRemotePlaintext } = egress;
  if (from.length === 0) {
    yield { path: ['egress', 'from'], message: 'is empty, which allows nobody', severity: 'warning' };
  }
  if (!isLoopback(host) && !allowRemotePlaintext) {
    yield {
      path: ['egress', 'host'],
      message: `${quoteValue(host)} is beyond loopback, so DICOM would cross the network in the clear; use 127.0.0.1, or set allowRemotePlaintext to true where that network is trusted`,
    };
  }
  const index = listeners.findIndex((listener) => isSameSocket(listener, egress));
  if (index >= 0) {
    yield {
      path: ['egress', 'port'],
      message: `${formatHostAndPort(egress)} is taken by listeners[${index}]; give egress its own address or port`,
    };
  }
  const named = listeners.findIndex(({ name }) => name === EGRESS_LISTENER);
  if (named >= 0) {
    yield {
      path: ['listeners', named, 'name'],
      message: `"${EGRESS_LISTENER}" is the name of the egress listener in the audit log; choose another`,
    };
  }
  const isPerModality = Object.values(upstreams).some(({ localAddress }) => localAddress !== undefined);
  if (isPerModality && !isIpv4Loopback(host) && host !== '0.0.0.0') {
    yield {
      path: ['egress', 'host'],
      message: `${quoteValue(host)} leaves out the loopback addresses of the modalities (localAddress "per-modality"); use 127.0.0.1`,
    };
  }
}

function* checkAddresses(
  { modalities, egress }: Configuration,
  ownSockets: readonly OwnSocket[],
): Generator<Finding> {
  for (const [name, modality] of Object.entries(modalities)) {
    const { address, egressAllow } = modality;
    if (egressAllow !== undefined && (egress === undefined || address === undefined)) {
      const missing = egress === undefined ? 'there is no egress' : 'it has no address';
      yield {
        path: ['modalities', name, 'egressAllow'],
        message: `has no effect, because ${missing}`,
        severity: 'warning',
      };
    }
    if (address === undefined) continue;
    if (address.host === LAST_SEEN) yield* checkLastSeen(name, modality);
    const hosts = address.host === LAST_SEEN ? ownAddressesIn(modality.from, ownSockets) : [address.host];
    const own = ownSockets.find((socket) => hosts.some((host) => reaches(host, address.port, socket)));
    if (own !== undefined) {
      yield {
        path: ['modalities', name, 'address'],
        message: `is ${own.title} of this gateway: a loop; name where the modality itself listens`,
      };
    }
  }
}

/** Where it came from says nothing without proof that it was the device. */
function* checkLastSeen(
  name: string,
  { address, certificate }: Configuration['modalities'][string],
): Generator<Finding> {
  if (certificate === undefined) {
    yield {
      path: ['modalities', name, 'address', 'host'],
      message:
        '"last-seen" needs "certificate" in the entry, or a machine that only knows the AE title would get what is sent; add it, or name the host',
    };
  }
  const { tls } = address ?? {};
  if (tls !== undefined && tls.serverName === undefined && tls.pin === undefined) {
    yield {
      path: ['modalities', name, 'address', 'tls'],
      message: 'needs serverName or pin, because an address that changes is in no certificate',
    };
  }
}

function ownAddressesIn(from: readonly string[], [socket]: readonly OwnSocket[]): readonly string[] {
  const addresses = new AddressSet(from);
  return [...LOOPBACK, ...(socket?.addressesOfMachine ?? [])].filter((address) => addresses.has(address));
}

/** Port 0 asks the system for a free one, so it is never the same. */
export function isSameSocket(one: HostAndPort, other: HostAndPort): boolean {
  if (one === other) return true;
  if (one.port === 0 || one.port !== other.port) return false;
  return one.host === other.host || isUnspecified(one.host) || isUnspecified(other.host);
}

/** Whether a caller of this host and port reaches that listener. Names are compared without DNS. */
function reaches(host: string, port: number, own: OwnSocket): boolean {
  return (
    own.port === port && addressesOf(host, own.addressesOfMachine).some((address) => listensOn(own, address))
  );
}

/** What the name or address stands for. */
function addressesOf(host: string, addressesOfMachine: ReadonlySet<string>): readonly string[] {
  const name = host.toLowerCase();
  if (name === 'localhost') return LOOPBACK;
  // Dialling "every address" leads to this machine, and so does its own name.
  if (isUnspecified(host) || name === hostname().toLowerCase()) return [...LOOPBACK, ...addressesOfMachine];
  return [canonicalAddress(host) ?? host];
}

function listensOn({ host, addressesOfMachine }: OwnSocket, address: string): boolean {
  if (isUnspecified(host)) return isLoopback(address) || addressesOfMachine.has(address);
  return host.toLowerCase() === 'localhost' ? LOOPBACK.includes(address) : canonicalAddress(host) === address;
}

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1'];
