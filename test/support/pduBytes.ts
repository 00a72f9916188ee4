/**
 * Builds PS3.8 bytes for tests and takes them apart, independently of src/pdu: what the codec gets wrong must
 * not be wrong here too. Remembers where each length field is, so that tests can damage every one of them.
 */

export interface LengthField {
  readonly offset: number;
  /** 2 or 4, big endian. */
  readonly bytes: 2 | 4;
}

export interface Built {
  readonly bytes: Buffer;
  readonly lengths: readonly LengthField[];
}

type Part = Built | Buffer | string | readonly number[];

/** Parts one after the other; a string is hexadecimal, spaces allowed. */
export function join(...parts: Part[]): Built {
  const buffers: Buffer[] = [];
  const lengths: LengthField[] = [];
  let offset = 0;
  for (const part of parts) {
    const built = toBuilt(part);
    for (const field of built.lengths) {
      lengths.push({ offset: offset + field.offset, bytes: field.bytes });
    }
    buffers.push(built.bytes);
    offset += built.bytes.length;
  }
  return { bytes: Buffer.concat(buffers), lengths };
}

function toBuilt(part: Part): Built {
  if (typeof part === 'string') {
    return { bytes: Buffer.from(part.replaceAll(/\s/g, ''), 'hex'), lengths: [] };
  }
  if (Buffer.isBuffer(part)) {
    return { bytes: part, lengths: [] };
  }
  return 'lengths' in part ? part : { bytes: Buffer.from(part), lengths: [] };
}

export function bigEndian(value: number, bytes: 2 | 4): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * bytes, '0'), 'hex');
}

/** A two-byte length and what it counts. */
export function counted(...parts: Part[]): Built {
  const value = join(...parts);
  return join({ bytes: bigEndian(value.bytes.length, 2), lengths: [{ offset: 0, bytes: 2 }] }, value);
}

/** An item: type, reserved (or version), length, value. */
export function item(type: number, parts: readonly Part[], secondByte = 0): Built {
  return join([type, secondByte], counted(...parts));
}

