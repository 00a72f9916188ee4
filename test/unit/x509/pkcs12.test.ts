/** PKCS#12 files whose frame is right and whose contents are not: no error of OpenSSL or node-forge comes out. */
import { describe, expect, it } from '@jest/globals';
import { OperatorError } from '../../../src/errors';
import { decodePkcs12 } from '../../../src/x509/pkcs12';
import { testCertificates } from '../../support/certificates';
import { explicit, integer, nothing, objectIdentifier, octetString, sequence } from '../../support/der';

const DATA = '1.2.840.113549.1.7.1';
const KEY_BAG = '1.2.840.113549.1.12.10.1.1';
const CERT_BAG = '1.2.840.113549.1.12.10.1.3';
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1';

function data(content: Buffer): Buffer {
  return sequence(objectIdentifier(DATA), explicit(0, octetString(content)));
}

/** One bag, neither encrypted nor authenticated (RFC 7292 §4). */
function pkcs12(type: string, value: Buffer): Buffer {
  const bags = sequence(sequence(objectIdentifier(type), explicit(0, value)));
  return sequence(integer('03'), data(sequence(data(bags))));
}

function certificateBag(certificate: Buffer): Buffer {
  return sequence(objectIdentifier(X509_CERTIFICATE), explicit(0, octetString(certificate)));
}

/** Authenticated by a hash that the password, stretched so often, goes into. */
function withMac(rounds: string, type: string, value: Buffer): Buffer {
  const digest = sequence(
    sequence(objectIdentifier('1.3.14.3.2.26'), nothing()),
    octetString(Buffer.alloc(20)),
  );
  const bags = sequence(sequence(objectIdentifier(type), explicit(0, value)));
  const mac = sequence(digest, octetString(Buffer.alloc(8)), integer(rounds));
  return sequence(integer('03'), data(sequence(data(bags))), mac);
}

describe('a PKCS#12 file', () => {
  it('is read without a password where it has none', () => {
    const { x509 } = testCertificates().client;
    const { certificates } = decodePkcs12(pkcs12(CERT_BAG, certificateBag(x509.raw)), '');
    expect(certificates.map(({ fingerprint256 }) => fingerprint256)).toEqual([x509.fingerprint256]);
  });

  it.each([
    ['a certificate that is not one', pkcs12(CERT_BAG, certificateBag(sequence(integer('01'))))],
    ['a key that is not one', pkcs12(KEY_BAG, sequence(integer('00'), sequence(), octetString(sequence())))],
    ['nothing inside', sequence(integer('03'))],
    ['rounds that would take hours', withMac('7fffffff', CERT_BAG, sequence())],
    ['rounds of a number that has no end', withMac('7f'.repeat(200), CERT_BAG, sequence())],
  ])('is refused in words with %s', (_name, file) => {
    expect(() => decodePkcs12(file, '')).toThrow(OperatorError);
    expect(() => decodePkcs12(file, '')).toThrow(/^it cannot be read: /);
  });
});
