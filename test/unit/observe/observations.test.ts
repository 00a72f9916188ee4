import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { allowanceOf } from '../../../src/observe/allowance';
import type { AuditLine } from '../../../src/observe/auditLines';
import type { EntryObservations } from '../../../src/observe/entryObservations';
import { Observations } from '../../../src/observe/observations';
import { configurationOf, type ModalityInput } from '../../support/policyOf';

const mr1: ModalityInput = { callingAeTitle: 'MR1', from: '10.1.2.30', mode: 'observe' };
const STUDY_ROOT_MOVE = 'StudyRootQueryRetrieveInformationModelMove';

/** A line of mr1, a minute after the one before. */
function lines(...facts: readonly Partial<AuditLine>[]): AuditLine[] {
  return facts.map((fact, minute) => ({
    time: new Date(Date.UTC(2026, 10, 1, 8, minute)).toISOString(),
    event: 'command.completed',
    outcome: 'allowed',
    direction: 'ingress',
    modality: 'mr1',
    callingAeTitle: 'MR1',
    calledAeTitle: 'ORTHANC',
    sourceAddress: '10.1.2.30',
    ...fact,
  }));
}

function accepted(connectionId: string, rest: Partial<AuditLine> = {}): Partial<AuditLine> {
  return {
    event: 'association.accepted',
    connectionId,
    ...rest,
  };
}

function released(connectionId: string): Partial<AuditLine> {
  return {
    event: 'association.released',
    outcome: 'info',
    connectionId,
  };
}

function command(name: string, sopClass: string, moveDestination?: string): Partial<AuditLine> {
  return {
    command: name,
    sopClass,
    ...(moveDestination === undefined ? {} : { moveDestination }),
  };
}

function observed(
  entry: Partial<ModalityInput>,
  log: readonly AuditLine[],
  since?: string,
): EntryObservations {
  const observations = new Observations(configurationOf({ mr1: { ...mr1, ...entry } }), since);
  for (const line of log) observations.add(line);
  return observations.of('mr1')!;
}

function reasonsOf(entry: EntryObservations) {
  return entry.wouldDeny.map(({ reason, count }) => [reason, count]);
}

describe('what would be denied', () => {
  it('is not the images of a C-GET, which the archive sends', () => {
    const image = { ...command('C-STORE', 'CTImageStorage'), requestor: 'upstream' } as const;
    const entry = observed({ allow: 'get' }, lines(image));
    expect([entry.wouldDeny, entry.requests]).toEqual([[], 0]);
  });

  it('is what the entry in force refuses of what was relayed, by reason, with who and when', () => {
    const entry = observed(
      { allow: ['echo', 'store'], storeSopClasses: 'MRImageStorage' },
      lines(
        command('C-ECHO', 'Verification'),
        command('C-FIND', 'ModalityWorklistInformationModelFind'),
        command('C-STORE', 'CTImageStorage'),
        command('C-STORE', 'MRImageStorage'),
        { ...command('C-STORE', 'CTImageStorage'), sourceAddress: '10.1.2.31', outcome: 'failed' },
      ),
    );
    expect(reasonsOf(entry)).toEqual([
      ['sop-class-not-allowed', 2],
      ['command-not-allowed', 1],
    ]);
    const [finding] = entry.wouldDeny;
    expect(finding).toMatchObject({
      firstSeen: '2026-11-01T08:02:00.000Z',
      lastSeen: '2026-11-01T08:04:00.000Z',
    });
    expect(finding!.sourceAddresses.values).toEqual(['10.1.2.30', '10.1.2.31']);
    expect(finding!.requests.entries).toEqual([{ value: command('C-STORE', 'CTImageStorage'), count: 2 }]);
  });

  it('leaves out what the entry has come to allow, and counts it', () => {
    const would = { outcome: 'would-deny', reason: 'command-not-allowed' } as const;
    const log = lines(
      { ...command('C-FIND', 'StudyRootQueryRetrieveInformationModelFind'), ...would },
      { ...command('C-ECHO', 'Verification'), ...would },
    );
    const entry = observed({ allow: ['find'] }, log);
    expect(reasonsOf(entry)).toEqual([['command-not-allowed', 1]]);
    expect(entry.allowedByNow).toBe(1);
  });

  it('is what the line says of a data set, as long as the entry looks at it', () => {
    const log = lines(
      { ...command('C-STORE', 'MRImageStorage'), outcome: 'would-deny', reason: 'data-set-mismatch' },
      { ...command('C-STORE', 'MRImageStorage'), outcome: 'would-deny', reason: 'store-rule' },
    );
    const storeRules = [{ refuse: { Modality: 'SR' } }];
    const both = observed({ allow: ['store'], storeRules }, log);
    expect(reasonsOf(both)).toEqual([
      ['data-set-mismatch', 1],
      ['store-rule', 1],
    ]);
    expect(allowanceOf(both).keys).toEqual({ dataSets: 'observe' });
    expect(observed({ allow: ['store'], dataSets: 'off' }, log).allowedByNow).toBe(2);
  });

  it('is not what the archive sends, which observe mode does not relax', () => {
    const entry = observed({}, lines({ ...command('C-STORE', 'MRImageStorage'), direction: 'egress' }));
    expect(entry.wouldDeny).toEqual([]);
  });

  it('counts lines that stand for many, and takes the word of those that do not say for what', () => {
    const echo = { command: 'C-ECHO', sopClass: 'Verification', count: 40 };
    const unsaid = {
      command: 'C-STORE',
      outcome: 'would-deny',
      reason: 'sop-class-not-allowed',
      count: 5,
    } as const;
    const entry = observed(
      { allow: ['store'] },
      lines(
        accepted('c1', { count: 30 }),
        { event: 'association.accepted', calledAeTitle: undefined, count: 3 },
        echo,
        unsaid,
        { ...unsaid, outcome: 'allowed', reason: undefined, count: 2 },
      ),
    );
    expect(entry).toMatchObject({ associations: 33, requests: 47, mostAssociations: 0 });
    expect(entry.wouldDeny).toMatchObject([
      { reason: 'command-not-allowed', count: 40 },
      { reason: 'sop-class-not-allowed', count: 5 },
    ]);
  });

  it('does not count what is older than asked for', () => {
    const log = lines(command('C-ECHO', 'Verification'), command('C-ECHO', 'Verification'));
    expect(reasonsOf(observed({}, log, '2026-11-01T08:01:00.000Z'))).toEqual([['command-not-allowed', 1]]);
  });
});

