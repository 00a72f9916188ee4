import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PDataFramer } from '../../../src/pdu/framer';
import { PduReader } from '../../../src/pdu/reader';
import { returnSlabs, SLAB_BYTES, takeSlab } from '../../../src/pdu/slabs';
import { processorMs } from '../../support/heldBytes';
import { type ParsedPdv, parsePDataStream } from '../../support/pduBytes';
import { RecordingSink } from './recordingSink';

const COMMAND = 1;
const LAST = 2;

function flushed(framer: PDataFramer): ParsedPdv[] {
  const out: Buffer[] = [];
  framer.flush(out);
  return parsePDataStream(Buffer.concat(out));
}

/** "context control bytes" of each PDU. */
function shape(pdvs: readonly ParsedPdv[]): string[] {
  return pdvs.map(({ contextId, control, fragment }) => `${contextId} ${control} ${fragment.length}`);
}

const pattern = Buffer.from(Array.from({ length: 251 }, (_, index) => index));

function counting(length: number): Buffer {
  return Buffer.alloc(length, pattern);
}

describe('what is sent', () => {
  it('golden bytes of a command and its data set', () => {
    const framer = new PDataFramer(16384);
    framer.command(1, Buffer.from('00000001020000000100', 'hex'));
    framer.data(1, Buffer.from('aabb', 'hex'));
    framer.dataEnd(1);
    const out: Buffer[] = [];
    framer.flush(out);
    expect(Buffer.concat(out).toString('hex')).toBe(
      [
        '04 00 00000010 0000000c 01 03 00000001020000000100', // command, last
        '04 00 00000008 00000004 01 02 aabb', // data, last
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('a command that fits goes in one PDU, a longer one in as few as possible', () => {
    const framer = new PDataFramer(106);
    framer.command(3, counting(100));
    framer.command(5, counting(202));
    const pdvs = flushed(framer);
    expect(shape(pdvs)).toEqual([
      `3 ${COMMAND | LAST} 100`,
      `5 ${COMMAND} 100`,
      `5 ${COMMAND} 100`,
      `5 ${COMMAND | LAST} 2`,
    ]);
    expect(Buffer.concat(pdvs.slice(1).map(({ fragment }) => fragment))).toEqual(counting(202));
  });

  it('a flush of nothing sends nothing', () => {
    const framer = new PDataFramer(0);
    expect(flushed(framer)).toEqual([]);
    framer.data(1, Buffer.alloc(0));
    expect(flushed(framer)).toEqual([]);
  });

  it('a flush in the middle of a data set sends what is even, without Last', () => {
    const framer = new PDataFramer(0);
    framer.data(1, counting(7));
    expect(shape(flushed(framer))).toEqual(['1 0 6']);
    expect(framer.pendingBytes).toBe(1);
    expect(flushed(framer)).toEqual([]);
    framer.data(1, counting(600));
    expect(shape(flushed(framer))).toEqual(['1 0 600']);
    framer.data(1, counting(1));
    framer.dataEnd(1);
    expect(shape(flushed(framer))).toEqual([`1 ${LAST} 2`]);
    expect(framer.pendingBytes).toBe(0);
  });

  it('a data set that ends while nothing waits gets an empty last fragment', () => {
    const framer = new PDataFramer(0);
    framer.data(1, counting(6));
    flushed(framer);
    framer.dataEnd(1);
    expect(shape(flushed(framer))).toEqual([`1 ${LAST} 0`]);
    framer.dataEnd(3);
    expect(shape(flushed(framer))).toEqual([`3 ${LAST} 0`]);
  });

  it('Last is set once, on the last of several fragments', () => {
    const framer = new PDataFramer(16);
    framer.data(1, counting(25));
    framer.data(1, counting(5));
    framer.dataEnd(1);
    expect(shape(flushed(framer))).toEqual(['1 0 10', '1 0 10', `1 ${LAST} 10`]);
  });

  it('messages follow each other in the order in which they were queued', () => {
    const framer = new PDataFramer(0);
    framer.command(1, counting(10));
    framer.data(1, counting(1000));
    framer.dataEnd(1);
    framer.command(3, counting(12));
    framer.command(5, counting(14));
    framer.data(5, counting(16));
    expect(shape(flushed(framer))).toEqual(['1 3 10', '1 2 1000', '3 3 12', '5 3 14', '5 0 16']);
  });

  it('waiting bytes are counted with their headers', () => {
    const framer = new PDataFramer(16);
    framer.command(1, counting(100)); // 10 fragments
    framer.data(1, counting(1001)); // 100 fragments and a byte
    expect(framer.pendingBytes).toBe(1101 + 111 * 12);
    framer.dataEnd(1);
    expect(framer.pendingBytes).toBe(1102 + 111 * 12);
    flushed(framer);
    expect(framer.pendingBytes).toBe(0);
  });

  it('an odd data set gets one NUL more', () => {
    const framer = new PDataFramer(0);
    framer.data(1, counting(3));
    framer.dataEnd(1);
    expect(flushed(framer)[0]!.fragment).toEqual(Buffer.from([0, 1, 2, 0]));
  });
});

describe('sizes', () => {
  it.each([
    [0, 131066],
    [8, 2],
    [9, 2],
    [10, 4],
    [4096, 4090],
    [4097, 4090],
    [16384, 16378],
    [131072, 131066],
    [131073, 131066],
    [0xffffffff, 131066],
  ])('a peer that announces %d gets fragments of %d bytes', (announced, largest) => {
    const framer = new PDataFramer(announced);
    framer.data(1, Buffer.alloc(largest + 2));
    const pdvs = flushed(framer);
    expect(shape(pdvs)).toEqual([`1 0 ${largest}`, '1 0 2']);
    expect(pdvs[0]!.pduLength).toBe(largest + 6);
  });

  it('the own limit can be lower', () => {
    const framer = new PDataFramer(0, 20);
    framer.data(1, counting(16));
    expect(shape(flushed(framer))).toEqual(['1 0 14', '1 0 2']);
  });

  it.each([1, 2, 6, 7])('a peer that announces %d cannot be sent anything', (announced) => {
    expect(() => new PDataFramer(announced)).toThrow(
      expect.objectContaining({ code: 'pdu-max-length-unusable' }),
    );
  });
});

describe('memory', () => {
  it('what was queued may be changed at once, long or short', () => {
    const framer = new PDataFramer(0);
    const out: Buffer[] = [];
    const expected: Buffer[] = [];
    for (const length of [3, 512, 16384, 65_523, 65_524, 65_525, 65_536, 131_067, 1]) {
      const slice = Buffer.alloc(length);
      for (let round = 0; round < 20; round++) {
        expected.push(Buffer.from(slice.fill(round + length)));
        framer.data(1, slice);
        if (round % 7 === 0) framer.flush(out);
      }
    }
    framer.flush(out);
    const payload = Buffer.concat(parsePDataStream(Buffer.concat(out)).map(({ fragment }) => fragment));
    expect(payload.equals(Buffer.concat(expected))).toBe(true);
  });

  it('a million slices of two bytes become few buffers, soon', () => {
    const framer = new PDataFramer(0);
    const out: Buffer[] = [];
    const slice = Buffer.from([1, 2]);
    const took = processorMs(() => {
      for (let round = 0; round < 1_000_000; round++) {
        framer.data(1, slice);
      }
      framer.flush(out);
    });
    expect(took).toBeLessThan(10_000);
    expect(out.length).toBe(Math.ceil(2_000_000 / SLAB_BYTES));
    const payload = Buffer.concat(parsePDataStream(Buffer.concat(out)).map(({ fragment }) => fragment));
    expect(payload.equals(Buffer.alloc(2_000_000, slice))).toBe(true);
  });

  it('fragments of two bytes, where the peer takes no longer ones, fill slabs too', () => {
    const framer = new PDataFramer(8);
    framer.data(1, counting(20_000));
    framer.dataEnd(1);
    const out: Buffer[] = [];
    framer.flush(out);
    expect(out.length).toBe(2);
    const pdvs = parsePDataStream(Buffer.concat(out));
    expect(pdvs.length).toBe(10_000);
    expect(shape(pdvs.slice(-2))).toEqual(['1 0 2', `1 ${LAST} 2`]);
    expect(Buffer.concat(pdvs.map(({ fragment }) => fragment))).toEqual(counting(20_000));
  });

  it('a slab goes out without a copy and is used again only once it was given back', () => {
    const framer = new PDataFramer(0);
    const [first, second, third] = [0, 1, 2].map((round) => {
      const out: Buffer[] = [];
      framer.data(1, counting(40_000));
      framer.flush(out);
      if (round === 1) returnSlabs(out);
      return out[0]!.buffer;
    });
    expect(second).not.toBe(first);
    expect(third).toBe(second);
  });

  it('what is short goes out as a copy, so that the slab is free at once', () => {
    const framer = new PDataFramer(0);
    const slab = takeSlab();
    returnSlabs([slab]);
    const out: Buffer[] = [];
    framer.command(1, counting(100));
    framer.flush(out);
    expect(out.map(({ buffer }) => buffer === slab.buffer)).toEqual([false]);
    expect(takeSlab().buffer).toBe(slab.buffer);
  });

  it('what is dropped does not come out later, and its slabs are free', () => {
    const framer = new PDataFramer(0);
    framer.data(1, counting(40_001));
    flushed(framer);
    framer.data(1, counting(200_000));
    framer.discard();
    expect(framer.pendingBytes).toBe(0);
    expect(flushed(framer)).toEqual([]);
  });

  it.each([0, 1, 2, 11, 12, 13, 14])('a PDU begins %d bytes before the end of a slab', (before) => {
    for (const isFlushed of [false, true]) {
      const framer = new PDataFramer(0);
      const command = counting(2 * Math.floor((SLAB_BYTES - 12 - before) / 2));
      framer.command(1, command);
      const data = counting(before % 2 === 0 ? 5 : 6);
      framer.data(1, data.subarray(0, 1));
      const first = isFlushed ? flushed(framer) : [];
      framer.data(1, data.subarray(1));
      framer.dataEnd(1);
      const pdvs = [...first, ...flushed(framer)];
      expect(shape(pdvs)).toEqual([`1 ${COMMAND | LAST} ${command.length}`, `1 ${LAST} 6`]);
      expect(pdvs[1]!.fragment.subarray(0, data.length)).toEqual(data);
    }
  });
});

describe('misuse', () => {
  it('a command inside a data set is a defect', () => {
    const framer = new PDataFramer(0);
    framer.data(1, counting(2));
    expect(() => framer.command(1, counting(2))).toThrow('inside an open data set');
  });

  it('data of another context inside a data set is a defect', () => {
    const framer = new PDataFramer(0);
    framer.data(1, counting(2));
    expect(() => framer.data(3, counting(2))).toThrow('data of context 3');
    expect(() => framer.dataEnd(3)).toThrow('data of context 3');
  });

  it('an empty or odd command set is a defect', () => {
    const framer = new PDataFramer(0);
    expect(() => framer.command(1, Buffer.alloc(0))).toThrow(RangeError);
    expect(() => framer.command(1, Buffer.alloc(3))).toThrow(RangeError);
  });
});

type Step = { readonly kind: 'data'; readonly bytes: Buffer } | { readonly kind: 'flush' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'flush' }) },
  {
    weight: 3,
    arbitrary: fc
      .oneof(fc.nat({ max: 5 }), fc.nat({ max: 600 }), fc.nat({ max: 5000 }))
      .map((length): Step => ({ kind: 'data', bytes: counting(length) })),
  },
);
const message = fc.record({
  contextId: fc.nat({ max: 127 }).map((index) => 2 * index + 1),
  commandBytes: fc.integer({ min: 1, max: 300 }).map((half) => 2 * half),
  steps: fc.option(fc.array(step, { maxLength: 12 }), { nil: undefined }),
});

describe('whatever is queued', () => {
  it('arrives whole, in order, in even fragments within the limit, with one Last each, at any flush', () => {
    const announced = fc.oneof(
      fc.integer({ min: 8, max: 300 }),
      fc.integer({ min: 8, max: 40000 }),
      fc.constant(0),
    );
    fc.assert(
      fc.property(announced, fc.array(message, { minLength: 1, maxLength: 4 }), (peerMax, messages) => {
        const framer = new PDataFramer(peerMax);
        const limit = peerMax === 0 ? 131072 : peerMax;
        const reader = new RecordingSink();
        const pduReader = new PduReader(reader, { maxPduLength: limit });
        const received: ParsedPdv[] = [];
        const flush = () => {
          const out: Buffer[] = [];
          framer.flush(out);
          const bytes = Buffer.concat(out);
          returnSlabs(out);
          received.push(...parsePDataStream(bytes));
          pduReader.push(bytes);
          expect(pduReader.isInsidePdu).toBe(false);
          expect(framer.pendingBytes).toBeLessThan(2);
        };

        const expected: { contextId: number; kind: number; payload: string }[] = [];
        for (const { contextId, commandBytes, steps } of messages) {
          const command = counting(commandBytes);
          framer.command(contextId, command);
          expected.push({ contextId, kind: COMMAND, payload: command.toString('hex') });
          if (steps !== undefined) {
            const queued: Buffer[] = [];
            for (const taken of steps) {
              if (taken.kind === 'flush') {
                flush();
              } else {
                framer.data(contextId, taken.bytes);
                queued.push(taken.bytes);
              }
            }
            framer.dataEnd(contextId);
            const padding = Buffer.alloc(Buffer.concat(queued).length % 2);
            expected.push({
              contextId,
              kind: 0,
              payload: Buffer.concat([...queued, padding]).toString('hex'),
            });
          }
        }
        flush();
        expect(framer.pendingBytes).toBe(0);

        // Put together again by the Last bits, as a peer does.
        const arrived: typeof expected = [];
        let fragments: Buffer[] = [];
        let areSizesRight = true;
        for (const { contextId, control, fragment, pduLength } of received) {
          areSizesRight &&= fragment.length % 2 === 0 && pduLength <= limit;
          fragments.push(fragment);
          if ((control & LAST) !== 0) {
            arrived.push({
              contextId,
              kind: control & COMMAND,
              payload: Buffer.concat(fragments).toString('hex'),
            });
            fragments = [];
          }
        }
        expect(fragments).toEqual([]);
        expect(areSizesRight).toBe(true);
        expect(arrived).toEqual(expected);
        expect(pduReader.pduCount).toBe(received.length);
      }),
      { numRuns: 300 },
    );
  });
});
