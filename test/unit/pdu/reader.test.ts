import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PduReader } from '../../../src/pdu/reader';
import { MAX_ASSOCIATE_BYTES, MAX_EMPTY_FRAGMENTS, PduError } from '../../../src/pdu/types';
import { heldBytes } from '../../support/heldBytes';
import {
  abort,
  associateRj,
  type Built,
  bigEndian,
  echoRequestBody,
  fullAnswerBody,
  fullRequestBody,
  join,
  pData,
  pdu,
  pdv,
  releaseRp,
  releaseRq,
} from '../../support/pduBytes';
import { RecordingSink } from './recordingSink';

const MAX_PDU_LENGTH = 16384;

function newReader(): { reader: PduReader; sink: RecordingSink } {
  const sink = new RecordingSink();
  return { reader: new PduReader(sink, { maxPduLength: MAX_PDU_LENGTH }), sink };
}

/** The calls that these chunks lead to, the last one being the error if there is one. */
function callsOf(chunks: readonly Buffer[]): string[] {
  const { reader, sink } = newReader();
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof PduError)) {
      throw error;
    }
    sink.calls.push(`${error.code}: ${error.message}`);
  }
  return sink.calls;
}

function cutAt(bytes: Buffer, ...offsets: number[]): Buffer[] {
  const bounds = [0, ...offsets, bytes.length];
  return bounds.slice(1).map((end, index) => bytes.subarray(bounds[index]!, end));
}

function everyByte(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte) => Buffer.from([byte]));
}

/** One of everything, with PDVs of all kinds in one PDU. */
const everything = join(
  pdu(1, echoRequestBody()),
  pdu(2, fullAnswerBody()),
  pData(pdv(1, 3, '0000 0100 0200 0000 3000')),
  pData(
    pdv(3, 1, 'aabb'),
    pdv(3, 3, 'ccdd'),
    pdv(3, 0, ''),
    pdv(3, 0, '0102030405060708'),
    pdv(3, 2, 'ff00'),
  ),
  pData(pdv(5, 2, '')),
  associateRj(1, 2, 3),
  releaseRq(),
  releaseRp(),
  abort(2, 6),
).bytes;

const everythingCalls = [
  `associate 1 ${echoRequestBody().bytes.toString('hex')}`,
  `associate 2 ${fullAnswerBody().bytes.toString('hex')}`,
  'pData 16',
  'pdvStart context 1 control 3 bytes 10',
  'pdvEnd 00000100020000003000',
  'pData 44',
  'pdvStart context 3 control 1 bytes 2',
  'pdvEnd aabb',
  'pdvStart context 3 control 3 bytes 2',
  'pdvEnd ccdd',
  'pdvStart context 3 control 0 bytes 0',
  'pdvEnd',
  'pdvStart context 3 control 0 bytes 8',
  'pdvEnd 0102030405060708',
  'pdvStart context 3 control 2 bytes 2',
  'pdvEnd ff00',
  'pData 6',
  'pdvStart context 5 control 2 bytes 0',
  'pdvEnd',
  'associateRj 1/2/3',
  'releaseRq',
  'releaseRp',
  'abort 2/6',
];

