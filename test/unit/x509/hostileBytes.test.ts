/** Whatever the bytes are, the readers of DER and PEM end, and refuse with a RangeError. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeCertificate } from '../../../src/x509/certificate';
import { decodeCertificationRequest } from '../../../src/x509/certificationRequest';
import { decodeDer, isShortestForm, itemsOf } from '../../../src/x509/der';
import { extendedKeyUsagesOf, keyUsagesOf, subjectNamesOf } from '../../../src/x509/extensions';
import { commonNamesOf, formatName } from '../../../src/x509/names';
import { pemBlocks, pemContents } from '../../../src/x509/pem';
import {
  decodeRevocationList,
  revocationListNumber,
  revocationsOf,
  revokedSerialNumbers,
} from '../../../src/x509/revocationList';
import { testCertificates } from '../../support/certificates';
import { certificationRequest } from '../../support/certificationRequests';
import { der } from '../../support/der';

const certificates = testCertificates();

function readCertificate(bytes: Buffer): void {
  const { issuer, subject, extensions } = decodeCertificate(bytes);
  formatName(issuer);
  commonNamesOf(subject);
  subjectNamesOf(extensions);
  keyUsagesOf(extensions);
  extendedKeyUsagesOf(extensions);
}

function readRevocationList(bytes: Buffer): void {
  const list = decodeRevocationList(bytes);
  formatName(list.issuer);
  revocationListNumber(list);
  for (const _ of revokedSerialNumbers(list));
  revocationsOf(list);
}

const readers = [
  ['certificate', certificates.client.x509.raw, readCertificate],
  ['revocation list', pemContents(certificates.crl.crl, 'X509 CRL')[0]!, readRevocationList],
  [
    'certification request',
    certificationRequest({ names: ['ct1.example', '10.1.2.3'] }).der,
    decodeCertificationRequest,
  ],
] as const;

/** The name of what is thrown; undefined where nothing is. */
function thrownBy(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}

describe.each(readers)('a %s', (_name, whole, read) => {
  it('is read when it is whole, and refused when it is cut short anywhere', () => {
    expect(thrownBy(() => read(whole))).toBeUndefined();
    for (let length = 0; length < whole.length; length += 1) {
      expect(thrownBy(() => read(whole.subarray(0, length)))).toBe('RangeError');
    }
  });

  it('with changed bytes is read or refused, and nothing else happens', () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const check = (list: readonly (readonly [number, number])[]) => {
      const changed = Buffer.from(whole);
      for (const [offset, byte] of list) changed[offset] = byte;
      expect([undefined, 'RangeError']).toContain(thrownBy(() => read(changed)));
    };
    fc.assert(fc.property(changes, check), { numRuns: 2000 });
  });

  it('is never read out of random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(thrownBy(() => read(Buffer.from(bytes)))).toBe('RangeError');
      }),
    );
  });
});

describe('DER', () => {
  it('may be nested ten thousand levels deep', () => {
    let nested = der(0x30);
    for (let level = 0; level < 10_000; level += 1) nested = der(0x30, nested);
    const value = decodeDer(nested);
    expect(isShortestForm(value)).toBe(true);
    expect(itemsOf(value)).toHaveLength(1);
    expect(thrownBy(() => readCertificate(nested))).toBe('RangeError');
    expect(thrownBy(() => decodeCertificationRequest(nested))).toBe('RangeError');
  });

  it.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['a tag of two bytes', '1f8100'],
    ['a length that is not known yet', '3080'],
    ['a length of five bytes', '30850000000001'],
    ['a length beyond the end', '3084ffffffff'],
    ['a length that is cut short', '308200'],
    ['something after it', '300000'],
  ])('is refused with %s', (_name, hex) => {
    expect(thrownBy(() => decodeDer(Buffer.from(hex, 'hex')))).toBe('RangeError');
  });

  it.each([
    ['in the shortest form', '3003020105', true],
    ['with a long length', '308103020105', false],
    ['with a long length further in', '300402810105', false],
  ])('%s is recognised', (_name, hex, isShortest) => {
    expect(isShortestForm(decodeDer(Buffer.from(hex, 'hex')))).toBe(isShortest);
  });
});

describe('PEM', () => {
  const block = (label: string) => `-----BEGIN ${label}-----\nMAA=\n-----END ${label}-----\n`;

  it('is found behind a byte order mark and between other text', () => {
    const text = `\ufeff${block('CERTIFICATE')}text\n${block('X509 CRL')}`;
    expect(pemBlocks(text).map(({ label }) => label)).toEqual(['CERTIFICATE', 'X509 CRL']);
  });

  it.each([
    ['the end of the next block', `-----BEGIN X509 CRL-----\nMAA=\n${block('X509 CRL')}`],
    ['another end', '-----BEGIN X509 CRL-----\nMAA=\n-----END CERTIFICATE-----\n'],
    ['no end', '-----BEGIN X509 CRL-----\nMAA=\n'],
  ])('is cut short where a block has %s', (_name, text) => {
    expect(thrownBy(() => pemBlocks(text))).toBe('RangeError');
  });

  it('ends for any text', () => {
    const piece = fc.constantFrom('-----BEGIN ', '-----END ', '-----', 'A', 'X509 CRL', '\n', '-');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        expect([undefined, 'RangeError']).toContain(thrownBy(() => pemBlocks(pieces.join(''))));
      }),
    );
    expect(pemBlocks('-----BEGIN '.repeat(100_000))).toEqual([]);
  });
});
