import { describe, expect, it } from '@jest/globals';
import { callerTlsFacts, isOfAllowlist, proposalFacts } from '../../../src/gateway/callerFacts';
import { decodeAssociateRq } from '../../../src/pdu/associate';
import { associateRq, proposedContext, userIdentity } from '../../support/dicomBytes';
import { certificateOf } from '../../support/policyOf';
import { SopClass } from '../../support/uids';

function decoded(fields: Parameters<typeof associateRq>[0]) {
  return decodeAssociateRq(associateRq(fields).subarray(6));
}

describe('what a request tells of the device', () => {
  it('is its maker and each SOP class once, by keyword where it has one', () => {
    const contexts = [
      proposedContext(1, SopClass.CTImageStorage),
      proposedContext(3, SopClass.CTImageStorage),
      proposedContext(5, '1.2.840.99.1'),
    ];
    expect(proposalFacts(decoded({ contexts }))).toMatchObject({
      implementationClassUid: expect.stringMatching(/^[0-9.]+$/),
      proposedSopClasses: ['CTImageStorage', '1.2.840.99.1'],
    });
  });

  it('leaves user identity out', () => {
    const rq = decoded({
      contexts: [proposedContext(1, SopClass.Verification)],
      userItems: [userIdentity('CANARY', 'CANARY')],
    });
    expect(JSON.stringify(proposalFacts(rq))).not.toContain('CANARY');
  });
});

describe('what a certificate tells', () => {
  const tls = { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', subject: 'CN=ct1' };

  it('is its key and its end', () => {
    const certificate = certificateOf('ct1');
    expect(callerTlsFacts(tls, certificate)).toEqual({
      tls: { ...tls, spkiSha256: certificate.spkiSha256, notAfter: '2036-01-01T00:00:00.000Z' },
    });
  });

  it('is nothing where there is none', () => {
    expect(callerTlsFacts(undefined, undefined)).toEqual({});
    expect(callerTlsFacts(tls, undefined)).toEqual({});
  });
});

describe('a rejection that the allowlist is the reason for', () => {
  it.each([
    ['calling-ae-title-unknown', true],
    ['called-ae-title-not-allowed', true],
    ['association-limit', false],
    ['upstream-rejected', false],
    ['application-context', false],
    ['draining', false],
  ] as const)('%s: %s', (reason, isOne) => {
    expect(isOfAllowlist(reason)).toBe(isOne);
  });
});
