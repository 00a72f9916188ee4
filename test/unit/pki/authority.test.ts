import { createHash, randomBytes, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CertificateAuthority,
  createCertificateAuthority,
  issueAuthorityRevocationList,
  openCertificateAuthority,
} from '../../../src/pki/authority';
import {
  type IssuedCertificate,
  issueClientCertificate,
  issueServerCertificate,
} from '../../../src/pki/leafCertificates';
import { onCleanUp } from '../../support/cleanUp';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';

const DAY_MS = 86_400_000;

let authority: CertificateAuthority;
let rsaServer: IssuedCertificate;
let ecdsaServer: IssuedCertificate;
let client: IssuedCertificate;
let revokedClient: IssuedCertificate;

beforeAll(async () => {
  authority = await createCertificateAuthority({ commonName: 'Test CA' });
  const names = ['localhost', '127.0.0.1', '::1'];
  [rsaServer, ecdsaServer, client, revokedClient] = await Promise.all([
    issueServerCertificate(authority, { names }),
    issueServerCertificate(authority, { names, keyType: 'ecdsa' }),
    issueClientCertificate(authority, { name: 'CT1' }),
    issueClientCertificate(authority, { name: 'ct_2', keyType: 'ecdsa', names: ['10.1.2.3'] }),
  ]);
});

describe('a certificate authority', () => {
  it('gives two CAs different names, so that people can tell them apart', async () => {
    const first = await createCertificateAuthority();
    expect(first.certificate.subject).toMatch(/^CN=Aegis CA [0-9a-f]{6}$/);
    expect(first.certificate.subject).not.toBe((await createCertificateAuthority()).certificate.subject);
  });

  it.each(['', ' x', 'x\n', 'x'.repeat(65)])('refuses %j as its name', async (commonName) => {
    await expect(createCertificateAuthority({ commonName })).rejects.toThrow('cannot name a CA');
  });

  it('is valid since yesterday and for ten years', () => {
    expect(Date.parse(authority.certificate.validFrom)).toBeLessThanOrEqual(Date.now() - DAY_MS);
    expect(lifetimeDays(authority.certificate)).toBe(3650);
  });

  it('can be stored and taken up again, with and without a passphrase', () => {
    const plain = authority.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const encrypted = authority.privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'open sesame',
    }) as string;
    const pem = authority.certificatePem;
    expect(openCertificateAuthority(pem, plain).privateKey.equals(authority.privateKey)).toBe(true);
    expect(
      openCertificateAuthority(pem, encrypted, 'open sesame').privateKey.equals(authority.privateKey),
    ).toBe(true);
    expect(() => openCertificateAuthority(pem, encrypted)).toThrow('give its passphrase with');
    expect(() => openCertificateAuthority(pem, encrypted, 'sesame')).toThrow('passphrase does not open');
  });

  it('refuses a key or certificate that is not that of a CA of ours', () => {
    const key = authority.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const open = openCertificateAuthority;
    expect(() => open(authority.certificatePem, rsaServer.privateKeyPem)).toThrow('does not belong');
    expect(() => open(authority.certificatePem, ecdsaServer.privateKeyPem)).toThrow('does not belong');
    expect(() => open(rsaServer.certificatePem, rsaServer.privateKeyPem)).toThrow('not that of a CA');
    expect(() => open('nothing', key)).toThrow('the CA certificate is unreadable');
    expect(() => open(authority.certificatePem, 'nothing')).toThrow('the CA key is unreadable');
  });
});

