/**
 * The listening TCP sockets of this process, as Linux names them in /proc: descriptor and address of each. Elsewhere, none
 * is found. Opens and closes nothing.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { endianness } from 'node:os';
import { canonicalAddress } from '../text/addresses';
import type { HostAndPort } from '../text/hostAndPort';

/** The state LISTEN in /proc/net/tcp. */
const LISTEN = '0A';

export interface ListeningSocket extends HostAndPort {
  readonly fd: number;
}

/** Every one that this process holds. */
export function listeningSockets(): ListeningSocket[] {
  const addresses = new Map([...addressesIn('tcp'), ...addressesIn('tcp6')]);
  const fds = attempt(() => readdirSync('/proc/self/fd')) ?? [];
  return fds.flatMap((fd) => {
    const address = addresses.get(attempt(() => readlinkSync(`/proc/self/fd/${fd}`)) ?? '');
    return address === undefined ? [] : [{ fd: Number(fd), ...address }];
  });
}

/** By the name that /proc has for the socket in the folder of a process. */
export function addressesIn(table: 'tcp' | 'tcp6'): [string, HostAndPort][] {
  // Not /proc/net, which a unit with ProcSubset=pid does not show.
  const lines = attempt(() => readFileSync(`/proc/self/net/${table}`, 'latin1').split('\n')) ?? [];
  return lines.flatMap((line): [string, HostAndPort][] => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    const [host = '', port = ''] = local.split(':');
    return state === LISTEN
      ? [[`socket:[${inode}]`, { host: parseHost(host), port: Number.parseInt(port, 16) }]]
      : [];
  });
}

/** Groups of four bytes, each as a number of this machine: 0100007F is 127.0.0.1 on most. */
function parseHost(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_value, index) => bytes.readUInt16BE(index * 2).toString(16));
  return canonicalAddress(groups.join(':')) ?? '';
}

/** Undefined where the system refuses, or where the descriptor has been closed meanwhile. */
export function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
