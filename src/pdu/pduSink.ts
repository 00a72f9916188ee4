/** What a reader of PDUs reports: the interface between the bytes and the owner of the state. Types only. */
import type { Abort, AssociateRj, PduType } from './types';

/** Whole PDUs that are wanted as they are. */
export interface ExpectedPdus {
  /** Takes those that begin at `offset`, between two PDUs; returns how many bytes, 0 where they are other ones. */
  take(chunk: Buffer, offset: number): number;
  /** How many it took last. */
  readonly pdus: number;
}

/** Where what was read goes. What a callback throws ends the reader, as a PduError does. */
export interface PduSink {
  /** Is asked at each PDU before anything else is. */
  readonly expected?: ExpectedPdus | undefined;
  /** The body (without the 6-byte header) of an A-ASSOCIATE-RQ or -AC. The sink owns it. */
  associate(type: typeof PduType.AssociateRq | typeof PduType.AssociateAc, body: Buffer): void;
  associateRj(rj: AssociateRj): void;
  /** A P-DATA-TF begins; its length is valid. At least one PDV follows. */
  pData(length: number): void;
  /** A PDV begins (PS3.8 §E.2); its length fits the PDU. */
  pdvStart(contextId: number, messageControlHeader: number, fragmentBytes: number): void;
  /** Bytes of the current PDV: a view on what was pushed, never empty. The last ones stay as they are until `pdvEnd` returns. */
  fragment(bytes: Buffer): void;
  pdvEnd(): void;
  releaseRq(): void;
  releaseRp(): void;
  abort(abort: Abort): void;
}
