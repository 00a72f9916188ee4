import { describe, expect, it } from '@jest/globals';
import type { CommandRequest } from '../../../src/policy/decide';
import { explain } from '../../../src/policy/explain';
import { associationRequest, type ModalityInput, policyOf } from '../../support/policyOf';

const ct1 = {
  callingAeTitle: 'CT1',
  from: '10.1.2.10',
  egressAllow: ['echo'],
  address: { host: '10.1.2.10', port: 2762, tls: { trustedCertificates: 'ca.crt' } },
} satisfies ModalityInput;
const policy = policyOf({ ct1 }, { egress: { from: '127.0.0.1' } });
const echo = { commandField: 0x0030, sopClassUid: '1.2.840.10008.1.1' };
const store = { commandField: 0x0001, sopClassUid: '1.2.840.10008.5.1.4.1.1.2' };
const fromArchive = associationRequest({
  listener: 'egress',
  sourceAddress: '127.0.0.1',
  callingAeTitle: 'ORTHANC',
  calledAeTitle: 'CT1',
});

/** `outcome detail` of each check, and what came of them. */
function explained(changes: Partial<typeof fromArchive> = {}, commands: readonly CommandRequest[] = []) {
  const association = { ...fromArchive, ...changes };
  const { allowed, checks, failed, modality, wireAnswer } = explain(policy, { association, commands });
  return {
    allowed,
    reason: failed?.reason,
    modality: modality?.name,
    wireAnswer,
    checks: checks.map(({ outcome, detail }) => `${outcome} ${detail}`.trim()),
  };
}

describe('an association through egress', () => {
  it('that is allowed is explained check by check, with where it leads', () => {
    expect(explained({}, [echo])).toEqual({
      allowed: true,
      reason: undefined,
      modality: 'ct1',
      wireAnswer: 'the response of modalities.ct1, byte for byte',
      checks: [
        'passed 127.0.0.1 is in egress.from',
        'passed egress is plain: no TLS and no certificate on this side',
        'passed version 1',
        'passed "1.2.840.10008.3.1.1.1"',
        'passed "ORTHANC"; the AE titles of the archives: "ORTHANC", "PACS"',
        'passed "CT1" is modalities.ct1, at 10.1.2.10:2762 over TLS',
        'passed modalities.ct1 is not locked',
        'passed modalities.ct1 has no end',
        'passed egressAllow of modalities.ct1: echo',
      ],
    });
    expect(explained().wireAnswer).toBe('A-ASSOCIATE-AC, once modalities.ct1 has accepted');
  });

  it.each([
    [
      'a foreign address',
      { sourceAddress: '127.0.0.2' },
      'source-address-unknown',
      'closed without a DICOM byte',
    ],
    ['another protocol version', { protocolVersion: 2 }, 'protocol-version', 'result 1, source 2, reason 2'],
    ['a stranger', { callingAeTitle: 'CT1' }, 'calling-ae-title-unknown', 'result 1, source 1, reason 3'],
    [
      'a title that leads nowhere',
      { calledAeTitle: 'MR1' },
      'called-ae-title-unknown',
      'result 1, source 1, reason 7',
    ],
  ])('with %s is refused, and nothing behind that is reached', (_what, changes, reason, answer) => {
    const explanation = explained(changes, [echo]);
    expect(explanation).toMatchObject({
      allowed: false,
      reason,
      wireAnswer: expect.stringContaining(answer),
    });
    expect(explanation.checks.at(-1)).toBe('not-reached');
  });

  it('with a command that the modality is not to have is refused that command', () => {
    const { allowed, reason, wireAnswer } = explained({}, [store, echo]);
    expect({ allowed, reason }).toEqual({ allowed: false, reason: 'command-not-allowed' });
    expect(wireAnswer).toBe('C-STORE-RSP status 0x0124; the association stays');
  });
});
