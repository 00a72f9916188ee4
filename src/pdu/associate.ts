/**
 * A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 §9.3.2, §9.3.3): bytes to values and back. Does not know whether a version, a
 * title or a name is acceptable: policy decides.
 *
 * What goes to the other side is always encoded from the decoded values, never the bytes received.
 */

import {
  encodeItem,
  encodeText,
  encodeUid,
  encodeUint8,
  encodeUint16,
  encodeUint32,
  ItemCursor,
  ItemType,
  malformed,
} from './items';
import {
  type AssociateAc,
  type AssociateRq,
  ContextResult,
  MAX_ASSOCIATE_BYTES,
  MAX_TRANSFER_SYNTAXES,
  MAX_UID_LENGTH,
  PduError,
  PduType,
  type PresentationContextAc,
  type PresentationContextRq,
  type UserInformation,
} from './types';
import { absentUserInformation, decodeUserInformation, encodeUserInformation } from './userInformation';

const AE_TITLE_BYTES = 16;
const RESERVED_BYTES = 32;
/** Presentation contexts have the odd ids up to here (PS3.8 §9.3.2.2): 128 of them. */
const MAX_CONTEXT_ID = 255;

/**
 * Implicit VR Little Endian. The transfer syntax of a refused context has no meaning (PS3.8 Table 9-18). But old
 * versions of fo-dicom and pynetdicom fail if the item is missing or empty, so a valid one is sent.
 */
const TRANSFER_SYNTAX_OF_REFUSAL = '1.2.840.10008.1.2';

type Common<Context> = Omit<AssociateRq, 'presentationContexts'> & { presentationContexts: Context[] };

/**
 * Decodes the body of an A-ASSOCIATE-RQ (without the 6-byte header). Throws PduError
 * 'pdu-associate-malformed' or 'pdu-presentation-context-invalid'.
 */
export function decodeAssociateRq(body: Buffer): AssociateRq {
  const rq = decodeAssociate(body, ItemType.PresentationContextRq, decodeContextRq);
  if (rq.presentationContexts.length === 0) {
    throw malformed('A-ASSOCIATE-RQ: no presentation context is proposed; at least one is required');
  }
  return rq;
}

/** Decodes the body of an A-ASSOCIATE-AC. Throws as {@link decodeAssociateRq} does. */
export function decodeAssociateAc(body: Buffer): AssociateAc {
  return decodeAssociate(body, ItemType.PresentationContextAc, decodeContextAc);
}

/** A complete A-ASSOCIATE-RQ PDU. Throws RangeError for values that the PDU cannot carry. */
export function encodeAssociateRq(rq: AssociateRq): Buffer {
  return encodeAssociate(PduType.AssociateRq, rq, rq.presentationContexts.map(encodeContextRq));
}

/**
 * A complete A-ASSOCIATE-AC PDU. The transfer syntax of a context whose result is not 0 is ignored.
 * Throws RangeError for values that the PDU cannot carry.
 */
export function encodeAssociateAc(ac: AssociateAc): Buffer {
  return encodeAssociate(PduType.AssociateAc, ac, ac.presentationContexts.map(encodeContextAc));
}

/**
 * Refuses a second application context or user information item: readers differ in which one they use. Refuses the
 * presentation context item of the other PDU too, because DCMTK takes both kinds in both PDUs. All other items are skipped
 * (PS3.8 §9.3.1).
 */
