/**
 * What the upper layer has to stand: the reader with its decoders behind it, the framer that writes what was read, and
 * the A-ASSOCIATE decoders.
 */

import { isDeepStrictEqual } from 'node:util';
import {
  decodeAssociateAc,
  decodeAssociateRq,
  encodeAssociateAc,
  encodeAssociateRq,
} from '../../src/pdu/associate';
import { PDataFramer } from '../../src/pdu/framer';
import type { PduSink } from '../../src/pdu/pduSink';
import { PduReader } from '../../src/pdu/reader';
import { returnSlabs } from '../../src/pdu/slabs';
import {
  type Abort,
  type AssociateAc,
  type AssociateRj,
  type AssociateRq,
  PduError,
  PduType,
} from '../../src/pdu/types';
import {
  abort,
  associateRj,
  echoRequestBody,
  fullAnswerBody,
  fullRequestBody,
  join,
  type ParsedPdv,
  parsePDataStream,
  pData,
  pdu,
  pdv,
  releaseRp,
  releaseRq,
} from '../support/pduBytes';
import type { Random } from './random';
import { Finding, type FuzzTarget, pieces } from './target';

const MAX_PDU_LENGTH = 16384;

/** Taken once: jest makes every use of a global slow. */
const { imul } = Math;

/** A hash of all calls of the sink, the same however the bytes were cut. */
class HashingSink implements PduSink {
  hash = 0;
  reader: PduReader | undefined;
  /** Holds the reader in one callback of so many; 0 for never. */
  holdsOneIn = 0;
  isHolding = false;

  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  associate(type: number, body: Buffer): void {
    this.#add(1, type, body.length);
    this.#addBytes(body);
    if (type === PduType.AssociateRq) {
      decodeAssociateRq(body);
    } else {
      decodeAssociateAc(body);
    }
  }
  associateRj(rj: AssociateRj): void {
    this.#add(2, rj.result, rj.source, rj.reason);
  }
  pData(length: number): void {
    this.#add(3, length);
  }
  pdvStart(contextId: number, messageControlHeader: number, fragmentBytes: number): void {
    this.#add(4, contextId, messageControlHeader, fragmentBytes);
  }
  fragment(bytes: Buffer): void {
    if (bytes.length === 0) {
      throw new Finding('an empty fragment');
    }
    this.#addBytes(bytes);
  }
  pdvEnd(): void {
    this.#add(5);
  }
  releaseRq(): void {
    this.#add(6);
  }
  releaseRp(): void {
    this.#add(7);
  }
  abort(abort: Abort): void {
    this.#add(8, abort.source, abort.reason);
  }

  #add(...numbers: number[]): void {
    for (const number of numbers) {
      this.hash = (imul(this.hash, 31) + number) | 0;
    }
    if (this.holdsOneIn > 0 && this.#random.below(this.holdsOneIn) === 0) {
      this.isHolding = true;
      this.reader!.hold();
    }
  }

  #addBytes(bytes: Buffer): void {
    let hash = this.hash;
    for (let index = 0; index < bytes.length; index++) {
      hash = (imul(hash, 31) + bytes[index]!) | 0;
    }
    this.hash = hash;
  }
}

/** What became of the input: the calls, the PDUs, where it ended, the error. Throws all but a PduError. */
function outcome(input: Buffer, random: Random, isCut: boolean): string {
  const sink = new HashingSink(random);
  const reader = new PduReader(sink, { maxPduLength: MAX_PDU_LENGTH });
  sink.reader = reader;
  sink.holdsOneIn = isCut ? 4 : 0;
  const longestPiece = isCut ? random.pick([2, 30, 200]) : input.length;
  let end = 'value';
  try {
    let offset = 0;
    while (offset < input.length) {
      const length = isCut ? random.below(longestPiece + 1) : longestPiece;
      reader.push(input.subarray(offset, offset + length));
      offset += length;
      while (sink.isHolding) {
        sink.isHolding = false;
        reader.release();
      }
    }
  } catch (error) {
    if (!(error instanceof PduError)) {
      throw error;
    }
    end = error.message;
  }
  return `${sink.hash} ${reader.pduCount} ${reader.isInsidePdu} ${end}`;
}

export const readerTarget: FuzzTarget = {
  name: 'reader',
  invariant: 'a PduError or PDUs, the same however the bytes are cut and the reader is held',
  seeds: [
    pdu(1, echoRequestBody()).bytes,
    pdu(1, fullRequestBody()).bytes,
    pdu(2, fullAnswerBody()).bytes,
    join(pdu(1, echoRequestBody()), pData(pdv(1, 3, '0000 0100 0200 0000 3000')), releaseRq()).bytes,
    join(pData(pdv(3, 1, 'aabb'), pdv(3, 3, 'ccdd'), pdv(3, 0, ''), pdv(3, 2, '01020304')), abort(0, 0))
      .bytes,
    join(...Array.from({ length: 20 }, () => pData(pdv(1, 0, ''), pdv(1, 0, '')))).bytes,
    join(associateRj(1, 1, 3), releaseRq(), releaseRp(), abort(2, 6)).bytes,
  ],
  check(input, random) {
    const whole = outcome(input, random, false);
    const cut = outcome(input, random, true);
    if (whole !== cut) {
      throw new Finding(`read differently when cut: ${whole} and ${cut}`);
    }
  },
};

