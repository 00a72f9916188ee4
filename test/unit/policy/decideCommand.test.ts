import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decideAssociation, decideCommand } from '../../../src/policy/decide';
import type { CompiledModality } from '../../../src/policy/policy';
import { associationRequest, type ModalityInput, policyOf } from '../../support/policyOf';

/** Command fields of PS3.7 Table E.1-1, written out once more. */
const fields = {
  'C-STORE': 0x0001,
  'C-GET': 0x0010,
  'C-FIND': 0x0020,
  'C-MOVE': 0x0021,
  'C-ECHO': 0x0030,
  'N-EVENT-REPORT': 0x0100,
  'N-GET': 0x0110,
  'N-SET': 0x0120,
  'N-ACTION': 0x0130,
  'N-CREATE': 0x0140,
  'N-DELETE': 0x0150,
} as const;
const VERIFICATION = '1.2.840.10008.1.1';
const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
const STUDY_ROOT_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const STUDY_ROOT_GET = '1.2.840.10008.5.1.4.1.2.2.3';
const WORKLIST_FIND = '1.2.840.10008.5.1.4.31';
const STORAGE_COMMITMENT = '1.2.840.10008.1.20.1';
const MPPS = '1.2.840.10008.3.1.2.3.3';
const UPS_PUSH = '1.2.840.10008.5.1.4.34.6.1';
const BASIC_FILM_SESSION = '1.2.840.10008.5.1.1.1';
const EVENT_LOGGING = '1.2.840.10008.1.40';
const PRIVATE_SERVICE = '1.2.840.113619.4.30';

function modality(entry: Partial<ModalityInput>, strictAeTitles = false): CompiledModality {
  const policy = policyOf(
    { ct1: { callingAeTitle: ['CT1', 'CT1B'], from: '10.1.2.10', ...entry } },
    {
      strictAeTitles,
    },
  );
  const decision = decideAssociation(policy, associationRequest());
  if (!decision.allowed) throw new Error(decision.reason);
  return decision.modality;
}

/** `allowed`, the reason, or `would: reason`. */
function outcome(
  entry: CompiledModality,
  command: keyof typeof fields | number,
  sopClassUid: string,
  moveDestination?: string,
): string {
  const commandField = typeof command === 'number' ? command : fields[command];
  const decision = decideCommand(entry, {
    commandField,
    sopClassUid,
    ...(moveDestination === undefined ? {} : { moveDestination }),
  });
  if (!decision.allowed) return decision.reason;
  return decision.wouldDeny === undefined ? 'allowed' : `would: ${decision.wouldDeny}`;
}

const commandOfPermission = [
  ['echo', 'C-ECHO', VERIFICATION],
  ['store', 'C-STORE', CT_IMAGE_STORAGE],
  ['find', 'C-FIND', STUDY_ROOT_FIND],
  ['findWorklist', 'C-FIND', WORKLIST_FIND],
  ['move', 'C-MOVE', STUDY_ROOT_MOVE],
  ['get', 'C-GET', STUDY_ROOT_GET],
  ['storageCommitment', 'N-ACTION', STORAGE_COMMITMENT],
  ['mpps', 'N-CREATE', MPPS],
  ['ups', 'N-CREATE', UPS_PUSH],
  ['instanceAvailability', 'N-CREATE', '1.2.840.10008.5.1.4.33'],
  ['print', 'N-CREATE', BASIC_FILM_SESSION],
  ['mediaCreation', 'N-ACTION', '1.2.840.10008.5.1.1.33'],
  ['rtMachineVerification', 'N-SET', '1.2.840.10008.5.1.4.34.8'],
  ['substanceAdministration', 'N-ACTION', '1.2.840.10008.1.42'],
] as const;

