/**
 * What a person sees at the modality when it is not let in: DCMTK's tools print why, and end at once.
 */
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { ReasonCode } from '../../../src/policy/reasons';
import { type DcmtkResult, type DcmtkTarget, type DcmtkTls, echoscu } from '../../support/dcmtk';
import { describeWithPeers } from '../../support/peers';
import { freePort } from '../../support/processes';
import { type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { SpyUpstream } from '../../support/spyUpstream';

/** Far below every timeout of the gateway and of DCMTK; the tools alone take a tenth of a second. */
const AT_ONCE_MS = 3000;

async function runsShortly(target: DcmtkTarget): Promise<DcmtkResult> {
  const startMs = performance.now();
  const result = await echoscu(target);
  expect(performance.now() - startMs).toBeLessThan(AT_ONCE_MS);
  return result;
}

describeWithPeers(['echoscu'], 'echoscu that is not let in', () => {
  let spy: SpyUpstream;
  let secured: SecuredArchive;
  beforeAll(async () => {
    spy = await SpyUpstream.start();
    secured = await secureArchive(spy.port);
  });
  beforeEach(() => {
    secured.gateway.events.length = 0;
  });

  const byUser = 'Rejected Permanent, Service User';
  it.each<[string, Partial<DcmtkTarget>, string, ReasonCode]>([
    [
      'its AE title is unknown',
      { callingAeTitle: 'STRANGER' },
      `${byUser}, Calling AE Title Not Recognized`,
      'calling-ae-title-unknown',
    ],
    [
      'it calls nobody',
      { calledAeTitle: 'NOBODY' },
      `${byUser}, Called AE Title Not Recognized`,
      'called-ae-title-unknown',
    ],
  ])('prints the reason when %s', async (_what, change, rejection, reason) => {
    const result = await runsShortly({ ...secured.tls, ...change });
    expect(result).toMatchObject({ exitCode: 1, isAssociationAccepted: false, rejection });
    await secured.gateway.event({ event: 'association.rejected', reason });
    expect(spy.connects).toBe(0);
  });

  it('prints that the archive is not there, for now', async () => {
    const { tls, gateway } = await secureArchive(await freePort());
    const result = await runsShortly(tls);
    expect(result.rejection).toMatch(/Rejected Transient, Service Provider .*, Temporary Congestion/);
    await gateway.event({ event: 'association.rejected', reason: 'upstream-unavailable' });
  });

  const shown: readonly [string, ReasonCode, (secured: SecuredArchive) => DcmtkTls][] = [
    ['no certificate', 'certificate-missing', ({ certificates: { ca } }) => ({ ca })],
    [
      'a certificate of another CA',
      'certificate-untrusted',
      ({ certificates: { ca, clientOfOtherCa } }) => ({ ca, certificate: clientOfOtherCa }),
    ],
    [
      'a certificate of its own making',
      'certificate-untrusted',
      ({ certificates: { ca, selfSignedClient } }) => ({ ca, certificate: selfSignedClient }),
    ],
    [
      'an expired certificate',
      'certificate-expired',
      ({ certificates: { ca, expiredClient } }) => ({ ca, certificate: expiredClient }),
    ],
  ];
  it.each(shown)('ends in the handshake with %s', async (_what, reason, tlsOf) => {
    const result = await runsShortly({ ...secured.tls, tls: tlsOf(secured) });
    expect(result).toMatchObject({ exitCode: 1, isAssociationAccepted: false, statuses: [] });
    // In TLS 1.3 the alert comes when DCMTK takes the handshake for done; it has no better words for it.
    expect(result.errors.join()).toContain('Peer aborted Association');
    await secured.gateway.event({ event: 'connection.refused', reason });
    expect(spy.connects).toBe(0);
  });

  it("is rejected like a stranger with another modality's certificate", async () => {
    const { ca, issue } = secured.certificates;
    const certificate = issue('mr1', { issuer: ca, purposes: ['clientAuth'] });
    const result = await runsShortly({ ...secured.tls, tls: { ca, certificate } });
    expect(result.rejection).toBe(`${byUser}, Calling AE Title Not Recognized`);
    await secured.gateway.event({ event: 'association.rejected', reason: 'certificate-mismatch' });
    expect(spy.connects).toBe(0);
  });

  it('does not trust a gateway whose CA it does not know', async () => {
    const { otherCa: ca, client: certificate } = secured.certificates;
    const result = await runsShortly({ ...secured.tls, tls: { ca, certificate } });
    expect(result).toMatchObject({ exitCode: 1, isAssociationAccepted: false });
    expect(result.errors.join()).toContain('certificate verify failed');
    expect(spy.connects).toBe(0);
  });

  it('ends at once when it speaks plain DICOM to the TLS port', async () => {
    const { tls: _none, ...plain } = secured.tls;
    const result = await runsShortly(plain);
    expect(result).toMatchObject({ exitCode: 1, isAssociationAccepted: false, rejection: undefined });
    await secured.gateway.event({ event: 'connection.refused', reason: 'plain-on-tls-port' });
    expect(spy.connects).toBe(0);
  });

  it('ends at once when it speaks TLS to the plain port', async () => {
    const result = await runsShortly({ ...secured.tls, port: secured.plain.port });
    expect(result).toMatchObject({ exitCode: 1, isAssociationAccepted: false, rejection: undefined });
    await secured.gateway.event({ event: 'connection.refused', reason: 'tls-on-plain-port' });
    expect(spy.connects).toBe(0);
  });

  it('is rejected like a stranger on the plain port, which shows no certificate', async () => {
    const result = await runsShortly(secured.plain);
    expect(result.rejection).toBe(`${byUser}, Calling AE Title Not Recognized`);
    expect(spy.connects).toBe(0);
  });

  it('is served when all of that is right', async () => {
    expect(await runsShortly(secured.tls)).toMatchObject({ exitCode: 0, statuses: [0x0000] });
  });
});
