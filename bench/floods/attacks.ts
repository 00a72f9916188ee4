/**
 * What attackers do, each in one connection of many. All of it is cheap for them. Knows no gateway: only a port, and what
 * bytes to send to it.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import {
  associateRq,
  CommandField,
  commandSet,
  messagePdus,
  numberedRequest,
  PduType,
  pDataTf,
  pdu,
  proposedContext,
  releaseRq,
  responseTo,
  unsigned16,
} from '../../test/support/dicomBytes';
import { SopClass } from '../../test/support/uids';

export interface AttackOrder {
  readonly attack: AttackName;
  readonly connections: number;
  readonly port: number;
  /** Left out: plain TCP. */
  readonly tls?: { readonly cert?: string; readonly key?: string } | undefined;
  readonly calling: string;
  /** First three numbers of the address; the last one is 1, or counts where there are `addresses`. */
  readonly network: string;
  readonly addresses: number;
}

/** Of connections that are closed. */
const past = { connections: 0, bytes: 0 };
/** The TCP connections themselves: what they sent has the records and the handshake of TLS in it. */
const open = new Set<Socket>();

/** What all attackers have sent so far. */
export function counts(): { readonly connections: number; readonly bytes: number } {
  const bytes = [...open].reduce((sum, socket) => sum + socket.bytesWritten, past.bytes);
  return { connections: past.connections + open.size, bytes };
}

const CONTEXTS = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.StudyRootFind)];
/** Of the million that it announces. */
const BIG_RQ_BYTES = 900_000;
/** How many requests one write holds; with more than 32 that are outstanding the gateway ends the association. */
const PIPELINED = 16;
const DRIP_MS = 1000;

const ECHO = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
const FIND = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind, Priority: 0 };
const echoes = pipelined((id) => messagePdus(1, numberedRequest(id, ECHO, false)));
const ECHO_RSP_BYTES = messagePdus(1, responseTo(numberedRequest(1, ECHO, false)))[0]!.length;
const finds = pipelined((id) => messagePdus(3, numberedRequest(id, FIND, true), Buffer.alloc(8)));
const crumbs = crumbsOf(commandSet(numberedRequest(1, ECHO, false)));

function pipelined(request: (id: number) => Buffer[]): Buffer {
  return Buffer.concat(Array.from({ length: PIPELINED }, (_, index) => request(index + 1)).flat());
}

/** A command set in PDUs of one byte. */
function crumbsOf(bytes: Buffer): Buffer {
  const pdus = Array.from(bytes, (_, index) => {
    const fragment = bytes.subarray(index, index + 1);
    return pDataTf({ contextId: 1, isCommand: true, isLast: index === bytes.length - 1, fragment });
  });
  return Buffer.concat(pdus);
}

type Attack = (peer: Attacker) => Promise<void>;

const attacksByName = {
  'drip-handshake': async (peer) => {
    await peer.connected();
    // The beginning of a TLS record that announces 500 bytes.
    peer.write(Buffer.from([22, 3, 1, 1, 244, 1, 0, 1, 240, 3, 3]));
    await peer.drip();
  },
  'drip-associate': async (peer) => {
    await peer.connected();
    peer.write(
      associateRq({ calling: peer.order.calling, called: 'ORTHANC', contexts: CONTEXTS }).subarray(0, 80),
    );
    await peer.drip();
  },
  'big-associate': async (peer) => {
    await peer.connected();
    peer.write(pdu(PduType.AssociateRq, unsigned16(1), Buffer.alloc(1_000_000)).subarray(0, BIG_RQ_BYTES));
    await peer.drip();
  },
  'drip-data': async (peer) => {
    await peer.associated();
    peer.write(messagePdus(1, numberedRequest(1, ECHO, false))[0]!.subarray(0, 20));
    await peer.drip();
  },
  hold: async (peer) => {
    await peer.associated();
    await peer.closed();
  },
  crumbs: (peer) => peer.flood(crumbs),
  refused: (peer) => peer.flood(finds),
  permitted: async (peer) => {
    await peer.associated();
    for (;;) await peer.pipelined(echoes);
  },
  'refused-unread': (peer) => peer.flood(finds, true),
  'permitted-unread': (peer) => peer.flood(echoes, true),
  connects: async (peer) => {
    await peer.connected();
  },
  associations: async (peer) => {
    await peer.associated();
    peer.write(releaseRq());
    await peer.answer();
  },
} satisfies Record<string, Attack>;
export type AttackName = keyof typeof attacksByName;

