import { describe, expect, it } from '@jest/globals';
import { checkCommandSet } from '../../../src/dimse/checkCommandSet';
import type { CommandSet } from '../../../src/dimse/commandSet';
import { CommandSetError } from '../../../src/dimse/commandSetError';
import { goldenCommandSets } from './goldenCommandSets';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const GET = '1.2.840.10008.5.1.4.1.2.2.3';
const VERIFICATION = '1.2.840.10008.1.1';
const UPS_PUSH = '1.2.840.10008.5.1.4.34.6.1';
const UPS_PULL = '1.2.840.10008.5.1.4.34.6.3';
const MPPS = '1.2.840.10008.3.1.2.3.3';
const COMMITMENT = '1.2.840.10008.1.20.1';
const NONE = 0x0101;
const SOME = 0x0001;

/** Complete requests, and whether their data set is needed (PS3.7 §9.3, §10.3). */
const requests: readonly {
  name: string;
  set: CommandSet;
  context: string;
  dataSet: 'must' | 'may' | 'must not';
}[] = [
  {
    name: 'C-STORE-RQ',
    context: CT,
    dataSet: 'must',
    set: {
      CommandField: 0x0001,
      MessageID: 1,
      AffectedSOPClassUID: CT,
      AffectedSOPInstanceUID: '1.2.3',
      CommandDataSetType: SOME,
    },
  },
  {
    name: 'C-GET-RQ',
    context: GET,
    dataSet: 'must',
    set: { CommandField: 0x0010, MessageID: 1, AffectedSOPClassUID: GET, CommandDataSetType: SOME },
  },
  {
    name: 'C-FIND-RQ',
    context: FIND,
    dataSet: 'must',
    set: { CommandField: 0x0020, MessageID: 1, AffectedSOPClassUID: FIND, CommandDataSetType: SOME },
  },
  {
    name: 'C-MOVE-RQ',
    context: MOVE,
    dataSet: 'must',
    set: {
      CommandField: 0x0021,
      MessageID: 1,
      AffectedSOPClassUID: MOVE,
      MoveDestination: 'WS1',
      CommandDataSetType: SOME,
    },
  },
  {
    name: 'C-ECHO-RQ',
    context: VERIFICATION,
    dataSet: 'must not',
    set: { CommandField: 0x0030, MessageID: 1, AffectedSOPClassUID: VERIFICATION, CommandDataSetType: NONE },
  },
  {
    name: 'N-EVENT-REPORT-RQ',
    context: COMMITMENT,
    dataSet: 'may',
    set: {
      CommandField: 0x0100,
      MessageID: 1,
      AffectedSOPClassUID: COMMITMENT,
      AffectedSOPInstanceUID: '1.2.3',
      EventTypeID: 1,
      CommandDataSetType: SOME,
    },
  },
  {
    name: 'N-GET-RQ',
    context: MPPS,
    dataSet: 'must not',
    set: {
      CommandField: 0x0110,
      MessageID: 1,
      RequestedSOPClassUID: MPPS,
      RequestedSOPInstanceUID: '1.2.3',
      CommandDataSetType: NONE,
    },
  },
  {
    name: 'N-SET-RQ',
    context: MPPS,
    dataSet: 'must',
    set: {
      CommandField: 0x0120,
      MessageID: 1,
      RequestedSOPClassUID: MPPS,
      RequestedSOPInstanceUID: '1.2.3',
      CommandDataSetType: SOME,
    },
  },
  {
    name: 'N-ACTION-RQ',
    context: COMMITMENT,
    dataSet: 'may',
    set: {
      CommandField: 0x0130,
      MessageID: 1,
      RequestedSOPClassUID: COMMITMENT,
      RequestedSOPInstanceUID: '1.2.3',
      ActionTypeID: 1,
      CommandDataSetType: SOME,
    },
  },
  {
    name: 'N-CREATE-RQ',
    context: MPPS,
    dataSet: 'may',
    set: { CommandField: 0x0140, MessageID: 1, AffectedSOPClassUID: MPPS, CommandDataSetType: SOME },
  },
  {
    name: 'N-DELETE-RQ',
    context: MPPS,
    dataSet: 'must not',
    set: {
      CommandField: 0x0150,
      MessageID: 1,
      RequestedSOPClassUID: MPPS,
      RequestedSOPInstanceUID: '1.2.3',
      CommandDataSetType: NONE,
    },
  },
  {
    name: 'C-CANCEL-RQ',
    context: FIND,
    dataSet: 'must not',
    set: { CommandField: 0x0fff, MessageIDBeingRespondedTo: 1, CommandDataSetType: NONE },
  },
];