describe('reading', () => {
  it('reads golden bytes of a C-ECHO-RQ fragment', () => {
    const golden = Buffer.from(
      [
        '04 00 00000010', // P-DATA-TF, reserved, 16 bytes follow
        '0000000c', // PDV: 12 bytes follow
        '01', // presentation context 1
        '03', // command, last
        '0000 0001 02000000 3000', // (0000,0100) Command Field = 0030H
      ]
        .join('')
        .replaceAll(' ', ''),
      'hex',
    );
    expect(callsOf([golden])).toEqual([
      'pData 16',
      'pdvStart context 1 control 3 bytes 10',
      'pdvEnd 00000001020000003000',
    ]);
  });

  it('reads every PDU whole', () => {
    expect(callsOf([everything])).toEqual(everythingCalls);
  });

  it('reads every PDU byte by byte', () => {
    expect(callsOf(everyByte(everything))).toEqual(everythingCalls);
  });

  it('reads the same whatever the place of a cut', () => {
    for (let offset = 1; offset < everything.length; offset++) {
      expect(callsOf(cutAt(everything, offset))).toEqual(everythingCalls);
    }
  });

  it('reads the same whatever the number of cuts, empty chunks included', () => {
    const offsets = fc.array(fc.nat({ max: everything.length }), { maxLength: 40 });
    fc.assert(
      fc.property(offsets, (cuts) => {
        expect(callsOf(cutAt(everything, ...cuts.sort((a, b) => a - b)))).toEqual(everythingCalls);
      }),
      { numRuns: 300 },
    );
  });

  it('ignores reserved bytes', () => {
    expect(callsOf([Buffer.from('05ff00000004ffffffff', 'hex')])).toEqual(['releaseRq']);
    expect(callsOf([Buffer.from('07ff00000004ffff0206', 'hex')])).toEqual(['abort 2/6']);
  });

  it('hands a chunk that lies inside a PDV on as it is', () => {
    const { reader, sink } = newReader();
    const chunks = cutAt(pData(pdv(1, 0, Buffer.alloc(9000, 7))).bytes, 3000, 6000);
    for (const chunk of chunks) {
      reader.push(chunk);
    }
    expect(sink.fragments).toHaveLength(3);
    expect(sink.fragments[1]).toBe(chunks[1]);
    expect(sink.fragments[2]).toBe(chunks[2]);
  });

  it('hands fragments on as views, without copying', () => {
    const { reader, sink } = newReader();
    const bytes = pData(pdv(1, 0, Buffer.alloc(100, 7))).bytes;
    reader.push(bytes);
    bytes[50] = 0xee;
    expect(sink.fragments[0]![50 - 12]).toBe(0xee);
  });

  it('hands on the body of an A-ASSOCIATE as a copy', () => {
    const bodies: Buffer[] = [];
    const sink = new RecordingSink();
    sink.associate = (_type, body) => void bodies.push(body);
    const bytes = pdu(1, fullRequestBody()).bytes;
    new PduReader(sink, { maxPduLength: MAX_PDU_LENGTH }).push(bytes);
    bytes.fill(0);
    expect(bodies[0]).toEqual(fullRequestBody().bytes);
  });

  it('collects an A-ASSOCIATE of a megabyte, in chunks of a TLS record', () => {
    const body = Buffer.alloc(MAX_ASSOCIATE_BYTES);
    for (let offset = 0; offset < body.length; offset += 4) {
      body.writeUInt32BE(offset, offset);
    }
    const bodies: Buffer[] = [];
    const sink = new RecordingSink();
    sink.associate = (_type, collected) => void bodies.push(collected);
    const reader = new PduReader(sink, { maxPduLength: MAX_PDU_LENGTH });
    const bytes = pdu(1, body).bytes;
    for (let offset = 0; offset < bytes.length; offset += 16384) {
      reader.push(bytes.subarray(offset, offset + 16384));
    }
    expect(bodies[0]!.equals(body)).toBe(true);
  });

  it('knows whether it is inside a PDU, and how many were complete', () => {
    const ends = new Map<number, number>();
    let end = 0;
    let count = 0;
    for (const part of [pdu(1, echoRequestBody()), pData(pdv(1, 3, 'aabb')), releaseRq(), abort(0, 0)]) {
      end += part.bytes.length;
      ends.set(end, ++count);
    }
    const { reader } = newReader();
    const stream = join(pdu(1, echoRequestBody()), pData(pdv(1, 3, 'aabb')), releaseRq(), abort(0, 0)).bytes;
    let complete = 0;
    for (const [index, chunk] of everyByte(stream).entries()) {
      reader.push(chunk);
      complete = ends.get(index + 1) ?? complete;
      expect([index, reader.isInsidePdu, reader.pduCount]).toEqual([index, !ends.has(index + 1), complete]);
    }
  });

  it('is between two PDUs in the last callback of a PDU', () => {
    const { reader, sink } = newReader();
    const seen: string[] = [];
    sink.after = (call) => seen.push(`${call} ${reader.isInsidePdu} ${reader.pduCount}`);
    reader.push(join(pdu(1, echoRequestBody()), pData(pdv(1, 1, 'aa'), pdv(1, 3, 'bb')), abort(0, 0)).bytes);
    expect(seen).toEqual([
      'associate false 1',
      'pData true 1',
      'pdvStart true 1',
      'fragment true 1',
      'pdvEnd true 1',
      'pdvStart true 1',
      'fragment true 1',
      'pdvEnd false 2',
      'abort false 3',
    ]);
  });
});

