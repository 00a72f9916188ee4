import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import forge from 'node-forge';
import {
  certificatesMayOverlap,
  compileCertificateMatchers,
  matchesCertificate,
  peerCertificate,
} from '../../../src/policy/certificate';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const forgePrivateKey = forge.pki.privateKeyFromPem(
  privateKey.export({ type: 'pkcs1', format: 'pem' }) as string,
);
const forgePublicKey = forge.pki.publicKeyFromPem(
  publicKey.export({ type: 'spki', format: 'pem' }) as string,
);

/** A self-signed certificate of the one key, with these common names and DNS names. */
function certificate(commonNames: readonly string[], dnsNames: readonly string[], serialNumber = '0a01') {
  const made = forge.pki.createCertificate();
  made.publicKey = forgePublicKey;
  made.serialNumber = serialNumber;
  made.validity.notBefore = new Date('2026-01-01T00:00:00Z');
  made.validity.notAfter = new Date('2036-01-01T00:00:00Z');
  const subject = commonNames.map((value) => ({
    name: 'commonName',
    value,
    // UTF8String; the type of forge knows less than forge.
    valueTagClass: forge.asn1.Type.UTF8 as unknown as forge.asn1.Class,
  }));
  made.setSubject([...subject, { name: 'organizationName', value: 'Hospital' }]);
  made.setIssuer([{ name: 'commonName', value: 'Test CA' }]);
  if (dnsNames.length > 0) {
    made.setExtensions([{ name: 'subjectAltName', altNames: dnsNames.map((value) => ({ type: 2, value })) }]);
  }
  made.sign(forgePrivateKey, forge.md.sha256.create());
  return new X509Certificate(forge.pki.certificateToPem(made));
}

function colons(hex: string) {
  return hex.toUpperCase().replace(/..(?=.)/g, '$&:');
}

