/**
 * Command sets for property tests: valid ones, bytes that were once valid, and plain noise; and what must hold for
 * whatever the decoder makes of any of them.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkCommandSet } from '../../src/dimse/checkCommandSet';
import { type CommandSet, decodeCommandSet } from '../../src/dimse/commandSet';
import { CommandSetError } from '../../src/dimse/commandSetError';
import { encodeCommandSet } from '../../src/dimse/encodeCommandSet';
import { refusalResponse } from '../../src/dimse/refusal';
import { goldenCommandSets } from '../unit/dimse/goldenCommandSets';

const unsigned16 = fc.nat({ max: 0xffff });
const tags = fc.array(fc.nat({ max: 0xffffffff }), { maxLength: 8 });
const uid = fc.string({ unit: fc.constantFrom(...'0123456789.'), maxLength: 64 });

function charactersBetween(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index));
}
const printable = charactersBetween(0x20, 0x7e).filter((character) => character !== '\\');
const aeTitle = fc.string({ unit: fc.constantFrom(...printable), maxLength: 16 }).map((text) => text.trim());
const commentCharacters = [...charactersBetween(0x20, 0x7e), ...charactersBetween(0xa0, 0xff)];
const comment = fc
  .string({ unit: fc.constantFrom(...commentCharacters), maxLength: 64 })
  .map((text) => text.replace(/ +$/, ''));

/** Every command set that can be written, sensible or not. */
export const commandSets: fc.Arbitrary<CommandSet> = fc.record(
  {
    AffectedSOPClassUID: uid,
    RequestedSOPClassUID: uid,
    CommandField: unsigned16,
    MessageID: unsigned16,
    MessageIDBeingRespondedTo: unsigned16,
    MoveDestination: aeTitle,
    Priority: unsigned16,
    CommandDataSetType: unsigned16,
    Status: unsigned16,
    OffendingElement: tags,
    ErrorComment: comment,
    ErrorID: unsigned16,
    AffectedSOPInstanceUID: uid,
    RequestedSOPInstanceUID: uid,
    EventTypeID: unsigned16,
    AttributeIdentifierList: tags,
    ActionTypeID: unsigned16,
    NumberOfRemainingSuboperations: unsigned16,
    NumberOfCompletedSuboperations: unsigned16,
    NumberOfFailedSuboperations: unsigned16,
    NumberOfWarningSuboperations: unsigned16,
    MoveOriginatorApplicationEntityTitle: aeTitle,
    MoveOriginatorMessageID: unsigned16,
  },
  { requiredKeys: ['CommandField', 'CommandDataSetType'], noNullPrototype: true },
);

type Mutation = (bytes: Buffer) => Buffer;

const position = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const telling = fc.constantFrom(
  0,
  1,
  2,
  3,
  0x7f,
  0x80,
  0xff,
  0x4c55,
  0x2000,
  0x2002,
  0x7fffffff,
  0xfffffffe,
  0xffffffff,
);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(position, fc.nat({ max: 0xff })).map(
    ([at, value]): Mutation =>
      (bytes) => {
        const changed = Buffer.from(bytes);
        changed[Math.floor(at * bytes.length)] = value;
        return changed;
      },
  ),
  fc.tuple(position, telling).map(
    ([at, value]): Mutation =>
      (bytes) => {
        if (bytes.length < 4) return bytes;
        const changed = Buffer.from(bytes);
        changed.writeUInt32LE(value, Math.floor(at * (bytes.length - 3)));
        return changed;
      },
  ),
  position.map(
    (at): Mutation =>
      (bytes) =>
        bytes.subarray(0, Math.floor(at * bytes.length)),
  ),
  fc.tuple(position, fc.uint8Array({ maxLength: 12 })).map(
    ([at, inserted]): Mutation =>
      (bytes) => {
        const cut = Math.floor(at * bytes.length);
        return Buffer.concat([bytes.subarray(0, cut), inserted, bytes.subarray(cut)]);
      },
  ),
  fc.tuple(position, position, position).map(
    ([from, to, target]): Mutation =>
      (bytes) => {
        const slice = bytes.subarray(Math.floor(from * bytes.length), Math.floor(to * bytes.length));
        const cut = Math.floor(target * bytes.length);
        return Buffer.concat([bytes.subarray(0, cut), slice, bytes.subarray(cut)]);
      },
  ),
);

const validBytes = fc.oneof(
  fc.constantFrom(...goldenCommandSets).map(({ bytes }) => bytes),
  commandSets.map(encodeCommandSet),
);

/** Noise, valid command sets, and valid ones with a few bytes changed, cut, inserted or repeated. */
export const hostileBytes: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((noise) => Buffer.from(noise)) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(validBytes, fc.array(mutation, { maxLength: 4 }))
      .map(([bytes, mutations]) => mutations.reduce((changed, mutate) => mutate(changed), bytes)),
  },
);

/**
 * Whatever the bytes: either a CommandSetError, or a command set that comes through encoding unchanged, can be
 * checked, and can be refused. (node:assert, because expect takes longer than the code under test.)
 */
export function expectStrictDecoding(bytes: Buffer): void {
  const set = unlessRefused(() => decodeCommandSet(bytes));
  if (set === undefined) return;
  const canonical = encodeCommandSet(set);
  assert.deepEqual(decodeCommandSet(canonical), set);
  // At most the group length is added.
  assert.ok(canonical.length <= bytes.length + 12);
  const isAccepted = unlessRefused(() => {
    checkCommandSet(set, set.AffectedSOPClassUID ?? '');
    return true;
  });
  if (isAccepted && set.MessageID !== undefined) {
    const refusal = refusalResponse(set, 0x0124, 'denied');
    assert.deepEqual(decodeCommandSet(encodeCommandSet(refusal)), refusal);
  }
}

function unlessRefused<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof CommandSetError) return undefined;
    throw error;
  }
}
