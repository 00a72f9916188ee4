import { describe, expect, it } from '@jest/globals';
import { OperatorError } from '../../../src/errors';
import { isDnsName, parseClientName, parseSubjectNames } from '../../../src/pki/subjectNames';
import { quoteValue } from '../../../src/text/quote';
import { addressBytes } from '../../../src/x509/names';

describe('names of a certificate', () => {
  it('are DNS names and IP addresses, in lower case and without repetition', () => {
    expect(
      parseSubjectNames(['PACS.Example.org', 'localhost', '10.1.2.3', 'FD00::1', 'pacs.example.org']),
    ).toEqual(['pacs.example.org', 'localhost', '10.1.2.3', 'fd00::1']);
  });

  it.each([
    '',
    ' ',
    'a b',
    '10.1.2.300',
    '10.1.2',
    '1234',
    '*.example.org',
    'ct_1',
    '-a.example',
    'a-.example',
    'a..example',
    'example.org.',
    'münchen.example',
    'fe80::1%eth0',
    '10.0.0.0/8',
    'pacs:2762',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(127)}ab`,
  ])('are not %j', (name) => {
    expect(() => parseSubjectNames(['good.example', name])).toThrow(OperatorError);
    expect(() => parseSubjectNames([name])).toThrow(
      `${quoteValue(name)} is neither a DNS name nor an IP address`,
    );
  });

  it('of a modality need not be DNS names', () => {
    expect(isDnsName('ct1.radiology')).toBe(true);
    expect(isDnsName('CT_1')).toBe(false);
  });
});

describe('name of a modality', () => {
  it.each(['ct1', 'CT_1', 'us-2.radiology', '7T', 'a'.repeat(64)])('can be %j', (name) => {
    expect(parseClientName(name)).toBe(name);
  });

  it.each([
    '',
    '.',
    '..',
    '../ct1',
    'a/b',
    'a\\b',
    '.hidden',
    '-force',
    '_x',
    'ct 1',
    'ct1\n',
    'ct\0',
    'é',
    'a'.repeat(65),
  ])('cannot be %j', (name) => {
    expect(() => parseClientName(name)).toThrow('cannot name a client certificate');
  });

  it.each(['ca', 'CA', 'crl', 'server', 'Server-ECDSA'])('cannot be %j, whose files are taken', (name) => {
    expect(() => parseClientName(name)).toThrow('is a name that aegis pki uses itself');
  });
});

describe('bytes of an address', () => {
  it.each([
    ['10.1.2.255', '0a0102ff'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fd00::', 'fd000000000000000000000000000000'],
    ['2001:db8::7:0:1', '20010db8000000000000000700000001'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:10.1.2.3', '00000000000000000000ffff0a010203'],
  ])('%s are %s', (address, hex) => {
    expect(addressBytes(address).toString('hex')).toBe(hex);
  });
});
