import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AssociationRequest } from '../../../src/policy/decide';
import { decideAddress, decideAssociation } from '../../../src/policy/decide';
import type { Policy } from '../../../src/policy/policy';
import { associationRequest, certificateOf, type ModalityInput, policyOf } from '../../support/policyOf';

/** The reason, `would: reason`, or the name of the entry that was matched. */
function outcome(policy: Policy, changes: Partial<AssociationRequest> = {}): string {
  const decision = decideAssociation(policy, associationRequest(changes));
  if (!decision.allowed) return decision.reason;
  return decision.wouldDeny === undefined ? decision.modality.name : `would: ${decision.wouldDeny}`;
}

const ct1 = {
  callingAeTitle: 'CT1',
  from: ['10.1.2.10', '10.1.3.0/24', '2001:db8::10'],
  calledAeTitle: 'ORTHANC',
  certificate: 'cn:ct1',
} satisfies ModalityInput;

describe('gate 1: the source address', () => {
  const policy = policyOf({ ct1, mr1: { callingAeTitle: 'MR1', from: '10.9.0.1' } });

  it.each(['10.1.2.10', '::ffff:10.1.2.10', '10.1.3.255', '2001:DB8::10', '10.9.0.1'])(
    'lets %s in',
    (from) => {
      expect(decideAddress(policy, from)).toEqual({ allowed: true });
    },
  );

  it.each(['10.1.2.11', '10.1.4.0', '::10.1.2.10', '2001:db8::11', '', 'localhost'])(
    'closes on %j',
    (from) => {
      expect(decideAddress(policy, from)).toEqual({ allowed: false, reason: 'source-address-unknown' });
    },
  );

  it('lets every address try where unknown ones are to be answered, but nothing that is not an address', () => {
    const rejecting = policyOf({ ct1 }, { unknownAddresses: 'reject' });
    expect(decideAddress(rejecting, '10.99.0.1')).toEqual({ allowed: true });
    expect(decideAddress(rejecting, 'localhost').allowed).toBe(false);
    expect(outcome(rejecting, { sourceAddress: '10.99.0.1' })).toBe('source-address-mismatch');
  });
});

