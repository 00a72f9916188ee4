import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AssociationRequest,
  type CommandRequest,
  decideAddress,
  decideAssociation,
  decideCommand,
} from '../../../src/policy/decide';
import { type ExplainQuery, explain } from '../../../src/policy/explain';
import type { Policy } from '../../../src/policy/policy';
import { type ReasonCode, wireAnswer } from '../../../src/policy/reasons';
import { formatWireAnswer } from '../../../src/policy/wireAnswer';
import { associationRequest, certificateOf, type ModalityInput, policyOf } from '../../support/policyOf';

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const STUDY_ROOT_MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const cEcho: CommandRequest = { commandField: 0x0030, sopClassUid: '1.2.840.10008.1.1' };
const cStore: CommandRequest = { commandField: 0x0001, sopClassUid: CT_IMAGE_STORAGE };
const cMove: CommandRequest = { commandField: 0x0021, sopClassUid: STUDY_ROOT_MOVE, moveDestination: 'WS1' };

const ct1 = {
  callingAeTitle: 'CT1',
  from: ['10.1.2.10', '10.1.3.0/24'],
  calledAeTitle: 'ORTHANC',
  certificate: 'cn:ct1',
  allow: ['echo', 'move'],
} satisfies ModalityInput;

function explained(policy: Policy, changes: Partial<AssociationRequest>, rest: Partial<ExplainQuery> = {}) {
  return explain(policy, { association: associationRequest(changes), commands: [], ...rest });
}

/** All before it have passed, and nothing after it was reached. */
function expectStopAt(name: string, { checks }: ReturnType<typeof explain>) {
  const index = checks.findIndex(({ check }) => check === name);
  expect(checks.map(({ outcome }) => outcome)).toEqual([
    ...Array<string>(index).fill('passed'),
    'failed',
    ...Array<string>(checks.length - index - 1).fill('not-reached'),
  ]);
}

