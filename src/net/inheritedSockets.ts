/**
 * Listening sockets that somebody else has opened and left to this process: systemd (`LISTEN_FDS`, sd_listen_fds(3)). Owns which of
 * them a listener takes. With them, no port has to be opened, and connections wait in the kernel while nobody
 * accepts. Does not know what a listener does with its connections.
 */
import { closeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { canonicalAddress } from '../text/addresses';
import { formatHostAndPort, type HostAndPort } from '../text/hostAndPort';
import { type ListeningSocket, listeningSockets } from './listeningSockets';

/** sd_listen_fds(3): behind stdin, stdout and stderr. */
const FIRST_DESCRIPTOR = 3;
/** Of a unit of systemd; with more, somebody else has set the variable. */
const MAX_DESCRIPTORS = 1024;

/** Plain data, because workers get it over a pipe. The descriptor is that of the primary there too: see node:cluster. */
export interface InheritedSocket extends ListeningSocket {
  readonly name: string;
  /** The process before this one opened it, not systemd: where nobody takes it, it is closed. */
  readonly isOurs?: true;
}

/** What a server for modalities is made with. Paused, so that no byte is read of a connection that gate 1 refuses. */
export const SERVER_OPTIONS = { pauseOnConnect: true, noDelay: true, allowHalfOpen: false } as const;

export class InheritedSockets {
  readonly list: readonly InheritedSocket[];
  readonly #portByFd = new Map<number, InheritedPort>();
  readonly #taken = new Set<number>();

  constructor(list: readonly InheritedSocket[] = []) {
    this.list = list;
  }

  /**
   * Of systemd. Takes the variables out of the environment, so that no child takes them for its own. The descriptors are
   * closed in children already: Node sees to that.
   */
  static ofSystemd(env = process.env, found = listeningSockets): InheritedSockets {
    const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
    for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
    const count = /^\d{1,4}$/.test(LISTEN_FDS ?? '') ? Number(LISTEN_FDS) : 0;
    if (LISTEN_PID !== String(process.pid) || count === 0 || count > MAX_DESCRIPTORS) {
      return new InheritedSockets();
    }
    const names = LISTEN_FDNAMES.split(':');
    const ofSystemd = found().filter(({ fd }) => fd >= FIRST_DESCRIPTOR && fd < FIRST_DESCRIPTOR + count);
    return new InheritedSockets(
      ofSystemd.map((socket) => ({ ...socket, name: names[socket.fd - FIRST_DESCRIPTOR] ?? '' })),
    );
  }

  /** The one with this name, else the one with this address. Nobody else gets it from now on. */
  take(name: string, address: HostAndPort): InheritedSocket | undefined {
    const { free } = this;
    const socket = free.find((each) => each.name === name) ?? free.find((each) => isSame(each, address));
    if (socket !== undefined) this.#taken.add(socket.fd);
    return socket;
  }

  /** The same, for a listener of modalities. */
  takePort(name: string, address: HostAndPort): InheritedPort | undefined {
    const socket = this.take(name, address);
    if (socket === undefined) return undefined;
    const port =
      this.#portByFd.get(socket.fd) ?? new InheritedPort(socket, () => this.#taken.delete(socket.fd));
    this.#portByFd.set(socket.fd, port);
    return port;
  }

  /** Whether systemd has this port open as well: connections that nobody takes wait for the process after this one. */
  keeps(address: HostAndPort): boolean {
    const where = formatHostAndPort(address);
    return this.list.some((socket) => socket.isOurs !== true && formatHostAndPort(socket) === where);
  }

  /** Those that nobody has taken. */
  get free(): readonly InheritedSocket[] {
    return this.list.filter(({ fd }) => !this.#taken.has(fd));
  }

  /**
   * The gateway listens at these addresses: what is ours of the others is closed. Returns those of systemd in words, which
   * systemd keeps open: connections to them wait for ever.
   */
  closeUnused(addresses: readonly (HostAndPort | undefined)[]): string[] {
    const used = new Set(addresses.map((address) => address && formatHostAndPort(address)));
    const unused = this.list.filter((socket) => !used.has(formatHostAndPort(socket)));
    const ours = new Set(unused.filter(({ isOurs }) => isOurs).map(formatHostAndPort));
    // There may be copies for workers.
    for (const socket of ours.size === 0 ? [] : listeningSockets()) {
      if (ours.has(formatHostAndPort(socket))) closeSync(socket.fd);
    }
    return unused
      .filter(({ isOurs }) => isOurs !== true)
      .map((socket) => `${formatHostAndPort(socket)}${socket.name === '' ? '' : ` (${socket.name})`}`);
  }

  /** From now on connections wait in the kernel, for the process that has the sockets next. */
  close(): void {
    for (const { server } of this.#portByFd.values()) server.close();
  }
}

/**
 * One of them with a server. It stays open when its listener goes: systemd would go on taking connections, and they would
 * wait for ever. So they are closed at once.
 */
export class InheritedPort {
  readonly server: Server;
  readonly #fd: number;
  readonly #released: () => void;
  #connected: (socket: Socket) => void = refuse;

  constructor({ fd }: InheritedSocket, released: () => void) {
    this.#fd = fd;
    this.#released = released;
    this.server = createServer(SERVER_OPTIONS, (socket) => this.#connected(socket));
  }

  get fd(): number {
    return this.#fd;
  }

  serve(connected: (socket: Socket) => void): void {
    this.#connected = connected;
  }

  release(): void {
    this.#connected = refuse;
    this.#released();
  }
}

function refuse(socket: Socket): void {
  socket.destroy();
}

/** systemd listens on `[::]` for all addresses, those of IPv4 too. */
function isSame(socket: HostAndPort, wanted: HostAndPort): boolean {
  if (socket.port !== wanted.port) return false;
  const isAll = ({ host }: HostAndPort) => host === '0.0.0.0' || host === '::';
  return isAll(socket) ? isAll(wanted) : canonicalAddress(socket.host) === canonicalAddress(wanted.host);
}
