import { describe, expect, it } from '@jest/globals';
import {
  type CommandPermission,
  commandPermissions,
  isPermitted,
  isUnifiedProcedureStep,
  permissionFor,
  permissionForService,
  permissions,
} from '../../../src/dimse/permissions';

const N_SERVICES = [0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150];

describe('permissionFor', () => {
  it.each([
    [0x0030, '1.2.840.10008.1.1', 'echo'],
    [0x0001, '1.2.840.10008.5.1.4.1.1.2', 'store'],
    [0x0001, '1.3.12.2.1107.5.9.1', 'store'],
    [0x0021, '1.2.840.10008.5.1.4.1.2.2.2', 'move'],
    [0x0010, '1.2.840.10008.5.1.4.1.2.2.3', 'get'],
    [0x0020, '1.2.840.10008.5.1.4.1.2.1.1', 'find'],
    [0x0020, '1.2.840.10008.5.1.4.1.2.2.1', 'find'],
    [0x0020, '1.2.840.10008.5.1.4.31', 'findWorklist'],
    [0x0020, '1.2.840.10008.5.1.4.34.6.1', 'ups'],
    [0x0020, '1.2.840.10008.5.1.4.34.6.5', 'ups'],
  ])('command field %i on %s needs %s', (field, sopClass, permission) => {
    expect(permissionFor(field, sopClass)).toBe(permission);
  });

  it.each([
    ['1.2.840.10008.1.20.1', 'storageCommitment'],
    ['1.2.840.10008.1.20.1.1', 'storageCommitment'],
    ['1.2.840.10008.3.1.2.3.3', 'mpps'],
    ['1.2.840.10008.3.1.2.3.4', 'mpps'],
    ['1.2.840.10008.3.1.2.3.5', 'mpps'],
    ['1.2.840.10008.5.1.4.34.6.1', 'ups'],
    ['1.2.840.10008.5.1.4.34.6.4', 'ups'],
    ['1.2.840.10008.5.1.4.33', 'instanceAvailability'],
    ['1.2.840.10008.5.1.1.9', 'print'],
    ['1.2.840.10008.5.1.1.18', 'print'],
    ['1.2.840.10008.5.1.1.1', 'print'],
    ['1.2.840.10008.5.1.1.4.1', 'print'],
    ['1.2.840.10008.5.1.1.16', 'print'],
    ['1.2.840.10008.5.1.1.33', 'mediaCreation'],
    ['1.2.840.10008.5.1.4.34.8', 'rtMachineVerification'],
    ['1.2.840.10008.5.1.4.34.9', 'rtMachineVerification'],
    // Event logging, the display system, a storage class, near misses: no permission opens them.
    ['1.2.840.10008.1.40', undefined],
    ['1.2.840.10008.5.1.1.40', undefined],
    ['1.2.840.10008.5.1.1.3', undefined],
    ['1.2.840.10008.5.1.4.330', undefined],
    ['1.2.840.10008.5.1.4.1.1.2', undefined],
    ['1.2.840.10008.1.20.2', undefined],
    ['1.2.840.10008.3.1.2.3.33', undefined],
    ['1.2.840.10008.5.1.4.34.61', undefined],
    ['', undefined],
  ])('every N-service on %s needs %s', (sopClass, permission) => {
    for (const field of N_SERVICES) expect(permissionFor(field, sopClass)).toBe(permission);
  });

  it.each([0x0fff, 0x0222, 0x0000, 0x8001, 0x8020, 0x8130])(
    'command field %i has none of its own',
    (field) => {
      for (const sopClass of ['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.1.20.1', '1.2.840.10008.1.1']) {
        expect(permissionFor(field, sopClass)).toBeUndefined();
      }
    },
  );
});

describe('narrow and general permissions', () => {
  it.each([
    [0x0020, '1.2.840.10008.5.1.4.37.1', 'relevantPatientInformation', 'find'],
    [0x0020, '1.2.840.10008.5.1.4.42', 'substanceAdministration', 'find'],
    [0x0020, '1.2.840.10008.5.1.4.20.1', 'procedureProtocols', 'find'],
    [0x0021, '1.2.840.10008.5.1.4.1.1.200.5', 'procedureProtocols', 'move'],
    [0x0010, '1.2.840.10008.5.1.4.1.1.200.6', 'procedureProtocols', 'get'],
    [0x0020, '1.2.840.10008.5.1.4.38.2', 'hangingProtocols', 'find'],
    [0x0010, '1.2.840.10008.5.1.4.45.4', 'implantTemplates', 'get'],
  ] as const)('command field %i on %s is opened by %s and by %s', (field, uid, narrow, general) => {
    expect(permissionFor(field, uid)).toBe(narrow);
    for (const name of commandPermissions) {
      const isOpen = isPermitted(new Set([name]), field, uid);
      expect([name, isOpen]).toEqual([name, name === narrow || name === general]);
    }
  });

  it('keep the worklist and procedure steps apart from "find"', () => {
    for (const uid of ['1.2.840.10008.5.1.4.31', '1.2.840.10008.5.1.4.34.6.3']) {
      expect(isPermitted(new Set(['find']), 0x0020, uid)).toBe(false);
    }
  });

  it('open no query of patients with a narrow one', () => {
    const narrow = new Set<CommandPermission>(['hangingProtocols', 'relevantPatientInformation']);
    expect(isPermitted(narrow, 0x0020, '1.2.840.10008.5.1.4.1.2.2.1')).toBe(false);
    expect(isPermitted(narrow, 0x0021, '1.2.840.10008.5.1.4.1.2.2.2')).toBe(false);
  });
});

it.each([
  ['1.2.840.10008.1.1', 'echo'],
  ['1.2.840.10008.5.1.4.1.1.2', 'store'],
  ['1.2.840.10008.5.1.4.1.2.2.3', 'get'],
  ['1.2.840.10008.5.1.4.37.1', 'relevantPatientInformation'],
  ['1.2.840.10008.5.1.4.41', 'substanceAdministration'],
  ['1.2.840.10008.1.42', 'substanceAdministration'],
  ['1.2.840.10008.5.1.4.38.3', 'hangingProtocols'],
  ['1.2.840.10008.5.1.1.9', 'print'],
  ['1.2.840.10008.1.40', undefined],
  ['1.3.12.2.1107.5.9.1', undefined],
])('the service %s needs %s', (uid, permission) => {
  expect(permissionForService(uid)).toBe(permission);
});

it.each([
  ['1.2.840.10008.5.1.4.34.6.1', true],
  ['1.2.840.10008.5.1.4.34.6', false],
  ['1.2.840.10008.5.1.4.34.4.1', false],
  ['1.2.840.10008.5.1.4.34.61', false],
])('%s is a UPS class: %p', (uid, expected) => {
  expect(isUnifiedProcedureStep(uid)).toBe(expected);
});

interface Row {
  readonly commands: readonly number[];
  readonly sopClasses?: readonly string[];
}

describe('the table of permissions', () => {
  it.each(commandPermissions.map((name): [CommandPermission, Row] => [name, permissions[name]]))(
    '%s opens all that its row names, and no other row takes it away',
    (name, { commands, sopClasses = ['1.2.3', ''] }) => {
      for (const command of commands) {
        for (const uid of sopClasses) expect(permissionFor(command, uid.replace(/\*$/, '1'))).toBe(name);
      }
    },
  );

  it('says what each is for, all in other words', () => {
    const words = commandPermissions.map((name) => permissions[name].words);
    expect(words).not.toContain('');
    expect(new Set(words).size).toBe(commandPermissions.length);
  });
});
