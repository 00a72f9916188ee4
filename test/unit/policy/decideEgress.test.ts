import { describe, expect, it } from '@jest/globals';
import { compilePolicy } from '../../../src/policy/compile';
import {
  decideAssociation,
  decideEgressAddress,
  decideEgressAssociation,
  decideEgressCommand,
} from '../../../src/policy/decide';
import type { Policy } from '../../../src/policy/policy';
import { associationRequest, configurationOf, type ModalityInput, policyOf } from '../../support/policyOf';

const egress = { from: ['127.0.0.1', '10.9.0.0/24'] };
const address = { host: '10.1.2.10', port: 104 };
const ct1 = { callingAeTitle: ['CT1', 'CT1_B'], from: '10.1.2.10', address } satisfies ModalityInput;
const fromArchive = associationRequest({
  listener: 'egress',
  sourceAddress: '127.0.0.1',
  callingAeTitle: 'ORTHANC',
  calledAeTitle: 'CT1',
});

/** The reason, or the name of the modality that is reached. */
function outcome(policy: Policy, changes: Partial<typeof fromArchive> = {}): string {
  const decision = decideEgressAssociation(policy.egress!, { ...fromArchive, ...changes });
  return decision.allowed ? decision.modality.name : decision.reason;
}

describe('gate 1 of egress', () => {
  const policy = policyOf({ ct1 }, { egress });

  it.each(['127.0.0.1', '::ffff:127.0.0.1', '10.9.0.200'])('lets %s in', (from) => {
    expect(decideEgressAddress(policy.egress!, from)).toEqual({ allowed: true });
  });

  it.each(['127.0.0.2', '10.1.2.10', '10.9.1.0', '', 'localhost'])('closes on %j', (from) => {
    const denied = { allowed: false, reason: 'source-address-unknown' };
    expect(decideEgressAddress(policy.egress!, from)).toEqual(denied);
  });

  it('lets nobody in where the list is empty', () => {
    const { egress: closed } = policyOf({ ct1 }, { egress: { from: [] } });
    expect(decideEgressAddress(closed!, '127.0.0.1').allowed).toBe(false);
  });
});

describe('gate 3 of egress', () => {
  it.each([
    ['a title that the modality calls with', { calledAeTitle: 'CT1' }, 'ct1'],
    ['another one of these, padded and in lower case', { calledAeTitle: 'ct1_b  ' }, 'ct1'],
    ['a title of nobody', { calledAeTitle: 'CT2' }, 'called-ae-title-unknown'],
    ['an empty title', { calledAeTitle: '   ' }, 'called-ae-title-unknown'],
    ['a modality without an address', { calledAeTitle: 'MR1' }, 'called-ae-title-unknown'],
    ['a stranger', { callingAeTitle: 'CT1' }, 'calling-ae-title-unknown'],
    ['a stranger who calls nobody', { callingAeTitle: 'X', calledAeTitle: 'X' }, 'calling-ae-title-unknown'],
    ['the archive under the title that it has itself', { callingAeTitle: 'PACS_MAIN' }, 'ct1'],
    ['the archive under the title that modalities use', { callingAeTitle: 'pacs' }, 'ct1'],
    ['another protocol version', { protocolVersion: 2 }, 'protocol-version'],
    ['another application context', { applicationContextName: '1.2.3' }, 'application-context'],
  ])('%s', (_what, changes, expected) => {
    const upstreams = {
      ORTHANC: { servers: ['127.0.0.1:4242'] },
      PACS: { servers: ['127.0.0.1:4242'], calledAeTitle: 'PACS_MAIN' },
    };
    const mr1 = { callingAeTitle: 'MR1', from: '10.1.2.11' };
    expect(outcome(policyOf({ ct1, mr1 }, { egress, upstreams }), changes)).toBe(expected);
  });

  it('takes the titles that the archive uses in its jobs, and opens nothing for them on the way in', () => {
    const policy = policyOf({ ct1 }, { egress: { ...egress, callingAeTitle: ['ROUTER', 'ORTHANC_JOB'] } });
    expect(outcome(policy, { callingAeTitle: 'ROUTER' })).toBe('ct1');
    expect(outcome(policy, { callingAeTitle: 'orthanc_job' })).toBe('ct1');
    expect(outcome(policy, { callingAeTitle: 'ORTHANC' })).toBe('ct1');
    expect(outcome(policy, { callingAeTitle: 'ROUTER2' })).toBe('calling-ae-title-unknown');
    expect(decideAssociation(policy, associationRequest({ calledAeTitle: 'ROUTER' }))).toMatchObject({
      reason: 'called-ae-title-unknown',
    });
  });

  it('does not take the key of a catch-all for a title of the archive', () => {
    const upstreams = { '*': { servers: ['127.0.0.1:4242'], calledAeTitle: 'PACS' } };
    const policy = policyOf({ ct1 }, { egress, upstreams });
    expect(outcome(policy, { callingAeTitle: 'PACS' })).toBe('ct1');
    expect(outcome(policy, { callingAeTitle: '*' })).toBe('calling-ae-title-unknown');
    expect(outcome(policy, { callingAeTitle: 'ANY' })).toBe('calling-ae-title-unknown');
  });

  const shared = (own: string | undefined) => ({
    ...ct1,
    callingAeTitle: 'CT',
    address: { ...address, ...(own === undefined ? {} : { calledAeTitle: own }) },
  });

  it('a modality is reached under the title that it listens to', () => {
    const policy = policyOf({ ct1: shared('CT1_SCP') }, { egress });
    expect(outcome(policy, { calledAeTitle: 'CT1_SCP' })).toBe('ct1');
    expect(outcome(policy, { calledAeTitle: 'CT' })).toBe('ct1');
  });

  it('a title that two modalities share reaches neither, their own ones do', () => {
    const ct2 = { ...shared('CT2_SCP'), from: '10.1.2.11' };
    const policy = policyOf({ ct1: shared('CT1_SCP'), ct2 }, { egress });
    expect(outcome(policy, { calledAeTitle: 'CT1_SCP' })).toBe('ct1');
    expect(outcome(policy, { calledAeTitle: 'CT2_SCP' })).toBe('ct2');
    expect(outcome(policy, { calledAeTitle: 'CT' })).toBe('called-ae-title-unknown');
  });

  it('the title that one listens to wins over the one that another calls with', () => {
    const ct2 = { ...ct1, callingAeTitle: 'CT', from: '10.1.2.11' };
    const policy = policyOf({ ct1: { ...shared('CT'), callingAeTitle: 'CT1' }, ct2 }, { egress });
    expect(outcome(policy, { calledAeTitle: 'CT' })).toBe('ct1');
  });

  it.each([
    ['without titles of their own', undefined, undefined],
    ['of which one has no title of its own', 'CT1_SCP', undefined],
    ['with the same title', 'SCP', 'SCP'],
  ])('two modalities %s are an error', (_what, one, other) => {
    const ct2 = { ...shared(other), from: '10.1.2.11' };
    const { problems } = compilePolicy(configurationOf({ ct1: shared(one), ct2 }, { egress }), 0);
    expect(problems.filter(({ severity }) => severity === 'error').map(({ path }) => path[1])).toEqual([
      'ct2',
    ]);
  });

  it('the same two are none without egress, or where one has no address', () => {
    const ct2 = { ...shared(undefined), from: '10.1.2.11' };
    expect(() => policyOf({ ct1: shared(undefined), ct2 })).not.toThrow();
    const { address: _, ...without } = ct2;
    expect(
      outcome(policyOf({ ct1: shared(undefined), ct2: without }, { egress }), { calledAeTitle: 'CT' }),
    ).toBe('ct1');
  });
});

