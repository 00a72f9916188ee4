import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { decodeCertificationRequest } from '../../../src/x509/certificationRequest';
import { pemContents } from '../../../src/x509/pem';
import {
  attribute,
  certificationRequest,
  emailName,
  inBer,
  oid,
  requestedExtension,
} from '../../support/certificationRequests';
import { boolean, integer, sequence, utf8String } from '../../support/der';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';

function rsa(modulusLength: number, publicExponent = 0x10001) {
  return generateKeyPairSync('rsa', { modulusLength, publicExponent });
}

function curve(namedCurve: string) {
  return generateKeyPairSync('ec', { namedCurve });
}

describe('a certification request', () => {
  it('tells who asks for what, with which key', () => {
    const { der, publicKey } = certificationRequest({
      commonNames: ['mr1'],
      names: ['mr1.rad.example', '10.1.2.3'],
    });
    const request = decodeCertificationRequest(der);
    expect(request).toMatchObject({
      subject: 'CN=mr1',
      commonNames: ['mr1'],
      names: ['mr1.rad.example', '10.1.2.3'],
      signatureAlgorithm: 'ECDSA with SHA-256',
      furtherWishes: [],
      problems: [],
    });
    expect(request.publicKey.equals(publicKey)).toBe(true);
  });

  it('names everything else that it asks for, which the CA will not give', () => {
    const { der } = certificationRequest({
      names: ['ct1.example'],
      furtherNames: [emailName('root@example.org')],
      extensions: [
        requestedExtension('2.5.29.19', sequence(boolean(true))),
        requestedExtension('1.3.6.1.4.1.311.20.2', utf8String('Machine')),
      ],
      attributes: [
        attribute('1.2.840.113549.1.9.7', utf8String('secret')),
        attribute('1.3.6.1.4.1.311.13.2.3', utf8String('10.0')),
      ],
    });
    expect(decodeCertificationRequest(der)).toMatchObject({
      names: ['ct1.example'],
      furtherWishes: [
        'email:root@example.org',
        'basicConstraints',
        'the extension 1.3.6.1.4.1.311.20.2',
        'a challenge password',
        'the attribute 1.3.6.1.4.1.311.13.2.3',
      ],
      problems: [],
    });
  });

  it.each([
    ['RSA 2048', rsa(2048), {}],
    ['ECDSA P-384', curve('P-384'), { digest: 'sha384', signatureAlgorithm: oid.ecdsaWithSha384 }],
    ['ECDSA P-521', curve('P-521'), { digest: 'sha512', signatureAlgorithm: oid.ecdsaWithSha512 }],
  ] as const)('may be for a key that is %s', (_title, key, options) => {
    expect(decodeCertificationRequest(certificationRequest({ key, ...options }).der).problems).toEqual([]);
  });

  it.each([
    ['RSA 1024', rsa(1024)],
    ['ECDSA secp256k1', curve('secp256k1')],
  ])('may not be for a key that is %s', (title, key) => {
    expect(decodeCertificationRequest(certificationRequest({ key }).der).problems).toEqual([
      `its key is ${title}; accepted are RSA with 2048 to 8192 bits and ECDSA with the curves P-256, P-384 and P-521`,
    ]);
  });

  it('may not be for an RSA key whose signatures anybody can make', () => {
    const { privateKey, publicKey } = rsa(2048);
    const jwk = { ...publicKey.export({ format: 'jwk' }), e: 'AQ' };
    const key = { privateKey, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) };
    const { problems } = decodeCertificationRequest(certificationRequest({ key }).der);
    expect(problems[0]).toBe('its RSA key has the exponent 1, which protects nothing; make another key');
  });

  it.each([
    ['RSA', { key: rsa(2048), digest: 'sha1', signatureAlgorithm: oid.sha1WithRsa }],
    ['ECDSA', { digest: 'sha1', signatureAlgorithm: oid.ecdsaWithSha1 }],
  ] as const)('may not be signed with %s and SHA-1', (key, options) => {
    const [problem] = decodeCertificationRequest(certificationRequest(options).der).problems;
    expect(problem).toMatch(`it is signed with ${key} with SHA-1; accepted are RSA and ECDSA with SHA-256`);
  });

  it('may not be signed with another key', () => {
    const { der } = certificationRequest({ signedBy: curve('P-256').privateKey });
    expect(decodeCertificationRequest(der).problems).toEqual([
      expect.stringContaining('its signature is not that of its key'),
    ]);
  });

  it('may not be signed with an algorithm that is not that of its key', () => {
    const { der } = certificationRequest({ signatureAlgorithm: oid.sha256WithRsa });
    expect(decodeCertificationRequest(der).problems).toHaveLength(1);
  });

  it('is refused when any byte of what was signed is another', () => {
    const { der } = certificationRequest({ names: ['ct1.example'] });
    const changed = Buffer.from(der);
    const offset = changed.indexOf('ct1.example');
    changed[offset + 2] = 0x32;
    const request = decodeCertificationRequest(changed);
    expect(request.names).toEqual(['ct2.example']);
    expect(request.problems).toHaveLength(1);
  });

  it.each([0x01, 0x20, 0x80])('is never signed when a byte of it differs by %i', (difference) => {
    const { der } = certificationRequest({ names: ['ct1.example'] });
    const accepted = [...der.keys()].filter((offset) => {
      const changed = Buffer.from(der);
      changed[offset]! ^= difference;
      try {
        return decodeCertificationRequest(changed).problems.length === 0;
      } catch {
        return false;
      }
    });
    expect(accepted).toEqual([]);
  });

  it('cannot be read where its bytes can be read in two ways', () => {
    const { der } = certificationRequest();
    expect(() => decodeCertificationRequest(inBer(der))).toThrow('it is not in DER');
    expect(() => decodeCertificationRequest(Buffer.concat([der, Buffer.of(0)]))).toThrow();
    expect(() => decodeCertificationRequest(der.subarray(0, -1))).toThrow();
    expect(() => decodeCertificationRequest(sequence(integer('01')))).toThrow();
    expect(() => decodeCertificationRequest(Buffer.from('nothing'))).toThrow();
  });
});

