/**
 * The user information item, 50H, of both A-ASSOCIATE PDUs and its sub-items (PS3.8 §D.1, PS3.7 §D.3.3).
 * Does not know which sub-item may be in which PDU, nor what a value leads to: policy decides.
 *
 * Strict where two readers could read the same bytes differently: a single sub-item must not be repeated (DCMTK takes the
 * last, others the first), and its fields fill it exactly. Lenient where old devices differ and every reader reads the
 * same: each sub-item may be missing, as with DCMTK.
 */

import {
  encodeCounted,
  encodeItem,
  encodeText,
  encodeUid,
  encodeUint8,
  encodeUint16,
  encodeUint32,
  type ItemCursor,
  ItemType,
  malformed,
} from './items';
import type {
  CommonExtendedNegotiation,
  ExtendedNegotiation,
  RoleSelection,
  UserIdentityRq,
  UserInformation,
} from './types';

/** 1 to 16 characters by PS3.7 §D.3.3.2. A longer name is accepted, up to DCMTK's limit, but never sent. */
const MAX_VERSION_NAME_LENGTH = 16;
const MAX_RECEIVED_VERSION_NAME_LENGTH = 64;

type MutableUserInformation = {
  -readonly [K in keyof UserInformation]: UserInformation[K] extends readonly (infer Item)[]
    ? Item[]
    : UserInformation[K];
};

/**
 * Used if the whole item is missing, or one of its parts: no limit of the PDU length, as DCMTK reads it, and no name.
 * PS3.8 §D.1 requires the item, but the framer has its own limit.
 */
export function absentUserInformation(): MutableUserInformation {
  return {
    maxPduLength: 0,
    implementationClassUid: '',
    roleSelections: [],
    extendedNegotiations: [],
    commonExtendedNegotiations: [],
  };
}

/** Decodes the value of item 50H. Unknown sub-items are skipped (PS3.8 §9.3.2.3). Throws PduError. */
export function decodeUserInformation(items: ItemCursor): UserInformation {
  const user = absentUserInformation();
  const seen = new Set<number>();
  const once = (type: number, place: string): ItemCursor => {
    if (seen.has(type)) {
      throw malformed(`user information: the ${place} item is repeated; one is accepted`);
    }
    seen.add(type);
    return items.value(place);
  };

  while (items.remaining > 0) {
    const type = items.nextItem();
    switch (type) {
      case ItemType.MaximumLength:
        user.maxPduLength = decodeMaximumLength(once(type, 'maximum length'));
        break;
      case ItemType.ImplementationClassUid:
        user.implementationClassUid = decodeImplementationClassUid(once(type, 'implementation class UID'));
        break;
      case ItemType.AsynchronousOperationsWindow:
        user.asynchronousOperations = decodeAsynchronousOperations(once(type, 'asynchronous operations'));
        break;
      case ItemType.RoleSelection:
        user.roleSelections.push(decodeRoleSelection(items.value('role selection')));
        break;
      case ItemType.ImplementationVersionName: {
        const name = decodeVersionName(once(type, 'implementation version name'));
        if (name !== '') {
          user.implementationVersionName = name;
        }
        break;
      }
      case ItemType.ExtendedNegotiation:
        user.extendedNegotiations.push(decodeExtendedNegotiation(items.value('extended negotiation')));
        break;
      case ItemType.CommonExtendedNegotiation:
        user.commonExtendedNegotiations.push(
          decodeCommonExtendedNegotiation(items.value('common extended negotiation'), items.itemVersion),
        );
        break;
      case ItemType.UserIdentityRq:
        user.userIdentity = decodeUserIdentity(once(type, 'user identity'));
        break;
      case ItemType.UserIdentityAc:
        user.userIdentityResponse = decodeUserIdentityResponse(once(type, 'user identity response'));
        break;
    }
  }
  return user;
}

/** Encodes item 50H, its sub-items in ascending order. Throws RangeError for a value that does not fit its item. */
export function encodeUserInformation(user: UserInformation): Buffer {
  const items = [
    encodeItem(ItemType.MaximumLength, [encodeUint32(user.maxPduLength)]),
    encodeItem(ItemType.ImplementationClassUid, [
      encodeUid(user.implementationClassUid, 'implementation class UID'),
    ]),
  ];
  if (user.asynchronousOperations !== undefined) {
    const { invoked, performed } = user.asynchronousOperations;
    items.push(
      encodeItem(ItemType.AsynchronousOperationsWindow, [encodeUint16(invoked), encodeUint16(performed)]),
    );
  }
  items.push(...user.roleSelections.map(encodeRoleSelection));
  if (user.implementationVersionName !== undefined) {
    items.push(
      encodeItem(ItemType.ImplementationVersionName, [
        encodeText(user.implementationVersionName, MAX_VERSION_NAME_LENGTH, 'implementation version name'),
      ]),
    );
  }
  items.push(...user.extendedNegotiations.map(encodeExtendedNegotiation));
  items.push(...user.commonExtendedNegotiations.map(encodeCommonExtendedNegotiation));
  if (user.userIdentity !== undefined) {
    items.push(encodeUserIdentity(user.userIdentity));
  }
  if (user.userIdentityResponse !== undefined) {
    items.push(encodeItem(ItemType.UserIdentityAc, [encodeCounted(user.userIdentityResponse)]));
  }
  return encodeItem(ItemType.UserInformation, items);
}

