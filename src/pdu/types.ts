/**
 * The upper layer's vocabulary (PS3.8 §9.3): PDU types, item types, limits, and the error that every decoder
 * of this folder throws. Knows no sockets, no policy, no clock.
 */

/** PDU types, the first byte of every PDU (PS3.8 §9.3.1). */
export const PduType = {
  AssociateRq: 0x01,
  AssociateAc: 0x02,
  AssociateRj: 0x03,
  PDataTf: 0x04,
  ReleaseRq: 0x05,
  ReleaseRp: 0x06,
  Abort: 0x07,
} as const;
export type PduType = (typeof PduType)[keyof typeof PduType];

/** PDU header: type (1), reserved (1), length of what follows (4, big endian). */
export const PDU_HEADER_BYTES = 1 + 1 + 4;
/** PDV item header: length (4, big endian), presentation context id (1), message control header (1). */
export const PDV_HEADER_BYTES = 4 + 1 + 1;
/** The PDV item's length field counts the context id and the message control header, not itself. */
export const PDV_LENGTH_OVERHEAD = 1 + 1;

/** Message control header bits (PS3.8 §E.2). The other six bits are never tested. */
export const MCH_COMMAND = 0x01;
export const MCH_LAST = 0x02;

/** The body of an A-ASSOCIATE PDU before its items: version 2, reserved 2, titles 2 × 16, reserved 32. */
export const ASSOCIATE_FIXED_BYTES = 2 + 2 + 16 + 16 + 32;
/**
 * The longest A-ASSOCIATE PDU accepted (without its header). DCMTK has the same cap; 128 contexts with every
 * storage transfer syntax are about 20 KB. Checked on the header before a byte of the body is kept.
 */
export const MAX_ASSOCIATE_BYTES = 1024 * 1024;
/** As many as there are ids of one byte. PS3.8 §9.3.2.2 has odd ids, 128 of them; DCMTK and Orthanc accept all. */
export const MAX_PRESENTATION_CONTEXTS = 256;
/** No peer sends this many transfer syntaxes in a context; it bounds the work of one A-ASSOCIATE-RQ. */
export const MAX_TRANSFER_SYNTAXES = 128;
/** Empty fragments carry nothing. More than this in a row are an attack on the CPU, not a message. */
export const MAX_EMPTY_FRAGMENTS = 64;
/** UIDs are at most 64 characters (PS3.5 §9.1). */
export const MAX_UID_LENGTH = 64;

export const APPLICATION_CONTEXT_NAME = '1.2.840.10008.3.1.1.1';
/** Made once from a random UUID (PS3.5 §B.2); names this implementation in item 52H. */
export const IMPLEMENTATION_CLASS_UID = '2.25.263374498917042370271533905263183146021';

/** Protocol errors that this folder finds. Each code is a reason of policy/reasons.ts. */
export type PduErrorCode =
  | 'pdu-type-unknown'
  | 'pdu-length-invalid'
  | 'pdu-associate-malformed'
  | 'pdu-presentation-context-invalid'
  | 'pdu-pdv-invalid'
  | 'pdu-pdv-order'
  | 'pdu-pdv-empty'
  | 'pdu-max-length-unusable';

/** Bytes that PS3.8 does not allow. The message names field and numbers, never content. */
export class PduError extends Error {
  override readonly name = 'PduError';
  readonly code: PduErrorCode;

  constructor(code: PduErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** One proposed presentation context of an A-ASSOCIATE-RQ (PS3.8 §9.3.2.2). */
export interface PresentationContextRq {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
  /**
   * Set where the proposal is not one that can be passed on: the result that answers it. Its syntaxes may be missing
   * then ('' and none).
   */
  readonly refusal?: number;
}

/** Results of a presentation context (PS3.8 Table 9-18). */
export const ContextResult = {
  Acceptance: 0,
  UserRejection: 1,
  NoReason: 2,
  AbstractSyntaxNotSupported: 3,
  TransferSyntaxesNotSupported: 4,
} as const;

/** One answered presentation context of an A-ASSOCIATE-AC (PS3.8 §9.3.3.2). */
export interface PresentationContextAc {
  readonly id: number;
  readonly result: number;
  /** Significant only where `result` is 0; '' where the peer left it out. */
  readonly transferSyntax: string;
}

/** SCP/SCU role selection, item 54H (PS3.7 §D.3.3.4). */
export interface RoleSelection {
  readonly sopClassUid: string;
  readonly scu: boolean;
  readonly scp: boolean;
}

/** SOP class extended negotiation, item 56H (PS3.7 §D.3.3.5). */
export interface ExtendedNegotiation {
  readonly sopClassUid: string;
  readonly applicationInformation: Buffer;
}

/** SOP class common extended negotiation, item 57H (PS3.7 §D.3.3.6). */
export interface CommonExtendedNegotiation {
  readonly version: number;
  readonly sopClassUid: string;
  readonly serviceClassUid: string;
  readonly relatedSopClassUids: readonly string[];
}

/** User identity, item 58H (PS3.7 §D.3.3.7). Both fields are secrets: never logged. */
export interface UserIdentityRq {
  readonly type: number;
  readonly positiveResponseRequested: boolean;
  readonly primaryField: Buffer;
  readonly secondaryField: Buffer;
}

/** User information, item 50H, of either A-ASSOCIATE PDU. Absent items are absent properties. */
export interface UserInformation {
  /** Item 51H: the longest P-DATA-TF (without its 6-byte header) that the sender takes; 0 is "no limit". */
  readonly maxPduLength: number;
  /** Item 52H. Required by the standard, but '' where a peer left it out. */
  readonly implementationClassUid: string;
  /** Item 55H. */
  readonly implementationVersionName?: string;
  /** Item 53H (PS3.7 §D.3.3.3). */
  readonly asynchronousOperations?: { readonly invoked: number; readonly performed: number };
  readonly roleSelections: readonly RoleSelection[];
  readonly extendedNegotiations: readonly ExtendedNegotiation[];
  readonly commonExtendedNegotiations: readonly CommonExtendedNegotiation[];
  readonly userIdentity?: UserIdentityRq;
  /** Item 59H, the server's response (PS3.7 §D.3.3.7.2). */
  readonly userIdentityResponse?: Buffer;
}

interface Associate {
  /** Bit 0 is version 1 (PS3.8 §9.3.2). */
  readonly protocolVersion: number;
  /**
   * AE titles up to their first NUL, without leading and trailing spaces, otherwise as on the wire, one
   * character per byte (latin1). May be '' and may hold control characters: policy decides, the log escapes.
   */
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  /** '' where it is missing, or where two of them differ. */
  readonly applicationContextName: string;
  readonly userInformation: UserInformation;
  /** What the decoder refused, repaired or left out, in words for the log; absent where there was nothing. */
  readonly deviations?: readonly string[];
}

export interface AssociateRq extends Associate {
  readonly presentationContexts: readonly PresentationContextRq[];
}

export interface AssociateAc extends Associate {
  readonly presentationContexts: readonly PresentationContextAc[];
}

/** A-ASSOCIATE-RJ (PS3.8 Table 9-21). */
export interface AssociateRj {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
}

/** A-ABORT (PS3.8 Table 9-26). */
export interface Abort {
  readonly source: number;
  readonly reason: number;
}
export const AbortSource = { ServiceUser: 0, ServiceProvider: 2 } as const;

/** An A-ABORT by which the gateway itself ends an association. */
export function providerAbort(reason: number): Abort {
  return { source: AbortSource.ServiceProvider, reason };
}