describe('gate 4 of egress', () => {
  const echo = { commandField: 0x0030, sopClassUid: '1.2.840.10008.1.1' };
  const store = { commandField: 0x0001, sopClassUid: '1.2.840.10008.5.1.4.1.1.2' };
  const print = { commandField: 0x0140, sopClassUid: '1.2.840.10008.5.1.1.1' };
  const modalityOf = (egressAllow?: ModalityInput['egressAllow']) => {
    const policy = policyOf({ ct1: { ...ct1, ...(egressAllow && { egressAllow }) } }, { egress });
    return policy.egress!.modalityByCalledAeTitle.get('CT1')!;
  };
  const denied = { allowed: false, reason: 'command-not-allowed' };

  it('lets everything pass by default, whatever the modality itself may do', () => {
    for (const command of [echo, store, print]) {
      expect(decideEgressCommand(modalityOf(), command)).toEqual({ allowed: true });
    }
  });

  it('lets pass what is named, and nothing else', () => {
    expect(decideEgressCommand(modalityOf(['store']), store)).toEqual({ allowed: true });
    expect(decideEgressCommand(modalityOf(['store']), echo)).toEqual(denied);
    expect(decideEgressCommand(modalityOf(['store']), print)).toEqual(denied);
    expect(decideEgressCommand(modalityOf(['print']), print)).toEqual({ allowed: true });
    expect(decideEgressCommand(modalityOf([]), store)).toEqual(denied);
  });

  it('lets pass the services of the entry too', () => {
    const services = ['BasicFilmSession'];
    const policy = policyOf({ ct1: { ...ct1, egressAllow: ['echo'], services } }, { egress });
    const modality = policy.egress!.modalityByCalledAeTitle.get('CT1')!;
    expect(decideEgressCommand(modality, print)).toEqual({ allowed: true });
    expect(decideEgressCommand(modality, store)).toEqual(denied);
  });

  it('refuses what no standard defines', () => {
    const unknown = { commandField: 0x0777, sopClassUid: '1.2' };
    expect(decideEgressCommand(modalityOf(), unknown)).toEqual({ allowed: false, reason: 'command-unknown' });
  });
});
