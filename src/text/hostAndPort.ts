/**
 * `host:port` as the configuration writes it, and which hosts are this machine. Resolves no names.
 */
import { isIP } from 'node:net';
import { canonicalAddress } from './addresses';

export interface HostAndPort {
  /** An IPv6 address is without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** In place of the host of a modality: where it came from last. */
export const LAST_SEEN = 'last-seen';

/** Takes what the schema accepts: `127.0.0.1:4242`, `orthanc:4242`, `[::1]:4242`. */
export function parseHostAndPort(text: string): HostAndPort {
  const separator = text.lastIndexOf(':');
  return {
    host: text.slice(0, separator).replace(/^\[|\]$/g, ''),
    port: Number(text.slice(separator + 1)),
  };
}

/** Where to dial what listens on `host`: every address of this machine is listened on, so the loopback one is too. */
export function dialledHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** The text of it again; the brackets keep the last part of an IPv6 address apart from the port. */
export function formatHostAndPort({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** 127.0.0.0/8, ::1 and the name that RFC 6761 §6.3 reserves for them. */
export function isLoopback(host: string): boolean {
  return canonicalAddress(host) === '::1' || isIpv4Loopback(host);
}

export function isIpv4Loopback(host: string): boolean {
  const address = canonicalAddress(host) ?? '';
  return host.toLowerCase() === 'localhost' || (isIP(address) === 4 && address.startsWith('127.'));
}

/** 0.0.0.0 and :: stand for every address of the machine (:: takes IPv4 connections too). */
export function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