describe('an issued certificate', () => {
  it('is valid since yesterday and for 825 days', () => {
    for (const { certificate } of [rsaServer, ecdsaServer, client]) {
      expect(Date.parse(certificate.validFrom)).toBeLessThanOrEqual(Date.now() - DAY_MS);
      expect(lifetimeDays(certificate)).toBe(825);
    }
  });

  it('never outlives the CA', async () => {
    const notAfter = new Date(Date.now() + 5000 * DAY_MS);
    const { certificate } = await issueClientCertificate(authority, {
      name: 'ct1',
      keyType: 'ecdsa',
      notAfter,
    });
    expect(certificate.validTo).toBe(authority.certificate.validTo);
  });

  it('can be one that has expired, and can not end before it begins', async () => {
    const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);
    const issue = (notBefore: Date, notAfter: Date) =>
      issueClientCertificate(authority, { name: 'ct1', keyType: 'ecdsa', notBefore, notAfter });
    const expired = await issue(daysAgo(3), daysAgo(2));
    expect(Date.parse(expired.certificate.validTo)).toBeLessThan(Date.now());
    await expect(issue(daysAgo(2), daysAgo(3))).rejects.toThrow('before it begins');
  });

  it('has a positive serial number of 16 bytes that no other has', () => {
    const serialNumbers = [rsaServer, ecdsaServer, client, revokedClient].map(
      ({ certificate }) => certificate.serialNumber,
    );
    for (const serialNumber of serialNumbers) expect(serialNumber).toMatch(/^[4-7][0-9A-F]{31}$/);
    expect(new Set(serialNumbers).size).toBe(4);
  });

  it('of a server covers the names that it was issued for, of which there is at least one', async () => {
    expect(rsaServer.certificate.checkHost('localhost')).toBe('localhost');
    expect(rsaServer.certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(rsaServer.certificate.checkIP('::1')).toBe('::1');
    expect(rsaServer.certificate.checkHost('localhost.example')).toBeUndefined();
    await expect(issueServerCertificate(authority, { names: [] })).rejects.toThrow('at least one name');
  });

  it('carries its first short name as common name, however long the others are', async () => {
    const long = `${'a'.repeat(60)}.example`;
    const issue = async (names: string[]) =>
      (await issueServerCertificate(authority, { names, keyType: 'ecdsa' })).certificate;
    expect((await issue([long, 'pacs.example'])).subject).toBe('CN=pacs.example');
    expect((await issue([long])).checkHost(long)).toBe(long);
  });

  it('of a modality names it, also as DNS name where it can be one', () => {
    expect(client.certificate.subject).toBe('CN=CT1');
    expect(client.certificate.subjectAltName).toBe('DNS:ct1');
    expect(revokedClient.certificate.subject).toBe('CN=ct_2');
    expect(revokedClient.certificate.subjectAltName).toBe('IP Address:10.1.2.3');
  });
});

describe('Node as peer', () => {
  it.each([
    ['RSA', 'TLSv1.2'],
    ['RSA', 'TLSv1.3'],
    ['ECDSA', 'TLSv1.2'],
    ['ECDSA', 'TLSv1.3'],
  ] as const)('accepts both sides with an %s server over %s', async (key, protocol) => {
    const outcome = await handshake(key === 'RSA' ? rsaServer : ecdsaServer, client, protocol);
    expect(outcome).toEqual({ isAuthorized: true, clientSubject: 'CT1' });
  });

  it('takes a modality as TLS server, too', async () => {
    const outcome = await handshake(client, revokedClient, 'TLSv1.3', { servername: 'ct1' });
    expect(outcome).toEqual({ isAuthorized: true, clientSubject: 'ct_2' });
  });

  it('refuses a revoked modality, and the certificate of a server as that of a modality', async () => {
    const crl = revocationList();
    expect(await handshake(rsaServer, client, 'TLSv1.3', { crl })).toHaveProperty('isAuthorized', true);
    expect(await handshake(rsaServer, revokedClient, 'TLSv1.3', { crl })).toEqual({ error: 'CERT_REVOKED' });
    expect(await handshake(rsaServer, ecdsaServer, 'TLSv1.3')).toEqual({ error: 'INVALID_PURPOSE' });
  });
});

