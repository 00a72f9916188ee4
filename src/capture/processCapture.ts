/**
 * The capture in one process: which associations it records, and what is handed on of them. An association is recorded
 * from its first byte, and forgotten once the log says that it is of another modality. Owns the bound on what waits.
 */
import type { Socket } from 'node:net';
import type { TapPoint } from '../association/legOwner';
import type { AuditEvent } from '../audit/events';
import type { InboundConnection } from '../net/inboundConnection';
import { reasons } from '../policy/reasons';
import { formatHostAndPort } from '../text/hostAndPort';
import { LegTap } from './legTap';
import { type CapturedBatch, type CaptureOrder, INTERFACES } from './order';
import type { Endpoint } from './packets';

/** Handed on and not confirmed. The relay never waits for a reader: beyond this packets are dropped, and counted. */
const MAX_UNCONFIRMED_BYTES = 4 * 1024 * 1024;
/** What an association may leave behind before it is known whose it is: a request with 128 contexts is 20 KB. */
const MAX_UNDECIDED_BYTES = 256 * 1024;
/** With more, the oldest are not recorded: a flood of connections must not fill the memory. */
const MAX_UNDECIDED = 64;

/** Which leg of which association. */
export interface LegFacts {
  readonly connection: InboundConnection;
  readonly direction: 'ingress' | 'egress';
  readonly leg: 'inbound' | 'upstream';
  readonly socket: Socket;
  /** The association is running already, and belongs to the modality. */
  isInsidePdu?(): boolean;
}

interface TappedLeg {
  readonly tap: LegTap;
  readonly point: TapPoint;
}

interface Tapped {
  /** It is known to be of the modality. */
  isDecided: boolean;
  /** Legs that are open, the inbound one first. */
  readonly legs: Set<TappedLeg>;
  hasInboundEnded: boolean;
  /** Until it is decided. */
  held: Held[];
  heldBytes: number;
}

interface Held {
  readonly interfaceNumber: number;
  readonly block: Buffer;
}

export class ProcessCapture {
  readonly #order: CaptureOrder;
  readonly #deliver: (batch: CapturedBatch) => void;
  readonly #tappedById = new Map<string, Tapped>();
  #blocks: Buffer[] = [];
  #waitingBytes = 0;
  /** Of each batch, the oldest first. */
  readonly #unconfirmed: number[] = [];
  #unconfirmedBytes = 0;
  #dropped: [number, number] = [0, 0];
  #isDeliveryDue = false;

  /** Each batch that is delivered has to be confirmed. */
  constructor(order: CaptureOrder, deliver: (batch: CapturedBatch) => void) {
    this.#order = order;
    this.#deliver = deliver;
  }

  get modality(): string {
    return this.#order.modality;
  }

