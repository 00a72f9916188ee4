import { describe, expect, it } from '@jest/globals';
import { decodeRevocationList, isRevoked, revokedSerialNumbers } from '../../../src/x509/revocationList';
import { testCertificates } from '../../support/certificates';
import { der, integer, objectIdentifier, sequence, utcTime } from '../../support/der';
import { describeWithPeers } from '../../support/peers';
import { runProcess } from '../../support/processes';

const certificates = testCertificates();
// By name: the class of node's own errors is another one than that of a jest test.
const rangeError = expect.objectContaining({ name: 'RangeError' });
const algorithm = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const issuer = sequence();

function generalizedTime(text: string) {
  return der(0x18, Buffer.from(text));
}

function list(...fields: Buffer[]) {
  return sequence(sequence(...fields), algorithm);
}

function datesOf(bytes: Buffer) {
  const { thisUpdate, nextUpdate } = decodeRevocationList(bytes);
  return nextUpdate === undefined ? { thisUpdate } : { thisUpdate, nextUpdate };
}

function revokedIn(bytes: Buffer) {
  return [...revokedSerialNumbers(decodeRevocationList(bytes))];
}

function bytesOf(pem: string) {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}

describe('a revocation list from a stranger', () => {
  const time = utcTime(new Date('2026-11-23T18:33:00Z'));

  it('is not taken apart where it has more fields than there are', () => {
    const bytes = list(integer('1'), algorithm, issuer, time, ...Array<Buffer>(8).fill(integer('1')));
    expect(() => decodeRevocationList(bytes)).toThrow('more than 7 items');
  });

  it('has no field of megabytes but its entries', () => {
    const megabyte = Array<Buffer>(1024).fill(integer('01'.repeat(1024)));
    const name = sequence(...megabyte);
    expect(() => decodeRevocationList(list(integer('1'), algorithm, name, time))).toThrow(
      'more than 65536 bytes beside its entries',
    );
    const withEntries = list(
      integer('1'),
      algorithm,
      issuer,
      time,
      sequence(...megabyte.map((each) => sequence(each))),
    );
    expect(decodeRevocationList(withEntries).thisUpdate).toBeInstanceOf(Date);
  });
});

describe('the dates of a revocation list', () => {
  it('are read in version 2, with UTCTime', () => {
    const [thisUpdate, nextUpdate] = [new Date('2026-11-23T18:33:00Z'), new Date('2026-11-30T18:33:00Z')];
    const bytes = list(integer('1'), algorithm, issuer, utcTime(thisUpdate), utcTime(nextUpdate));
    expect(datesOf(bytes)).toEqual({ thisUpdate, nextUpdate });
  });

  it('are read in version 1, with GeneralizedTime', () => {
    const bytes = list(
      algorithm,
      issuer,
      generalizedTime('20491231235959Z'),
      generalizedTime('20500101000000Z'),
    );
    expect(datesOf(bytes)).toEqual({
      thisUpdate: new Date('2049-12-31T23:59:59Z'),
      nextUpdate: new Date('2050-01-01T00:00:00Z'),
    });
  });

  it('take two digits of a year for 1950 to 2049', () => {
    const bytes = list(algorithm, issuer, der(0x17, Buffer.from('991231235959Z')));
    expect(datesOf(bytes).thisUpdate).toEqual(new Date('1999-12-31T23:59:59Z'));
  });

  it('lack an end where the list has none', () => {
    const thisUpdate = new Date('2026-11-23T18:33:00Z');
    const revoked = sequence(sequence(integer('1f3a'), utcTime(thisUpdate)));
    const bytes = list(integer('1'), algorithm, issuer, utcTime(thisUpdate), revoked);
    expect(datesOf(bytes)).toEqual({ thisUpdate });
    expect(datesOf(list(algorithm, issuer, utcTime(thisUpdate)))).toEqual({ thisUpdate });
  });

  it('are refused in bytes cut short anywhere', () => {
    const whole = bytesOf(certificates.crl.crl);
    expect(() => datesOf(whole)).not.toThrow();
    for (let bytes = 0; bytes < whole.length; bytes += 1) {
      expect(() => datesOf(whole.subarray(0, bytes))).toThrow(rangeError);
    }
  });

  it.each([
    ['a time that is none', list(algorithm, issuer, der(0x17, Buffer.from('261341000000Z')))],
    ['a time with an offset', list(algorithm, issuer, der(0x17, Buffer.from('261123183300+0100')))],
    ['something else than a time', list(algorithm, issuer, integer('1'))],
    ['an indefinite length', Buffer.from('3080', 'hex')],
    ['a length of five bytes', Buffer.from('30850000000001', 'hex')],
    ['another structure', integer('1')],
  ])('are refused with %s', (_name, bytes) => {
    expect(() => datesOf(bytes)).toThrow(rangeError);
  });
});

describeWithPeers(['openssl'], 'a revocation list, to openssl', () => {
  it('has the same dates', async () => {
    const { crlFile, crl } = certificates.expiredCrl;
    const { output } = await runProcess('openssl', [
      'crl',
      '-in',
      crlFile,
      '-noout',
      '-lastupdate',
      '-nextupdate',
    ]);
    const dates = datesOf(bytesOf(crl));
    const [, lastUpdate, nextUpdate] = /lastUpdate=(.+)\nnextUpdate=(.+)\n/.exec(output) ?? [];
    expect(dates).toEqual({ thisUpdate: new Date(lastUpdate ?? ''), nextUpdate: new Date(nextUpdate ?? '') });
  });
});

describe('what a revocation list revokes', () => {
  const time = utcTime(new Date('2026-11-23T18:33:00Z'));
  const entry = (serialNumber: string) => sequence(integer(serialNumber), time);

  it('are the serial numbers as node:crypto writes them', () => {
    const serialNumbers = ['7f', '00ff', '01', '00', '5e56902d5bb933fb'];
    const bytes = list(integer('1'), algorithm, issuer, time, time, sequence(...serialNumbers.map(entry)));
    expect(revokedIn(bytes)).toEqual(['7F', 'FF', '01', '00', '5E56902D5BB933FB']);
    const { client, crl, revokedClient } = certificates;
    expect(revokedIn(bytesOf(crl.crl))).toEqual([revokedClient.x509.serialNumber]);
    const decoded = decodeRevocationList(bytesOf(crl.crl));
    expect(isRevoked(decoded, revokedClient.x509.serialNumber)).toBe(true);
    expect(isRevoked(decoded, client.x509.serialNumber)).toBe(false);
  });

  it('are none where there is nothing, or nothing but extensions', () => {
    const extensions = der(0xa0, sequence());
    for (const rest of [[], [time], [extensions], [time, extensions], [time, sequence(), extensions]]) {
      expect(revokedIn(list(integer('1'), algorithm, issuer, time, ...rest))).toEqual([]);
    }
  });

  it('cannot be read where an entry is malformed', () => {
    const bytes = list(integer('1'), algorithm, issuer, time, sequence(sequence(time)));
    expect(() => revokedIn(bytes)).toThrow(rangeError);
  });
});