describeWithPeers(['openssl'], 'OpenSSL as peer', () => {
  let folder: string;

  beforeAll(() => {
    folder = temporaryFolder();
    const write = (name: string, pem: string) => writeFileSync(join(folder, name), pem);
    write('ca.crt', authority.certificatePem);
    write('rsa.crt', rsaServer.certificatePem);
    write('ecdsa.crt', ecdsaServer.certificatePem);
    write('client.crt', client.certificatePem);
    write('revoked.crt', revokedClient.certificatePem);
    write('ca.crl', revocationList());
    write('empty.crl', issueAuthorityRevocationList(authority, []));
  });

  const openssl = async (...options: string[]) =>
    (await runProcess('openssl', options, { workingDirectory: folder })).output;
  const verify = (...options: string[]) => openssl('verify', '-x509_strict', '-CAfile', 'ca.crt', ...options);

  it('accepts every certificate by the strict rules, for its purposes', async () => {
    expect(await verify('ca.crt')).toBe('ca.crt: OK\n');
    expect(await verify('-purpose', 'sslserver', 'rsa.crt', 'ecdsa.crt', 'client.crt')).toBe(
      'rsa.crt: OK\necdsa.crt: OK\nclient.crt: OK\n',
    );
    expect(await verify('-purpose', 'sslclient', 'client.crt', 'revoked.crt')).toBe(
      'client.crt: OK\nrevoked.crt: OK\n',
    );
    expect(await verify('-purpose', 'sslclient', 'rsa.crt')).toContain('unsuitable certificate purpose');
  });

  it('reads the extensions as they were meant', async () => {
    const extensions = async (file: string) =>
      extensionsOf(await openssl('x509', '-in', file, '-noout', '-text'));
    const ca = await extensions('ca.crt');
    expect(ca).toMatchObject({
      'X509v3 Basic Constraints: critical': 'CA:TRUE, pathlen:0',
      'X509v3 Key Usage: critical': 'Certificate Sign, CRL Sign',
    });
    const caKeyIdentifier = ca['X509v3 Subject Key Identifier:'];
    expect(caKeyIdentifier).toMatch(/^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    expect(await extensions('rsa.crt')).toEqual({
      'X509v3 Basic Constraints: critical': 'CA:FALSE',
      'X509v3 Key Usage: critical': 'Digital Signature, Key Encipherment',
      'X509v3 Subject Key Identifier:': keyIdentifierOf(rsaServer.certificate),
      'X509v3 Authority Key Identifier:': caKeyIdentifier,
      'X509v3 Extended Key Usage:': 'TLS Web Server Authentication',
      'X509v3 Subject Alternative Name:': 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    });
    expect(await extensions('ecdsa.crt')).toMatchObject({
      'X509v3 Key Usage: critical': 'Digital Signature',
      'X509v3 Subject Key Identifier:': keyIdentifierOf(ecdsaServer.certificate),
    });
    expect(await extensions('client.crt')).toMatchObject({
      'X509v3 Extended Key Usage:': 'TLS Web Client Authentication, TLS Web Server Authentication',
      'X509v3 Subject Alternative Name:': 'DNS:ct1',
    });
  });

  it('finds keys of the promised size, signed with SHA-256', async () => {
    const ca = await openssl('x509', '-in', 'ca.crt', '-noout', '-text');
    expect(ca).toContain('Public-Key: (3072 bit)');
    expect(ca).toContain('Version: 3 (0x2)');
    expect(await openssl('x509', '-in', 'rsa.crt', '-noout', '-text')).toContain('Public-Key: (2048 bit)');
    const ecdsa = await openssl('x509', '-in', 'ecdsa.crt', '-noout', '-text');
    expect(ecdsa).toContain('NIST CURVE: P-256');
    for (const text of [ca, ecdsa]) {
      expect(text.match(/Signature Algorithm: .*/g)).toEqual(
        Array(2).fill('Signature Algorithm: sha256WithRSAEncryption'),
      );
    }
  });

  it('accepts the CRL and refuses what it lists', async () => {
    expect(await openssl('crl', '-in', 'ca.crl', '-noout', '-CAfile', 'ca.crt')).toBe('verify OK\n');
    expect(await openssl('crl', '-in', 'empty.crl', '-noout', '-CAfile', 'ca.crt')).toBe('verify OK\n');
    const check = (crl: string, file: string) => verify('-crl_check', '-CRLfile', crl, file);
    expect(await check('ca.crl', 'client.crt')).toBe('client.crt: OK\n');
    expect(await check('empty.crl', 'revoked.crt')).toBe('revoked.crt: OK\n');
    expect(await check('ca.crl', 'revoked.crt')).toContain('certificate revoked');
    const text = await openssl('crl', '-in', 'ca.crl', '-noout', '-text');
    expect(text).toMatch(/X509v3 CRL Number: *\n *(0x)?[0-9A-F]{10,}\n/i);
    expect(text).toMatch(/CRL Reason Code: *\n *Superseded\n/);
    expect(text).toContain(`Serial Number: ${revokedClient.certificate.serialNumber}`);
    expect(await openssl('crl', '-in', 'empty.crl', '-noout', '-text')).toContain('No Revoked Certificates');
  });
});

/** Revokes one certificate that was issued for a reason, and one of somebody who is not here, for none. */
function revocationList(): string {
  return issueAuthorityRevocationList(authority, [
    { serialNumber: revokedClient.certificate.serialNumber, revokedAt: new Date(), reason: 'superseded' },
    { serialNumber: `41${randomBytes(15).toString('hex')}`, revokedAt: new Date() },
  ]);
}

/** The last second is part of the lifetime. */
function lifetimeDays(certificate: X509Certificate): number {
  return (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom) + 1000) / DAY_MS;
}

