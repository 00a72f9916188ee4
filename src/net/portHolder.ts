/**
 * Who listens on a TCP port of this machine, as far as Linux says: the process and its command line. Elsewhere, and of
 * processes of other users, nothing is known. Opens no port and judges nothing.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { addressesIn, attempt } from './listeningSockets';

export interface PortHolder {
  readonly pid: number;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Its working folder; undefined where that cannot be read. */
  readonly folder: string | undefined;
}

/** Every process that holds the port; workers may share one. */
export function portHolders(port: number): PortHolder[] {
  const sockets = new Set([...socketsOf('tcp', port), ...socketsOf('tcp6', port)]);
  if (sockets.size === 0) return [];
  const pids = (attempt(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => holdsOne(pid, sockets)).map((pid) => holderOf(Number(pid)));
}

/** As /proc names them in the folders of processes: `socket:[12345]`. */
function socketsOf(table: 'tcp' | 'tcp6', wanted: number): string[] {
  return addressesIn(table).flatMap(([socket, { port }]) => (port === wanted ? [socket] : []));
}

function holdsOne(pid: string, sockets: ReadonlySet<string>): boolean {
  const folder = `/proc/${pid}/fd`;
  const descriptors = attempt(() => readdirSync(folder)) ?? [];
  return descriptors.some((name) => sockets.has(attempt(() => readlinkSync(`${folder}/${name}`)) ?? ''));
}

function holderOf(pid: number): PortHolder {
  const text = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
  return {
    pid,
    command: text.split('\0').filter((word) => word !== ''),
    folder: attempt(() => readlinkSync(`/proc/${pid}/cwd`)),
  };
}
