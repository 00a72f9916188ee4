import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CommandReader } from '../../../src/association/commandReader';
import { checkCommandSet } from '../../../src/dimse/checkCommandSet';
import { type CommandSet, decodeCommandSet } from '../../../src/dimse/commandSet';
import { encodeCommandSet } from '../../../src/dimse/encodeCommandSet';
import { commandSets } from '../../support/commandSetArbitraries';
import { SopClass } from '../../support/uids';

const MAX_BYTES = 4096;

/** The answer of a C-FIND that comes most often, and its like. */
const answers = fc.record({
  AffectedSOPClassUID: fc.constantFrom(SopClass.StudyRootFind, SopClass.Verification),
  CommandField: fc.constantFrom(0x8020, 0x8010, 0x8001, 0x0020),
  MessageID: fc.constantFrom(1, 2),
  MessageIDBeingRespondedTo: fc.constantFrom(1, 2),
  CommandDataSetType: fc.constantFrom(0x0001, 0x0101),
  Status: fc.constantFrom(0xff00, 0xff01, 0x0000),
});

function outcomeOf(read: () => CommandSet): unknown {
  try {
    return read();
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message };
  }
}

function readAgain(bytes: Buffer, abstractSyntax: string): CommandSet {
  const command = decodeCommandSet(bytes);
  checkCommandSet(command, abstractSyntax);
  return command;
}

describe('command sets of one peer', () => {
  it('are read as if each were the first, however often the same bytes come', () => {
    const message = fc.record({
      bytes: fc.oneof(
        { weight: 4, arbitrary: answers.map((set) => encodeCommandSet(set)) },
        { weight: 1, arbitrary: commandSets.map((set) => encodeCommandSet(set)) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)) },
      ),
      times: fc.nat({ max: 3 }),
      /** Where it is cut in two; 0: it comes whole. */
      cut: fc.nat({ max: 8 }),
      abstractSyntax: fc.constantFrom(SopClass.StudyRootFind, SopClass.Verification),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const reader = new CommandReader(MAX_BYTES);
        for (const { bytes, times, cut, abstractSyntax } of messages) {
          for (let time = 0; time <= times; time += 1) {
            const lent = Buffer.from(bytes);
            if (cut > 0) reader.add(lent.subarray(0, cut), false);
            if (cut < lent.length) reader.add(lent.subarray(cut), cut === 0);
            const read = outcomeOf(() => reader.read(abstractSyntax));
            lent.fill(0xee);
            expect(read).toEqual(outcomeOf(() => readAgain(bytes, abstractSyntax)));
          }
        }
      }),
    );
  });

  it('are read once where a pending answer comes again, and again on another context', () => {
    const reader = new CommandReader(MAX_BYTES);
    const bytes = encodeCommandSet({
      CommandField: 0x8020,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: 1,
      Status: 0xff00,
    });
    const read = (abstractSyntax: string) => {
      reader.add(bytes, true);
      return reader.read(abstractSyntax);
    };
    const first = read(SopClass.StudyRootFind);
    expect(read(SopClass.StudyRootFind)).toBe(first);
    expect(read(SopClass.Verification)).not.toBe(first);
  });
});
