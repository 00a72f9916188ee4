/**
 * The user information item, 50H, of both A-ASSOCIATE PDUs and its sub-items (PS3.8 §D.1, PS3.7 §D.3.3).
 * Does not know which sub-item may be in which PDU, nor what a value leads to: policy decides.
 *
 * Nothing here ends an association: only the archive looks at it. What two readers could read differently is left out, and
 * each sub-item may be missing, as with DCMTK. A request without the whole item has no limit of the PDU length, as DCMTK
 * reads it, and no name.
 */

import {
  type Bytes,
  type Deviations,
  encodeCounted,
  encodeItem,
  encodeOpaque,
  encodeText,
  encodeUid,
  encodeUint8,
  encodeUint16,
  encodeUint32,
  type ItemCursor,
  ItemType,
  isSame,
  recovered,
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

/** A single sub-item that came twice and not the same: undefined by all that read it. */
const CONFLICT = Symbol('conflict');

/**
 * Decodes item 50H, also where it comes in several pieces. Unknown sub-items are skipped (PS3.8 §9.3.2.3). A sub-item
 * that is broken is left out, and so is one that comes twice with different values; both are noted.
 */
export class UserInformationDecoder {
  readonly #deviations: Deviations;
  readonly #single = new Map<number, unknown>();
  /** Those that there is one of for each SOP class. */
  readonly #roles = new Map<string, RoleSelection | typeof CONFLICT>();
  readonly #extended = new Map<string, ExtendedNegotiation | typeof CONFLICT>();
  readonly #common: CommonExtendedNegotiation[] = [];

  constructor(deviations: Deviations) {
    this.#deviations = deviations;
  }

  /** Throws PduError where a sub-item crosses the end of the item. */
  decode(items: ItemCursor): void {
    while (items.remaining > 0) {
      const type = items.nextItem();
      const name = subItemNames.get(type);
      if (name === undefined) continue;
      const { itemVersion } = items;
      const value = recovered(() => decodeSubItem(type, items.value(name), itemVersion));
      if (value === undefined) this.#deviations.add(`a ${name} item that cannot be read is left out`);
      else this.#keep(type, name, value);
    }
  }

  #keep(type: number, name: string, value: NonNullable<unknown>): void {
    if (type === ItemType.CommonExtendedNegotiation) {
      this.#common.push(value as CommonExtendedNegotiation);
    } else if (type === ItemType.RoleSelection) {
      const role = value as RoleSelection;
      this.#keepOne(this.#roles, role.sopClassUid, name, role);
    } else if (type === ItemType.ExtendedNegotiation) {
      const negotiation = value as ExtendedNegotiation;
      this.#keepOne(this.#extended, negotiation.sopClassUid, name, negotiation);
    } else if (type === ItemType.MaximumLength && this.#single.has(type)) {
      this.#deviations.add(`the ${name} item is repeated; the smaller one counts`);
      this.#single.set(type, smallerLength(this.#single.get(type) as number, value as number));
    } else this.#keepOne(this.#single, type, name, value);
  }

  #keepOne<Key, Value>(kept: Map<Key, Value | typeof CONFLICT>, key: Key, name: string, value: Value): void {
    const before = kept.get(key);
    if (before === undefined) kept.set(key, value);
    else if (before !== CONFLICT && !isSame(before, value)) {
      this.#deviations.add(`the ${name} items contradict each other; they are left out`);
      kept.set(key, CONFLICT);
    }
  }

  #one<Value>(type: number): Value | undefined {
    const value = this.#single.get(type);
    return value === CONFLICT ? undefined : (value as Value | undefined);
  }

  result(): UserInformation {
    const implementationVersionName = this.#one<string>(ItemType.ImplementationVersionName);
    const asynchronousOperations = this.#one<{ invoked: number; performed: number }>(
      ItemType.AsynchronousOperationsWindow,
    );
    const userIdentity = this.#one<UserIdentityRq>(ItemType.UserIdentityRq);
    const userIdentityResponse = this.#one<Buffer>(ItemType.UserIdentityAc);
    return {
      maxPduLength: this.#one<number>(ItemType.MaximumLength) ?? 0,
      implementationClassUid: this.#one<string>(ItemType.ImplementationClassUid) ?? '',
      ...(implementationVersionName ? { implementationVersionName } : {}),
      ...(asynchronousOperations === undefined ? {} : { asynchronousOperations }),
      roleSelections: withoutConflicts(this.#roles),
      extendedNegotiations: withoutConflicts(this.#extended),
      commonExtendedNegotiations: this.#common,
      ...(userIdentity === undefined ? {} : { userIdentity }),
      ...(userIdentityResponse === undefined ? {} : { userIdentityResponse }),
    };
  }
}