const ct1 = certificate(['ct1'], ['ct1.radiology.example', 'CT1-B.radiology.example']);
const ct1Facts = peerCertificate(ct1);
const wholeSha256 = createHash('sha256').update(ct1.raw).digest('hex');
const spkiSha256 = createHash('sha256')
  .update(publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex');

function matches(texts: readonly string[], facts = ct1Facts) {
  return matchesCertificate(compileCertificateMatchers(texts), facts);
}

describe('the facts of a certificate', () => {
  it('are fingerprints, names and dates', () => {
    expect(ct1Facts).toEqual({
      fingerprint256: colons(wholeSha256),
      spkiSha256: colons(spkiSha256),
      dnsNames: ['ct1.radiology.example', 'CT1-B.radiology.example'],
      commonName: 'ct1',
      subject: 'CN=ct1, O=Hospital',
      issuer: 'CN=Test CA',
      serialNumber: '0A01',
      validTo: 'Jan  1 00:00:00 2036 GMT',
    });
  });

  it('can be read before node:tls is loaded, and leave it whole', () => {
    // Seen where this file is the first of its process to need node:tls.
    peerCertificate(ct1);
    expect(createRequire(__filename)('node:tls')).toHaveProperty('createSecureContext', expect.any(Function));
  });

  it('several common names are none', () => {
    expect(peerCertificate(certificate(['ct1', 'ct2'], []))).not.toHaveProperty('commonName');
    expect(peerCertificate(certificate([], []))).not.toHaveProperty('commonName');
  });

  it.each([
    'CT 1, Ward "3" <a>;',
    'a + CN=ct1',
    'a+CN=ct1',
    ' ct1 ',
    '#ct1',
    'ct1\\',
    'ct1\\2C',
    'ct1\r\n\t\x7f',
    'Röntgen 1 \u{1f9b4}',
    '\u202ect1',
  ])('common name %j is read as it is', (name) => {
    expect(peerCertificate(certificate([name], [])).commonName).toBe(name);
  });

  it('a common name that holds what looks like another one is taken whole', () => {
    const facts = peerCertificate(certificate(['x\nCN=ct1'], []));
    expect(facts.commonName).toBe('x\nCN=ct1');
    expect(matches(['cn:ct1'], facts)).toBe(false);
    expect(matches(['cn:ct1'], peerCertificate(certificate(['ct1\0.evil.example'], [])))).toBe(false);
  });

  it('a DNS name that holds a separator does not become two', () => {
    const facts = peerCertificate(certificate(['x'], ['evil.example, DNS:ct1.radiology.example']));
    expect(matches(['dns:ct1.radiology.example'], facts)).toBe(false);
    const quoted = peerCertificate(certificate(['x'], ['a", DNS:ct1.radiology.example, "', 'b.example']));
    expect(matches(['dns:ct1.radiology.example'], quoted)).toBe(false);
    expect(matches(['dns:b.example'], quoted)).toBe(true);
  });
});

describe('matching a certificate', () => {
  it.each([
    ['sha256 as Node prints it', `sha256:${colons(wholeSha256)}`],
    ['sha256 as sha256sum prints it', `sha256:${wholeSha256}`],
    ['spki-sha256', `spki-sha256:${spkiSha256}`],
    ['dns', 'dns:ct1.radiology.example'],
    ['dns in another case', 'dns:ct1-b.RADIOLOGY.example'],
    ['cn', 'cn:ct1'],
  ])('%s', (_what, text) => {
    expect(matches([text])).toBe(true);
    expect(matches(['cn:another', text])).toBe(true);
  });

  it.each([
    ['nothing, with an empty list', []],
    ['the fingerprint of the key as one of the certificate', [`sha256:${spkiSha256}`]],
    ['the fingerprint of the certificate as one of the key', [`spki-sha256:${wholeSha256}`]],
    ['a common name in another case', ['cn:CT1']],
    ['a part of a name', ['dns:radiology.example', 'cn:ct', 'dns:ct1']],
    ['a common name as DNS name and the reverse', ['dns:ct1', 'cn:ct1.radiology.example']],
  ])('not %s', (_what, texts) => {
    expect(matches(texts)).toBe(false);
  });

  it('a wildcard certificate does not identify a modality', () => {
    const wildcard = peerCertificate(certificate(['x'], ['*.radiology.example']));
    expect(matches(['dns:ct1.radiology.example', 'dns:*.radiology.example'], wildcard)).toBe(false);
  });

  it('DNS names compare as ASCII does', () => {
    const kelvin = { ...ct1Facts, dnsNames: ['\u212a1.example'] };
    expect(matches(['dns:k1.example'], kelvin)).toBe(false);
  });

  it('a renewed certificate with the same key keeps its spki-sha256 only', () => {
    const renewed = peerCertificate(certificate(['ct1'], [], '0b'));
    expect(matches([`spki-sha256:${spkiSha256}`], renewed)).toBe(true);
    expect(matches([`sha256:${wholeSha256}`], renewed)).toBe(false);
  });
});

describe('whether two lists can take one certificate', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
  const mayOverlap = (one: string[] | undefined, other: string[] | undefined) => {
    const compile = (texts: string[] | undefined) => texts && compileCertificateMatchers(texts);
    const answer = certificatesMayOverlap(compile(one), compile(other));
    expect(certificatesMayOverlap(compile(other), compile(one))).toBe(answer);
    return answer;
  };

  it.each([
    [[`sha256:${a}`], [`sha256:${b}`]],
    [[`spki-sha256:${a}`], [`spki-sha256:${b}`]],
    [['cn:ct1'], ['cn:ct2', 'cn:CT1']],
    [[], ['cn:ct1']],
    [[], undefined],
    [[], []],
  ])('never: %j and %j', (one, other) => {
    expect(mayOverlap(one, other)).toBe(false);
  });

  it.each([
    [undefined, undefined],
    [undefined, ['cn:ct1']],
    [[`sha256:${a}`], [`sha256:${b}`, `sha256:${a.toUpperCase()}`]],
    [[`sha256:${a}`], [`spki-sha256:${a}`]],
    [['cn:ct1'], ['dns:ct2']],
    [['dns:ct1'], ['dns:ct2']],
    [[`sha256:${a}`, 'cn:ct1'], [`sha256:${b}`]],
  ])('perhaps: %j and %j', (one, other) => {
    expect(mayOverlap(one, other)).toBe(true);
  });
});
