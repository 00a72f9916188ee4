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

/** The largest digit or sign that is not a letter: what is shown of UIDs, and of lengths up to that of a UID. */
const MAX_SIGN = 0x40;
const NUMBER_BYTES = 4;
const MAX_VERSION_NAME_BYTES = 16;
/** Of a presentation context: its id, and its result. */
const CONTEXT_START_BYTES = 4;

type RedactItem = (type: number, value: Buffer, out: RedactedBytes) => void;

/** `body` is the PDU without its header. */
export function redactAssociate(body: Buffer, out: RedactedBytes): void {
  out.keep(body.subarray(0, TITLES_END));
  const reserved = body.subarray(TITLES_END, TITLES_END + RESERVED_BYTES);
  out.blank(reserved.length);
  redactItems(body.subarray(TITLES_END + RESERVED_BYTES), out, redactItem);
}

/**
 * A wrong length leads into the middle of something else, a passcode perhaps. So a header is shown only where it is one that
 * the standard knows, and behind an item that crosses the end, nothing is.
 */
function redactItems(bytes: Buffer, out: RedactedBytes, redactValue: RedactItem): void {
  let offset = 0;
  while (bytes.length - offset >= ITEM_HEADER_BYTES) {
    const start = offset + ITEM_HEADER_BYTES;
    const end = start + bytes.readUInt16BE(offset + 2);
    const type = bytes[offset]!;
    const isShown = KNOWN_ITEMS.has(type) && bytes[offset + 1] === 0;
    if (isShown) out.keep(bytes.subarray(offset, start));
    else out.blank(ITEM_HEADER_BYTES);
    offset = start;
    if (end > bytes.length) break;
    const value = bytes.subarray(start, end);
    if (isShown) redactValue(type, value, out);
    else out.blank(value.length);
    offset = end;
  }
  out.blank(bytes.length - offset);
}

const KNOWN_ITEMS: ReadonlySet<number> = new Set(Object.values(ItemType));

function redactItem(type: number, value: Buffer, out: RedactedBytes): void {
  switch (type) {
    case ItemType.UserInformation:
      redactItems(value, out, redactItem);
      break;
    case ItemType.PresentationContextRq:
    case ItemType.PresentationContextAc:
      out.keep(value.subarray(0, CONTEXT_START_BYTES));
      keepSigns(value.subarray(CONTEXT_START_BYTES), out);
      break;
    case ItemType.UserIdentityRq:
      redactIdentity(value, out);
      break;
    case ItemType.UserIdentityAc:
      out.blank(redactCounted(value, out).length);
      break;
    case ItemType.MaximumLength:
    case ItemType.AsynchronousOperationsWindow:
      keepWhere(value.length === NUMBER_BYTES, value, out);
      break;
    case ItemType.ImplementationVersionName:
      keepWhere(value.length <= MAX_VERSION_NAME_BYTES, value, out);
      break;
    default:
      keepSigns(value, out);
  }
}

/** UIDs, numbers and lengths; letters become zeros. */
function keepSigns(value: Buffer, out: RedactedBytes): void {
  out.keep(Buffer.from(value.map((byte) => (byte <= MAX_SIGN ? byte : 0))));
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