describe('an explanation', () => {
  const policy = policyOf({ ct1 });
  const certificate = certificateOf('ct1');

  it('shows every gate in order', () => {
    const explanation = explained(policy, { certificate }, { commands: [cEcho] });
    expect(explanation.checks.map(({ gate, check }) => `${gate}: ${check}`)).toEqual([
      'address: source address',
      'certificate: TLS',
      'association: protocol version',
      'association: application context',
      'association: calling AE title',
      'association: address of the entry',
      'association: listener of the entry',
      'association: certificate of the entry',
      'association: lock',
      'association: time of the entry',
      'association: called AE title',
      'association: called AE title of the entry',
      'command: C-ECHO Verification',
    ]);
    expect(new Set(explanation.checks.map(({ outcome }) => outcome))).toEqual(new Set(['passed']));
    expect(explanation).toMatchObject({
      allowed: true,
      modality: { name: 'ct1' },
      upstream: { calledAeTitle: 'ORTHANC' },
      wireAnswer: 'the response of upstream ORTHANC, byte for byte',
    });
    expect(explanation).not.toHaveProperty('failed');
    expect(explained(policy, { certificate }).wireAnswer).toBe(
      'A-ASSOCIATE-AC, once upstream ORTHANC has accepted',
    );
  });

  it.each<[string, Partial<AssociationRequest>, string, string]>([
    [
      'source-address-unknown',
      { sourceAddress: '10.9.9.9' },
      'source address',
      'the connection is closed without a DICOM byte',
    ],
    [
      'protocol-version',
      { protocolVersion: 2 },
      'protocol version',
      'A-ASSOCIATE-RJ result 1, source 2, reason 2',
    ],
    [
      'application-context',
      { applicationContextName: '1.2' },
      'application context',
      'A-ASSOCIATE-RJ result 1, source 1, reason 2',
    ],
    [
      'calling-ae-title-unknown',
      { callingAeTitle: 'X' },
      'calling AE title',
      'A-ASSOCIATE-RJ result 1, source 1, reason 3',
    ],
    [
      'listener-not-allowed',
      { listener: 'plain' },
      'listener of the entry',
      'A-ASSOCIATE-RJ result 1, source 1, reason 3',
    ],
    [
      'certificate-mismatch',
      { certificate: certificateOf('x') },
      'certificate of the entry',
      'A-ASSOCIATE-RJ result 1, source 1, reason 3',
    ],
    [
      'called-ae-title-unknown',
      { calledAeTitle: 'X' },
      'called AE title',
      'A-ASSOCIATE-RJ result 1, source 1, reason 7',
    ],
    [
      'called-ae-title-not-allowed',
      { calledAeTitle: 'PACS' },
      'called AE title of the entry',
      'A-ASSOCIATE-RJ result 1, source 1, reason 7',
    ],
  ])('%s: stops there and gives the answer on the wire', (reason, changes, check, answer) => {
    const explanation = explained(policy, { certificate, ...changes });
    expectStopAt(check, explanation);
    expect(explanation).toMatchObject({
      allowed: false,
      failed: { reason, wireAnswer: answer },
      wireAnswer: answer,
    });
  });

  it('a known AE title from the address of another entry', () => {
    const two = policyOf({ ct1, mr1: { callingAeTitle: 'MR1', from: '10.9.9.9' } });
    const explanation = explained(two, { certificate, sourceAddress: '10.9.9.9' });
    expect(explanation.failed).toMatchObject({
      reason: 'source-address-mismatch',
      detail: '10.9.9.9 is not in from of modalities.ct1: 10.1.2.10, 10.1.3.0/24',
    });
    expect(explanation.modality?.name).toBe('ct1');
  });

  it('says that a certificate is needed where none was given', () => {
    expect(explained(policy, {}).failed?.detail).toBe(
      'a certificate is needed, one of those of modalities.ct1: cn:ct1',
    );
  });

  it('says what the wrong certificate would be called', () => {
    const foreign = certificateOf('x\x1b[2J');
    const { failed } = explained(policy, { certificate: foreign });
    expect(failed?.detail).toBe(
      'none of those of modalities.ct1: cn:ct1; this one is ' +
        `sha256:${foreign.fingerprint256}, spki-sha256:${foreign.spkiSha256}, ` +
        'dns:"x\\u001b[2J.example", cn:"x\\u001b[2J"',
    );
  });

  it('what TLS refuses never gets as far as an association', () => {
    const explanation = explained(policy, { certificate }, { certificateRefusal: 'certificate-expired' });
    expectStopAt('TLS', explanation);
    expect(explanation.wireAnswer).toBe(formatWireAnswer(wireAnswer('certificate-expired')));
  });

  it('a certificate counts only on a listener that asks for one', () => {
    const plain = policyOf({ ct1: { ...ct1, listeners: ['plain', 'tls'] } });
    const explanation = explained(
      plain,
      { certificate, listener: 'plain' },
      { certificateRefusal: 'certificate-expired' },
    );
    expect(explanation.failed?.reason).toBe('certificate-mismatch');
  });

  it('each command is judged for itself', () => {
    const explanation = explained(policy, { certificate }, { commands: [cStore, cMove, cEcho] });
    expect(explanation.checks.slice(-3)).toEqual([
      {
        gate: 'command',
        check: 'C-STORE CTImageStorage',
        outcome: 'failed',
        detail:
          'modalities.ct1 allows: echo, move; where it proposes something that is allowed too, this context is refused (result 1)',
        reason: 'command-not-allowed',
        wireAnswer: 'C-STORE-RSP status 0x0124; the association stays',
      },
      {
        gate: 'command',
        check: 'C-MOVE StudyRootQueryRetrieveInformationModelMove to "WS1"',
        outcome: 'failed',
        detail: 'modalities.ct1 may move to: CT1',
        reason: 'move-destination-not-allowed',
        wireAnswer: 'C-MOVE-RSP status 0xA801; the association stays',
      },
      {
        gate: 'command',
        check: 'C-ECHO Verification',
        outcome: 'passed',
        detail: 'modalities.ct1 allows it',
      },
    ]);
    expect(explanation.allowed).toBe(false);
    expect(explanation.wireAnswer).toBe('C-STORE-RSP status 0x0124; the association stays');
  });

  it('no command is reached where there is no association', () => {
    const explanation = explained(policy, { callingAeTitle: 'X' }, { commands: [cEcho, cStore] });
    expect(explanation.checks.slice(-2).map(({ outcome }) => outcome)).toEqual([
      'not-reached',
      'not-reached',
    ]);
  });

  it('observe mode lets pass what it would deny', () => {
    const observing = policyOf({ ct1: { ...ct1, mode: 'observe' } });
    const explanation = explained(observing, { certificate, calledAeTitle: 'PACS' }, { commands: [cStore] });
    expect(explanation.allowed).toBe(true);
    expect(explanation.checks.filter(({ outcome }) => outcome === 'would-deny')).toEqual([
      expect.objectContaining({ gate: 'association', reason: 'called-ae-title-not-allowed' }),
      expect.objectContaining({ gate: 'command', reason: 'command-not-allowed' }),
    ]);
  });
});

