/**
 * What each side of an association may see, and in which order: the relay as one page, written without a look at how it
 * works. Takes what a side sends, one fragment or PDU at a time. Knows no bytes, sockets or timers.
 *
 * The caller dialled the gateway, the callee was dialled by it: modality and archive, or the reverse in egress.
 */

export type Side = 'caller' | 'callee';

/** What is in a message, as far as it matters. */
export interface Message {
  /** `C-STORE`, `C-CANCEL`, … */
  readonly command: string;
  readonly isResponse: boolean;
  /** Its own message ID; of a response or a cancel, that of the request. */
  readonly id: number;
  readonly contextId: number;
  /** Stands for its bytes; left out where there is none. */
  readonly dataSet?: string;
  /** Of a response. */
  readonly status?: number;
  /** What the gateway refuses this request with, on either side. */
  readonly refusal?: number;
}

export interface Fragment {
  readonly kind: 'command' | 'data';
  readonly contextId: number;
  readonly isLast: boolean;
  /** The data set has said which instance it is. */
  readonly tells?: boolean;
  /** What it is a part of; an empty one is a part of whatever follows. */
  readonly message?: Message;
}

export type Pdu =
  | 'A-ASSOCIATE-RQ'
  | 'A-ASSOCIATE-AC'
  | 'A-ASSOCIATE-RJ'
  | 'A-RELEASE-RQ'
  | 'A-RELEASE-RP'
  | 'A-ABORT';

interface Open {
  message: Message | undefined;
  readonly contextId: number;
  phase: 'command' | 'data';
  isForwarded: boolean;
  /** A C-STORE whose data set has not said yet which instance it is: nobody else knows of it. */
  isUndecided: boolean;
}

/** Of a data set of another class or instance than its command. */
const DATA_SET_MISMATCH = 0xa900;
const FINDS_MUCH = ['C-FIND', 'C-GET', 'C-MOVE'];
const other = { caller: 'callee', callee: 'caller' } as const;

class Peer {
  /** What it must have seen. */
  readonly sees: string[] = [];
  /** Its requests that the other side has to answer, by message ID. */
  readonly outstanding = new Map<number, Message>();
  /** Answered with a warning: one more answer may follow. */
  warned: Message | undefined;
  open: Open | undefined;
  /** Refusals that wait for the end of a message to this peer. */
  readonly refusals: string[] = [];
  hasEnded = false;
}

export class ReferenceModel {
  readonly caller = new Peer();
  readonly callee = new Peer();
  /** `releasing`: the caller asked; `collided`: then the callee asked too. */
  state: 'established' | 'releasing' | 'collided' | 'over' = 'established';
  readonly #contexts: ReadonlySet<number>;

  constructor(contexts: ReadonlySet<number>) {
    this.#contexts = contexts;
  }

  get isOver(): boolean {
    return this.state === 'over';
  }

  /** Bytes of a data set that the other side may have seen, although the message is not over. */
  mayPassFrom(side: Side): Message | undefined {
    const { open } = this[side];
    return open?.phase === 'data' && open.isForwarded ? open.message : undefined;
  }

  fragment(side: Side, fragment: Fragment): void {
    const peer = this[side];
    const { kind, contextId, message, isLast, tells = false } = fragment;
    if (!this.#mayCome(side, fragment)) {
      this.#violation(side);
      return;
    }
    peer.open ??= { message, contextId, phase: 'command', isForwarded: false, isUndecided: false };
    const { open } = peer;
    open.message ??= message;
    if (open.isUndecided && (tells || isLast) && !this.#isDecided(side, open)) return;
    if (!isLast) return;
    if (kind === 'data') this.#messageEnds(side, open);
    else if (open.message === undefined) this.#violation(side);
    else this.#commandEnds(side, open, open.message);
  }

  /** All fragments of a message are on one accepted context, the command first. */
  #mayCome(side: Side, { kind, contextId }: Fragment): boolean {
    const isTime = this.state === 'established' || (this.state === 'releasing' && side === 'callee');
    const { open } = this[side];
    const isInOrder =
      open === undefined
        ? kind === 'command' && this.#contexts.has(contextId)
        : kind === open.phase && contextId === open.contextId;
    return isTime && isInOrder;
  }

