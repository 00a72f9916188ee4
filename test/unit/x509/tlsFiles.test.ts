import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { OperatorError } from '../../../src/errors';
import { pemContents } from '../../../src/x509/pem';
import { readCertificates, readCrl, readPrivateKey } from '../../../src/x509/tlsFiles';
import { testCertificates } from '../../support/certificates';

const certificates = testCertificates();
const { folder, server, ca } = certificates;

function file(name: string, content: string | Buffer, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function problemOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    throw error;
  }
  throw new Error('nothing was wrong with it');
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a private key file', () => {
  it('is read where it is its owner’s alone', () => {
    const { key, pem } = readPrivateKey(server.privateKeyFile);
    expect(key.asymmetricKeyType).toBe('ec');
    expect(pem).toBe(server.key);
    expect(readPrivateKey(file('read-only.key', server.key, 0o400)).pem).toBe(server.key);
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])('is refused with mode %o', (mode) => {
    const path = file('shared.key', server.key, mode);
    expect(problemOf(() => readPrivateKey(path))).toBe(
      `${path} has mode ${mode.toString(8)}, so others than its owner have access to the private key; ` +
        `run "chmod 600 ${path}"`,
    );
  });

  const someoneElse = 4242;

  it('is refused where it belongs to somebody else', () => {
    const path = file('foreign.key', server.key);
    // Only root can give a file away; anybody else plays the stranger.
    if (process.getuid?.() === 0) chownSync(path, someoneElse, someoneElse);
    else jest.spyOn(process, 'getuid').mockReturnValue(someoneElse);
    const owner = statSync(path).uid;
    expect(problemOf(() => readPrivateKey(path))).toContain(
      `${path} belongs to user ${owner}, who could read or replace the private key; run "chown ${process.getuid?.()} `,
    );
  });

  if (process.getuid?.() === 0) {
    it('may be root’s and readable by our group, as secrets are handed to services', () => {
      jest.spyOn(process, 'getuid').mockReturnValue(someoneElse);
      expect(readPrivateKey(file('secret.key', server.key, 0o440)).pem).toBe(server.key);
      expect(problemOf(() => readPrivateKey(file('writable.key', server.key, 0o460)))).toContain(
        'has mode 460',
      );
      expect(problemOf(() => readPrivateKey(file('open.key', server.key, 0o444)))).toContain('has mode 444');
    });
  }

  it('is refused encrypted', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'secret' } as const;
    const modern = file('encrypted.key', privateKey.export({ type: 'pkcs8', format: 'pem', ...cipher }));
    const old = file('old.key', privateKey.export({ type: 'sec1', format: 'pem', ...cipher }));
    for (const path of [modern, old]) {
      expect(problemOf(() => readPrivateKey(path))).toMatch(/is encrypted; .*"openssl pkey -in/);
    }
  });

  it('is read in the forms that openssl writes', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    const sec1 = ec.export({ type: 'sec1', format: 'pem' });
    expect(readPrivateKey(file('sec1.key', parameters + sec1)).key.equals(ec)).toBe(true);
    const pkcs1 = rsa.export({ type: 'pkcs1', format: 'pem' });
    expect(readPrivateKey(file('pkcs1.key', pkcs1)).key.equals(rsa)).toBe(true);
  });

  it('never shows its content in an error', () => {
    const damaged = server.key.replace(/M/g, '!');
    const problem = problemOf(() => readPrivateKey(file('damaged.key', damaged)));
    expect(problem).toMatch(/holds no private key; a PEM file with an RSA or EC key is accepted$/);
  });
});

describe('a certificate file', () => {
  it('gives its certificates in order', () => {
    const chain = file('chain.crt', `subject=something\n${server.cert}\n${ca.cert}`);
    const { certificates: found } = readCertificates(chain);
    expect(found.map(({ subject }) => subject)).toEqual(['CN=server', 'CN=Test CA']);
  });

  it.each([
    ['in DER form', 'der.crt', server.x509.raw, '"openssl x509 -inform DER -in '],
    [
      'with a key instead',
      'key.crt',
      server.key,
      'holds no PEM block "CERTIFICATE", but one "PRIVATE KEY"; name the right file',
    ],
    ['as PKCS#12', 'all.p12', Buffer.from('308209df0201033082', 'hex'), 'is a PKCS#12 file (.p12, .pfx)'],
    ['cut short', 'cut.crt', server.cert.slice(0, 200), 'is cut short; copy it again'],
    ['with a second one cut short', 'cut2.crt', server.cert + ca.cert.slice(0, 200), 'is cut short'],
    ['damaged', 'damaged.crt', ca.cert + server.cert.replace('MII', 'AAA'), 'is damaged: certificate'],
    ['empty', 'empty.crt', '', 'holds no PEM block "CERTIFICATE"'],
  ])('is refused %s', (_name, name, content, problem) => {
    const path = file(name, content);
    expect(problemOf(() => readCertificates(path))).toContain(path);
    expect(problemOf(() => readCertificates(path))).toContain(problem);
  });

  it('is named where it is missing or a folder', () => {
    expect(problemOf(() => readCertificates(join(folder, 'none.crt')))).toBe(
      `${join(folder, 'none.crt')} does not exist; correct the path`,
    );
    expect(problemOf(() => readCertificates(folder))).toBe(`${folder} is a folder; a PEM file is needed`);
  });
});

describe('a revocation list file', () => {
  it('gives every list in it, with its dates', () => {
    const { crl, expiredCrl } = certificates;
    const lists = readCrl(file('two.crl', `${crl.crl}\n${expiredCrl.crl}`));
    const bytes = [crl, expiredCrl].map(({ crl: pem }) => pemContents(pem, 'X509 CRL')[0]);
    expect(lists.map(({ toBeSigned }, index) => bytes[index]?.includes(toBeSigned))).toEqual([true, true]);
    const now = Date.now();
    expect(lists[0]?.nextUpdate?.getTime()).toBeGreaterThan(now);
    expect(lists[1]?.nextUpdate?.getTime()).toBeLessThan(now);
  });

  it('is taken as DER, as CAs publish it', () => {
    const [bytes] = pemContents(certificates.crl.crl, 'X509 CRL');
    const [list] = readCrl(file('list.der', bytes!));
    expect([...list!.serialNumbers]).toEqual([certificates.revokedClient.x509.serialNumber]);
  });

  it.each([
    ['of another kind', 'other.crl', server.cert, 'holds no PEM block "X509 CRL", but one "CERTIFICATE"'],
    ['empty', 'empty.crl', '', '"openssl crl -inform DER -in '],
    ['not a list but DER', 'der.crl', server.x509.raw, 'holds neither a revocation list nor PEM'],
    [
      'damaged',
      'damaged.crl',
      '-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----',
      'is damaged: revocation list 1',
    ],
  ])('is refused %s', (_name, name, content, problem) => {
    expect(problemOf(() => readCrl(file(name, content)))).toContain(problem);
  });
});