const store = requests[0]!.set;

function codeOf(set: CommandSet, context: string): string | undefined {
  try {
    checkCommandSet(set, context);
    return undefined;
  } catch (error) {
    if (error instanceof CommandSetError) return error.code;
    throw error;
  }
}

function without(set: CommandSet, keyword: string): CommandSet {
  return Object.fromEntries(Object.entries(set).filter(([key]) => key !== keyword)) as unknown as CommandSet;
}

describe('accepts', () => {
  it.each(goldenCommandSets)('$name', ({ set, abstractSyntax }) => {
    expect(() => checkCommandSet(set, abstractSyntax)).not.toThrow();
  });

  it.each(requests)('a complete $name', ({ set, context }) => {
    expect(() => checkCommandSet(set, context)).not.toThrow();
  });

  it('a request that the standard does not define, if it can be answered', () => {
    const set = { CommandField: 0x0222, MessageID: 3, CommandDataSetType: NONE };
    expect(codeOf(set, CT)).toBeUndefined();
    expect(codeOf(without(set, 'MessageID'), CT)).toBe('command-set-incomplete');
  });

  it('any response that names its request and a status', () => {
    for (const { set, context, name } of requests.filter((request) => request.name !== 'C-CANCEL-RQ')) {
      const response = {
        CommandField: set.CommandField | 0x8000,
        MessageIDBeingRespondedTo: 1,
        Status: 0,
        CommandDataSetType: NONE,
      };
      expect([name, codeOf(response, context)]).toEqual([name, undefined]);
      expect(codeOf(without(response, 'MessageIDBeingRespondedTo'), context)).toBe('command-set-incomplete');
      expect(codeOf(without(response, 'Status'), context)).toBe('command-set-incomplete');
    }
  });
});

describe('refuses as incomplete', () => {
  const absences = requests.flatMap(({ name, set, context }) =>
    Object.keys(set)
      .filter((keyword) => keyword !== 'CommandField' && keyword !== 'CommandDataSetType')
      .map((keyword) => ({ name, keyword, set, context })),
  );

  it.each(absences)('a $name without $keyword', ({ set, keyword, context }) => {
    const isAnswerable = keyword !== 'MessageID';
    expect(codeOf(without(set, keyword), context)).toBe(
      isAnswerable ? 'command-set-refused' : 'command-set-incomplete',
    );
  });

  it.each(absences.filter(({ set, keyword }) => typeof set[keyword as keyof CommandSet] === 'string'))(
    'a $name with an empty $keyword',
    ({ set, keyword, context }) => {
      expect(codeOf({ ...set, [keyword]: '' }, context)).toBe('command-set-refused');
    },
  );

  it('and names the command and the element', () => {
    expect(() => checkCommandSet(without(store, 'AffectedSOPInstanceUID'), CT)).toThrow(
      'C-STORE-RQ has no (0000,1000) AffectedSOPInstanceUID',
    );
  });
});

describe('refuses', () => {
  it.each(requests.filter(({ dataSet }) => dataSet === 'must'))('a $name without a data set', (request) => {
    expect(codeOf({ ...request.set, CommandDataSetType: NONE }, request.context)).toBe('command-set-refused');
  });

  it.each(requests.filter(({ dataSet }) => dataSet === 'must not'))('a $name with a data set', (request) => {
    for (const type of [0x0000, 0x0001, 0x0102]) {
      expect(codeOf({ ...request.set, CommandDataSetType: type }, request.context)).toBe(
        'command-set-refused',
      );
    }
  });

  it.each(requests.filter(({ dataSet }) => dataSet === 'may'))('no $name with or without one', (request) => {
    expect(codeOf({ ...request.set, CommandDataSetType: NONE }, request.context)).toBeUndefined();
    expect(codeOf({ ...request.set, CommandDataSetType: SOME }, request.context)).toBeUndefined();
  });

  it.each([0x8222, 0x8000, 0xffff, 0x8fff])(
    'command field %i, a response to a request that does not exist',
    (field) => {
      const set = {
        CommandField: field,
        MessageID: 1,
        MessageIDBeingRespondedTo: 1,
        Status: 0,
        CommandDataSetType: NONE,
      };
      expect(codeOf(set, CT)).toBe('command-set-malformed');
    },
  );

  it.each(['..', '1..2', '.1', '1.'])('a SOP class of %j, which is not a UID', (uid) => {
    expect(codeOf({ ...store, AffectedSOPClassUID: uid }, CT)).toBe('sop-class-uid-invalid');
  });

  it('a request that names two different SOP classes', () => {
    const action = requests.find(({ name }) => name === 'N-ACTION-RQ')!.set;
    expect(codeOf({ ...action, AffectedSOPClassUID: MPPS }, COMMITMENT)).toBe('command-set-refused');
    expect(codeOf({ ...action, AffectedSOPClassUID: COMMITMENT }, COMMITMENT)).toBeUndefined();
    expect(codeOf({ ...store, RequestedSOPClassUID: MPPS }, CT)).toBe('command-set-refused');
  });
});

