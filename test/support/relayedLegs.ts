/**
 * Legs on sockets without a network, single or joined by a relay, with everything that was recorded of them. Every event
 * happens when a test says so; `turn` lets the event loop go round once, which is when legs write.
 */
import type { Socket } from 'node:net';
import { Leg } from '../../src/association/leg';
import type { LegFailure, LegOptions, LegOwner } from '../../src/association/legOwner';
import type { AcceptedContexts } from '../../src/association/negotiation';
import type { AuditEvent } from '../../src/audit/events';
import type { Limits, Timeouts } from '../../src/config/schema';
import type { CommandSet } from '../../src/dimse/commandSet';
import { AssociationRecord } from '../../src/gateway/associationRecord';
import type { CommandPace } from '../../src/gateway/commandPace';
import type { DisclosureSink } from '../../src/gateway/dataSetTap';
import { Relay } from '../../src/gateway/relay';
import type { InboundConnection } from '../../src/net/inboundConnection';
import type { ChecksOfSides } from '../../src/policy/policy';
import type { Decision } from '../../src/policy/reasons';
import { associateAc, associateRq, pDataTf } from './dicomBytes';
import { type DicomMessage, MessageAssembler, PduSplitter } from './dicomReading';
import { FakeSocket } from './fakeSocket';
import { configurationOf } from './policyOf';
import { SopClass, TransferSyntax } from './uids';

const { timeouts: defaultTimeouts, limits: defaultLimits } = configurationOf({});

export function timeoutsOf(changes: Partial<Timeouts> = {}): Timeouts {
  return { ...defaultTimeouts, ...changes };
}

export function limitsOf(changes: Partial<Limits> = {}): Limits {
  return { ...defaultLimits, ...changes };
}

/** The presentation contexts of every association here; on 5, data sets are deflated and may be odd. */
export const contexts = new Map([
  [1, { abstractSyntax: SopClass.Verification, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }],
  [3, { abstractSyntax: SopClass.CTImageStorage, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }],
  [
    5,
    {
      abstractSyntax: SopClass.CTImageStorage,
      transferSyntax: TransferSyntax.DeflatedExplicitVrLittleEndian,
    },
  ],
  [7, { abstractSyntax: SopClass.StudyRootGet, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }],
]);

/** Lets the event loop go round once. Works with fake timers that leave setImmediate alone. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

type LegChanges = Partial<Omit<LegOptions, 'timeouts'>> & { readonly timeouts?: Partial<Timeouts> };

export function legOptions({ timeouts, ...changes }: LegChanges = {}): LegOptions {
  return {
    role: 'acceptor',
    peer: 'modality',
    timeouts: timeoutsOf(timeouts),
    keepAliveSeconds: 0,
    maxPduLength: 131072,
    quickAck: { description: 'off', acknowledge: () => {} },
    closed: () => {},
    ...changes,
  };
}

/** A leg of its own, and what it reported, in order. */
export class TestLeg {
  readonly socket = new FakeSocket();
  readonly reported: string[] = [];
  readonly failures: LegFailure[] = [];
  readonly leg: Leg;
  readonly #role: LegOptions['role'];

  constructor(changes: LegChanges = {}) {
    const owner: LegOwner = {
      associateRq: () => this.reported.push('associateRq'),
      associateAc: () => this.reported.push('associateAc'),
      associateRj: ({ reason }) => this.reported.push(`associateRj ${reason}`),
      failed: (failure) => this.failed(failure),
    };
    const closed = () => this.reported.push('closed');
    const options = legOptions({ closed, ...changes });
    this.#role = options.role;
    this.leg = new Leg(this.socket.asSocket, owner, options);
  }

  failed(failure: LegFailure): void {
    this.failures.push(failure);
    this.reported.push(`failed ${failure.reason}`);
  }