function decodeMaximumLength(fields: ItemCursor): number {
  const maxPduLength = fields.uint32('length');
  fields.expectEnd();
  return maxPduLength;
}

function decodeImplementationClassUid(fields: ItemCursor): string {
  return fields.uidOrEmpty(fields.remaining, 'UID');
}

function decodeVersionName(fields: ItemCursor): string {
  return fields.text(fields.remaining, MAX_RECEIVED_VERSION_NAME_LENGTH, 'name');
}

function decodeAsynchronousOperations(fields: ItemCursor): { invoked: number; performed: number } {
  const invoked = fields.uint16('number of operations invoked');
  const performed = fields.uint16('number of operations performed');
  fields.expectEnd();
  return { invoked, performed };
}

function decodeRoleSelection(fields: ItemCursor): RoleSelection {
  const sopClassUid = fields.uid(fields.uint16('UID length'), 'SOP class UID');
  const scu = fields.flag('SCU role');
  const scp = fields.flag('SCP role');
  fields.expectEnd();
  return { sopClassUid, scu, scp };
}

function encodeRoleSelection(role: RoleSelection): Buffer {
  return encodeItem(ItemType.RoleSelection, [
    encodeCounted(encodeUid(role.sopClassUid, 'SOP class UID of a role selection')),
    encodeUint8(role.scu ? 1 : 0),
    encodeUint8(role.scp ? 1 : 0),
  ]);
}

function decodeExtendedNegotiation(fields: ItemCursor): ExtendedNegotiation {
  const sopClassUid = fields.uid(fields.uint16('UID length'), 'SOP class UID');
  return { sopClassUid, applicationInformation: fields.copy(fields.remaining, 'application information') };
}

function encodeExtendedNegotiation(negotiation: ExtendedNegotiation): Buffer {
  return encodeItem(ItemType.ExtendedNegotiation, [
    encodeCounted(encodeUid(negotiation.sopClassUid, 'SOP class UID of an extended negotiation')),
    negotiation.applicationInformation,
  ]);
}

/** Bytes after the list of related classes are reserved for later versions (PS3.7 §D.3.3.6) and not read. */
function decodeCommonExtendedNegotiation(fields: ItemCursor, version: number): CommonExtendedNegotiation {
  const sopClassUid = fields.uid(fields.uint16('UID length'), 'SOP class UID');
  const serviceClassUid = fields.uid(fields.uint16('UID length'), 'service class UID');
  const related = fields.part(fields.uint16('list length'), 'related general SOP classes');
  const relatedSopClassUids: string[] = [];
  while (related.remaining > 0) {
    relatedSopClassUids.push(related.uid(related.uint16('UID length'), 'SOP class UID'));
  }
  return { version, sopClassUid, serviceClassUid, relatedSopClassUids };
}

function encodeCommonExtendedNegotiation(negotiation: CommonExtendedNegotiation): Buffer {
  const related = negotiation.relatedSopClassUids.map((uid) =>
    encodeCounted(encodeUid(uid, 'related general SOP class UID')),
  );
  return encodeItem(
    ItemType.CommonExtendedNegotiation,
    [
      encodeCounted(encodeUid(negotiation.sopClassUid, 'SOP class UID of a common extended negotiation')),
      encodeCounted(encodeUid(negotiation.serviceClassUid, 'service class UID')),
      encodeCounted(Buffer.concat(related)),
    ],
    negotiation.version,
  );
}

function decodeUserIdentity(fields: ItemCursor): UserIdentityRq {
  const type = fields.uint8('type');
  const positiveResponseRequested = fields.flag('positive response requested');
  const primaryField = fields.copy(fields.uint16('primary field length'), 'primary field');
  const secondaryField = fields.copy(fields.uint16('secondary field length'), 'secondary field');
  fields.expectEnd();
  return { type, positiveResponseRequested, primaryField, secondaryField };
}

function encodeUserIdentity(identity: UserIdentityRq): Buffer {
  return encodeItem(ItemType.UserIdentityRq, [
    encodeUint8(identity.type),
    encodeUint8(identity.positiveResponseRequested ? 1 : 0),
    encodeCounted(identity.primaryField),
    encodeCounted(identity.secondaryField),
  ]);
}

function decodeUserIdentityResponse(fields: ItemCursor): Buffer {
  const response = fields.copy(fields.uint16('response length'), 'response');
  fields.expectEnd();
  return response;
}
