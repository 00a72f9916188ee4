/**
 * A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 §9.3.2, §9.3.3): bytes to values and back. Does not know whether a version, a
 * title or a name is acceptable: policy decides.
 *
 * What goes to the other side is always encoded from the decoded values, never the bytes received.
 */

import {
  decodeContextAc,
  decodeContextRq,
  encodeContextAc,
  encodeContextRq,
  joinRepeatedAc,
  joinRepeatedRq,
} from './contexts';
import {
  type Bytes,
  Deviations,
  encodeItem,
  encodeText,
  encodeUid,
  encodeUint8,
  encodeUint16,
  encodeUint32,
  ItemCursor,
  ItemType,
  malformedAssociate,
} from './items';
import { type AssociateAc, type AssociateRq, MAX_ASSOCIATE_BYTES, PduType } from './types';
import { encodeUserInformation, UserInformationDecoder } from './userInformation';

const AE_TITLE_BYTES = 16;
const RESERVED_BYTES = 32;

type Common<Context> = Omit<AssociateRq, 'presentationContexts'> & { presentationContexts: Context[] };

/**
 * Decodes the body of an A-ASSOCIATE-RQ (without the 6-byte header). Throws PduError
 * 'pdu-associate-malformed'. A context that cannot be proposed to anybody has a `refusal`.
 */
export function decodeAssociateRq(body: Buffer): AssociateRq {
  const rq = decodeAssociate(body, ItemType.PresentationContextRq, decodeContextRq, joinRepeatedRq);
  if (rq.presentationContexts.length === 0) {
    throw malformedAssociate('A-ASSOCIATE-RQ: no presentation context is proposed; at least one is required');
  }
  return rq;
}

/** Decodes the body of an A-ASSOCIATE-AC. Throws as {@link decodeAssociateRq} does. */
export function decodeAssociateAc(body: Buffer): AssociateAc {
  return decodeAssociate(body, ItemType.PresentationContextAc, decodeContextAc, joinRepeatedAc);
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
 * What is broken inside a context or a sub-item costs that one only: it is refused, left out or repaired, and noted in
 * `deviations`. Nothing of it goes on as it came. An item that crosses the end of the PDU ends the association: no reader
 * knows what was meant. Items of the other PDU, which DCMTK would take, are skipped as unknown ones are (PS3.8 §9.3.1).
 */
function decodeAssociate<Context extends { readonly id: number }>(
  body: Buffer,
  contextItem: number,
  decodeContext: (fields: ItemCursor, deviations: Deviations) => Context | undefined,
  joinRepeated: (first: Context, second: Context) => Context,
): Common<Context> {
  const items = new ItemCursor(body, 'A-ASSOCIATE');
  const protocolVersion = items.uint16('protocol version');
  items.uint16('reserved bytes');
  const calledAeTitle = decodeAeTitle(items, 'called AE title');
  const callingAeTitle = decodeAeTitle(items, 'calling AE title');
  items.part(RESERVED_BYTES, 'reserved bytes');

  const deviations = new Deviations();
  const applicationContextNames = new Set<string>();
  const user = new UserInformationDecoder(deviations);
  const contextById = new Map<number, Context>();
  while (items.remaining > 0) {
    const type = items.nextItem();
    if (type === contextItem) {
      const context = decodeContext(items.value('presentation context'), deviations);
      if (context === undefined) continue;
      const first = contextById.get(context.id);
      if (first !== undefined) deviations.add(`presentation context id ${context.id} is repeated`);
      contextById.set(context.id, first === undefined ? context : joinRepeated(first, context));
    } else if (type === ItemType.ApplicationContext) {
      const name = items.value('application context');
      applicationContextNames.add(name.tolerantText(name.remaining));
    } else if (type === ItemType.UserInformation) {
      user.decode(items.value('user information'));
    }
  }
  return {
    protocolVersion,
    calledAeTitle,
    callingAeTitle,
    // Of two that differ, readers differ in which one they use.
    applicationContextName: applicationContextNames.size === 1 ? [...applicationContextNames][0]! : '',
    presentationContexts: [...contextById.values()],
    userInformation: user.result(),
    ...(deviations.notes.length === 0 ? {} : { deviations: deviations.notes }),
  };
}

/** Ends at the first NUL, as C programs read it. Policy and upstream get this very value, so they see the same title. */
function decodeAeTitle(items: ItemCursor, field: string): string {
  return items.textToNul(AE_TITLE_BYTES, field).replace(/^ +/, '');
}

function encodeAssociate(
  type: number,
  associate: AssociateRq | AssociateAc,
  contexts: readonly Bytes[],
): Buffer {
  const ids = new Set(associate.presentationContexts.map((context) => context.id));
  if (ids.size !== contexts.length) {
    throw new RangeError('presentation context ids are not unique');
  }
  const body =
    encodeUint16(associate.protocolVersion) +
    encodeUint16(0) +
    encodeAeTitle(associate.calledAeTitle, 'called AE title') +
    encodeAeTitle(associate.callingAeTitle, 'calling AE title') +
    '\0'.repeat(RESERVED_BYTES) +
    encodeItem(ItemType.ApplicationContext, [
      encodeUid(associate.applicationContextName, 'application context name'),
    ]) +
    contexts.join('') +
    encodeUserInformation(associate.userInformation);
  if (body.length > MAX_ASSOCIATE_BYTES) {
    throw new RangeError(
      `the A-ASSOCIATE PDU is ${body.length} bytes; at most ${MAX_ASSOCIATE_BYTES} are sent`,
    );
  }
  return Buffer.from(encodeUint8(type) + encodeUint8(0) + encodeUint32(body.length) + body, 'latin1');
}

function encodeAeTitle(title: string, field: string): Bytes {
  return encodeText(title, AE_TITLE_BYTES, field).padEnd(AE_TITLE_BYTES);
}