function decodeAssociate<Context extends { readonly id: number }>(
  body: Buffer,
  contextItem: number,
  decodeContext: (fields: ItemCursor) => Context,
): Common<Context> {
  const items = new ItemCursor(body, 'A-ASSOCIATE');
  const protocolVersion = items.uint16('protocol version');
  items.uint16('reserved bytes');
  const calledAeTitle = decodeAeTitle(items, 'called AE title');
  const callingAeTitle = decodeAeTitle(items, 'calling AE title');
  items.part(RESERVED_BYTES, 'reserved bytes');

  let applicationContextName: string | undefined;
  let userInformation: UserInformation | undefined;
  const contextById = new Map<number, Context>();
  while (items.remaining > 0) {
    const type = items.nextItem();
    switch (type) {
      case ItemType.ApplicationContext: {
        if (applicationContextName !== undefined) {
          throw malformed('A-ASSOCIATE: the application context item is repeated; one is accepted');
        }
        const name = items.value('application context');
        applicationContextName = name.text(name.remaining, MAX_UID_LENGTH, 'name');
        break;
      }
      case contextItem: {
        const context = decodeContext(items.value('presentation context'));
        if (contextById.has(context.id)) {
          throw invalidContext(`presentation context id ${context.id} is repeated; ids are unique`);
        }
        contextById.set(context.id, context);
        break;
      }
      case ItemType.PresentationContextRq:
      case ItemType.PresentationContextAc:
        throw malformed('A-ASSOCIATE: a presentation context item of the other A-ASSOCIATE PDU');
      case ItemType.UserInformation:
        if (userInformation !== undefined) {
          throw malformed('A-ASSOCIATE: the user information item is repeated; one is accepted');
        }
        userInformation = decodeUserInformation(items.value('user information'));
        break;
    }
  }
  return {
    protocolVersion,
    calledAeTitle,
    callingAeTitle,
    applicationContextName: applicationContextName ?? '',
    presentationContexts: [...contextById.values()],
    userInformation: userInformation ?? absentUserInformation(),
  };
}

/**
 * Only the ends are trimmed. A NUL inside stays, where DCMTK would cut the title: "CT1\0X" is not "CT1", and
 * no policy entry matches it.
 */
function decodeAeTitle(items: ItemCursor, field: string): string {
  return items.text(AE_TITLE_BYTES, AE_TITLE_BYTES, field).replace(/^ +/, '');
}

/** Ids are odd and unique, so there are at most 128 contexts, without counting them. */
function decodeContextId(fields: ItemCursor): number {
  const id = fields.uint8('id');
  if (!isContextId(id)) {
    throw invalidContext(`presentation context id ${id}; odd ids from 1 to ${MAX_CONTEXT_ID} are accepted`);
  }
  return id;
}

function decodeContextRq(fields: ItemCursor): PresentationContextRq {
  const id = decodeContextId(fields);
  fields.part(3, 'reserved bytes');
  let abstractSyntax: string | undefined;
  const transferSyntaxes: string[] = [];
  while (fields.remaining > 0) {
    const type = fields.nextItem();
    if (type === ItemType.AbstractSyntax) {
      if (abstractSyntax !== undefined) {
        throw malformed(`presentation context ${id}: the abstract syntax is repeated; one is accepted`);
      }
      abstractSyntax = decodeUidItem(fields, 'abstract syntax');
    } else if (type === ItemType.TransferSyntax) {
      if (transferSyntaxes.length === MAX_TRANSFER_SYNTAXES) {
        throw malformed(
          `presentation context ${id}: too many transfer syntaxes; ${MAX_TRANSFER_SYNTAXES} are accepted`,
        );
      }
      transferSyntaxes.push(decodeUidItem(fields, 'transfer syntax'));
    }
  }
  if (abstractSyntax === undefined) {
    throw malformed(`presentation context ${id}: the abstract syntax is missing; one is required`);
  }
  if (transferSyntaxes.length === 0) {
    throw malformed(`presentation context ${id}: no transfer syntax; at least one is required`);
  }
  return { id, abstractSyntax, transferSyntaxes };
}

/**
 * Of a context that is not accepted, only the result is read. Its transfer syntax has no meaning and must not be tested
 * (PS3.8 Table 9-18); peers leave it out or empty.
 */
