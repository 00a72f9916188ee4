/**
 * Who listens on a TCP port of this machine, as far as Linux says: the process and its command line. Elsewhere, and of
 * processes of other users, nothing is known. Opens no port and judges nothing.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface PortHolder {
  readonly pid: number;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Its working folder; undefined where that cannot be read. */
  readonly folder: string | undefined;
}

/** The state LISTEN in /proc/net/tcp. */
const LISTEN = '0A';

/** Every process that holds the port; workers may share one. */
export function portHolders(port: number): PortHolder[] {
  const sockets = new Set([...listeningSockets('tcp', port), ...listeningSockets('tcp6', port)]);
  if (sockets.size === 0) return [];
  const pids = (attempt(() => readdirSync('/proc')) ?? []).filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => holdsOne(pid, sockets)).map((pid) => holderOf(Number(pid)));
}

/** As /proc names them in the folders of processes: `socket:[12345]`. */
function listeningSockets(table: 'tcp' | 'tcp6', port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = attempt(() => readFileSync(`/proc/net/${table}`, 'latin1').split('\n')) ?? [];
  return lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    return local.endsWith(wanted) && state === LISTEN ? [`socket:[${inode}]`] : [];
  });
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

/** Undefined where the system refuses, or where the process has ended meanwhile. */
function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