describe('gate 3: who may associate', () => {
  const policy = policyOf({ ct1 });

  // calling AE title, address, certificate, called AE title: 1 is right, 0 is wrong.
  it.each([
    ['1111', 'ct1'],
    ['1110', 'called-ae-title-not-allowed'],
    ['1101', 'certificate-mismatch'],
    ['1100', 'certificate-mismatch'],
    ['1011', 'source-address-mismatch'],
    ['1010', 'source-address-mismatch'],
    ['1001', 'source-address-mismatch'],
    ['1000', 'source-address-mismatch'],
    ['0111', 'calling-ae-title-unknown'],
    ['0110', 'calling-ae-title-unknown'],
    ['0101', 'calling-ae-title-unknown'],
    ['0100', 'calling-ae-title-unknown'],
    ['0011', 'calling-ae-title-unknown'],
    ['0010', 'calling-ae-title-unknown'],
    ['0001', 'calling-ae-title-unknown'],
    ['0000', 'calling-ae-title-unknown'],
  ])('title, address, certificate, called title %s: %s', (right, expected) => {
    const request = {
      callingAeTitle: right[0] === '1' ? 'CT1' : 'CT2',
      sourceAddress: right[1] === '1' ? '10.1.2.10' : '10.1.2.11',
      certificate: certificateOf(right[2] === '1' ? 'ct1' : 'ct2'),
      calledAeTitle: right[3] === '1' ? 'ORTHANC' : 'PACS',
    };
    expect(outcome(policy, request)).toBe(expected);
  });

  it('the protocol comes before the peer', () => {
    const nobody = { callingAeTitle: 'NOBODY', sourceAddress: '10.99.0.1' };
    expect(outcome(policy, { ...nobody, protocolVersion: 2, applicationContextName: '1.2' })).toBe(
      'protocol-version',
    );
    expect(outcome(policy, { ...nobody, protocolVersion: 3, applicationContextName: '1.2' })).toBe(
      'application-context',
    );
    expect(outcome(policy, { ...nobody, applicationContextName: '' })).toBe('application-context');
    expect(outcome(policy, nobody)).toBe('calling-ae-title-unknown');
  });

  it('a missing certificate matches no certificate of the entry', () => {
    expect(outcome(policy)).toBe('certificate-mismatch');
    expect(
      outcome(policyOf({ ct1: { ...ct1, certificate: [] } }), { certificate: certificateOf('ct1') }),
    ).toBe('certificate-mismatch');
  });

  it('without a list of certificates any will do, for it has passed TLS', () => {
    const { certificate: _left, ...anyCertificate } = ct1;
    expect(outcome(policyOf({ ct1: anyCertificate }))).toBe('ct1');
    expect(outcome(policyOf({ ct1: anyCertificate }), { certificate: certificateOf('x') })).toBe('ct1');
  });

  it('a called AE title that no upstream has is unknown, whatever the entry allows', () => {
    const certificate = certificateOf('ct1');
    expect(outcome(policy, { certificate, calledAeTitle: 'NOWHERE' })).toBe('called-ae-title-unknown');
    expect(outcome(policy, { certificate, calledAeTitle: '' })).toBe('called-ae-title-unknown');
    expect(outcome(policy, { certificate, calledAeTitle: ' orthanc\0' })).toBe('ct1');
  });

  describe('a catch-all upstream', () => {
    const upstreams = { ORTHANC: { servers: ['127.0.0.1:4242'] }, '*': { servers: ['127.0.0.1:4243'] } };
    const reached = (calledAeTitle: string, allowed?: string[]) => {
      const entry = { callingAeTitle: 'CT1', from: '10.1.2.10' };
      const ct1 = allowed === undefined ? entry : { ...entry, calledAeTitle: allowed };
      const decision = decideAssociation(
        policyOf({ ct1 }, { upstreams }),
        associationRequest({ calledAeTitle }),
      );
      return decision.allowed ? decision.upstream.calledAeTitle : decision.reason;
    };

    it.each([
      ['ORTHANC', 'ORTHANC'],
      ['orthanc ', 'ORTHANC'],
      ['OLD_PACS', '*'],
      ['constructor', '*'],
      ['*', '*'],
      ['', 'called-ae-title-unknown'],
      ['a title that is too long', 'called-ae-title-unknown'],
      ['OLD\\PACS', 'called-ae-title-unknown'],
    ])('%j leads to %s', (calledAeTitle, expected) => {
      expect(reached(calledAeTitle)).toBe(expected);
    });

    it('leaves an entry what its list has, also titles that only the catch-all takes', () => {
      expect(reached('ORTHANC', ['ORTHANC'])).toBe('ORTHANC');
      expect(reached('OLD_PACS', ['ORTHANC'])).toBe('called-ae-title-not-allowed');
      expect(reached('OLD_PACS', ['OLD_PACS'])).toBe('*');
      expect(reached('ORTHANC', ['OLD_PACS'])).toBe('called-ae-title-not-allowed');
      expect(reached('ANYTHING', ['*'])).toBe('*');
      expect(reached('ORTHANC', ['*'])).toBe('ORTHANC');
      expect(reached('OLD_PACS', [])).toBe('called-ae-title-not-allowed');
    });
  });

  it('without a list of called AE titles every upstream may be called', () => {
    const open = policyOf({ ct1: { callingAeTitle: 'CT1', from: '10.1.2.10' } });
    expect(outcome(open, { calledAeTitle: 'PACS' })).toBe('ct1');
    const decision = decideAssociation(open, associationRequest({ calledAeTitle: 'pacs' }));
    expect(decision).toMatchObject({ upstream: { calledAeTitle: 'PACS' } });
  });

  it.each([
    ['by default every TLS listener', undefined, { tls: true, tls2: true, plain: false }],
    ['only those that it names', ['tls2'], { tls: false, tls2: true, plain: false }],
    ['a plain one when it is named', ['plain'], { tls: false, tls2: false, plain: true }],
    ['none with an empty list', [], { tls: false, tls2: false, plain: false }],
  ])('listeners: %s', (_what, listeners, expected) => {
    const entry = { callingAeTitle: 'CT1', from: '10.1.2.10', ...(listeners && { listeners }) };
    const listening = policyOf({ ct1: entry });
    for (const [listener, isAllowed] of Object.entries(expected)) {
      expect(outcome(listening, { listener })).toBe(isAllowed ? 'ct1' : 'listener-not-allowed');
    }
    expect(outcome(listening, { listener: 'elsewhere' })).toBe('listener-not-allowed');
  });

  it('the upper and lower case of AE titles counts only where they are strict', () => {
    const entry = { callingAeTitle: 'Ct1', from: '10.1.2.10' };
    expect(outcome(policyOf({ ct1: entry }), { callingAeTitle: 'cT1' })).toBe('ct1');
    const strict = policyOf({ ct1: entry }, { strictAeTitles: true });
    expect(outcome(strict, { callingAeTitle: 'cT1' })).toBe('calling-ae-title-unknown');
    expect(outcome(strict, { callingAeTitle: 'Ct1' })).toBe('ct1');
    expect(outcome(strict, { callingAeTitle: 'Ct1', calledAeTitle: 'orthanc' })).toBe(
      'called-ae-title-unknown',
    );
  });

  it('no text but its trimmed and re-cased self passes for an AE title', () => {
    const open = policyOf({ ct1: { callingAeTitle: 'CT1', from: '10.1.2.10' } });
    const unit = fc.constantFrom(
      'C',
      'c',
      'T',
      '1',
      ' ',
      '\0',
      '\n',
      '\\',
      '%',
      '\x1b',
      '\u212a',
      'Ç',
      '/',
      '.',
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (callingAeTitle) => {
        const isCt1 = /^[ \0]*[Cc][Tt]1[ \0]*$/.test(callingAeTitle);
        expect(outcome(open, { callingAeTitle })).toBe(isCt1 ? 'ct1' : 'calling-ae-title-unknown');
      }),
      { numRuns: 2000, examples: [['CT1'], [' ct1\0'], ['CT1\0X'], ['CT1\n'], ['']] },
    );
  });

  it('names that every object has are not entries', () => {
    for (const title of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(outcome(policy, { callingAeTitle: title })).toBe('calling-ae-title-unknown');
      expect(outcome(policy, { certificate: certificateOf('ct1'), calledAeTitle: title })).toBe(
        'called-ae-title-unknown',
      );
    }
  });
});