function decodeContextAc(fields: ItemCursor): PresentationContextAc {
  const id = decodeContextId(fields);
  fields.uint8('reserved byte');
  const result = fields.uint8('result');
  fields.uint8('reserved byte');
  if (result !== ContextResult.Acceptance) {
    return { id, result, transferSyntax: '' };
  }
  let transferSyntax: string | undefined;
  while (fields.remaining > 0) {
    if (fields.nextItem() === ItemType.TransferSyntax) {
      if (transferSyntax !== undefined) {
        throw malformed(`presentation context ${id}: the transfer syntax is repeated; one is accepted`);
      }
      transferSyntax = decodeUidItem(fields, 'transfer syntax');
    }
  }
  if (transferSyntax === undefined) {
    throw malformed(`presentation context ${id}: accepted without a transfer syntax; one is required`);
  }
  return { id, result, transferSyntax };
}

function decodeUidItem(items: ItemCursor, place: string): string {
  const uid = items.value(place);
  return uid.uid(uid.remaining, 'UID');
}

function encodeAssociate(type: number, associate: AssociateRq | AssociateAc, contexts: Buffer[]): Buffer {
  const ids = new Set(associate.presentationContexts.map((context) => context.id));
  if (ids.size !== contexts.length) {
    throw new RangeError('presentation context ids are not unique');
  }
  const body = Buffer.concat([
    encodeUint16(associate.protocolVersion),
    encodeUint16(0),
    encodeAeTitle(associate.calledAeTitle, 'called AE title'),
    encodeAeTitle(associate.callingAeTitle, 'calling AE title'),
    Buffer.alloc(RESERVED_BYTES),
    encodeItem(ItemType.ApplicationContext, [
      encodeUid(associate.applicationContextName, 'application context name'),
    ]),
    ...contexts,
    encodeUserInformation(associate.userInformation),
  ]);
  if (body.length > MAX_ASSOCIATE_BYTES) {
    throw new RangeError(
      `the A-ASSOCIATE PDU is ${body.length} bytes; at most ${MAX_ASSOCIATE_BYTES} are sent`,
    );
  }
  return Buffer.concat([encodeUint8(type), encodeUint8(0), encodeUint32(body.length), body]);
}

function encodeAeTitle(title: string, field: string): Buffer {
  const padded = Buffer.alloc(AE_TITLE_BYTES, ' ');
  encodeText(title, AE_TITLE_BYTES, field).copy(padded);
  return padded;
}

function encodeContextRq(context: PresentationContextRq): Buffer {
  const count = context.transferSyntaxes.length;
  if (count < 1 || count > MAX_TRANSFER_SYNTAXES) {
    throw new RangeError(
      `presentation context ${context.id} has ${count} transfer syntaxes; 1 to ${MAX_TRANSFER_SYNTAXES} are accepted`,
    );
  }
  return encodeItem(ItemType.PresentationContextRq, [
    encodeContextId(context.id),
    Buffer.alloc(3),
    encodeItem(ItemType.AbstractSyntax, [encodeUid(context.abstractSyntax, 'abstract syntax')]),
    ...context.transferSyntaxes.map((uid) =>
      encodeItem(ItemType.TransferSyntax, [encodeUid(uid, 'transfer syntax')]),
    ),
  ]);
}

function encodeContextAc(context: PresentationContextAc): Buffer {
  const isAccepted = context.result === ContextResult.Acceptance;
  const transferSyntax = isAccepted ? context.transferSyntax : TRANSFER_SYNTAX_OF_REFUSAL;
  return encodeItem(ItemType.PresentationContextAc, [
    encodeContextId(context.id),
    encodeUint8(0),
    encodeUint8(context.result),
    encodeUint8(0),
    encodeItem(ItemType.TransferSyntax, [encodeUid(transferSyntax, 'transfer syntax')]),
  ]);
}

function encodeContextId(id: number): Buffer {
  if (!isContextId(id)) {
    throw new RangeError(`presentation context id ${id}; odd ids from 1 to ${MAX_CONTEXT_ID} are accepted`);
  }
  return encodeUint8(id);
}

function isContextId(id: number): boolean {
  return id % 2 === 1 && id <= MAX_CONTEXT_ID;
}

function invalidContext(message: string): PduError {
  return new PduError('pdu-presentation-context-invalid', message);
}