export function ascii(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A PDU: type, reserved, length, body. */
export function pdu(type: number, ...parts: Part[]): Built {
  const body = join(...parts);
  const length = { bytes: bigEndian(body.bytes.length, 4), lengths: [{ offset: 0, bytes: 4 as const }] };
  return join([type, 0], length, body);
}

/** A PDV item. Control: 1 command, 2 last. */
export function pdv(contextId: number, control: number, fragment: Part): Built {
  const value = join([contextId, control], fragment);
  return join({ bytes: bigEndian(value.bytes.length, 4), lengths: [{ offset: 0, bytes: 4 }] }, value);
}

export function pData(...pdvs: Built[]): Built {
  return pdu(4, ...pdvs);
}

export function associateRj(result: number, source: number, reason: number): Built {
  return pdu(3, [0, result, source, reason]);
}

export function releaseRq(): Built {
  return pdu(5, [0, 0, 0, 0]);
}

export function releaseRp(): Built {
  return pdu(6, [0, 0, 0, 0]);
}

export function abort(source: number, reason: number): Built {
  return pdu(7, [0, 0, source, reason]);
}

export const VERIFICATION = '1.2.840.10008.1.1';
export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';

export const applicationContext = item(0x10, [ascii(APPLICATION_CONTEXT)]);
export const maximumLength = item(0x51, [bigEndian(16384, 4)]);
export const implementationClassUid = item(0x52, [ascii('1.2.3.4')]);

export function contextRq(id: number, abstractSyntax: string, ...transferSyntaxes: string[]): Built {
  return item(0x20, [
    [id, 0, 0, 0],
    item(0x30, [ascii(abstractSyntax)]),
    ...transferSyntaxes.map((uid) => item(0x40, [ascii(uid)])),
  ]);
}

export function contextAc(id: number, result: number, ...parts: Part[]): Built {
  return item(0x21, [[id, 0, result, 0], ...parts]);
}

export function userInformation(...parts: Part[]): Built {
  return item(0x50, [maximumLength, implementationClassUid, ...parts]);
}

/** What comes before the items of an A-ASSOCIATE body. */
export function associateFixed(called = 'ARCHIVE', calling = 'CT1', version = 1): Built {
  return join(
    bigEndian(version, 2),
    [0, 0],
    ascii(called.padEnd(16)),
    ascii(calling.padEnd(16)),
    Buffer.alloc(32),
  );
}

/** An A-ASSOCIATE body (without PDU header) of items; the fixed fields are those above. */
export function associateBody(...items: Part[]): Built {
  return join(associateFixed(), ...items);
}

/** The smallest sensible request: C-ECHO from CT1 to ARCHIVE. */
export function echoRequestBody(): Built {
  return associateBody(
    applicationContext,
    contextRq(1, VERIFICATION, IMPLICIT_LITTLE_ENDIAN),
    userInformation(),
  );
}

/** A request with every item that the standard has. */
export function fullRequestBody(): Built {
  return associateBody(
    applicationContext,
    contextRq(1, VERIFICATION, IMPLICIT_LITTLE_ENDIAN),
    contextRq(3, CT_IMAGE_STORAGE, EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN),
    userInformation(
      item(0x53, [bigEndian(1, 2), bigEndian(1, 2)]),
      item(0x54, [counted(ascii(CT_IMAGE_STORAGE)), [0, 1]]),
      item(0x55, [ascii('CT_SOFTWARE_1')]),
      item(0x56, [counted(ascii(CT_IMAGE_STORAGE)), '02 00 03']),
      item(
        0x57,
        [
          counted(ascii(CT_IMAGE_STORAGE)),
          counted(ascii('1.2.840.10008.4.2')),
          counted(counted(ascii('1.2.840.10008.5.1.4.1.1.88.22')), counted(ascii('1.2.3'))),
        ],
        0,
      ),
      item(0x58, [[2, 1], counted(ascii('user')), counted(ascii('password'))]),
    ),
  );
}

/** An answer with one context accepted, one refused, and every item that an answer has. */
export function fullAnswerBody(): Built {
  return associateBody(
    applicationContext,
    contextAc(1, 0, item(0x40, [ascii(IMPLICIT_LITTLE_ENDIAN)])),
    contextAc(3, 3, item(0x40, [ascii(IMPLICIT_LITTLE_ENDIAN)])),
    userInformation(
      item(0x53, [bigEndian(1, 2), bigEndian(1, 2)]),
      item(0x54, [counted(ascii(CT_IMAGE_STORAGE)), [0, 1]]),
      item(0x55, [ascii('ARCHIVE_1')]),
      item(0x56, [counted(ascii(CT_IMAGE_STORAGE)), '02 00 03']),
      item(0x59, [counted(ascii('ticket'))]),
    ),
  );
}

export interface ParsedPdv {
  readonly pduLength: number;
  readonly contextId: number;
  readonly control: number;
  readonly fragment: Buffer;
}

/** Takes P-DATA-TF PDUs of exactly one PDV each apart; throws for anything else. */
export function parsePDataStream(bytes: Buffer): ParsedPdv[] {
  const found: ParsedPdv[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    if (rest.length < 12 || rest[0] !== 4 || rest[1] !== 0) {
      throw new Error(`no P-DATA-TF at ${bytes.length - rest.length}`);
    }
    const pduLength = rest.readUInt32BE(2);
    const pdvLength = rest.readUInt32BE(6);
    if (pduLength !== pdvLength + 4 || rest.length < 6 + pduLength) {
      throw new Error(`not exactly one PDV at ${bytes.length - rest.length}`);
    }
    found.push({
      pduLength,
      contextId: rest[10]!,
      control: rest[11]!,
      fragment: rest.subarray(12, 6 + pduLength),
    });
    rest = rest.subarray(6 + pduLength);
  }
  return found;
}
