/**
 * One C-ECHO as an SCU (PS3.7 §9.1.5, PS3.4 Annex A) on a connection of its own, step by step: what `aegis echo` prints.
 * Says what happened at which step. What to do about it depends on who asked, and is not known here.
 */
import type { Socket } from 'node:net';
import {
  type AcceptedContexts,
  acceptedContexts,
  IMPLEMENTATION_VERSION_NAME,
} from '../association/negotiation';
import { protocolErrorOf } from '../association/protocolError';
import { CommandField, formatStatus, NO_DATA_SET, RESPONSE_BIT, Status, statusText } from '../dimse/commands';
import { encodeCommandSet } from '../dimse/encodeCommandSet';
import { DialError, dialTcp, dialTls } from '../net/dial';
import type { TlsFacts } from '../net/inboundConnection';
import type { ClientTlsMaterial } from '../net/tlsContext';
import { encodeAssociateRq } from '../pdu/associate';
import { PDataFramer } from '../pdu/framer';
import { encodeAbort, encodeReleaseRq } from '../pdu/smallPdus';
import {
  type Abort,
  AbortSource,
  APPLICATION_CONTEXT_NAME,
  type AssociateRj,
  type AssociateRq,
  IMPLEMENTATION_CLASS_UID,
} from '../pdu/types';
import { MAX_PDU_LENGTH, type PeerEvent, VerificationPeer } from './verificationPeer';
import { describeAcceptance, describeFailure, describeTls } from './words';

export interface VerificationOptions {
  readonly host: string;
  readonly port: number;
  /** Plain DICOM without it. */
  readonly tls?: ClientTlsMaterial | undefined;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** For the connection (TCP and TLS together), and again for each answer of the peer. */
  readonly timeoutMs: number;
  /** Connects, closes and sends nothing. */
  readonly isConnectionOnly?: boolean;
  /** Called with each step as soon as it is over. */
  stepped?(step: VerificationStep): void;
}

export type VerificationStepName = 'tcp' | 'tls' | 'association' | 'echo' | 'release';

/** Why a step failed. Of the peer's doing: `rejected`, `aborted`, `closed`, `speaksTls`, `malformed`, `silent`. */
export type VerificationFailure =
  | 'notConnected'
  | 'tlsFailed'
  | 'contextRefused'
  | 'status'
  | 'rejected'
  | 'aborted'
  | 'closed'
  | 'speaksTls'
  | 'malformed'
  | 'silent';

export interface VerificationStep {
  readonly name: VerificationStepName;
  readonly isOk: boolean;
  readonly failure?: VerificationFailure;
  readonly durationMs: number;
  /** What happened, in one line. Parts of it come from the peer: escape it for a terminal. */
  readonly text: string;
  /** The code of Node, the system or OpenSSL where there was no connection, e.g. `ECONNREFUSED`. */
  readonly code?: string;
  /** The TLS alert that the peer closed with, e.g. `certificate required`. */
  readonly alert?: string;
  /** Also of a certificate that was refused. */
  readonly tls?: TlsFacts;
  readonly rejection?: AssociateRj;
  readonly abort?: Abort;
  /** DIMSE status, e.g. `0x0000`. */
  readonly status?: string;
}

export interface VerificationReport {
  /** Whether every step succeeded. */
  readonly isOk: boolean;
  /** In order, up to the first that failed; after a bad status, the release too. */
  readonly steps: readonly VerificationStep[];
}

const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';
/** Implicit and Explicit VR Little Endian. Every SCP must accept the first (PS3.5 §10.1). */
const TRANSFER_SYNTAXES = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'];
const CONTEXT_ID = 1;
const MESSAGE_ID = 1;
const ECHO_RESPONSE = CommandField.CEchoRq | RESPONSE_BIT;

/**
 * Never rejects for what the peer or the network does: that is what the report is for.
 *
 * @example
 * const { isOk } = await verify({ host, port, callingAeTitle: 'AEGIS', calledAeTitle: 'ORTHANC', timeoutMs: 10_000 });
 */
export async function verify(options: VerificationOptions): Promise<VerificationReport> {
  const steps = new StepList(options);
  const socket = await connect(options, steps);
  if (options.isConnectionOnly === true) socket?.destroy();
  else if (socket !== undefined) {
    await new Verification(options, steps, new VerificationPeer(socket)).run();
  }
  return { isOk: steps.list.every(({ isOk }) => isOk), steps: steps.list };
}

/** The steps so far. The time of each begins at the end of the one before it. */
class StepList {
  readonly list: VerificationStep[] = [];
  readonly #options: VerificationOptions;
  #startedMs = performance.now();

  constructor(options: VerificationOptions) {
    this.#options = options;
  }

