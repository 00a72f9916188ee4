/** Who pays for a refusal: the certificate where it says who it is, else the address, and never who is exempt. */
import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../src/audit/events';
import { PenaltyBox } from '../../../src/gateway/penaltyBox';
import { policyOf as compiled } from '../../../src/gateway/rules';
import type { TlsFacts } from '../../../src/net/inboundConnection';
import { configurationOf } from '../../support/policyOf';

const refusal: AuditEvent = {
  event: 'association.rejected',
  outcome: 'denied',
  reason: 'calling-ae-title-unknown',
  direction: 'ingress',
  sourceAddress: '2001:db8::66',
};
const trusted: TlsFacts = { protocol: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', fingerprint256: 'AB:CD' };
const untrusted: TlsFacts = { ...trusted, untrusted: 'it signed itself' };

function boxWith(penalty: object) {
  const configuration = configurationOf({}, { penalty: { faults: 1, ...penalty } });
  const box = new PenaltyBox(configuration, { record() {} }, () => {});
  const isRefused = (address: string) =>
    box.decideAddress(address, 'tls', compiled(configuration))?.allowed === false;
  return { box, isRefused };
}

describe('a refusal', () => {
  it('costs nothing where a device only proposed what its entry does not allow', () => {
    const { box } = boxWith({});
    box.record({ ...refusal, event: 'association.unusable', reason: 'command-not-allowed' });
    expect(box.list).toEqual([]);
  });

  it('costs the /64 of the address, but not who is exempt in it', () => {
    const { box, isRefused } = boxWith({ exempt: '2001:db8::5' });
    box.record(refusal);
    expect(['2001:db8::66', '2001:db8::67', '2001:db8::5'].map(isRefused)).toEqual([true, true, false]);
  });

  it.each([
    ['sha256:AB:CD', 'a trusted certificate', { tls: trusted }],
    ['2001:db8:0:0::/64', 'one that it signed itself, before an entry is found', { tls: untrusted }],
    ['sha256:AB:CD', 'one that an entry names', { tls: untrusted, event: 'command.refused' }],
    ['2001:db8:0:0::/64', 'one that was refused', { tls: trusted, event: 'connection.refused' }],
  ] as const)('costs %s where the peer shows %s', (key, _, facts) => {
    const { box } = boxWith({});
    box.record({ ...refusal, ...facts });
    expect(box.list).toMatchObject([{ key }]);
  });
});
