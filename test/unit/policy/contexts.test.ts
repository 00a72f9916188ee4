import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { commandPermissions } from '../../../src/dimse/permissions';
import { sopClassKeywords, sopClassUid } from '../../../src/dimse/sopClasses';
import { type ContextFilter, egressContextFilter, ingressContextFilter } from '../../../src/policy/contexts';
import { decideAssociation, decideCommand } from '../../../src/policy/decide';
import type { CompiledModality } from '../../../src/policy/policy';
import { associationRequest, type ModalityInput, policyOf } from '../../support/policyOf';

function modality(entry: Partial<ModalityInput>): CompiledModality {
  const policy = policyOf({ ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', ...entry } });
  const decision = decideAssociation(policy, associationRequest());
  if (!decision.allowed) throw new Error(decision.reason);
  return decision.modality;
}

/** The keyword or UID is put to the filter as an abstract syntax; `passed`, or the reason. */
function judged(filter: ContextFilter, keyword: string, isScpOnly = false): string {
  return filter?.(sopClassUid(keyword) ?? '', isScpOnly) ?? 'passed';
}

const PRIVATE_CLASS = '1.2.840.113619.4.26';

describe('contexts of a modality', () => {
  it.each<[Partial<ModalityInput>, string, string]>([
    [{ allow: ['echo'] }, 'Verification', 'passed'],
    [{ allow: ['store'] }, 'Verification', 'command-not-allowed'],
    [{ allow: ['store'] }, 'CTImageStorage', 'passed'],
    [{ allow: ['echo'] }, 'CTImageStorage', 'command-not-allowed'],
    [{ allow: ['store'], storeSopClasses: 'CTImageStorage' }, 'MRImageStorage', 'sop-class-not-allowed'],
    [{ allow: ['store'] }, PRIVATE_CLASS, 'passed'],
    [{ allow: ['find'] }, PRIVATE_CLASS, 'passed'],
    [{ allow: ['echo'] }, PRIVATE_CLASS, 'command-not-allowed'],
    [{ allow: ['echo'], services: PRIVATE_CLASS }, PRIVATE_CLASS, 'passed'],
    [{ allow: ['find'] }, 'StudyRootQueryRetrieveInformationModelFind', 'passed'],
    [{ allow: ['find'] }, 'StudyRootQueryRetrieveInformationModelMove', 'command-not-allowed'],
    [{ allow: ['find'] }, 'ModalityWorklistInformationModelFind', 'command-not-allowed'],
    [{ allow: ['findWorklist'] }, 'ModalityWorklistInformationModelFind', 'passed'],
    [{ allow: ['find'] }, 'HangingProtocolInformationModelFind', 'passed'],
    [{ allow: ['move'] }, 'StudyRootQueryRetrieveInformationModelMove', 'passed'],
    [{ allow: ['move'] }, 'CTImageStorage', 'command-not-allowed'],
    [{ allow: ['get'] }, 'CTImageStorage', 'passed'],
    [{ allow: ['hangingProtocols'] }, 'HangingProtocolStorage', 'passed'],
    [{ allow: ['print'] }, 'BasicGrayscalePrintManagementMeta', 'passed'],
    [{ allow: ['ups'] }, 'UnifiedProcedureStepPull', 'passed'],
    [{ allow: ['storageCommitment'] }, 'StorageCommitmentPushModel', 'passed'],
    [{ allow: ['store'] }, 'StorageCommitmentPushModel', 'command-not-allowed'],
    [{ allow: ['store'] }, 'ProceduralEventLogging', 'command-not-allowed'],
  ])('%j: %s is %s', (entry, keyword, expected) => {
    expect(judged(ingressContextFilter(modality(entry)), keyword)).toBe(expected);
  });

  it('are of use for C-GET only where the modality wants to be the SCP of a storage class', () => {
    const storing = ingressContextFilter(modality({ allow: ['store'] }));
    expect(judged(storing, 'CTImageStorage', true)).toBe('command-not-allowed');
    const getting = ingressContextFilter(modality({ allow: ['get'] }));
    expect(judged(getting, 'CTImageStorage', true)).toBe('passed');
    // Reports of storage commitment go the other way.
    const committing = ingressContextFilter(modality({ allow: ['storageCommitment'] }));
    expect(judged(committing, 'StorageCommitmentPushModel', true)).toBe('passed');
    // A private class may be a query as well.
    const finding = ingressContextFilter(modality({ allow: ['find'] }));
    expect(judged(finding, PRIVATE_CLASS, true)).toBe('passed');
  });

  it('are all passed in observe mode, and where the entry wants what was proposed', () => {
    expect(ingressContextFilter(modality({ allow: [], mode: 'observe' }))).toBeUndefined();
    expect(
      ingressContextFilter(modality({ allow: ['echo'], presentationContexts: 'proposed' })),
    ).toBeUndefined();
  });

  it('are never refused where gate 4 would allow a request of the standard on them', () => {
    const requests = [0x0001, 0x0010, 0x0020, 0x0021, 0x0030, 0x0100, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150];
    const isOfStandard = (keyword: string, commandField: number) => {
      if (keyword.includes('Storage') && !keyword.startsWith('StorageCommitment'))
        return commandField === 0x0001;
      if (keyword === 'Verification') return commandField === 0x0030;
      if (/(Find|Query)$/.test(keyword)) return commandField === 0x0020;
      if (keyword.endsWith('Move')) return commandField === 0x0021;
      if (keyword.endsWith('Get')) return commandField === 0x0010;
      return commandField >= 0x0100;
    };
    const anyPermissions = fc.uniqueArray(fc.constantFrom(...commandPermissions));
    fc.assert(
      fc.property(anyPermissions, fc.constantFrom(...sopClassKeywords), (allow, keyword) => {
        const entry = modality({ allow, moveDestinations: '*' });
        if (judged(ingressContextFilter(entry), keyword) === 'passed') return;
        for (const commandField of requests.filter((field) => isOfStandard(keyword, field))) {
          const decision = decideCommand(entry, {
            commandField,
            sopClassUid: sopClassUid(keyword)!,
            moveDestination: 'WS1',
          });
          expect(decision.allowed).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('contexts of the archive', () => {
  it('are all passed without egressAllow', () => {
    expect(egressContextFilter(modality({}))).toBeUndefined();
  });

  it('are refused where egressAllow has no use for them, also of a modality in observe mode', () => {
    for (const mode of ['enforce', 'observe'] as const) {
      const filter = egressContextFilter(modality({ mode, egressAllow: ['echo', 'storageCommitment'] }));
      expect(judged(filter, 'CTImageStorage')).toBe('command-not-allowed');
      expect(judged(filter, 'StorageCommitmentPushModel')).toBe('passed');
    }
  });
});