describe('entries that share an AE title', () => {
  const policy = policyOf({
    here: { callingAeTitle: ['CT1', 'CT1B'], from: '10.1.0.0/24' },
    there: { callingAeTitle: 'CT1', from: '10.2.0.0/24', certificate: 'cn:there' },
    plain: { callingAeTitle: 'CT1', from: '10.2.0.0/24', listeners: 'plain' },
  });

  it('are distinguished by address, listener and certificate', () => {
    const certificate = certificateOf('there');
    expect(outcome(policy, { sourceAddress: '10.1.0.5', certificate })).toBe('here');
    expect(outcome(policy, { sourceAddress: '10.1.0.5', callingAeTitle: 'CT1B' })).toBe('here');
    expect(outcome(policy, { sourceAddress: '10.2.0.5', certificate })).toBe('there');
    expect(outcome(policy, { sourceAddress: '10.2.0.5', listener: 'plain' })).toBe('plain');
  });

  it('the entry that got furthest decides the reason, and is named where it is one', () => {
    const decide = (changes: Partial<AssociationRequest>) => {
      const decision = decideAssociation(policy, associationRequest(changes));
      return decision.allowed ? [] : [decision.reason, decision.modality?.name];
    };
    expect(decide({ sourceAddress: '10.3.0.5' })).toEqual(['source-address-mismatch', undefined]);
    expect(decide({ sourceAddress: '10.3.0.5', callingAeTitle: 'CT1B' })).toEqual([
      'source-address-mismatch',
      'here',
    ]);
    expect(decide({ sourceAddress: '10.1.0.5', listener: 'plain' })).toEqual([
      'listener-not-allowed',
      'here',
    ]);
    expect(decide({ sourceAddress: '10.2.0.5', listener: 'elsewhere' })).toEqual([
      'listener-not-allowed',
      undefined,
    ]);
    expect(decide({ sourceAddress: '10.2.0.5' })).toEqual(['certificate-mismatch', 'there']);
    expect(decide({ sourceAddress: '10.1.0.5', calledAeTitle: 'NOWHERE' })).toEqual([
      'called-ae-title-unknown',
      'here',
    ]);
  });

  it.each([
    ['nothing', (i: number) => ({ title: `CT${i}`, address: `10.0.0.${i}`, name: `ct${i}` })],
    ['the AE title', (i: number) => ({ title: 'CT', address: `10.0.0.${i}`, name: `ct${i}` })],
    ['AE title and address', (i: number) => ({ title: 'CT', address: '10.0.0.1', name: `ct${i}` })],
    ['AE title and certificate', (i: number) => ({ title: 'CT', address: `10.0.0.${i}`, name: 'ct' })],
    [
      'either address or certificate',
      (i: number) => ({ title: 'CT', address: `10.0.0.${i % 4}`, name: `c${i >> 2}` }),
    ],
  ])('16 entries that share %s: every identity is its own entry and no other', (_what, identityOf) => {
    const identities = Array.from({ length: 16 }, (_, index) => identityOf(index));
    const shared = policyOf(
      Object.fromEntries(
        identities.map(({ title, address, name }, index) => [
          `entry${index}`,
          {
            callingAeTitle: title,
            from: address,
            certificate: `sha256:${certificateOf(name).fingerprint256}`,
          },
        ]),
      ),
    );
    const outcomeOf = (title: string, address: string, name: string) =>
      outcome(shared, { callingAeTitle: title, sourceAddress: address, certificate: certificateOf(name) });
    let foreignPairs = 0;
    for (const [index, own] of identities.entries()) {
      expect(outcomeOf(own.title, own.address, own.name)).toBe(`entry${index}`);
      for (const [otherIndex, other] of identities.entries()) {
        if (index === otherIndex) continue;
        foreignPairs += 1;
        // Whatever is borrowed from another entry, the result is that other entry only if nothing is one's own.
        for (const borrowed of [1, 2, 3, 4, 5, 6]) {
          const mixed = {
            title: borrowed & 1 ? other.title : own.title,
            address: borrowed & 2 ? other.address : own.address,
            name: borrowed & 4 ? other.name : own.name,
          };
          const owner = identities.findIndex(
            ({ title, address, name }) =>
              title === mixed.title && address === mixed.address && name === mixed.name,
          );
          const result = outcomeOf(mixed.title, mixed.address, mixed.name);
          if (owner >= 0) expect(result).toBe(`entry${owner}`);
          else expect(result).toMatch(/mismatch$/);
        }
      }
    }
    expect(foreignPairs).toBe(240);
  });
});

describe('observe mode', () => {
  const policy = policyOf({ ct1: { ...ct1, mode: 'observe' } });
  const certificate = certificateOf('ct1');

  it('lets pass a called AE title that the entry does not allow, and says so', () => {
    expect(outcome(policy, { certificate, calledAeTitle: 'PACS' })).toBe(
      'would: called-ae-title-not-allowed',
    );
    expect(
      decideAssociation(policy, associationRequest({ certificate, calledAeTitle: 'PACS' })),
    ).toMatchObject({
      upstream: { calledAeTitle: 'PACS' },
    });
    expect(outcome(policy, { certificate })).toBe('ct1');
  });

  it.each([
    ['calling-ae-title-unknown', { callingAeTitle: 'CT2', certificate }],
    ['source-address-mismatch', { sourceAddress: '10.1.2.11', certificate }],
    ['listener-not-allowed', { listener: 'plain', certificate }],
    ['certificate-mismatch', {}],
    ['called-ae-title-unknown', { calledAeTitle: 'NOWHERE', certificate }],
    ['protocol-version', { protocolVersion: 0, certificate }],
  ])('still denies %s', (reason, changes) => {
    expect(outcome(policy, changes)).toBe(reason);
  });
});