describe('concurrent associations', () => {
  const three = lines(
    { event: 'gateway.started', outcome: 'info', modality: undefined },
    accepted('a'),
    accepted('b'),
    accepted('c'),
    released('a'),
    released('b'),
    accepted('d'),
  );

  it('are counted from accepted to released, against the limit of the entry', () => {
    const entry = observed({ maxAssociations: 1 }, three);
    expect(reasonsOf(entry)).toEqual([['association-limit', 3]]);
    expect(allowanceOf(entry).keys).toEqual({ maxAssociations: 3 });
    expect(reasonsOf(observed({ maxAssociations: 3 }, three))).toEqual([]);
  });

  it('are none any more after a restart', () => {
    const restarted = [...three, ...three];
    expect(observed({ maxAssociations: 1 }, restarted).mostAssociations).toBe(3);
  });

  it('that a log without its beginning does not show are taken from its word', () => {
    const word = lines(accepted('z', { outcome: 'would-deny', reason: 'association-limit' }));
    const entry = observed({ maxAssociations: 2 }, word);
    expect(reasonsOf(entry)).toEqual([['association-limit', 1]]);
    expect(allowanceOf(entry).keys).toEqual({ maxAssociations: 3 });
  });
});

describe('denied', () => {
  it('is apart, and by entry where one was matched', () => {
    const observations = new Observations(configurationOf({ mr1 }));
    const refusal = { event: 'association.rejected', outcome: 'denied' } as const;
    const log = lines(
      { ...refusal, reason: 'source-address-mismatch', sourceAddress: '10.9.9.9' },
      { ...refusal, reason: 'calling-ae-title-unknown', callingAeTitle: 'X1', modality: undefined },
      { ...refusal, reason: 'calling-ae-title-unknown', callingAeTitle: 'X2', modality: undefined },
      { ...refusal, reason: 'command-not-allowed', modality: 'removed' },
    );
    for (const line of log) observations.add(line);
    expect(observations.of('mr1')!.denied).toMatchObject([{ reason: 'source-address-mismatch', count: 1 }]);
    expect(observations.of('mr1')!.wouldDeny).toEqual([]);
    const [unmatched] = observations.unmatched.denied;
    expect(unmatched!.callingAeTitles.values).toEqual(['X1', 'X2']);
    expect(observations.unknownEntries.values).toEqual(['removed']);
  });

  it('keeps so many AE titles and no more, whatever peers call themselves', () => {
    const observations = new Observations(configurationOf({ mr1 }));
    const [template] = lines({ event: 'association.rejected', outcome: 'denied', modality: undefined });
    for (let index = 0; index < 5000; index += 1) {
      observations.add({ ...template!, reason: 'calling-ae-title-unknown', callingAeTitle: `X${index}` });
    }
    const [finding] = observations.unmatched.denied;
    expect(finding!.count).toBe(5000);
    expect(finding!.callingAeTitles.values.length).toBeLessThan(1000);
    expect(finding!.callingAeTitles.others).toBe(5000 - finding!.callingAeTitles.values.length);
  });
});