/** A PDU header that declares this length, with bytes behind it. */
function declares(type: number, length: number, following = ''): Built {
  return join([type, 0], bigEndian(length, 4), following);
}

describe('refusing', () => {
  const wanted = releaseRq();
  const cases: [string, Built, string][] = [
    ['type 0', join('00 00 00000004 00000000'), 'pdu-type-unknown: PDU type 00H; 01H to 07H are accepted'],
    ['type 8', join('08'), 'pdu-type-unknown: PDU type 08H; 01H to 07H are accepted'],
    [
      'HTTP',
      join(Buffer.from('GET / HTTP/1.1\r\n')),
      'pdu-type-unknown: PDU type 47H; 01H to 07H are accepted',
    ],
    ['a TLS handshake', join('16 0301 0200'), 'pdu-type-unknown: PDU type 16H; 01H to 07H are accepted'],
    [
      'an unknown type after a PDU',
      join(wanted, 'ff'),
      'pdu-type-unknown: PDU type FFH; 01H to 07H are accepted',
    ],
    ...[1, 2].flatMap((type): [string, Built, string][] =>
      [0, 67, MAX_ASSOCIATE_BYTES + 1, 0x80000000, 0xffffffff].map((length) => [
        `A-ASSOCIATE type ${type} of ${length} bytes`,
        declares(type, length),
        `pdu-length-invalid: A-ASSOCIATE: length ${length}; 68 to 1048576 are accepted`,
      ]),
    ),
    ...[3, 5, 6, 7].flatMap((type): [string, Built, string][] =>
      [0, 3, 5, 0x80000004, 0xffffffff].map((length) => [
        `type ${type} of ${length} bytes`,
        declares(type, length),
        `pdu-length-invalid: PDU type 0${type}H: length ${length}; 4 is accepted`,
      ]),
    ),
    ...[0, 5, MAX_PDU_LENGTH + 1, 0x7fffffff, 0x80000000, 0xffffffff].map(
      (length): [string, Built, string] => [
        `a P-DATA-TF of ${length} bytes`,
        declares(4, length),
        `pdu-length-invalid: P-DATA-TF: length ${length}; 6 to 16384 are accepted`,
      ],
    ),
    ...[0, 1, 7, 11, 13, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff].map(
      (length): [string, Built, string] => [
        `a PDV of length ${length} where 12 bytes are left`,
        join(declares(4, 16), bigEndian(length, 4), [1, 3]),
        'pdu-pdv-invalid',
      ],
    ),
    ['bytes after the last PDV', join(declares(4, 9), '00000004 01 03'), 'pdu-pdv-invalid'],
    [
      'a second PDV that is longer than the rest',
      join(declares(4, 18), '00000004 01 01 aabb', '00000005 01 03'),
      'pdu-pdv-invalid',
    ],
  ];

  it.each(cases)('refuses %s', (_name, built, expected) => {
    const whole = callsOf([built.bytes]);
    expect(whole.at(-1)).toContain(expected);
    expect(callsOf(everyByte(built.bytes))).toEqual(whole);
  });

  it('refuses the wrong type on its first byte', () => {
    const { reader } = newReader();
    expect(() => reader.push(Buffer.from('G'))).toThrow(PduError);
  });

  it('hands on no byte of a PDV that does not fit its PDU', () => {
    const calls = callsOf([join(declares(4, 18), '00000004 01 01 aabb', '00000005 01 03 ccdd').bytes]);
    expect(calls.slice(0, -1)).toEqual(['pData 18', 'pdvStart context 1 control 1 bytes 2', 'pdvEnd aabb']);
  });

  it('takes the lengths at the bounds', () => {
    const { reader, sink } = newReader();
    const longest = pData(pdv(1, 0, Buffer.alloc(MAX_PDU_LENGTH - 6)));
    reader.push(join(pData(pdv(1, 0, '')), longest, pdu(1, Buffer.alloc(68))).bytes);
    expect(sink.calls[3]).toBe(`pData ${MAX_PDU_LENGTH}`);
    expect(reader.pduCount).toBe(3);
  });

  it('takes an A-ASSOCIATE up to its own limit only', () => {
    const reader = new PduReader(new RecordingSink(), {
      maxPduLength: MAX_PDU_LENGTH,
      maxAssociateBytes: 1000,
    });
    reader.push(pdu(1, Buffer.alloc(1000)).bytes);
    expect(() => reader.push(declares(1, 1001).bytes)).toThrow('length 1001; 68 to 1000 are accepted');
  });

  it('refuses more empty fragments in a row than the limit, over PDUs and messages', () => {
    const empties = Array.from({ length: MAX_EMPTY_FRAGMENTS }, () => pData(pdv(1, 0, '')));
    const { reader } = newReader();
    reader.push(join(...empties).bytes);
    expect(() => reader.push(pData(pdv(1, 2, '')).bytes)).toThrow(
      expect.objectContaining({ code: 'pdu-pdv-empty' }),
    );
  });

  it('counts empty fragments from zero after one with bytes', () => {
    const { reader } = newReader();
    const empties = Array.from({ length: MAX_EMPTY_FRAGMENTS }, () => pdv(1, 0, ''));
    for (let round = 0; round < 3; round++) {
      reader.push(pData(...empties, pdv(1, 0, '00')).bytes);
    }
    expect(reader.pduCount).toBe(3);
  });

  it('is dead after an error, and says so with the same error', () => {
    const { reader, sink } = newReader();
    expect(() => reader.push(Buffer.from([9]))).toThrow('PDU type 09H');
    expect(() => reader.push(releaseRq().bytes)).toThrow('PDU type 09H');
    expect(() => reader.release()).toThrow('PDU type 09H');
    expect(sink.calls).toEqual([]);
  });

  it('is dead after an exception of the sink', () => {
    const { reader, sink } = newReader();
    sink.after = () => {
      throw new Error('a defect');
    };
    expect(() => reader.push(releaseRq().bytes)).toThrow('a defect');
    sink.after = () => {};
    expect(() => reader.push(releaseRq().bytes)).toThrow('a defect');
    expect(sink.calls).toEqual(['releaseRq']);
  });

  it('refuses limits that no PDU fits', () => {
    const sink = new RecordingSink();
    expect(() => new PduReader(sink, { maxPduLength: 5 })).toThrow(RangeError);
    expect(() => new PduReader(sink, { maxPduLength: 0 })).toThrow(RangeError);
    expect(() => new PduReader(sink, { maxPduLength: 6, maxAssociateBytes: 67 })).toThrow(RangeError);
    expect(() => new PduReader(sink, { maxPduLength: 6, maxAssociateBytes: 2 ** 21 })).toThrow(RangeError);
  });
});

