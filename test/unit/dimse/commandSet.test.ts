import { describe, expect, it } from '@jest/globals';
import { decodeCommandSet } from '../../../src/dimse/commandSet';
import {
  CommandSetError,
  type CommandSetErrorCode,
  RefusedRequestError,
} from '../../../src/dimse/commandSetError';
import { commandElement, withGroupLength } from '../../support/dicomBytes';
import { bytesOf, goldenCommandSets } from './goldenCommandSets';

function us(element: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return commandElement(element, bytes);
}

function text(element: number, value: string): Buffer {
  return commandElement(element, Buffer.from(value, 'latin1'));
}

const commandField = us(0x0100, 0x0021);
const messageId = us(0x0110, 1);
const dataSetType = us(0x0800, 1);

/** A command set with this element at its place among the required ones. */
function commandSetWith(element: number, encoded: Buffer): Buffer {
  const after = element < 0x0100 ? [encoded, commandField] : [commandField, encoded];
  return withGroupLength(
    Buffer.concat(element > 0x0800 ? [commandField, dataSetType, encoded] : [...after, dataSetType]),
  );
}

function refusalOf(bytes: Buffer): { code: CommandSetErrorCode; message: string } {
  try {
    decodeCommandSet(bytes);
  } catch (error) {
    if (error instanceof CommandSetError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('was not refused');
}

function malformed(part: string) {
  return { code: 'command-set-malformed', message: expect.stringContaining(part) };
}

describe('decodes', () => {
  it('a command set without a group length, as DCMTK and pynetdicom do', () => {
    const bytes = Buffer.concat([commandField, messageId, dataSetType]);
    expect(decodeCommandSet(bytes)).toEqual({ CommandField: 0x0021, MessageID: 1, CommandDataSetType: 1 });
  });

  it.each([0x0000, 0x0001, 0x0100, 0x0102, 0xffff])('CommandDataSetType %i as it came', (type) => {
    const bytes = withGroupLength(Buffer.concat([commandField, us(0x0800, type)]));
    expect(decodeCommandSet(bytes).CommandDataSetType).toBe(type);
  });

  it.each([
    ['1.2.3\0', '1.2.3'],
    ['1.2.3 ', '1.2.3'],
    ['1.2.34', '1.2.34'],
    ['1.2.34\0\0', '1.2.34'],
    ['', ''],
    ['\0\0', ''],
    ['1'.repeat(64), '1'.repeat(64)],
    [`${'1'.repeat(64)}\0\0`, '1'.repeat(64)],
  ])('UID %j as %j', (encoded, uid) => {
    expect(decodeCommandSet(commandSetWith(0x0002, text(0x0002, encoded))).AffectedSOPClassUID).toBe(uid);
  });

  it.each([
    ['WS1 ', 'WS1'],
    [' WS1', 'WS1'],
    ['WS1\0', 'WS1'],
    ['WS 1  ', 'WS 1'],
    ['    ', ''],
    ['', ''],
    ['A234567890123456', 'A234567890123456'],
    ['  A234567890123456  ', 'A234567890123456'],
  ])('AE title %j as %j', (encoded, title) => {
    expect(decodeCommandSet(commandSetWith(0x0600, text(0x0600, encoded))).MoveDestination).toBe(title);
  });

  it('an error comment as it came, up to 64 characters', () => {
    const comment = `${'a\\b\xe9'.padEnd(63, '.')}!`;
    expect(decodeCommandSet(commandSetWith(0x0902, text(0x0902, comment))).ErrorComment).toBe(comment);
  });

  it.each([
    ['a\nb ', 'a b'],
    ['a\0b ', 'a b'],
    ['\x07 ', ''],
    ['x'.repeat(66), 'x'.repeat(64)],
  ])('error comment %j, which an archive should not send, as %j', (encoded, comment) => {
    expect(decodeCommandSet(commandSetWith(0x0902, text(0x0902, encoded))).ErrorComment).toBe(comment);
  });

  it('tags as unsigned numbers', () => {
    const tags = Buffer.from('feff00e0 08001800'.replace(' ', ''), 'hex');
    const bytes = commandSetWith(0x1005, commandElement(0x1005, tags));
    expect(decodeCommandSet(bytes).AttributeIdentifierList).toEqual([0xfffee000, 0x00080018]);
  });

  it('skips retired, private and unknown elements', () => {
    const skipped = [0x0001, 0x0010].map((element) => text(element, 'ABCD'));
    const later = [0x0850, 0x0860, 0x4000, 0x5190, 0xffff].map((element) => text(element, 'X1'));
    const bytes = withGroupLength(Buffer.concat([...skipped, commandField, dataSetType, ...later]));
    expect(decodeCommandSet(bytes)).toEqual({ CommandField: 0x0021, CommandDataSetType: 1 });
  });
});

describe('what DCMTK appends to a response with failures', () => {
  const response = us(0x0100, 0x8010);
  const noDataSet = us(0x0800, 0x0101);
  // Recorded of Orthanc 1.10.1: a group length of its own, then (0008,0058) Failed SOP Instance UID List.
  const detail = bytesOf([
    '0800 0000 04000000 0e000000  14 bytes follow in group 0008',
    '0800 5800 06000000 312e322e3300  FailedSOPInstanceUIDList 1.2.3, NUL',
  ]);

  it('is skipped', () => {
    const bytes = Buffer.concat([withGroupLength(Buffer.concat([response, noDataSet])), detail]);
    expect(decodeCommandSet(bytes)).toEqual({ CommandField: 0x8010, CommandDataSetType: 0x0101 });
  });

  it('is refused in a request', () => {
    const before = withGroupLength(Buffer.concat([commandField, noDataSet]));
    expect(refusalOf(Buffer.concat([before, detail]))).toEqual(malformed('is in group 0008, not in 0000'));
  });

  it('is not read on, so what must come before it is missing behind it', () => {
    expect(refusalOf(Buffer.concat([response, detail, noDataSet])).code).toBe('command-set-incomplete');
  });
});

describe('a group length', () => {
  it.each([0, 19, 21, 32, 0x7fffffff, 0xffffffff])(
    'of %i where 20 bytes follow counts for nothing',
    (announced) => {
      const bytes = withGroupLength(Buffer.concat([commandField, dataSetType]));
      bytes.writeUInt32LE(announced, 8);
      expect(decodeCommandSet(bytes)).toEqual({ CommandField: 0x0021, CommandDataSetType: 1 });
    },
  );
});

describe('a request that can be answered', () => {
  const classOf = (uid: string) => text(0x0002, uid.length % 2 === 0 ? uid : `${uid}\0`);
  it.each<[string, string, Buffer]>([
    [
      'a repeated class',
      'command-set-refused',
      Buffer.concat([classOf('1.2'), classOf('1.3'), commandField, messageId, dataSetType]),
    ],
    [
      'elements in descending order',
      'command-set-refused',
      Buffer.concat([messageId, commandField, dataSetType]),
    ],
    [
      'an element of another group',
      'command-set-refused',
      Buffer.concat([
        commandField,
        messageId,
        dataSetType,
        commandElement(0x0016, Buffer.from('1.2\0'), 0x0008),
      ]),
    ],
    [
      'a class with letters',
      'sop-class-uid-invalid',
      Buffer.concat([classOf('CTImage'), commandField, messageId, dataSetType]),
    ],
    [
      'an instance with a control character',
      'sop-instance-uid-invalid',
      Buffer.concat([commandField, messageId, dataSetType, text(0x1000, '1.2\x01')]),
    ],
    [
      'an instance of 66 characters',
      'sop-instance-uid-invalid',
      Buffer.concat([commandField, messageId, dataSetType, text(0x1000, '1'.repeat(66))]),
    ],
    [
      'a move destination of two values',
      'command-set-refused',
      Buffer.concat([commandField, messageId, text(0x0600, 'A\\B '), dataSetType]),
    ],
  ])('is refused for %s, with its message ID', (_name, code, bytes) => {
    let caught: unknown;
    try {
      decodeCommandSet(withGroupLength(bytes));
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(RefusedRequestError);
    expect(caught).toMatchObject({ code, request: { MessageID: 1, CommandDataSetType: 1 } });
  });

  it.each(['1.2.a', '1.2.', '1 2', '../etc', '1'.repeat(64)])('may have the instance UID %j', (uid) => {
    const bytes = withGroupLength(
      Buffer.concat([
        commandField,
        messageId,
        dataSetType,
        text(0x1000, uid.length % 2 === 0 ? uid : `${uid}\0`),
      ]),
    );
    expect(decodeCommandSet(bytes).AffectedSOPInstanceUID).toBe(uid);
  });

  it('loses a move originator that is not an AE title', () => {
    const bytes = withGroupLength(
      Buffer.concat([commandField, messageId, dataSetType, text(0x1030, 'A\x01')]),
    );
    expect(decodeCommandSet(bytes)).toEqual({ CommandField: 0x0021, MessageID: 1, CommandDataSetType: 1 });
  });
});

describe('refuses as incomplete', () => {
  it.each([
    ['nothing at all', Buffer.alloc(0), '(0000,0100) CommandField'],
    ['no CommandField', withGroupLength(dataSetType), '(0000,0100) CommandField'],
    ['no CommandDataSetType', withGroupLength(commandField), '(0000,0800) CommandDataSetType'],
  ])('%s', (_name, bytes, part) => {
    expect(refusalOf(bytes)).toEqual({
      code: 'command-set-incomplete',
      message: expect.stringContaining(part),
    });
  });
});

describe('refuses as malformed', () => {
  it('an element of another group', () => {
    const bytes = Buffer.concat([
      commandField,
      dataSetType,
      commandElement(0x0016, Buffer.from('1.2\0'), 0x0008),
    ]);
    expect(refusalOf(bytes)).toEqual(malformed('is in group 0008, not in 0000'));
  });

  it('an element that comes twice, the first time with another value', () => {
    const bytes = withGroupLength(Buffer.concat([us(0x0100, 0x0030), us(0x0100, 0x0020), dataSetType]));
    expect(refusalOf(bytes)).toEqual(malformed('(0000,0100) comes after (0000,0100)'));
  });

  it('elements in descending order that identify the message twice', () => {
    const bytes = withGroupLength(Buffer.concat([messageId, messageId, commandField, dataSetType]));
    expect(refusalOf(bytes)).toEqual(malformed('(0000,0110) comes after (0000,0110)'));
  });

  it('a second group length', () => {
    const inner = withGroupLength(Buffer.concat([commandField, dataSetType]));
    expect(refusalOf(withGroupLength(inner))).toEqual(malformed('(0000,0000) comes after (0000,0000)'));
  });

  it('a group length of two bytes', () => {
    const bytes = Buffer.concat([us(0x0000, 20), commandField, dataSetType]);
    expect(refusalOf(bytes)).toEqual(malformed('(0000,0000) has 2 bytes; accepted are 4'));
  });

  it.each([0, 4, 6])('a US of %i bytes', (length) => {
    const bytes = commandSetWith(0x0110, commandElement(0x0110, Buffer.alloc(length)));
    expect(refusalOf(bytes)).toEqual(malformed(`(0000,0110) MessageID has ${length} bytes that are not US`));
  });

  it('an odd length', () => {
    const bytes = commandSetWith(0x0002, text(0x0002, '1.2'));
    expect(refusalOf(bytes)).toEqual(malformed('(0000,0002) has an odd length, 3'));
  });

  it('a list of tags that ends inside a tag', () => {
    const bytes = commandSetWith(0x1005, commandElement(0x1005, Buffer.alloc(6)));
    expect(refusalOf(bytes)).toEqual(
      malformed('(0000,1005) AttributeIdentifierList has 6 bytes that are not AT'),
    );
  });

  it.each([2, 100, 0x2000])('a value of %i bytes that is not there', (length) => {
    const bytes = Buffer.concat([commandField, us(0x0800, 1)]);
    bytes.writeUInt32LE(length + 2, 14);
    expect(refusalOf(bytes)).toEqual(malformed(`(0000,0800) has a length of ${length + 2}`));
  });

  it.each([0x2002, 0x7ffffffe, 0xffffffff])(
    'a length of %i, even of an element that would be skipped',
    (length) => {
      const bytes = Buffer.concat([commandField, dataSetType, text(0xffff, '')]);
      bytes.writeUInt32LE(length, bytes.length - 4);
      expect(refusalOf(bytes)).toEqual(
        malformed(`(0000,FFFF) has a length of ${length}; at most 8192 is accepted`),
      );
    },
  );

  it.each(['1.2\0.3', '1.2\n', '\xb2\xb3', '1'.repeat(66)])('UID %j', (uid) => {
    const bytes = commandSetWith(0x1000, text(0x1000, uid));
    expect(refusalOf(bytes)).toEqual(malformed('(0000,1000) AffectedSOPInstanceUID'));
  });

  it.each(['WS1\\WS2 ', 'WS1\0WS2 ', 'WS\r\n', 'WS\x1b1', 'W\xc9', 'WS\x7f1', 'A2345678901234567 '])(
    'AE title %j',
    (title) => {
      const bytes = commandSetWith(0x0600, text(0x0600, title));
      expect(refusalOf(bytes)).toEqual(malformed('(0000,0600) MoveDestination'));
    },
  );

  it('a content never shows in the message', () => {
    const bytes = commandSetWith(0x0600, text(0x0600, 'SECRET\\NAME '));
    expect(refusalOf(bytes).message).not.toMatch(/SECRET|NAME/);
  });

  it('every golden command set that is cut inside an element', () => {
    for (const { bytes } of goldenCommandSets) {
      const ends = new Set<number>();
      for (let end = 0; end < bytes.length; end += 8 + bytes.readUInt32LE(end + 4)) ends.add(end);
      for (let length = 1; length < bytes.length; length++) {
        if (ends.has(length)) continue;
        expect(() => decodeCommandSet(bytes.subarray(0, length))).toThrow(CommandSetError);
      }
    }
  });
});

describe('refuses another encoding', () => {
  const explicitVr = bytesOf([
    '0000 0000 554c 0400 38000000  CommandGroupLength, UL',
    '0000 0200 5549 1200 312e322e3834302e31303030382e312e3100  AffectedSOPClassUID, UI',
    '0000 0001 5553 0200 3000  CommandField, US',
    '0000 1001 5553 0200 0100  MessageID, US',
    '0000 0008 5553 0200 0101  CommandDataSetType, US',
  ]);

  it('Explicit VR Little Endian, and says so', () => {
    expect(refusalOf(explicitVr)).toEqual(malformed('it looks like Explicit VR'));
  });

  it('Explicit VR Little Endian that begins with an empty element', () => {
    const empty = bytesOf(['0000 0100 554c 0000  LengthToEnd, UL, empty']);
    const filling = Buffer.alloc(0x8000);
    const bytes = Buffer.concat([empty, filling, explicitVr]);
    expect(refusalOf(bytes)).toEqual(malformed('it looks like Explicit VR'));
  });

  it('Explicit VR Little Endian without a group length', () => {
    expect(refusalOf(explicitVr.subarray(12))).toEqual(malformed('it looks like Explicit VR'));
  });

  it('Implicit VR Big Endian', () => {
    const bytes = bytesOf([
      '0000 0100 00000002 0030  CommandField',
      '0000 0800 00000002 0101  CommandDataSetType',
    ]);
    expect(refusalOf(bytes)).toEqual(malformed('(0000,0001) has a length of 33554432'));
  });
});

describe('refuses as too long', () => {
  it('more than 65,536 bytes', () => {
    const bytes = Buffer.alloc(65_538);
    expect(refusalOf(bytes)).toEqual({
      code: 'command-set-too-long',
      message: 'a command set of 65538 bytes; at most 65536 are accepted',
    });
  });
});