  /** Reads; a requestor sends its request first. */
  start(): this {
    this.leg.start(this.#role === 'requestor' ? associateRq() : undefined);
    return this;
  }

  /** Brings a new leg to Sta6, with nothing written or reported. */
  establish(peerMaxPduLength = 131072): this {
    this.start();
    this.socket.deliver(this.#role === 'requestor' ? associateAc() : associateRq());
    this.leg.negotiated(peerMaxPduLength);
    if (this.#role === 'acceptor') this.leg.accept(associateAc());
    this.socket.takeWritten();
    this.reported.length = 0;
    return this;
  }
}

/** What a peer got, as its own reader takes it. */
export interface Received {
  readonly messages: DicomMessage[];
  /** Types of the PDUs other than P-DATA-TF, in order. */
  readonly others: number[];
}

export function receivedFrom(bytes: Buffer): Received {
  const splitter = new PduSplitter();
  const assembler = new MessageAssembler();
  const received: Received = { messages: [], others: [] };
  for (const pdu of splitter.push(bytes)) {
    if (pdu[0] === 4) received.messages.push(...assembler.push(pdu));
    else received.others.push(pdu[0]!);
  }
  if (splitter.rest.length > 0)
    throw new Error(`${splitter.rest.length} bytes are left of an unfinished PDU`);
  return received;
}

interface RelaySetting {
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: Partial<Limits>;
  /** What each peer announced. */
  readonly maxPduLengths?: { readonly inbound?: number; readonly upstream?: number };
  /** Gate 4; default: everything is allowed. */
  readonly decideCommand?: (request: CommandSet) => Decision;
  /** Default: commands are taken as they come. */
  readonly pace?: CommandPace;
  /** Default: data sets are not looked at. */
  readonly dataSetChecks?: ChecksOfSides;
  /** Default: those of every association here. */
  readonly contexts?: AcceptedContexts;
  /** Default: nobody takes them. */
  readonly disclosures?: DisclosureSink;
}

/** Two associations that are relayed, as after the A-ASSOCIATE-AC; and all that was recorded of them. */
export class RelayedLegs {
  readonly inbound: TestLeg;
  readonly upstream: TestLeg;
  readonly recorded: AuditEvent[] = [];
  readonly relay: Relay;
  endings = 0;

  constructor({
    timeouts,
    limits,
    maxPduLengths = {},
    decideCommand,
    dataSetChecks,
    pace,
    disclosures,
    ...setting
  }: RelaySetting = {}) {
    this.inbound = new TestLeg({ timeouts: timeouts ?? {} });
    this.upstream = new TestLeg({ role: 'requestor', peer: 'upstream', timeouts: timeouts ?? {} });
    this.inbound.establish(maxPduLengths.inbound);
    this.upstream.establish(maxPduLengths.upstream);
    const connection: InboundConnection = {
      connectionId: '00',
      listener: 'plain',
      socket: {} as Socket,
      sourceAddress: '127.0.0.1',
      sourcePort: 1,
      pendingDone: () => {},
    };
    this.relay = new Relay({
      inbound: this.inbound.leg,
      upstream: this.upstream.leg,
      contexts: setting.contexts ?? contexts,
      inboundContexts: setting.contexts ?? contexts,
      record: new AssociationRecord(
        { audit: { record: (event) => this.recorded.push(event) }, disclosures },
        connection,
        'ingress',
      ),
      timeouts: timeoutsOf(timeouts),
      limits: limitsOf(limits),
      pace,
      decideCommand: decideCommand ?? (() => ({ allowed: true })),
      dataSetChecks: dataSetChecks ?? { inbound: undefined, upstream: undefined },
      ended: () => {
        this.endings += 1;
      },
    });
  }

  /** The events recorded so far, each with its reason. */
  get outline(): string[] {
    return this.recorded.map(({ event, reason }) => (reason === undefined ? event : `${event} ${reason}`));
  }

  /** No deadline is left behind. */
  end(): void {
    this.inbound.socket.destroy();
    this.upstream.socket.destroy();
  }
}

/** The fragments of a message, each in a PDU of its own: what a property cuts where it likes. */
export function fragmented(
  contextId: number,
  bytes: Buffer,
  isCommand: boolean,
  cuts: readonly number[],
): Buffer[] {
  const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < bytes.length), bytes.length])].sort(
    (one, other) => one - other,
  );
  return ends.map((end, index) =>
    pDataTf({
      contextId,
      isCommand,
      isLast: end === bytes.length,
      fragment: bytes.subarray(ends[index - 1] ?? 0, end),
    }),
  );
}