/** A value has to survive being encoded again: the other side gets what was decided on. */
function checkCodec<Value>(
  input: Buffer,
  decode: (body: Buffer) => Value,
  encode: (value: Value) => Buffer,
): void {
  let value: Value;
  try {
    value = decode(input);
  } catch (error) {
    if (error instanceof PduError) {
      return;
    }
    throw error;
  }
  let encoded: Buffer;
  try {
    encoded = encode(value);
  } catch (error) {
    // Some of what is taken is never sent: no application context, a version name of 17 characters.
    if ((error as Error).name === 'RangeError') {
      return;
    }
    throw error;
  }
  const again = decode(encoded.subarray(6));
  if (!isDeepStrictEqual(again, value)) {
    throw new Finding('decoded differently after it was encoded again');
  }
}

/** What may go on: contexts that the decoder refused are never proposed, and its notes are for the log. */
function withoutDeviations<Pdu extends AssociateRq | AssociateAc>(decoded: Pdu): Pdu {
  const { deviations: _, ...pdu } = decoded;
  const contexts: readonly object[] = decoded.presentationContexts;
  return {
    ...pdu,
    presentationContexts: contexts.filter((context) => !('refusal' in context)),
  } as unknown as Pdu;
}

/** Without a context that can be proposed nothing is sent. */
function encodeProposedRq(rq: AssociateRq): Buffer {
  if (rq.presentationContexts.length === 0) throw new RangeError('nothing to propose');
  return encodeAssociateRq(rq);
}

export const associateTarget: FuzzTarget = {
  name: 'associate',
  invariant: 'a PduError or a value, which is the same after it was encoded and decoded again',
  seeds: [echoRequestBody().bytes, fullRequestBody().bytes, fullAnswerBody().bytes],
  check(input) {
    checkCodec(input, (body) => withoutDeviations(decodeAssociateRq(body)), encodeProposedRq);
    checkCodec(input, (body) => withoutDeviations(decodeAssociateAc(body)), encodeAssociateAc);
  },
};

/** Each message as `context kind bytes`, whatever PDUs it came in. */
function messagesIn(pdvs: readonly ParsedPdv[]): string[] {
  const messages: string[] = [];
  let parts: Buffer[] = [];
  for (const { contextId, control, fragment } of pdvs) {
    parts.push(fragment);
    if ((control & 2) === 0) continue;
    messages.push(`${contextId} ${control & 1} ${Buffer.concat(parts).toString('hex')}`);
    parts = [];
  }
  return messages;
}

/** Makes the framer write the messages that the input describes, and takes the PDUs apart again. */
function checkFraming(input: Buffer, random: Random): void {
  const maxPduLength = random.pick([8, 9, 10, 17, 100, 4096, 16384, 131072]);
  const framer = new PDataFramer(maxPduLength);
  const expected: string[] = [];
  const out: Buffer[] = [];
  const flush = () => {
    const flushed: Buffer[] = [];
    framer.flush(flushed);
    // Slabs are used again once they are returned.
    for (const bytes of flushed) out.push(Buffer.from(bytes));
    returnSlabs(flushed);
  };
  for (let offset = 0; offset + 3 <= input.length; ) {
    const [contextId = 0, kind = 0, length = 0] = input.subarray(offset, offset + 3);
    const bytes = input.subarray(offset + 3, offset + 3 + length * (kind & 0x40 ? 64 : 1));
    offset += 3 + bytes.length;
    const isEven = bytes.length % 2 === 0;
    if ((kind & 1) === 1) {
      if (bytes.length === 0 || !isEven) continue;
      framer.command(contextId, bytes);
      expected.push(`${contextId} 1 ${bytes.toString('hex')}`);
    } else {
      for (const piece of pieces(bytes, random)) {
        framer.data(contextId, piece);
        if (random.below(3) === 0) flush();
      }
      framer.dataEnd(contextId);
      expected.push(`${contextId} 0 ${bytes.toString('hex')}${isEven ? '' : '00'}`);
    }
    if ((kind & 2) === 2) flush();
  }
  flush();
  const pdvs = parsePDataStream(Buffer.concat(out));
  const odd = pdvs.find(({ fragment }) => fragment.length % 2 !== 0 || fragment.length + 6 > maxPduLength);
  if (odd !== undefined) throw new Finding(`a fragment of ${odd.fragment.length} bytes`);
  if (!isDeepStrictEqual(messagesIn(pdvs), expected)) throw new Finding('other messages than those given');
}

export const framerTarget: FuzzTarget = {
  name: 'framer',
  invariant: 'the messages that were given, in even fragments that fit, whenever it is flushed',
  seeds: [
    Buffer.from('0101020000 0100030a0b0c 0303040a0b0c0d'.replaceAll(' ', ''), 'hex'),
    Buffer.concat([Buffer.from([1, 0x40, 5]), Buffer.alloc(320, 'data '), Buffer.from([1, 1, 2, 0, 0])]),
  ],
  // The longest inputs are written as thousands of PDUs, and read again.
  maxInputMs: 200,
  check: checkFraming,
};
