/**
 * The presentation context items of both A-ASSOCIATE PDUs, 20H and 21H (PS3.8 §9.3.2.2, §9.3.3.2). What is wrong with one
 * costs that context only: the refusal says with which result. Does not know who is asked, nor what is accepted.
 */
import {
  type Bytes,
  type Deviations,
  encodeItem,
  encodeUid,
  encodeUint8,
  type ItemCursor,
  ItemType,
  isSame,
  recovered,
} from './items';
import {
  ContextResult,
  MAX_TRANSFER_SYNTAXES,
  type PresentationContextAc,
  type PresentationContextRq,
} from './types';

/** An id is one byte. Odd ids are the rule (PS3.8 §9.3.2.2); even ones are kept, as DCMTK and Orthanc accept them. */
const MAX_CONTEXT_ID = 255;

/**
 * Implicit VR Little Endian. The transfer syntax of a refused context has no meaning (PS3.8 Table 9-18). But old
 * versions of fo-dicom and pynetdicom fail if the item is missing or empty, so a valid one is sent.
 */
const TRANSFER_SYNTAX_OF_REFUSAL = '1.2.840.10008.1.2';

/** Between the id and the items. */
const RESERVED_BYTES = '\0'.repeat(3);

/** Undefined where not even the id can be read: such a context cannot be answered. */
export function decodeContextRq(
  fields: ItemCursor,
  deviations: Deviations,
): PresentationContextRq | undefined {
  if (fields.remaining === 0) {
    deviations.add('a presentation context without an id is left out');
    return undefined;
  }
  const id = fields.uint8('id');
  if (id % 2 === 0) deviations.add(`presentation context id ${id} is even`);
  const abstractSyntaxes = new Set<string | undefined>();
  const transferSyntaxes: string[] = [];
  const isWhole = recovered(() => {
    fields.part(3, 'reserved bytes');
    while (fields.remaining > 0) {
      const type = fields.nextItem();
      if (type === ItemType.AbstractSyntax) abstractSyntaxes.add(fields.value('abstract syntax').wholeUid());
      else if (type === ItemType.TransferSyntax) {
        const uid = fields.value('transfer syntax').wholeUid();
        if (uid === undefined) {
          deviations.add(`presentation context ${id}: a transfer syntax that is not a UID is left out`);
        } else if (transferSyntaxes.length < MAX_TRANSFER_SYNTAXES) transferSyntaxes.push(uid);
        else
          deviations.add(`presentation context ${id}: more than ${MAX_TRANSFER_SYNTAXES} transfer syntaxes`);
      }
    }
    return true;
  });
  const [abstractSyntax, ...others] = abstractSyntaxes;
  if (isWhole === undefined || abstractSyntax === undefined || others.length > 0) {
    deviations.add(`presentation context ${id}: the abstract syntax is not one UID; refused`);
    return refused(id, ContextResult.AbstractSyntaxNotSupported);
  }
  if (transferSyntaxes.length === 0) {
    deviations.add(`presentation context ${id}: no transfer syntax is a UID; refused`);
    return { ...refused(id, ContextResult.TransferSyntaxesNotSupported), abstractSyntax };
  }
  return { id, abstractSyntax, transferSyntaxes };
}

function refused(id: number, refusal: number): PresentationContextRq {
  return { id, abstractSyntax: '', transferSyntaxes: [], refusal };
}

/** One proposal if both are the same. Else the id names two: which of them a message is on would be a guess. */
export function joinRepeatedRq(
  first: PresentationContextRq,
  second: PresentationContextRq,
): PresentationContextRq {
  return isSame(first, second) ? first : refused(first.id, ContextResult.NoReason);
}

export function joinRepeatedAc(
  first: PresentationContextAc,
  second: PresentationContextAc,
): PresentationContextAc {
  return isSame(first, second) ? first : unusable(first.id);
}

function unusable(id: number): PresentationContextAc {
  return { id, result: ContextResult.NoReason, transferSyntax: '' };
}

/**
 * Of a context that is not accepted, only the result is read. Its transfer syntax has no meaning and must not be tested
 * (PS3.8 Table 9-18); peers leave it out or empty. One that is accepted with no or with two transfer syntaxes counts as
 * refused.
 */
export function decodeContextAc(
  fields: ItemCursor,
  deviations: Deviations,
): PresentationContextAc | undefined {
  if (fields.remaining === 0) return undefined;
  const id = fields.uint8('id');
  const transferSyntaxes = new Set<string | undefined>();
  const result = recovered(() => {
    fields.uint8('reserved byte');
    const read = fields.uint8('result');
    fields.uint8('reserved byte');
    while (read === ContextResult.Acceptance && fields.remaining > 0) {
      if (fields.nextItem() === ItemType.TransferSyntax) {
        transferSyntaxes.add(fields.value('transfer syntax').wholeUid());
      }
    }
    return read;
  });
  if (result !== undefined && result !== ContextResult.Acceptance) return { id, result, transferSyntax: '' };
  const [transferSyntax, ...others] = transferSyntaxes;
  if (result === undefined || transferSyntax === undefined || others.length > 0) {
    deviations.add(`presentation context ${id}: the accepted transfer syntax is not one UID; refused`);
    return unusable(id);
  }
  return { id, result, transferSyntax };
}

export function encodeContextRq(context: PresentationContextRq): Bytes {
  const count = context.transferSyntaxes.length;
  if (count < 1 || count > MAX_TRANSFER_SYNTAXES) {
    throw new RangeError(
      `presentation context ${context.id} has ${count} transfer syntaxes; 1 to ${MAX_TRANSFER_SYNTAXES} are accepted`,
    );
  }
  return encodeItem(ItemType.PresentationContextRq, [
    encodeContextId(context.id),
    RESERVED_BYTES,
    encodeItem(ItemType.AbstractSyntax, [encodeUid(context.abstractSyntax, 'abstract syntax')]),
    ...context.transferSyntaxes.map((uid) =>
      encodeItem(ItemType.TransferSyntax, [encodeUid(uid, 'transfer syntax')]),
    ),
  ]);
}

export function encodeContextAc(context: PresentationContextAc): Bytes {
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

function encodeContextId(id: number): Bytes {
  if (!Number.isInteger(id) || id < 0 || id > MAX_CONTEXT_ID) {
    throw new RangeError(`presentation context id ${id}; ids from 0 to ${MAX_CONTEXT_ID} are accepted`);
  }
  return encodeUint8(id);
}