describe('holding', () => {
  it('stops after the PDU whose callback holds, and goes on where it stopped', () => {
    for (let offset = 0; offset < everything.length; offset++) {
      const { reader, sink } = newReader();
      sink.after = (call) => {
        if (call === 'associate') {
          reader.hold();
        }
      };
      for (const chunk of cutAt(everything, offset)) {
        reader.push(chunk);
      }
      expect(sink.calls).toEqual(everythingCalls.slice(0, 1));
      expect(reader.isInsidePdu).toBe(false);
      expect(reader.isHeld).toBe(true);
      reader.release();
      expect(sink.calls).toEqual(everythingCalls.slice(0, 2));
      reader.release();
      expect(sink.calls).toEqual(everythingCalls);
    }
  });

  it('reads a PDU to its end when it is held in the middle, however it is cut', () => {
    const stream = join(pData(pdv(1, 1, 'aabb'), pdv(1, 3, 'ccdd')), releaseRq()).bytes;
    for (const chunks of [[stream], everyByte(stream)]) {
      const { reader, sink } = newReader();
      sink.after = (call) => {
        if (call === 'pData') {
          reader.hold();
        }
      };
      for (const chunk of chunks) {
        reader.push(chunk);
      }
      expect(sink.calls.slice(-1)).toEqual(['pdvEnd ccdd']);
      reader.release();
      expect(sink.calls.slice(-1)).toEqual(['releaseRq']);
      expect(reader.isHeld).toBe(false);
    }
  });

  it('keeps copies, because what was pushed is only lent', () => {
    const { reader, sink } = newReader();
    reader.hold();
    const chunk = pData(pdv(1, 0, 'aabb')).bytes;
    reader.push(chunk);
    expect(sink.calls).toEqual([]);
    chunk[12] = 0xee;
    reader.release();
    expect(sink.calls.slice(-1)).toEqual(['pdvEnd aabb']);
  });

  it('continues at once when it is released in the same callback', () => {
    const { reader, sink } = newReader();
    sink.after = (call) => {
      if (call === 'associate') {
        reader.hold();
        reader.release();
      }
    };
    reader.push(everything);
    expect(sink.calls).toEqual(everythingCalls);
  });

  it('walks what a callback pushes after the chunk that it is in', () => {
    const { reader, sink } = newReader();
    sink.after = (call) => {
      if (call === 'releaseRq') {
        reader.push(abort(0, 0).bytes);
      }
    };
    reader.push(join(releaseRq(), releaseRp()).bytes);
    expect(sink.calls).toEqual(['releaseRq', 'releaseRp', 'abort 0/0']);
  });

  it('throws from release what is wrong with the bytes that were kept', () => {
    const { reader } = newReader();
    reader.hold();
    reader.push(Buffer.from('GET /'));
    expect(() => reader.release()).toThrow('PDU type 47H');
  });
});

