import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, test } from '@jest/globals';
import { certificateRefusal } from '../../../src/commands/certificateTrust';
import { verificationFailure } from '../../../src/net/tlsFailures';
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
): Promise<string | undefined> {
  const server = createServer({
    cert: certificates.server.cert,
    key: certificates.server.key,
    ca: trusted.map(({ cert }) => cert),
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

test.each<[string, string | undefined, () => TestCertificate[], (() => TestCertificate[])?]>([
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
  expect(
    certificateRefusal(
      shown,
      trusted.map(({ x509 }) => x509),
      new Date(),
    ),
  ).toBe(expected);
  expect(await verdictOfOpenSsl(chain(), trusted)).toBe(expected);
});

test('a CA of the same name with another key is not the issuer', () => {
  const impostor = testCertificates().ca;
  expect(certificateRefusal([certificates.client.x509], [impostor.x509], new Date())).toBe(
    'certificate-untrusted',
  );
});
