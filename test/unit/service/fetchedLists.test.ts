/** What a server may send in place of a revocation list: anybody between can answer, so little is done before the signature. */
import { expect, it } from '@jest/globals';
import { acceptedList } from '../../../src/service/fetchedLists';
import { testCertificates } from '../../support/certificates';
import { integer, objectIdentifier, sequence, utcTime } from '../../support/der';

const { ca } = testCertificates();
const source = { url: 'http://pki.example/ca.crl', file: 'ca.crl', path: [], authorities: [ca.x509] };
const NOW = new Date('2026-11-30T12:00:00Z');

function fault(bytes: Buffer): string {
  try {
    acceptedList(bytes, source, undefined, NOW);
    return 'taken';
  } catch (error) {
    return (error as Error).message;
  }
}

it('reads no entry of a list that no trusted CA has signed', () => {
  const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
  const malformedEntries = sequence(integer('1'));
  const fields = [integer('1'), algorithm, sequence(), utcTime(NOW), malformedEntries];
  expect(fault(sequence(sequence(...fields), algorithm))).toMatch(
    /^sent a list that is of the CA .*does not name/,
  );
});

it('takes no block of PEM apart where there are several', () => {
  const block = '-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n';
  expect(fault(Buffer.from(block.repeat(2)))).toBe(
    'sent more than one block of PEM; one list is expected, so name the address of each',
  );
  expect(fault(Buffer.from('<html>'))).toBe('sent 6 bytes that are not a revocation list');
});