function withoutConflicts<Value>(kept: ReadonlyMap<string, Value | typeof CONFLICT>): Value[] {
  return [...kept.values()].flatMap((value) => (value === CONFLICT ? [] : [value as Value]));
}

/** 0 is "no limit". */
function smallerLength(one: number, other: number): number {
  return one === 0 || other === 0 ? Math.max(one, other) : Math.min(one, other);
}

const subItemNames: ReadonlyMap<number, string> = new Map([
  [ItemType.MaximumLength, 'maximum length'],
  [ItemType.ImplementationClassUid, 'implementation class UID'],
  [ItemType.AsynchronousOperationsWindow, 'asynchronous operations'],
  [ItemType.RoleSelection, 'role selection'],
  [ItemType.ImplementationVersionName, 'implementation version name'],
  [ItemType.ExtendedNegotiation, 'extended negotiation'],
  [ItemType.CommonExtendedNegotiation, 'common extended negotiation'],
  [ItemType.UserIdentityRq, 'user identity'],
  [ItemType.UserIdentityAc, 'user identity response'],
]);

/** Undefined, or a PduError, where it is not what it should be. Bytes behind the last field are not read, as by DCMTK. */
function decodeSubItem(type: number, fields: ItemCursor, version: number): NonNullable<unknown> | undefined {
  switch (type) {
    case ItemType.MaximumLength:
      return fields.uint32('length');
    case ItemType.ImplementationClassUid:
      return fields.remaining === 0 ? '' : fields.wholeUid();
    case ItemType.AsynchronousOperationsWindow:
      return decodeAsynchronousOperations(fields);
    case ItemType.RoleSelection:
      return decodeRoleSelection(fields);
    case ItemType.ImplementationVersionName:
      return decodeVersionName(fields);
    case ItemType.ExtendedNegotiation:
      return decodeExtendedNegotiation(fields);
    case ItemType.CommonExtendedNegotiation:
      return decodeCommonExtendedNegotiation(fields, version);
    case ItemType.UserIdentityRq:
      return decodeUserIdentity(fields);
    default:
      return decodeUserIdentityResponse(fields);
  }
}

/** Encodes item 50H, its sub-items in ascending order. Throws RangeError for a value that does not fit its item. */
export function encodeUserInformation(user: UserInformation): Bytes {
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
    items.push(encodeItem(ItemType.UserIdentityAc, [encodeCounted(encodeOpaque(user.userIdentityResponse))]));
  }
  return encodeItem(ItemType.UserInformation, items);
}

function decodeVersionName(fields: ItemCursor): string | undefined {
  const name = fields.textToNul(fields.remaining, 'name');
  return name.length > MAX_RECEIVED_VERSION_NAME_LENGTH ? undefined : name;
}

function decodeAsynchronousOperations(fields: ItemCursor): { invoked: number; performed: number } {
  const invoked = fields.uint16('number of operations invoked');
  const performed = fields.uint16('number of operations performed');
  return { invoked, performed };
}

/**
 * 0 and 1 are as they are. Of other bytes DCMTK makes this: two that are equal mean both roles, else 1 for the SCU means
 * that one, and anything else means the SCP. Sent on as 0 and 1.
 */