  pdu(side: Side, pdu: Pdu | 'garbage'): void {
    if (pdu === 'A-ABORT') this.#ends(other[side], 'A-ABORT');
    else if (pdu === 'A-RELEASE-RQ' && side === 'caller') this.#callerReleases();
    else if (pdu === 'A-RELEASE-RQ') this.#calleeReleases();
    else if (pdu === 'A-RELEASE-RP' && side === 'callee') this.#calleeConfirms();
    else this.#violation(side);
  }

  /** FIN. A caller that is owed an answer may only have closed its side. */
  ends(side: Side): void {
    const isDone = this.caller.outstanding.size === 0 && this.callee.outstanding.size === 0;
    if (side === 'callee' && this.state === 'releasing' && isDone && this.callee.open === undefined) {
      this.#ends('caller', 'A-RELEASE-RP');
    } else if (side === 'callee') {
      this.#ends('caller', 'A-ABORT');
    } else {
      this.caller.hasEnded = true;
      this.#leaveIfServed();
    }
  }

  /** RST. */
  resets(side: Side): void {
    this.#ends(other[side], 'A-ABORT');
  }

  #commandEnds(side: Side, open: Open, message: Message): void {
    const verdict = message.isResponse
      ? this.#judgeResponse(side, message)
      : message.command === 'C-CANCEL'
        ? this.#judgeCancel(side, message)
        : this.#judgeRequest(side, message);
    if (verdict === 'violation') {
      this.#violation(side);
      return;
    }
    open.phase = 'data';
    open.isForwarded = verdict === 'forward';
    open.isUndecided = verdict === 'look';
    if (message.dataSet === undefined) this.#messageEnds(side, open);
  }

  #judgeResponse(side: Side, { id, command }: Message): 'forward' | 'violation' {
    const { outstanding, warned } = this[other[side]];
    const request = outstanding.get(id) ?? warned;
    return request?.id === id && request.command === command ? 'forward' : 'violation';
  }

  /** Without an operation it has no effect and no answer. */
  #judgeCancel(side: Side, { id }: Message): 'forward' | 'drop' {
    return this[side].outstanding.has(id) ? 'forward' : 'drop';
  }

  #judgeRequest(side: Side, message: Message): 'forward' | 'drop' | 'look' | 'violation' {
    if (side === 'callee' && !this.#mayCalleeAsk(message)) return 'violation';
    const { command, refusal, dataSet } = message;
    const isLookedAt = refusal === undefined || refusal === DATA_SET_MISMATCH;
    if (command === 'C-STORE' && dataSet !== undefined && isLookedAt) return 'look';
    return this.#begin(side, message);
  }

  /** Now that the data set has said which instance it is. False where that is the end. */
  #isDecided(side: Side, open: Open): boolean {
    const verdict = this.#begin(side, open.message!);
    open.isUndecided = false;
    open.isForwarded = verdict === 'forward';
    if (verdict === 'violation') this.#violation(side);
    return verdict !== 'violation';
  }

  #begin(side: Side, message: Message): 'forward' | 'drop' | 'violation' {
    const peer = this[side];
    if (message.refusal !== undefined) return 'drop';
    if (peer.outstanding.has(message.id)) return 'violation';
    if (peer.warned?.id === message.id) peer.warned = undefined;
    peer.outstanding.set(message.id, message);
    return 'forward';
  }

  /** On its own, the callee only reports, and stores what a C-GET asked for. */
  #mayCalleeAsk({ command }: Message): boolean {
    if (command === 'N-EVENT-REPORT') return true;
    return (
      command === 'C-STORE' && [...this.caller.outstanding.values()].some((each) => each.command === 'C-GET')
    );
  }

  #messageEnds(side: Side, { message, isForwarded }: Open): void {
    const peer = this[side];
    const opposite = this[other[side]];
    peer.open = undefined;
    if (message === undefined) return;
    if (isForwarded) opposite.sees.push(shown(message, this.#contextFor(side, message)));
    else if (message.command !== 'C-CANCEL') {
      const { command, id, contextId, refusal } = message;
      peer.refusals.push(shown({ command, id, contextId, isResponse: true, status: refusal! }));
      this.#sendRefusals(side);
    }
    if (message.isResponse && !isPending(message.status)) {
      const request = opposite.outstanding.get(message.id) ?? opposite.warned;
      if (request !== undefined) {
        opposite.outstanding.delete(message.id);
        const mayGoOn = isWarning(message.status) && FINDS_MUCH.includes(message.command);
        opposite.warned = mayGoOn ? request : undefined;
      }
    }
    this.#sendRefusals(other[side]);
    this.#leaveIfServed();
  }

  /** A response goes out on the context of its request. */
  #contextFor(side: Side, message: Message): number {
    const opposite = this[other[side]];
    const asked = message.isResponse ? opposite : message.command === 'C-CANCEL' ? this[side] : undefined;
    const request = asked?.outstanding.get(message.id) ?? (message.isResponse ? opposite.warned : undefined);
    return request?.contextId ?? message.contextId;
  }

  /** Never between the fragments of a message. */
  #sendRefusals(side: Side): void {
    const coming = this[other[side]].open;
    if (coming?.phase === 'data' && coming.isForwarded) return;
    const refusals = this[side].refusals.splice(0);
    // Behind an A-RELEASE-RQ nothing may be sent.
    if (side === 'caller' || this.state === 'established') this[side].sees.push(...refusals);
  }

  #callerReleases(): void {
    if (this.state !== 'established' || this.caller.open !== undefined) {
      this.#violation('caller');
      return;
    }
    this.state = 'releasing';
    this.callee.sees.push('A-RELEASE-RQ');
  }

  /** Only the caller may ask for it. */
  #calleeReleases(): void {
    if (this.state === 'collided') {
      this.#violation('callee');
      return;
    }
    this.callee.sees.push('A-RELEASE-RP');
    if (this.state === 'releasing') this.state = 'collided';
    else this.#ends('caller', 'A-ABORT');
  }

  /** A release must not make a part of a message look like the whole. */
  #calleeConfirms(): void {
    if (this.state === 'established') this.#violation('callee');
    else this.#ends('caller', this.callee.open === undefined ? 'A-RELEASE-RP' : 'A-ABORT');
  }

  /** Both sides see the end of what cannot be understood, or is not allowed at this point. */
  #violation(side: Side): void {
    this[side].sees.push('A-ABORT');
    this.#ends(other[side], 'A-ABORT');
  }

  #ends(side: Side, pdu: Pdu): void {
    this[side].sees.push(pdu);
    this.state = 'over';
  }

  #leaveIfServed(): void {
    const { caller, callee } = this;
    if (!caller.hasEnded || this.state !== 'established') return;
    const isOwed = caller.outstanding.size > 0 || caller.refusals.length > 0;
    if (isOwed && caller.open === undefined && callee.outstanding.size === 0) return;
    this.#ends('callee', 'A-ABORT');
  }
}

function isPending(status: number | undefined): boolean {
  return status === 0xff00 || status === 0xff01;
}

function isWarning(status = 0): boolean {
  return status >= 0xb000 && status <= 0xbfff;
}

/** One line for each message, as it is also made of what a side heard. */
export function shown(message: Message, contextId = message.contextId): string {
  const { command, isResponse, id, status = 0, dataSet } = message;
  const what = isResponse ? `${command}-RSP ${status.toString(16).padStart(4, '0')}` : `${command}-RQ`;
  return `${what} of ${id} on ${contextId}${dataSet === undefined ? '' : ` with ${dataSet}`}`;
}
