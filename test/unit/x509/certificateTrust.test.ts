import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { verificationFailure } from '../../../src/net/tlsFailures';
import { certificateRefusal } from '../../../src/x509/certificateTrust';
import { readCrl } from '../../../src/x509/tlsFiles';
import { type TestCertificate, testCertificates } from '../../support/certificates';

const certificates = testCertificates();
const { ca, issue } = certificates;
const intermediate = issue('Intermediate CA', { issuer: ca, isCa: true });
const expiredIntermediate = issue('Expired CA', {
  issuer: ca,
  isCa: true,
  validFromDays: -30,
  validToDays: -1,
});
const purposes = ['clientAuth'] as const;

/** What OpenSSL says to a client that shows this chain, in a real handshake. */
async function verdictOfOpenSsl(
  [leaf, ...rest]: readonly TestCertificate[],
  trusted: readonly TestCertificate[],
  lists: readonly { readonly crl: string }[] = [],
): Promise<string | undefined> {
  const server = createServer({
    cert: certificates.server.cert,
    key: certificates.server.key,
    ca: trusted.map(({ cert }) => cert),
    ...(lists.length === 0 ? {} : { crl: lists.map(({ crl }) => crl) }),
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    rejectUnauthorized: false,
    cert: [leaf, ...rest].map((each) => each?.cert).join(''),
    key: leaf?.key ?? '',
  });
  const [socket] = (await once(server, 'secureConnection')) as [TLSSocket];
  const { authorized, authorizationError } = socket;
  client.destroy();
  socket.destroy();
  server.close();
  return authorized
    ? undefined
    : (verificationFailure(String(authorizationError)) ?? String(authorizationError));
}

function trusting(trusted: readonly TestCertificate[], lists: readonly { readonly crlFile: string }[] = []) {
  return {
    trustedCertificates: trusted.map(({ x509 }) => x509),
    revocationLists: lists.flatMap(({ crlFile }) => readCrl(crlFile)),
  };
}

it.each<[string, string | undefined, () => TestCertificate[], (() => TestCertificate[])?]>([
  ['a good certificate', undefined, () => [certificates.client]],
  ['no extended key usage', undefined, () => [certificates.clientWithoutPurpose]],
  [
    'a chain with an intermediate CA',
    undefined,
    () => [issue('a', { issuer: intermediate, purposes }), intermediate],
  ],
  [
    'an intermediate CA in the bundle',
    undefined,
    () => [issue('a', { issuer: intermediate, purposes })],
    () => [ca, intermediate],
  ],
  [
    'a self-signed certificate in the bundle',
    undefined,
    () => [certificates.selfSignedClient],
    () => [certificates.selfSignedClient],
  ],
  ['a foreign CA', 'certificate-untrusted', () => [certificates.clientOfOtherCa]],
  [
    'a foreign CA that is shown along',
    'certificate-untrusted',
    () => [certificates.clientOfOtherCa, certificates.otherCa],
  ],
  ['a self-signed certificate', 'certificate-untrusted', () => [certificates.selfSignedClient]],
  [
    'a missing intermediate CA',
    'certificate-untrusted',
    () => [issue('a', { issuer: intermediate, purposes })],
  ],
  [
    'an intermediate CA without its root',
    'certificate-untrusted',
    () => [issue('a', { issuer: intermediate, purposes })],
    () => [intermediate],
  ],
  ['a server certificate', 'certificate-purpose', () => [certificates.serverAsClient]],
  ['an expired certificate', 'certificate-expired', () => [certificates.expiredClient]],
  [
    'an expired intermediate CA',
    'certificate-expired',
    () => [issue('b', { issuer: expiredIntermediate, purposes }), expiredIntermediate],
  ],
  ['a certificate of tomorrow', 'certificate-not-yet-valid', () => [certificates.notYetValidClient]],
])('%s: the forecast is what OpenSSL says', async (_what, expected, chain, bundle = () => [ca]) => {
  const shown = chain().map(({ x509 }) => x509) as [X509Certificate, ...X509Certificate[]];
  const trusted = bundle();
  expect(certificateRefusal(shown, trusting(trusted), new Date())).toBe(expected);
  expect(await verdictOfOpenSsl(chain(), trusted)).toBe(expected);
});

it('a CA of the same name with another key is not the issuer', () => {
  const impostor = testCertificates().ca;
  const refusal = certificateRefusal([certificates.client.x509], trusting([impostor]), new Date());
  expect(refusal).toBe('certificate-untrusted');
});

describe('with revocation lists', () => {
  const { crl, expiredCrl, crlOfOtherCa, client, revokedClient, otherCa, issueCrl } = certificates;
  const leaf = issue('of-intermediate', { issuer: intermediate, purposes });
  const ofIntermediate = issueCrl('intermediate', { issuer: intermediate, revoked: [] });
  const revoking = issueCrl('revoking', { issuer: ca, revoked: [intermediate] });
  const expired = issue('expired-and-revoked', { issuer: ca, purposes, validFromDays: -9, validToDays: -1 });
  const ofExpired = issueCrl('of-expired', { issuer: ca, revoked: [expired] });

  it.each<[string, string | undefined, TestCertificate[], TestCertificate[], (typeof crl)[]]>([
    ['a certificate that is on none', undefined, [client], [ca], [crl]],
    ['one that is', 'certificate-revoked', [revokedClient], [ca], [crl]],
    ['one that has expired too', 'certificate-expired', [expired], [ca], [ofExpired]],
    ['a list that is over', 'crl-expired', [client], [ca], [expiredCrl]],
    ['no list of its CA', 'crl-missing', [client], [ca, otherCa], [crlOfOtherCa]],
    ['lists of several CAs', undefined, [client], [ca, otherCa], [crlOfOtherCa, crl]],
    ['lists of the whole chain', undefined, [leaf, intermediate], [ca], [crl, ofIntermediate]],
    ['no list of the intermediate CA', 'crl-missing', [leaf, intermediate], [ca], [crl]],
    [
      'an intermediate CA that is revoked',
      'certificate-revoked',
      [leaf, intermediate],
      [ca],
      [revoking, ofIntermediate],
    ],
  ])('%s: the forecast is what OpenSSL says', async (_what, expected, chain, trusted, lists) => {
    const shown = chain.map(({ x509 }) => x509) as [X509Certificate, ...X509Certificate[]];
    expect(certificateRefusal(shown, trusting(trusted, lists), new Date())).toBe(expected);
    expect(await verdictOfOpenSsl(chain, trusted, lists)).toBe(expected);
  });
});
