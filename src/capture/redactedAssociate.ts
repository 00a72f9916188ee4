/**
 * What may be shown of an A-ASSOCIATE-RQ or -AC (PS3.8 §9.3.2, §9.3.3): titles, contexts, and what the sides say of
 * themselves. Not the user identity (58H, 59H): names, passcodes and tokens. Nor what no standard describes.
 */
import { ItemType } from '../pdu/items';
import type { RedactedBytes } from './redactedBytes';

const ITEM_HEADER_BYTES = 1 + 1 + 2;
/** Version, two reserved bytes, and the two titles; 32 reserved bytes follow. */
const TITLES_END = 2 + 2 + 16 + 16;
const RESERVED_BYTES = 32;

const SHOWN_ITEMS: ReadonlySet<number> = new Set([
  ItemType.ApplicationContext,
  ItemType.PresentationContextRq,
  ItemType.PresentationContextAc,
]);

const SHOWN_SUB_ITEMS: ReadonlySet<number> = new Set([
  ItemType.MaximumLength,
  ItemType.ImplementationClassUid,
  ItemType.AsynchronousOperationsWindow,
  ItemType.RoleSelection,
  ItemType.ImplementationVersionName,
  ItemType.ExtendedNegotiation,
  ItemType.CommonExtendedNegotiation,
]);

type RedactItem = (type: number, value: Buffer, out: RedactedBytes) => void;

/** `body` is the PDU without its header. */
export function redactAssociate(body: Buffer, out: RedactedBytes): void {
  out.keep(body.subarray(0, TITLES_END));
  const reserved = body.subarray(TITLES_END, TITLES_END + RESERVED_BYTES);
  out.blank(reserved.length);
  redactItems(body.subarray(TITLES_END + RESERVED_BYTES), out, (type, value) => {
    if (type === ItemType.UserInformation) redactItems(value, out, redactSubItem);
    else keepWhere(SHOWN_ITEMS.has(type), value, out);
  });
}

/** Behind an item that crosses the end, nothing is an item: it is not shown. */
function redactItems(bytes: Buffer, out: RedactedBytes, redactItem: RedactItem): void {
  let offset = 0;
  while (bytes.length - offset >= ITEM_HEADER_BYTES) {
    const start = offset + ITEM_HEADER_BYTES;
    const end = start + bytes.readUInt16BE(offset + 2);
    if (end > bytes.length) break;
    out.keep(bytes.subarray(offset, start));
    redactItem(bytes[offset]!, bytes.subarray(start, end), out);
    offset = end;
  }
  out.blank(bytes.length - offset);
}

function redactSubItem(type: number, value: Buffer, out: RedactedBytes): void {
  if (type === ItemType.UserIdentityRq) redactIdentity(value, out);
  else if (type === ItemType.UserIdentityAc) out.blank(redactCounted(value, out).length);
  else keepWhere(SHOWN_SUB_ITEMS.has(type), value, out);
}

/** Its kind, and whether an answer is wanted; of both fields the length (PS3.7 §D.3.3.7). */
function redactIdentity(value: Buffer, out: RedactedBytes): void {
  out.keep(value.subarray(0, 2));
  out.blank(redactCounted(redactCounted(value.subarray(2), out), out).length);
}

/** A field behind its length; returns what follows it. */
function redactCounted(bytes: Buffer, out: RedactedBytes): Buffer {
  if (bytes.length < 2 || 2 + bytes.readUInt16BE(0) > bytes.length) {
    out.blank(bytes.length);
    return bytes.subarray(bytes.length);
  }
  const end = 2 + bytes.readUInt16BE(0);
  out.keep(bytes.subarray(0, 2));
  out.blank(end - 2);
  return bytes.subarray(end);
}

function keepWhere(isShown: boolean, value: Buffer, out: RedactedBytes): void {
  if (isShown) out.keep(value);
  else out.blank(value.length);
}