  add(step: Omit<VerificationStep, 'durationMs' | 'isOk'>): void {
    const now = performance.now();
    const durationMs = Math.round((now - this.#startedMs) * 10) / 10;
    const done = { ...step, isOk: step.failure === undefined, durationMs };
    this.list.push(done);
    this.#options.stepped?.(done);
    this.#startedMs = now;
  }
}

async function connect(options: VerificationOptions, steps: StepList): Promise<Socket | undefined> {
  const { host, port, timeoutMs, tls } = options;
  const tcpConnected = () => steps.add({ name: 'tcp', text: `connected to ${host}:${port}` });
  try {
    if (tls === undefined) {
      const socket = await dialTcp(host, port, { timeoutMs });
      tcpConnected();
      return socket;
    }
    const { socket, tls: facts } = await dialTls(host, port, { timeoutMs, tls, tcpConnected });
    steps.add({ name: 'tls', text: describeTls(facts), tls: facts });
    return socket;
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    const failure = error.step === 'tcp' ? 'notConnected' : 'tlsFailed';
    const shown = error.tls === undefined ? {} : { tls: error.tls };
    steps.add({ name: error.step, failure, text: error.message, code: error.code, ...shown });
    return undefined;
  }
}

/** The DICOM part, on a connection that is open. */
class Verification {
  readonly #options: VerificationOptions;
  readonly #steps: StepList;
  readonly #peer: VerificationPeer;

  constructor(options: VerificationOptions, steps: StepList, peer: VerificationPeer) {
    this.#options = options;
    this.#steps = steps;
    this.#peer = peer;
  }

  async run(): Promise<void> {
    const rq = associateRq(this.#options);
    const answer = await this.#ask(encodeAssociateRq(rq));
    if (answer.kind !== 'accepted') return this.#fail('association', answer);
    const { ac } = answer;
    let contexts: AcceptedContexts;
    let request: Buffer[];
    try {
      contexts = acceptedContexts(rq, ac);
      request = echoRequest(ac.userInformation.maxPduLength);
    } catch (error) {
      return this.#fail('association', { kind: 'malformed', text: protocolErrorOf(error).message });
    }
    const context = contexts.get(CONTEXT_ID);
    if (context === undefined) {
      const text = 'accepted, but not for the Verification SOP class';
      this.#steps.add({ name: 'association', failure: 'contextRefused', text });
      return this.#abort();
    }
    this.#steps.add({ name: 'association', text: describeAcceptance(ac, context.transferSyntax) });

    this.#peer.established(contexts);
    const response = await this.#ask(...request);
    if (response.kind !== 'message') return this.#fail('echo', response);
    const { CommandField: field, MessageIDBeingRespondedTo: messageId, Status: status } = response.command;
    if (field !== ECHO_RESPONSE || messageId !== MESSAGE_ID || status === undefined) {
      return this.#fail('echo', {
        kind: 'malformed',
        text: 'a message that is not the response to the C-ECHO',
      });
    }
    this.#steps.add({
      name: 'echo',
      ...(status === Status.Success ? {} : { failure: 'status' }),
      text: `C-ECHO-RSP status ${formatStatus(status)}, ${statusText(status, CommandField.CEchoRq)}`,
      status: formatStatus(status),
    });

    const release = await this.#ask(encodeReleaseRq());
    if (release.kind !== 'released') return this.#fail('release', release);
    this.#steps.add({ name: 'release', text: 'released' });
    this.#peer.end();
  }

  #ask(...bytes: readonly Buffer[]): Promise<PeerEvent> {
    this.#peer.send(Buffer.concat(bytes));
    return this.#peer.next(this.#options.timeoutMs);
  }

  /** Ends with an event that the step did not wait for. */
  #fail(name: VerificationStepName, event: PeerEvent): void {
    this.#steps.add({ name, ...describeFailure(event, this.#options) });
    if (event.kind === 'rejected' || event.kind === 'aborted' || event.kind === 'closed') this.#peer.end();
    else this.#abort();
  }

  #abort(): void {
    this.#peer.end(encodeAbort({ source: AbortSource.ServiceUser, reason: 0 }));
  }
}

function associateRq({ callingAeTitle, calledAeTitle }: VerificationOptions): AssociateRq {
  return {
    protocolVersion: 1,
    calledAeTitle,
    callingAeTitle,
    applicationContextName: APPLICATION_CONTEXT_NAME,
    presentationContexts: [
      { id: CONTEXT_ID, abstractSyntax: VERIFICATION_SOP_CLASS, transferSyntaxes: TRANSFER_SYNTAXES },
    ],
    userInformation: {
      maxPduLength: MAX_PDU_LENGTH,
      implementationClassUid: IMPLEMENTATION_CLASS_UID,
      implementationVersionName: IMPLEMENTATION_VERSION_NAME,
      roleSelections: [],
      extendedNegotiations: [],
      commonExtendedNegotiations: [],
    },
  };
}

function echoRequest(peerMaxPduLength: number): Buffer[] {
  const pdus: Buffer[] = [];
  const framer = new PDataFramer(peerMaxPduLength);
  const command = {
    AffectedSOPClassUID: VERIFICATION_SOP_CLASS,
    CommandField: CommandField.CEchoRq,
    MessageID: MESSAGE_ID,
    CommandDataSetType: NO_DATA_SET,
  };
  framer.command(CONTEXT_ID, encodeCommandSet(command));
  framer.flush(pdus);
  return pdus;
}