describe('memory', () => {
  it('does not follow the declared length of a thousand A-ASSOCIATEs', async () => {
    const before = await heldBytes();
    const readers = Array.from({ length: 1000 }, () => newReader().reader);
    for (const reader of readers) {
      reader.push(declares(1, MAX_ASSOCIATE_BYTES).bytes);
    }
    expect((await heldBytes()) - before).toBeLessThan(2 * 2 ** 20);
    for (const reader of readers) {
      reader.push(Buffer.alloc(10));
    }
    // 4 KiB each, where the peer declared 1 MiB each.
    expect((await heldBytes()) - before).toBeLessThan(7 * 2 ** 20);
    expect(readers.every((reader) => reader.isInsidePdu)).toBe(true);
  });

  it('does not keep fragments', async () => {
    const sink = new RecordingSink();
    sink.fragment = () => {};
    const reader = new PduReader(sink, { maxPduLength: 2 ** 30 });
    reader.push(join(declares(4, 2 ** 30), bigEndian(2 ** 30 - 4, 4), [1, 0]).bytes);
    const before = await heldBytes();
    for (let round = 0; round < 500; round++) {
      reader.push(Buffer.alloc(65536));
    }
    expect((await heldBytes()) - before).toBeLessThan(2 ** 20);
  });
});