describe('gate 4: the command', () => {
  it('each permission opens its own commands and no other: 12 commands under 12 permissions', () => {
    const commands = [
      ['echo', 'C-ECHO', VERIFICATION],
      ['store', 'C-STORE', CT_IMAGE_STORAGE],
      ['find', 'C-FIND', STUDY_ROOT_FIND],
      ['findWorklist', 'C-FIND', WORKLIST_FIND],
      ['move', 'C-MOVE', STUDY_ROOT_MOVE],
      ['get', 'C-GET', STUDY_ROOT_GET],
      ['storageCommitment', 'N-ACTION', STORAGE_COMMITMENT],
      ['storageCommitment', 'N-EVENT-REPORT', STORAGE_COMMITMENT],
      ['mpps', 'N-CREATE', MPPS],
      ['mpps', 'N-SET', MPPS],
      ['ups', 'N-GET', UPS_PUSH],
      ['print', 'N-DELETE', BASIC_FILM_SESSION],
    ] as const;
    for (const [permission] of commands) {
      const entry = modality({ allow: permission, moveDestinations: '*' });
      for (const [needed, command, sopClass] of commands) {
        const expected = needed === permission ? 'allowed' : 'command-not-allowed';
        expect([permission, command, outcome(entry, command, sopClass, 'WS1')]).toEqual([
          permission,
          command,
          expected,
        ]);
      }
    }
  });

  it.each(commandOfPermission)(
    '"%s" opens its own command and no other',
    (permission, _command, _sopClassUid) => {
      const entry = modality({ allow: [permission] });
      for (const [own, command, sopClassUid] of commandOfPermission) {
        expect([command, sopClassUid, outcome(entry, command, sopClassUid, 'CT1')]).toEqual([
          command,
          sopClassUid,
          own === permission ? 'allowed' : 'command-not-allowed',
        ]);
      }
    },
  );

  it('nothing is allowed by default', () => {
    const entry = modality({});
    for (const [, command, sopClassUid] of commandOfPermission) {
      expect(outcome(entry, command, sopClassUid, 'CT1')).toBe('command-not-allowed');
    }
  });

  it('no permission opens a service that has none', () => {
    const everything = modality({ allow: commandOfPermission.map(([permission]) => permission) });
    expect(outcome(everything, 'N-ACTION', EVENT_LOGGING)).toBe('command-not-allowed');
    expect(outcome(everything, 'N-CREATE', PRIVATE_SERVICE)).toBe('command-not-allowed');
  });

  it('"services" opens every command on the SOP classes that it lists, and on no other', () => {
    const entry = modality({ allow: ['echo'], services: ['ProceduralEventLogging', PRIVATE_SERVICE] });
    for (const command of ['N-ACTION', 'N-CREATE', 'N-EVENT-REPORT', 'C-FIND'] as const) {
      expect(outcome(entry, command, EVENT_LOGGING)).toBe('allowed');
      expect(outcome(entry, command, PRIVATE_SERVICE)).toBe('allowed');
      expect(outcome(entry, command, `${PRIVATE_SERVICE}.1`)).toBe('command-not-allowed');
      expect(outcome(entry, command, BASIC_FILM_SESSION)).toBe('command-not-allowed');
    }
  });

  it('"services" leaves destinations and stored classes as they are restricted', () => {
    const services = [STUDY_ROOT_MOVE, '1.2.3.4'];
    const entry = modality({ services, storeSopClasses: ['CTImageStorage'] });
    expect(outcome(entry, 'C-MOVE', STUDY_ROOT_MOVE, 'CT1')).toBe('allowed');
    expect(outcome(entry, 'C-MOVE', STUDY_ROOT_MOVE, 'WS9')).toBe('move-destination-not-allowed');
    expect(outcome(entry, 'C-STORE', '1.2.3.4')).toBe('sop-class-not-allowed');
  });

  it('a command field that the standard does not define is unknown', () => {
    const entry = modality({ allow: ['echo', 'store'], mode: 'observe' });
    for (const field of [0x0000, 0x0002, 0x0222, 0x0160, 0xffff, 0x8001]) {
      expect(outcome(entry, field, CT_IMAGE_STORAGE)).toBe('command-unknown');
    }
  });
});