describeWithPeers(['openssl'], 'OpenSSL as requestor', () => {
  it.each([
    ['an RSA key', ['rsa:2048'], 'RSA with SHA-256'],
    ['an ECDSA key', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'ECDSA with SHA-256'],
    ['SHA-512', ['rsa:3072', '-sha512'], 'RSA with SHA-512'],
  ])('is understood with %s', async (_title, key, signatureAlgorithm) => {
    const folder = temporaryFolder();
    const { exitCode } = await runProcess(
      'openssl',
      [
        ...['req', '-new', '-nodes', '-keyout', 'ct1.key', '-out', 'ct1.csr', '-newkey', ...key],
        ...['-utf8', '-subj', '/C=CH/O=Röntgen AG/CN=ct1'],
        ...['-addext', 'subjectAltName=DNS:ct1.example,IP:10.1.2.3,IP:fd00::1,URI:https://example.org'],
        ...['-addext', 'extendedKeyUsage=clientAuth'],
      ],
      { workingDirectory: folder },
    );
    expect(exitCode).toBe(0);
    const [der] = pemContents(readFileSync(join(folder, 'ct1.csr'), 'latin1'), 'CERTIFICATE REQUEST');
    expect(decodeCertificationRequest(der!)).toMatchObject({
      subject: 'C=CH, O=Röntgen AG, CN=ct1',
      names: ['ct1.example', '10.1.2.3', 'fd00::1'],
      furtherWishes: ['URI:https://example.org', 'extendedKeyUsage'],
      signatureAlgorithm,
      problems: [],
    });
  });
});