  /** Begins to record this leg, where it is asked for. */
  tap(point: TapPoint, facts: LegFacts): void {
    const { connection, direction, leg, socket } = facts;
    const { connectionId } = connection;
    const isInbound = leg === 'inbound';
    const isRunning = facts.isInsidePdu !== undefined;
    if (isInbound) this.#begin(connectionId, isRunning);
    const tapped = this.#tappedById.get(connectionId);
    if (tapped === undefined) return;
    if (isInbound) {
      socket.once('close', () => {
        tapped.hasInboundEnded = true;
        this.#forgetClosed(connectionId, tapped);
      });
    }
    const side = isInbound === (direction === 'ingress') ? 'modality' : 'archive';
    if (this.#order.side !== 'both' && this.#order.side !== side) return;
    const interfaceNumber = INTERFACES.indexOf(side);
    const tap = new LegTap(
      {
        interfaceNumber,
        socket,
        peerEnd: isInbound ? 'requestor' : 'acceptor',
        peer: peerOf(facts),
        comment: describeLeg(facts, isRunning),
        ...(facts.isInsidePdu === undefined ? {} : { isInsidePdu: facts.isInsidePdu }),
      },
      (block) => this.#packet(connectionId, tapped, { interfaceNumber, block }),
    );
    const tappedLeg = { tap, point };
    point.tap = tap;
    tapped.legs.add(tappedLeg);
    socket.once('close', () => {
      process.nextTick(() => tapped.legs.delete(tappedLeg));
      this.#forgetClosed(connectionId, tapped);
    });
  }

  /** A line of the log, before what it says is sent: it may say whose the association is, and why it is answered so. */
  noticed(event: AuditEvent): void {
    const tapped = this.#tappedById.get(event.connectionId ?? '');
    if (tapped === undefined) return;
    if (!tapped.isDecided) {
      if (event.modality !== this.#order.modality) {
        this.#forget(event.connectionId!);
        return;
      }
      tapped.isDecided = true;
      for (const held of tapped.held.splice(0)) this.#add(held);
    }
    if (event.event === 'command.completed' && event.reason === undefined) return;
    const [inbound] = tapped.legs;
    inbound?.tap.comment(describeEvent(event));
  }

  /** The oldest batch that was delivered and not confirmed was taken. */
  confirm(): void {
    this.#unconfirmedBytes -= this.#unconfirmed.shift() ?? 0;
  }

  /** Records no more; delivers what is left. */
  end(): void {
    for (const connectionId of [...this.#tappedById.keys()]) this.#forget(connectionId);
    this.#flush();
  }

  #begin(connectionId: string, isDecided: boolean): void {
    if (this.#tappedById.has(connectionId)) return;
    const undecided = [...this.#tappedById].filter(([, each]) => !each.isDecided);
    if (undecided.length >= MAX_UNDECIDED) this.#forget(undecided[0]![0]);
    this.#tappedById.set(connectionId, {
      isDecided,
      hasInboundEnded: false,
      legs: new Set(),
      held: [],
      heldBytes: 0,
    });
  }

  #packet(connectionId: string, tapped: Tapped, packet: Held): void {
    if (tapped.isDecided) {
      this.#add(packet);
      return;
    }
    tapped.heldBytes += packet.block.length;
    if (tapped.heldBytes > MAX_UNDECIDED_BYTES) this.#forget(connectionId);
    else tapped.held.push(packet);
  }

  #add({ interfaceNumber, block }: Held): void {
    if (this.#unconfirmedBytes + this.#waitingBytes + block.length > MAX_UNCONFIRMED_BYTES) {
      this.#dropped[interfaceNumber as 0 | 1] += 1;
    } else {
      this.#blocks.push(block);
      this.#waitingBytes += block.length;
    }
    if (this.#isDeliveryDue) return;
    this.#isDeliveryDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isDeliveryDue = false;
    const dropped = this.#dropped;
    if (this.#blocks.length === 0 && dropped[0] + dropped[1] === 0) return;
    const blocks = Buffer.concat(this.#blocks);
    this.#blocks = [];
    this.#waitingBytes = 0;
    this.#dropped = [0, 0];
    this.#unconfirmedBytes += blocks.length;
    this.#unconfirmed.push(blocks.length);
    this.#deliver({ blocks, dropped });
  }

  /** After its last packet and its last line. */
  #forgetClosed(connectionId: string, tapped: Tapped): void {
    setImmediate(() => {
      if (tapped.hasInboundEnded && tapped.legs.size === 0) this.#forget(connectionId);
    });
  }

  /** A running association is left as it is. */
  #forget(connectionId: string): void {
    const tapped = this.#tappedById.get(connectionId);
    this.#tappedById.delete(connectionId);
    if (tapped === undefined) return;
    for (const { tap, point } of tapped.legs) {
      tap.dispose();
      point.tap = undefined;
    }
    tapped.held = [];
  }
}

function peerOf({ leg, connection, socket }: LegFacts): Endpoint {
  if (leg === 'inbound') return { address: connection.sourceAddress, port: connection.sourcePort };
  return { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 };
}

function describeLeg({ connection, direction, leg, socket }: LegFacts, isRunning: boolean): string {
  const { connectionId, sourceAddress, sourcePort, tls } = connection;
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  const own = formatHostAndPort({ host: localAddress, port: localPort });
  const where =
    leg === 'inbound'
      ? `from ${formatHostAndPort({ host: sourceAddress, port: sourcePort })} to the gateway at ${own}`
      : `from the gateway at ${own} to ${formatHostAndPort({ host: remoteAddress, port: remotePort })}`;
  const how = leg === 'inbound' && tls !== undefined ? `, ${tls.protocol} ${tls.cipher}` : '';
  const since = isRunning ? '; it ran before the capture began' : '';
  return `aegis: #${connectionId}, ${direction}, ${where}${how}${since}`;
}

/** `aegis: command.refused: command-not-allowed: …`, and of contexts that were refused, why. */
function describeEvent({ event, reason, detail, refusedContexts = [] }: AuditEvent): string {
  const words = reason === undefined ? '' : `: ${reason}: ${reasons[reason].text}`;
  const contexts = refusedContexts.map(
    ({ sopClass, result, reason: why }) =>
      `\nrefused: ${sopClass}: ${result}${why === undefined ? '' : ` (${why})`}`,
  );
  return `aegis: ${event}${words}${detail === undefined ? '' : `: ${detail}`}${contexts.join('')}`;
}
