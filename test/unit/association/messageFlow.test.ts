import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MessageFlow, type MessageReceiver, type Verdict } from '../../../src/association/messageFlow';
import { protocolErrorOf } from '../../../src/association/protocolError';
import { checkCommandSet } from '../../../src/dimse/checkCommandSet';
import { type CommandSet, decodeCommandSet } from '../../../src/dimse/commandSet';
import { hasDataSet } from '../../../src/dimse/commands';
import {
  commandSet,
  numberedRequest,
  type Pdv,
  CommandField as RequestField,
} from '../../support/dicomBytes';
import { contexts } from '../../support/relayedLegs';
import { SopClass } from '../../support/uids';

const MAX_COMMAND_SET_BYTES = 300;

/** What came out, as text; fragments of one data set are joined. Forwards what has an even message ID. */
class Recorder implements MessageReceiver {
  readonly log: string[] = [];
  #dataSet = '';

  command(contextId: number, { MessageID = 0 }: CommandSet): Verdict {
    const isForwarded = MessageID % 2 === 0;
    this.log.push(`${isForwarded ? 'forward' : 'drop'} ${MessageID} on ${contextId}`);
    return isForwarded ? 'forward' : 'drop';
  }

  dataSetFragment(contextId: number, bytes: Buffer): void {
    expect(bytes.length).toBeGreaterThan(0);
    this.#dataSet += `${contextId}:${bytes.toString('hex')} `;
  }

  dataSetEnd(contextId: number): void {
    const hex = this.#dataSet.replaceAll(`${contextId}:`, '').replaceAll(' ', '');
    this.log.push(`data set ${hex} on ${contextId}`);
    this.#dataSet = '';
  }

  messageEnd(dataSetBytes: number): void {
    this.log.push(`end ${dataSetBytes}`);
  }
}

function store(messageId: number): Buffer {
  const request = {
    CommandField: RequestField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  };
  return commandSet(numberedRequest(messageId, request, true));
}

function echo(messageId: number): Buffer {
  const request = { CommandField: RequestField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
  return commandSet(numberedRequest(messageId, request, false));
}

/** Feeds fragments as the reader does: none that is empty, and a chunk that changes after the end of what it ends. */
function feed(flow: MessageFlow, pdvs: readonly Pdv[], chunkBytes = Number.POSITIVE_INFINITY): void {
  for (const { contextId, isCommand, isLast, fragment } of pdvs) {
    flow.pdvStart(contextId, (isCommand ? 1 : 0) | (isLast ? 2 : 0), fragment.length);
    let lent = Buffer.alloc(0);
    for (let start = 0; start < fragment.length; start += chunkBytes) {
      lent.fill(0xee);
      lent = Buffer.from(fragment.subarray(start, start + chunkBytes));
      flow.fragment(lent);
    }
    flow.pdvEnd();
    lent.fill(0xee);
  }
}

/** The result of these fragments: what was reported, and the code of the error that ended it. */
function resultOf(pdvs: readonly Pdv[], chunkBytes?: number): { log: string[]; error: string | undefined } {
  const recorder = new Recorder();
  const flow = new MessageFlow(recorder, contexts, MAX_COMMAND_SET_BYTES);
  try {
    feed(flow, pdvs, chunkBytes);
  } catch (error) {
    return { log: recorder.log, error: protocolErrorOf(error).code };
  }
  return { log: recorder.log, error: undefined };
}

function cutAt(contextId: number, isCommand: boolean, bytes: Buffer, cuts: readonly number[]): Pdv[] {
  const ends = [...cuts, bytes.length];
  return ends.map((end, index) => ({
    contextId,
    isCommand,
    isLast: index === ends.length - 1,
    fragment: bytes.subarray(ends[index - 1] ?? 0, end),
  }));
}

const dataSet = Buffer.from('0123456789abcdef', 'latin1');

describe('messages', () => {
  it.each([2, 3])('come out whole wherever their command set is cut (message ID %d)', (messageId) => {
    const command = store(messageId);
    const whole = [...cutAt(3, true, command, []), ...cutAt(3, false, dataSet, [])];
    const expected = resultOf(whole);
    expect(expected.log.at(-1)).toBe('end 16');
    for (let cut = 0; cut <= command.length; cut += 1) {
      const pdvs = [...cutAt(3, true, command, [cut]), ...cutAt(3, false, dataSet, [])];
      expect(resultOf(pdvs)).toEqual(expected);
    }
  });

  it.each([2, 3])('come out whole wherever their data set is cut (message ID %d)', (messageId) => {
    const command = cutAt(3, true, store(messageId), []);
    const expected = resultOf([...command, ...cutAt(3, false, dataSet, [])]);
    for (let first = 0; first <= dataSet.length; first += 1) {
      for (let second = first; second <= dataSet.length; second += 1) {
        expect(resultOf([...command, ...cutAt(3, false, dataSet, [first, second])])).toEqual(expected);
      }
    }
  });

  it('come out whole wherever reads cut their fragments', () => {
    const pdvs = [
      ...cutAt(3, true, store(2), [5]),
      ...cutAt(3, false, dataSet, [7]),
      ...cutAt(1, true, echo(4), []),
    ];
    const expected = resultOf(pdvs);
    expect(expected.log).toEqual([
      'forward 2 on 3',
      `data set ${dataSet.toString('hex')} on 3`,
      'end 16',
      'forward 4 on 1',
      'end 0',
    ]);
    for (let chunkBytes = 1; chunkBytes < 40; chunkBytes += 1)
      expect(resultOf(pdvs, chunkBytes)).toEqual(expected);
  });

  it('pass on nothing of a data set that is dropped, but count it', () => {
    const pdvs = [...cutAt(3, true, store(1), []), ...cutAt(3, false, dataSet, [3, 9])];
    expect(resultOf(pdvs)).toEqual({ log: ['drop 1 on 3', 'end 16'], error: undefined });
  });

  it('are refused as soon as their command set is longer than the limit', () => {
    const recorder = new Recorder();
    const flow = new MessageFlow(recorder, contexts, MAX_COMMAND_SET_BYTES);
    flow.pdvStart(3, 1, MAX_COMMAND_SET_BYTES + 1);
    flow.fragment(Buffer.alloc(MAX_COMMAND_SET_BYTES));
    expect(() => flow.fragment(Buffer.alloc(1))).toThrow(`more than ${MAX_COMMAND_SET_BYTES} bytes`);
    expect(recorder.log).toEqual([]);
  });

  it('are inside from the first fragment to the last, and forwarded between the command and the end', () => {
    const flow = new MessageFlow(new Recorder(), contexts, MAX_COMMAND_SET_BYTES);
    const seen = () => [flow.isInsideMessage, flow.isInsideForwardedMessage];
    const [first, second] = cutAt(3, true, store(2), [10]);
    const [begin, end] = cutAt(3, false, dataSet, [2]);
    const states = [seen()];
    for (const pdv of [first!, second!, begin!, end!]) {
      feed(flow, [pdv]);
      states.push(seen());
    }
    expect(states).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [true, true],
      [false, false],
    ]);
  });
});