/** Goes on for ever: who is closed comes again at once. */
export async function attackAgain(order: AttackOrder, index: number): Promise<never> {
  for (;;) {
    const peer = new Attacker(order, index);
    await attacksByName[order.attack](peer).catch(() => {});
    peer.destroy();
    // Lets others of this process have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const contexts = new Map<string, SecureContext>();

class Attacker {
  readonly order: AttackOrder;
  readonly #connection: Socket;
  /** TLS or not, what is written and read. */
  readonly #socket: Socket;
  readonly #ended: Promise<never>;

  constructor(order: AttackOrder, index: number) {
    this.order = order;
    const { port, tls, network, addresses } = order;
    const address = { host: '127.0.0.1', port, localAddress: `${network}.${1 + (index % addresses)}` };
    const connection = connect(address);
    this.#connection = connection;
    this.#socket =
      tls === undefined
        ? connection
        : connectTls({ socket: connection, secureContext: contextOf(tls), rejectUnauthorized: false });
    this.#ended = new Promise((_resolve, reject) => {
      connection.on('error', reject);
      this.#socket.on('error', reject).once('close', () => reject(new Error('closed')));
    });
    this.#ended.catch(() => {});
    open.add(connection);
    connection.once('close', () => {
      open.delete(connection);
      past.connections += 1;
      past.bytes += connection.bytesWritten;
    });
  }

  async connected(): Promise<void> {
    await this.#unlessEnded(once(this.#socket, this.order.tls === undefined ? 'connect' : 'secureConnect'));
  }

  async associated(): Promise<void> {
    await this.connected();
    this.write(associateRq({ calling: this.order.calling, called: 'ORTHANC', contexts: CONTEXTS }));
    await this.answer();
  }

  async answer(): Promise<void> {
    await this.#unlessEnded(once(this.#socket, 'data'));
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  async drip(): Promise<void> {
    const timer = setInterval(() => this.write(Buffer.alloc(1)), DRIP_MS);
    await this.closed().finally(() => clearInterval(timer));
  }

  async flood(bytes: Buffer, isUnread = false): Promise<void> {
    await this.associated();
    if (isUnread) this.#socket.pause();
    else this.#socket.on('data', () => {});
    for (;;) if (!this.write(bytes)) await this.#unlessEnded(once(this.#socket, 'drain'));
  }

  /** Sends what holds PIPELINED requests, and awaits their answers. */
  async pipelined(requests: Buffer): Promise<void> {
    const due = PIPELINED * ECHO_RSP_BYTES;
    let received = 0;
    const onData = ({ length }: Buffer) => {
      received += length;
    };
    this.#socket.on('data', onData);
    this.write(requests);
    while (received < due) await this.answer();
    this.#socket.off('data', onData);
  }

  async closed(): Promise<void> {
    this.#socket.resume();
    await this.#ended;
  }

  destroy(): void {
    this.#socket.destroy();
    this.#connection.destroy();
  }

  #unlessEnded<T>(awaited: Promise<T>): Promise<T> {
    return Promise.race([awaited, this.#ended]);
  }
}

function contextOf(tls: NonNullable<AttackOrder['tls']>): SecureContext {
  const key = tls.cert ?? '';
  const known = contexts.get(key) ?? createSecureContext(tls);
  contexts.set(key, known);
  return known;
}