describe('SOP classes that may be stored', () => {
  it('every class without a list', () => {
    const entry = modality({ allow: ['store'] });
    expect(outcome(entry, 'C-STORE', CT_IMAGE_STORAGE)).toBe('allowed');
    expect(outcome(entry, 'C-STORE', '1.3.46.670589.5.0.1')).toBe('allowed');
  });

  it.each([
    [['CTImageStorage'], [CT_IMAGE_STORAGE], ['1.2.840.10008.5.1.4.1.1.2.1', '1.2.840.10008.5.1.4.1.1.20']],
    [['1.2.840.10008.5.1.4.1.1.2'], [CT_IMAGE_STORAGE], ['1.2.840.10008.5.1.4.1.1.4', '']],
    [
      ['1.2.840.10008.5.1.4.1.1.*'],
      [CT_IMAGE_STORAGE, '1.2.840.10008.5.1.4.1.1.481.1'],
      ['1.2.840.10008.5.1.4.1.1', '1.2.840.10008.5.1.4.1.10', '1.3.46.670589.5.0.1'],
    ],
    [
      ['1.2.*', '1.3.46.670589.5.0.1'],
      ['1.2.3', '1.3.46.670589.5.0.1'],
      ['1.20.3', '11.2.3', '1.3.46'],
    ],
    [[], [], [CT_IMAGE_STORAGE]],
  ])('%j', (storeSopClasses, inside, outside) => {
    const entry = modality({ allow: ['store', 'get'], storeSopClasses });
    for (const uid of inside) expect([uid, outcome(entry, 'C-STORE', uid)]).toEqual([uid, 'allowed']);
    for (const uid of outside) {
      expect([uid, outcome(entry, 'C-STORE', uid)]).toEqual([uid, 'sop-class-not-allowed']);
    }
    expect(outcome(entry, 'C-GET', STUDY_ROOT_GET)).toBe('allowed');
  });

  it('the permission comes before the class', () => {
    const entry = modality({ allow: ['echo'], storeSopClasses: ['CTImageStorage'] });
    expect(outcome(entry, 'C-STORE', '1.2.3')).toBe('command-not-allowed');
  });
});

describe('move destinations', () => {
  const refused = 'move-destination-not-allowed';

  it.each([
    [
      'by default the AE titles of the entry',
      undefined,
      ['CT1', 'ct1b ', 'CT1\0'],
      ['WS1', '', 'CT1\0X', '*'],
    ],
    ['only those that are named', ['WS1'], ['WS1', ' ws1'], ['CT1', 'WS2', 'WS', 'WS11']],
    ['every one with "*"', ['*'], ['WS1', 'CT1', 'ANYWHERE'], []],
    ['none with an empty list', [], [], ['CT1', 'WS1', '']],
  ])('%s', (_what, moveDestinations, inside, outside) => {
    const entry = modality({ allow: ['move'], ...(moveDestinations && { moveDestinations }) });
    const toward = (title: string) => outcome(entry, 'C-MOVE', STUDY_ROOT_MOVE, title);
    for (const title of inside) expect([title, toward(title)]).toEqual([title, 'allowed']);
    for (const title of outside) expect([title, toward(title)]).toEqual([title, refused]);
  });

  it('a move to nowhere is a move to no allowed destination', () => {
    expect(outcome(modality({ allow: ['move'] }), 'C-MOVE', STUDY_ROOT_MOVE)).toBe(refused);
  });

  it('upper and lower case count where AE titles are strict', () => {
    expect(outcome(modality({ allow: ['move'] }, true), 'C-MOVE', STUDY_ROOT_MOVE, 'ct1')).toBe(refused);
  });
});

describe('observe mode', () => {
  const entry = modality({
    allow: ['store', 'move'],
    storeSopClasses: ['CTImageStorage'],
    mode: 'observe',
  });

  it.each([
    ['C-ECHO', VERIFICATION, 'would: command-not-allowed'],
    ['N-CREATE', BASIC_FILM_SESSION, 'would: command-not-allowed'],
    ['C-STORE', '1.2.840.10008.5.1.4.1.1.4', 'would: sop-class-not-allowed'],
    ['C-MOVE', STUDY_ROOT_MOVE, 'would: move-destination-not-allowed'],
    ['C-STORE', CT_IMAGE_STORAGE, 'allowed'],
  ] as const)('%s of %s: %s', (command, sopClassUid, expected) => {
    expect(outcome(entry, command, sopClassUid, 'WS1')).toBe(expected);
  });

  it('says would-deny exactly where the same entry in force denies', () => {
    const enforcing = modality({ allow: ['store', 'move'], storeSopClasses: ['CTImageStorage'] });
    const uids = commandOfPermission.map(([, , sopClassUid]) => sopClassUid);
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(fields)),
        fc.constantFrom(...uids, BASIC_FILM_SESSION, '1.2.3'),
        fc.constantFrom('CT1', 'WS1', ''),
        (field, sopClassUid, destination) => {
          const enforced = outcome(enforcing, field, sopClassUid, destination);
          const expected = enforced === 'allowed' ? 'allowed' : `would: ${enforced}`;
          expect(outcome(entry, field, sopClassUid, destination)).toBe(expected);
        },
      ),
    );
  });
});