describe('an explanation and the decisions on live traffic', () => {
  /** Mostly the first value, so that most requests come far. */
  const mostly = <T>(usual: T, ...others: T[]) =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(usual) },
      { weight: 1, arbitrary: fc.constantFrom(...others) },
    );
  const title = mostly('CT1', 'ct1', 'MR1', 'X', '', 'CT\0');
  const address = mostly('10.0.0.1', '10.0.0.2', '::ffff:10.0.0.1', '2001:db8::1', '10.9.9.9');
  const listener = mostly('tls', 'tls2', 'plain');
  const matcher = fc.constantFrom('cn:a', 'cn:b', 'dns:a.example');
  const entry: fc.Arbitrary<ModalityInput> = fc.record(
    {
      callingAeTitle: mostly('CT1', 'MR1'),
      from: mostly(['10.0.0.1'], ['10.0.0.0/24', '2001:db8::/32'], ['2001:db8::1'], []),
      listeners: fc.subarray(['tls', 'tls2', 'plain']),
      certificate: fc.uniqueArray(matcher, { maxLength: 2 }),
      calledAeTitle: fc.subarray(['ORTHANC', 'PACS']),
      allow: mostly<ModalityInput['allow']>(['echo', 'store', 'move'], ['echo'], []),
      storeSopClasses: fc.constantFrom('CTImageStorage', 'MRImageStorage'),
      moveDestinations: fc.constantFrom('WS1', '*'),
      mode: fc.constantFrom('enforce', 'observe'),
      observeUntil: fc.constantFrom('2000-01-01', '2999-12-31'),
    },
    { requiredKeys: ['callingAeTitle', 'from'] },
  );
  const request: fc.Arbitrary<AssociationRequest> = fc.record(
    {
      listener,
      sourceAddress: address,
      certificate: fc.constantFrom('a', 'b').map(certificateOf),
      protocolVersion: mostly(1, 0),
      applicationContextName: mostly('1.2.840.10008.3.1.1.1', '1.2'),
      callingAeTitle: title,
      calledAeTitle: mostly('ORTHANC', 'orthanc', 'PACS', 'X'),
    },
    {
      requiredKeys: [
        'listener',
        'sourceAddress',
        'protocolVersion',
        'applicationContextName',
        'callingAeTitle',
        'calledAeTitle',
      ],
    },
  );
  const command = fc.constantFrom(cEcho, cStore, cMove, { commandField: 0x0222, sopClassUid: '1.2' });

  /** What the gateway does, gate after gate; TLS has shown it a certificate only where it asks for one. */
  function live(policy: Policy, association: AssociationRequest, commands: readonly CommandRequest[]) {
    const admitted = decideAddress(policy, association.sourceAddress);
    if (!admitted.allowed) return { denials: [admitted.reason], wouldDeny: [] };
    const { certificate, ...rest } = association;
    const hasCertificate = association.listener !== 'plain' && certificate !== undefined;
    const decision = decideAssociation(policy, hasCertificate ? { ...rest, certificate } : rest);
    if (!decision.allowed) return { denials: [decision.reason], wouldDeny: [] };
    const answers = commands.map((each) => decideCommand(decision.modality, each));
    return {
      denials: answers.flatMap((answer) => (answer.allowed ? [] : [answer.reason])),
      wouldDeny: [decision, ...answers].flatMap((answer) =>
        answer.allowed && answer.wouldDeny !== undefined ? [answer.wouldDeny] : [],
      ),
    };
  }

  it('are the same', () => {
    const seen = new Set<ReasonCode>();
    fc.assert(
      fc.property(
        fc.tuple(entry, entry),
        fc.constantFrom('close', 'reject') as fc.Arbitrary<'close' | 'reject'>,
        request,
        fc.array(command, { maxLength: 3 }),
        ([one, other], unknownAddresses, association, commands) => {
          let policy: Policy;
          try {
            policy = policyOf({ one, other }, { unknownAddresses });
          } catch {
            return; // The two entries overlap.
          }
          const expected = live(policy, association, commands);
          const explanation = explain(policy, { association, commands });
          const reasonsOf = (outcome: string) =>
            explanation.checks.filter((check) => check.outcome === outcome).map(({ reason }) => reason);
          expect(reasonsOf('failed')).toEqual(expected.denials);
          expect(reasonsOf('would-deny')).toEqual(expected.wouldDeny);
          expect(explanation.allowed).toBe(expected.denials.length === 0);
          expect(explanation.failed?.reason).toBe(expected.denials[0]);
          for (const reason of [...expected.denials, ...expected.wouldDeny]) seen.add(reason);
        },
      ),
      { numRuns: 1000, seed: 20260115 },
    );
    // The generator is worth something only if it gets everywhere.
    expect([...seen].sort()).toEqual([
      'application-context',
      'called-ae-title-not-allowed',
      'called-ae-title-unknown',
      'calling-ae-title-unknown',
      'certificate-mismatch',
      'command-not-allowed',
      'command-unknown',
      'listener-not-allowed',
      'move-destination-not-allowed',
      'protocol-version',
      'sop-class-not-allowed',
      'source-address-mismatch',
      'source-address-unknown',
    ]);
  });

  it('the four identity failures are one answer on the wire', () => {
    const answers = (
      [
        'calling-ae-title-unknown',
        'source-address-mismatch',
        'certificate-mismatch',
        'listener-not-allowed',
      ] as const
    ).map(wireAnswer);
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  });
});
