/**
 * One association of the load generator: connects, with TLS or plain, proposes, sends bytes that were built
 * beforehand and hands out messages. Raw, because a library would cost more than what is measured.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import {
  type AssociateRqFields,
  associateRq,
  PduType,
  proposedContext,
  releaseRq,
  roleSelection,
} from '../../test/support/dicomBytes';
import { readAssociateAc } from '../../test/support/dicomReading';
import { SopClass } from '../../test/support/uids';
import { PduWalker, type WalkedMessage } from '../wire/pduWalker';
import type { LoadTarget } from './jobs';

export const MAX_PDU_LENGTH = 131072;
export const ContextId = { verification: 1, ctImageStorage: 3, find: 5, get: 7 } as const;

/** AES-256-GCM everywhere, so that no peer gains by a cheaper cipher. */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/** Everything that any job needs; the same bytes for every peer. */
const PROPOSAL: AssociateRqFields = {
  called: 'ORTHANC',
  maxPduLength: MAX_PDU_LENGTH,
  contexts: [
    proposedContext(ContextId.verification, SopClass.Verification),
    proposedContext(ContextId.ctImageStorage, SopClass.CTImageStorage),
    proposedContext(ContextId.find, SopClass.StudyRootFind),
    proposedContext(ContextId.get, SopClass.StudyRootGet),
  ],
  userItems: [roleSelection(SopClass.CTImageStorage, 1, 1)],
};
const requestByCalling = new Map<string, Buffer>();

function requestOf(calling: string): Buffer {
  const request = requestByCalling.get(calling) ?? associateRq({ ...PROPOSAL, calling });
  requestByCalling.set(calling, request);
  return request;
}

const RELEASE_RQ = releaseRq();

/**
 * One for each certificate: reading keys is not part of a handshake. Without a CA, because Node takes a third of the
 * handshake's time to look at a certificate that it trusts; the peers do verify the one that is shown to them.
 */
const secureContexts = new Map<string, SecureContext>();

function secureContextOf(tls: NonNullable<LoadTarget['tls']>): SecureContext {
  const known = secureContexts.get(tls.cert);
  if (known !== undefined) return known;
  const { cert, key } = tls;
  const made = createSecureContext({ cert, key, ciphers: CIPHERS, minVersion: 'TLSv1.2' });
  secureContexts.set(tls.cert, made);
  return made;
}

type Received = { readonly type: number; readonly pdu: Buffer } | WalkedMessage;

export class LoadAssociation {
  /** The length that the peer announced. */
  maxPduLength = MAX_PDU_LENGTH;
  readonly #socket: Socket;
  readonly #received: Received[] = [];
  readonly #failed: Promise<never>;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const walker = new PduWalker({
      takePdu: (type, pdu) => this.#take({ type, pdu }),
      takeMessage: (message) => this.#take(message),
    });
    socket.on('data', (chunk) => walker.push(chunk));
    this.#failed = new Promise((_resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the peer closed the connection')));
    });
    // It is looked at only while something is awaited.
    this.#failed.catch(() => {});
  }

  /** Rejects where the peer does not accept the association. */
  static async open(target: LoadTarget): Promise<LoadAssociation> {
    const { port, tls, from, calling = 'CT1' } = target;
    const address = { host: '127.0.0.1', port, localAddress: from };
    const socket =
      tls === undefined
        ? connect(address)
        : connectTls({ ...address, secureContext: secureContextOf(tls), rejectUnauthorized: false });
    const association = new LoadAssociation(socket);
    await association.#unlessFailed(once(socket, tls === undefined ? 'connect' : 'secureConnect'));
    association.#socket.write(requestOf(calling));
    const pdu = await association.#nextPdu(PduType.AssociateAc);
    association.maxPduLength = readAssociateAc(pdu).maxPduLength || MAX_PDU_LENGTH;
    return association;
  }

  /** Resolves once more may be written. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#socket.write(bytes)) return;
    await this.#unlessFailed(once(this.#socket, 'drain'));
  }

  async nextMessage(): Promise<WalkedMessage> {
    const received = await this.#next();
    if ('type' in received) throw new Error(`a PDU of type ${received.type} came instead of a message`);
    return received;
  }

  /** A-RELEASE, then closes. */
  async release(): Promise<void> {
    this.#socket.write(RELEASE_RQ);
    await this.#nextPdu(PduType.ReleaseRp);
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #nextPdu(type: number): Promise<Buffer> {
    const received = await this.#next();
    if (!('type' in received) || received.type !== type) {
      const what = 'type' in received ? `a PDU of type ${received.type}` : 'a message';
      throw new Error(`${what} came instead of a PDU of type ${type}`);
    }
    return received.pdu;
  }

  async #next(): Promise<Received> {
    if (this.#received.length === 0) {
      const came = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await this.#unlessFailed(came);
    }
    return this.#received.shift()!;
  }

  #take(received: Received): void {
    this.#received.push(received);
    this.#wake();
  }

  #unlessFailed<T>(awaited: Promise<T>): Promise<T> {
    return Promise.race([awaited, this.#failed]);
  }
}
