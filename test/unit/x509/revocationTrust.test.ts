import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { certificateRefusal } from '../../../src/x509/certificateTrust';
import { listProblem } from '../../../src/x509/revocationTrust';
import { readCertificates, readCrl } from '../../../src/x509/tlsFiles';
import { type TestCertificate, type TestCrlOptions, testCertificates } from '../../support/certificates';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';

const certificates = testCertificates();
const { ca, issue, issueCrl, client } = certificates;
const purposes = ['clientAuth'] as const;
const URL_1 = 'http://pki.example/1.crl';
const URL_2 = 'http://pki.example/2.crl';
const withPoint = issue('with-point', { issuer: ca, purposes, distributionPoints: [URL_2, URL_1] });
const revokedWithPoint = issue('revoked-point', { issuer: ca, purposes, distributionPoints: [URL_1] });

let count = 0;

function listOf(options: Partial<TestCrlOptions>) {
  count += 1;
  const { derFile } = issueCrl(`list-${count}`, { issuer: ca, revoked: [revokedWithPoint], ...options });
  const [list] = readCrl(derFile);
  return list!;
}

describe('the scope of a revocation list', () => {
  it.each<[string, string | undefined, Partial<TestCrlOptions>, TestCertificate]>([
    ['a complete list', undefined, {}, client],
    ['the point that the certificate names', undefined, { distributionPoint: URL_1 }, withPoint],
    ['that point, and it is revoked', 'certificate-revoked', { distributionPoint: URL_1 }, revokedWithPoint],
    ['another point', 'crl-scope', { distributionPoint: URL_2 }, revokedWithPoint],
    ['a point, and the certificate names none', 'crl-scope', { distributionPoint: URL_1 }, client],
    ['devices', undefined, { only: 'user' }, client],
    ['devices, and it is revoked', 'certificate-revoked', { only: 'user' }, revokedWithPoint],
    ['CAs', 'crl-scope', { only: 'ca' }, client],
  ])('%s', (_what, expected, options, { x509 }) => {
    const trust = { trustedCertificates: [ca.x509], revocationLists: [listOf(options)] };
    expect(certificateRefusal([x509], trust, new Date())).toBe(expected);
  });

  it('of several lists one that covers the certificate is enough', () => {
    const revocationLists = [listOf({ distributionPoint: URL_2 }), listOf({ distributionPoint: URL_1 })];
    const trust = { trustedCertificates: [ca.x509], revocationLists };
    expect(certificateRefusal([withPoint.x509], trust, new Date())).toBeUndefined();
    expect(certificateRefusal([revokedWithPoint.x509], trust, new Date())).toBe('certificate-revoked');
  });
});

describe('a list that cannot be used', () => {
  const forged = issue('Test CA again', { isCa: true });
  it.each<[string, Partial<TestCrlOptions>, RegExp]>([
    [
      'of a CA that is not trusted',
      { issuer: certificates.otherCa },
      /is of the CA CN=Other CA, which trusted/,
    ],
    [
      'signed by another key',
      { issuer: { ...forged, x509: ca.x509 } },
      /is not signed by the key of the CA CN=/,
    ],
    ['for some reasons only', { only: 'someReasons' }, /only for some reasons/],
    ['for several CAs', { only: 'indirect' }, /is an indirect list/],
    ['with changes only', { isDelta: true }, /is a delta list/],
  ])('%s', (_what, options, problem) => {
    expect(listProblem(listOf(options), [ca.x509])).toMatch(problem);
  });

  it('is none of the good ones', () => {
    expect(listProblem(listOf({}), [ca.x509])).toBeUndefined();
    expect(listProblem(listOf({ distributionPoint: URL_1, only: 'user' }), [ca.x509])).toBeUndefined();
  });
});

describeWithPeers(['openssl'], 'a list that openssl signs', () => {
  const folder = temporaryFolder();
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  writeFileSync(join(folder, 'ca.cnf'), '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_crl_days=3\n');
  writeFileSync(join(folder, 'index.txt'), '');

  it.each([
    ['rsa', ['-newkey', 'rsa:2048'], ['-md', 'sha256']],
    ['rsa with sha1', ['-newkey', 'rsa:2048'], ['-md', 'sha1']],
    [
      'rsa-pss',
      ['-newkey', 'rsa:2048'],
      ['-md', 'sha384', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'],
    ],
    ['ec', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['-md', 'sha384']],
    ['ed25519', ['-newkey', 'ed25519'], []],
  ])('is known as signed by its CA, %s', (name, key, digest) => {
    const [crt, pem] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    openssl('req', '-x509', '-nodes', ...key, '-keyout', pem, '-out', crt, '-subj', '/CN=x');
    const list = join(folder, `${name}.crl`);
    openssl('ca', '-gencrl', '-config', 'ca.cnf', '-keyfile', pem, '-cert', crt, '-out', list, ...digest);
    const authorities = [...readCertificates(crt).certificates];
    expect(listProblem(readCrl(list)[0]!, authorities)).toBeUndefined();
    // One bit of what is signed, and of the signature.
    const der = Buffer.from(readFileSync(list, 'latin1').replace(/-----[^-]+-----/g, ''), 'base64');
    for (const at of [der.indexOf('Z'), der.length - 1]) {
      const damaged = Buffer.from(der);
      damaged[at - 1]! ^= 1;
      writeFileSync(join(folder, 'damaged.crl'), damaged);
      expect(listProblem(readCrl(join(folder, 'damaged.crl'))[0]!, authorities)).toMatch(/is not signed by/);
    }
  });
});