/** SHA-256 of the SubjectPublicKeyInfo, cut to 20 bytes. */
function keyIdentifierOf(certificate: X509Certificate): string {
  const publicKey = certificate.publicKey.export({ type: 'spki', format: 'der' });
  const hash = createHash('sha256').update(publicKey).digest('hex').toUpperCase();
  return hash.slice(0, 40).match(/../g)!.join(':');
}

/** Name to value of the extensions in the output of `openssl x509 -text`. */
function extensionsOf(text: string): Record<string, string> {
  const entries = [...text.matchAll(/^ {12}(X509v3 .*?) *\n {16}(.*?) *$/gm)];
  return Object.fromEntries(entries.map(([, name, value]) => [name!, value!]));
}

type HandshakeOutcome = { isAuthorized: boolean; clientSubject: string } | { error: string };

/** What the server makes of the client, once the client has accepted the server. */
async function handshake(
  server: IssuedCertificate,
  peer: IssuedCertificate,
  protocol: 'TLSv1.2' | 'TLSv1.3',
  options: { readonly crl?: string; readonly servername?: string } = {},
): Promise<HandshakeOutcome> {
  const listener = createServer({
    key: server.privateKeyPem,
    cert: server.certificatePem,
    ca: authority.certificatePem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: protocol,
    maxVersion: protocol,
    ...(options.crl === undefined ? {} : { crl: options.crl }),
  });
  onCleanUp(() => void listener.close());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const socket = connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    servername: options.servername ?? 'localhost',
    key: peer.privateKeyPem,
    cert: peer.certificatePem,
    ca: authority.certificatePem,
  });
  onCleanUp(() => void socket.destroy());
  const [[serverSide]] = await Promise.all([accepted, once(socket, 'secureConnect')]);
  onCleanUp(() => void serverSide.destroy());
  expect(socket.authorized).toBe(true);
  expect(socket.getProtocol()).toBe(protocol);
  return serverSide.authorized
    ? { isAuthorized: true, clientSubject: serverSide.getPeerCertificate().subject.CN as string }
    : { error: String(serverSide.authorizationError) };
}