describe('the SOP class and the presentation context', () => {
  const bound = requests.filter(({ name }) => name.startsWith('C-') && name !== 'C-CANCEL-RQ');

  it.each(bound)('refuses a $name on the context of another class', ({ set, context }) => {
    for (const other of ['1.2.840.10008.5.1.4.1.1.4', `${context}.1`, context.slice(0, -1), '']) {
      expect(codeOf(set, other)).toBe('command-set-sop-class-mismatch');
    }
  });

  it.each([
    ['1.2.840.10008.5.1.4.1.1.3', '1.2.840.10008.5.1.4.1.1.3.1'],
    ['1.2.840.10008.5.1.4.1.1.6.1', '1.2.840.10008.5.1.4.1.1.6'],
    ['1.2.840.10008.5.1.4.1.1.5', '1.2.840.10008.5.1.4.1.1.20'],
  ])('lets a C-STORE of %s pass on the context of %s', (sopClass, context) => {
    expect(codeOf({ ...store, AffectedSOPClassUID: sopClass }, context)).toBeUndefined();
    const query = requests.find(({ name }) => name === 'C-FIND-RQ')!.set;
    expect(codeOf({ ...query, AffectedSOPClassUID: sopClass }, context)).toBe(
      'command-set-sop-class-mismatch',
    );
  });

  it('lets N-services differ within one service', () => {
    const action = requests.find(({ name }) => name === 'N-ACTION-RQ')!.set;
    const filmSession = { ...action, RequestedSOPClassUID: '1.2.840.10008.5.1.1.1' };
    expect(codeOf(filmSession, '1.2.840.10008.5.1.1.9')).toBeUndefined();
    expect(codeOf({ ...action, RequestedSOPClassUID: UPS_PUSH }, UPS_PULL)).toBeUndefined();
  });

  it('refuses services without a permission on the context of another class: no entry opens two as one', () => {
    const action = requests.find(({ name }) => name === 'N-ACTION-RQ')!.set;
    const logging = { ...action, RequestedSOPClassUID: '1.2.840.10008.1.40' };
    expect(codeOf(logging, '1.2.840.10008.1.40')).toBeUndefined();
    expect(codeOf(logging, '1.2.840.113619.4.30')).toBe('command-set-sop-class-mismatch');
  });

  it.each(requests.filter(({ name }) => name.startsWith('N-')))(
    'refuses a $name on the context of another service',
    ({ set }) => {
      for (const other of [UPS_PULL, CT, '1.2.840.10008.5.1.1.9', '']) {
        expect(codeOf(set, other)).toBe('command-set-sop-class-mismatch');
      }
    },
  );

  it('lets C-CANCEL, which names no class, pass on any context', () => {
    const cancel = requests.find(({ name }) => name === 'C-CANCEL-RQ')!.set;
    expect(codeOf(cancel, CT)).toBeUndefined();
    expect(codeOf({ ...cancel, AffectedSOPClassUID: FIND }, CT)).toBeUndefined();
  });

  it('takes the UPS classes as one service', () => {
    const find = {
      CommandField: 0x0020,
      MessageID: 1,
      AffectedSOPClassUID: UPS_PUSH,
      CommandDataSetType: SOME,
    };
    expect(codeOf(find, UPS_PULL)).toBeUndefined();
    expect(codeOf(find, FIND)).toBe('command-set-sop-class-mismatch');
    expect(codeOf({ ...find, AffectedSOPClassUID: FIND }, UPS_PULL)).toBe('command-set-sop-class-mismatch');
  });
});