/** The same in few words: collects everything first, then looks at it. */
function modelOf(pdvs: readonly Pdv[]): { log: string[]; error: string | undefined } {
  const log: string[] = [];
  let open: { contextId: number; command: Buffer; data: Buffer | undefined; messageId: number } | undefined;
  for (const { contextId, isCommand, isLast, fragment } of pdvs) {
    if (open === undefined) {
      if (!contexts.has(contextId)) return { log, error: 'pdu-presentation-context-invalid' };
      if (!isCommand) return { log, error: 'pdu-pdv-order' };
      open = { contextId, command: Buffer.alloc(0), data: undefined, messageId: 0 };
    } else if (contextId !== open.contextId || isCommand === (open.data !== undefined)) {
      return { log, error: 'pdu-pdv-order' };
    }
    if (open.data === undefined) {
      open.command = Buffer.concat([open.command, fragment]);
      if (!isLast) continue;
      const read = readCommand(open.command, contexts.get(contextId)!.abstractSyntax);
      if (read === undefined) return { log, error: 'command-set' };
      const { MessageID: messageId = 0 } = read;
      log.push(`${messageId % 2 === 0 ? 'forward' : 'drop'} ${messageId} on ${contextId}`);
      open.messageId = messageId;
      open.data = Buffer.alloc(0);
      if (hasDataSet(read)) continue;
    } else {
      open.data = Buffer.concat([open.data, fragment]);
      if (!isLast) continue;
      if (open.messageId % 2 === 0) log.push(`data set ${open.data.toString('hex')} on ${contextId}`);
    }
    log.push(`end ${open.data.length}`);
    open = undefined;
  }
  return { log, error: undefined };
}

/** What is in a command set is tested elsewhere. */
function readCommand(bytes: Buffer, abstractSyntax: string): CommandSet | undefined {
  try {
    const command = decodeCommandSet(bytes);
    checkCommandSet(command, abstractSyntax);
    return command;
  } catch {
    return undefined;
  }
}

const knownCommands = [0, 1, 2, 3].flatMap((messageId) => [
  { contextId: 3, bytes: store(messageId), isFollowed: true },
  { contextId: 1, bytes: echo(messageId), isFollowed: false },
]);

const message = fc
  .record({
    known: fc.constantFrom(...knownCommands),
    commandCut: fc.nat({ max: 80 }),
    data: fc.uint8Array({ maxLength: 12 }),
    dataCuts: fc.array(fc.nat({ max: 12 }), { maxLength: 3 }),
  })
  .map(({ known: { bytes, contextId, isFollowed }, commandCut, data, dataCuts }) => {
    const cuts = dataCuts.map((cut) => Math.min(cut, data.length)).sort((one, other) => one - other);
    return [
      ...cutAt(contextId, true, bytes, [Math.min(commandCut, bytes.length)]),
      ...(isFollowed ? cutAt(contextId, false, Buffer.from(data), cuts) : []),
    ];
  });

type Mutation = (pdvs: Pdv[]) => Pdv[];
const at = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

function changed(where: number, change: (pdv: Pdv) => Pdv[]): Mutation {
  return (pdvs) => {
    const index = Math.floor(where * pdvs.length);
    return pdvs.flatMap((pdv, each) => (each === index ? change(pdv) : [pdv]));
  };
}

const mutation: fc.Arbitrary<Mutation> = fc.tuple(at, fc.nat({ max: 4 })).map(([where, kind]) =>
  changed(where, (pdv) => {
    if (kind === 0) return [];
    if (kind === 1) return [pdv, pdv];
    if (kind === 2) return [{ ...pdv, isLast: !pdv.isLast }];
    if (kind === 3) return [{ ...pdv, isCommand: !pdv.isCommand }];
    return [{ ...pdv, contextId: pdv.contextId + 2 }];
  }),
);

describe('any order of fragments', () => {
  it('gives what a model gives that collects everything first', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 4 }),
        fc.array(mutation, { maxLength: 2 }),
        fc.integer({ min: 1, max: 9 }),
        (messages, mutations, chunkBytes) => {
          const pdvs = mutations.reduce((mutated, mutate) => mutate(mutated), messages.flat());
          const found = resultOf(pdvs, chunkBytes);
          const error = found.error?.startsWith('command-set') ? 'command-set' : found.error;
          expect({ ...found, error }).toEqual(modelOf(pdvs));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