function decodeRoleSelection(fields: ItemCursor): RoleSelection | undefined {
  const sopClassUid = fields.uid(fields.uint16('UID length'));
  const scu = fields.uint8('SCU role');
  const scp = fields.uint8('SCP role');
  if (sopClassUid === undefined) return undefined;
  if (scu <= 1 && scp <= 1) return { sopClassUid, scu: scu === 1, scp: scp === 1 };
  return { sopClassUid, scu: scu === scp || scu === 1, scp: scu === scp || scu !== 1 };
}

function encodeRoleSelection(role: RoleSelection): Bytes {
  return encodeItem(ItemType.RoleSelection, [
    encodeCounted(encodeUid(role.sopClassUid, 'SOP class UID of a role selection')),
    encodeUint8(role.scu ? 1 : 0),
    encodeUint8(role.scp ? 1 : 0),
  ]);
}

function decodeExtendedNegotiation(fields: ItemCursor): ExtendedNegotiation | undefined {
  const sopClassUid = fields.uid(fields.uint16('UID length'));
  if (sopClassUid === undefined) return undefined;
  return { sopClassUid, applicationInformation: fields.copy(fields.remaining, 'application information') };
}

function encodeExtendedNegotiation(negotiation: ExtendedNegotiation): Bytes {
  return encodeItem(ItemType.ExtendedNegotiation, [
    encodeCounted(encodeUid(negotiation.sopClassUid, 'SOP class UID of an extended negotiation')),
    encodeOpaque(negotiation.applicationInformation),
  ]);
}

/** Bytes after the list of related classes are reserved for later versions (PS3.7 §D.3.3.6) and not read. */
function decodeCommonExtendedNegotiation(
  fields: ItemCursor,
  version: number,
): CommonExtendedNegotiation | undefined {
  const sopClassUid = fields.uid(fields.uint16('UID length'));
  const serviceClassUid = fields.uid(fields.uint16('UID length'));
  if (sopClassUid === undefined || serviceClassUid === undefined) return undefined;
  const related = fields.part(fields.uint16('list length'), 'related general SOP classes');
  const relatedSopClassUids: string[] = [];
  while (related.remaining > 0) {
    const uid = related.uid(related.uint16('UID length'));
    if (uid === undefined) return undefined;
    relatedSopClassUids.push(uid);
  }
  return { version, sopClassUid, serviceClassUid, relatedSopClassUids };
}

function encodeCommonExtendedNegotiation(negotiation: CommonExtendedNegotiation): Bytes {
  const related = negotiation.relatedSopClassUids.map((uid) =>
    encodeCounted(encodeUid(uid, 'related general SOP class UID')),
  );
  return encodeItem(
    ItemType.CommonExtendedNegotiation,
    [
      encodeCounted(encodeUid(negotiation.sopClassUid, 'SOP class UID of a common extended negotiation')),
      encodeCounted(encodeUid(negotiation.serviceClassUid, 'service class UID')),
      encodeCounted(related.join('')),
    ],
    negotiation.version,
  );
}

/** A credential with leftovers behind it is not one, for DCMTK neither. */
function decodeUserIdentity(fields: ItemCursor): UserIdentityRq | undefined {
  const type = fields.uint8('type');
  const positiveResponseRequested = fields.uint8('positive response requested') === 1;
  const primaryField = fields.copy(fields.uint16('primary field length'), 'primary field');
  const secondaryField = fields.copy(fields.uint16('secondary field length'), 'secondary field');
  return fields.remaining > 0 ? undefined : { type, positiveResponseRequested, primaryField, secondaryField };
}

function encodeUserIdentity(identity: UserIdentityRq): Bytes {
  return encodeItem(ItemType.UserIdentityRq, [
    encodeUint8(identity.type),
    encodeUint8(identity.positiveResponseRequested ? 1 : 0),
    encodeCounted(encodeOpaque(identity.primaryField)),
    encodeCounted(encodeOpaque(identity.secondaryField)),
  ]);
}

function decodeUserIdentityResponse(fields: ItemCursor): Buffer {
  return fields.copy(fields.uint16('response length'), 'response');
}