describe('the keys that would allow it', () => {
  it('are whole lists: what the entry has, and what it lacks', () => {
    const entry = observed(
      {
        allow: ['store', 'echo'],
        storeSopClasses: ['MRImageStorage'],
        calledAeTitle: 'PACS',
      },
      lines(
        accepted('a', { calledAeTitle: 'orthanc ' }),
        command('C-STORE', 'CTImageStorage'),
        command('C-STORE', '1.2.840.113619.4.30'),
        command('C-MOVE', STUDY_ROOT_MOVE, 'MR1'),
        command('C-MOVE', STUDY_ROOT_MOVE, 'WS1 '),
      ),
    );
    expect(allowanceOf(entry)).toEqual({
      keys: {
        allow: ['store', 'echo', 'move'],
        storeSopClasses: ['MRImageStorage', '1.2.840.113619.4.30', 'CTImageStorage'],
        moveDestinations: ['MR1', 'WS1'],
        calledAeTitle: ['PACS', 'ORTHANC'],
      },
      impossible: [],
      withoutUpstream: [],
      storedSopClasses: [],
    });
  });

  it('never open more than was seen', () => {
    const entry = observed(
      {},
      lines(command('C-MOVE', STUDY_ROOT_MOVE, '*'), command('C-STORE', 'CTImageStorage')),
    );
    expect(allowanceOf(entry)).toMatchObject({
      keys: { allow: ['store'] },
      impossible: [command('C-MOVE', STUDY_ROOT_MOVE, '*')],
      storedSopClasses: ['CTImageStorage'],
    });
    expect(allowanceOf(entry).keys).not.toHaveProperty('moveDestinations');
  });

  it('are none for what no key allows', () => {
    const log = lines(command('N-CREATE', 'not a UID'), accepted('a', { calledAeTitle: 'GONE' }));
    const entry = observed({}, log);
    expect(reasonsOf(entry).sort()).toEqual([
      ['called-ae-title-unknown', 1],
      ['command-not-allowed', 1],
    ]);
    expect(allowanceOf(entry)).toMatchObject({
      keys: {},
      impossible: [command('N-CREATE', 'not a UID')],
      withoutUpstream: ['GONE'],
    });
  });

  it('name permissions for services that have one, and the SOP classes of the others', () => {
    const log = lines(
      command('N-CREATE', 'BasicFilmSession'),
      command('N-ACTION', 'ProceduralEventLogging'),
      command('N-CREATE', '1.2.840.113619.4.30'),
    );
    expect(allowanceOf(observed({ services: ['1.2.3'] }, log))).toMatchObject({
      keys: { allow: ['print'], services: ['1.2.3', '1.2.840.113619.4.30', 'ProceduralEventLogging'] },
      impossible: [],
    });
  });

  it('leave nothing that would be denied, but for what no key allows', () => {
    const someCommand = fc.oneof(
      fc.constantFrom(
        command('C-ECHO', 'Verification'),
        command('C-STORE', 'CTImageStorage'),
        command('C-STORE', '1.2.3.4'),
        command('C-FIND', 'ModalityWorklistInformationModelFind'),
        command('C-FIND', 'StudyRootQueryRetrieveInformationModelFind'),
        command('C-GET', 'StudyRootQueryRetrieveInformationModelGet'),
        command('N-ACTION', 'StorageCommitmentPushModel'),
        command('N-CREATE', 'ModalityPerformedProcedureStep'),
        command('N-SET', 'UnifiedProcedureStepPull'),
        command('N-CREATE', 'BasicFilmSession'),
        command('N-ACTION', 'ProceduralEventLogging'),
        command('N-CREATE', '1.2.3.4'),
      ),
      fc
        .constantFrom('MR1', 'WS1', 'ws1', ' WS2', '*', '')
        .map((destination) => command('C-MOVE', STUDY_ROOT_MOVE, destination)),
      fc.constantFrom('ORTHANC', 'pacs').map((called) => accepted('a', { calledAeTitle: called })),
      fc.constantFrom('a', 'b', 'c').map((id) => accepted(id)),
      fc.constantFrom('a', 'b').map(released),
    );
    const someEntry: fc.Arbitrary<Partial<ModalityInput>> = fc.record(
      {
        allow: fc.subarray(['echo', 'store', 'move', 'findWorklist', 'ups'] as const),
        storeSopClasses: fc.constantFrom(['MRImageStorage'], ['1.2.3.*'], []),
        moveDestinations: fc.constantFrom(['WS1'], ['*'], []),
        calledAeTitle: fc.subarray(['ORTHANC', 'PACS']),
        maxAssociations: fc.constantFrom(1, 2),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(someEntry, fc.array(someCommand, { maxLength: 30 }), (part, facts) => {
        const before = observed({ ...mr1, ...part }, lines(accepted('first'), ...facts));
        const { keys, impossible } = allowanceOf(before);
        const after = observed({ ...mr1, ...part, ...keys }, lines(accepted('first'), ...facts));
        const left = [...after.requestByKind.values()].filter(({ denial }) => denial !== undefined);
        expect(left).toHaveLength(impossible.length);
        expect(after.wouldDeny.flatMap(({ requests }) => requests.values)).toHaveLength(impossible.length);
        if (impossible.length === 0) expect(after.wouldDeny).toEqual([]);
      }),
    );
  });
});
