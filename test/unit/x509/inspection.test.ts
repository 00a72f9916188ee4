import { createHash, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { OperatorError } from '../../../src/errors';
import { createFolder, openFolder } from '../../../src/pki/folder';
import { revokeCertificates } from '../../../src/pki/folderAuthority';
import { writeClientCertificate } from '../../../src/pki/folderCertificates';
import type { Inspected } from '../../../src/x509/inspected';
import { inspectFile, type ReadPassword } from '../../../src/x509/inspection';
import { pemContents } from '../../../src/x509/pem';
import { roundsOf } from '../../../src/x509/pkcs12';
import { testCertificates } from '../../support/certificates';
import { certificationRequest } from '../../support/certificationRequests';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';

const certificates = testCertificates();
const mustNotAsk: ReadPassword = () => Promise.reject(new Error('asked'));
const PASSWORD = 'correct horse';
const knows: ReadPassword = async () => PASSWORD;

let folder: string;

beforeAll(async () => {
  folder = temporaryFolder();
  await createFolder(folder, { commonName: 'Example CA', passphrase: PASSWORD });
  const authority = await openFolder(folder, async () => PASSWORD);
  for (const [name, isLegacy] of [
    ['ct1', false],
    ['us1', true],
  ] as const) {
    const pkcs12 = { password: PASSWORD, isPasswordGenerated: false, isLegacy };
    await writeClientCertificate(folder, authority, { name, names: ['10.1.2.3'], pkcs12 });
  }
  await revokeCertificates(folder, authority, { name: 'us1', reason: 'keyCompromise' });
});

function inFolder(name: string) {
  return join(folder, name);
}

function read(name: string) {
  return readFileSync(inFolder(name), 'utf8');
}

function write(name: string, content: string | Buffer): string {
  writeFileSync(inFolder(name), content);
  return inFolder(name);
}

function spki(der: Buffer) {
  return `spki-sha256:${createHash('sha256').update(der).digest('hex').toUpperCase().match(/../g)!.join(':')}`;
}

describe('inspecting a certificate', () => {
  it('says who it is for, who issued it, for what and how long, and its pins', async () => {
    const [inspected] = await inspectFile(inFolder('ct1.crt'), mustNotAsk);
    expect(inspected).toMatchObject({
      kind: 'certificate',
      subject: 'CN=ct1',
      names: ['ct1', '10.1.2.3'],
      issuer: 'CN=Example CA',
      isSelfSigned: false,
      isAuthority: false,
      key: 'RSA 2048',
      signatureAlgorithm: 'RSA with SHA-256',
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsage: ['clientAuth', 'serverAuth'],
      currency: 'current',
      daysLeft: 823,
      fingerprint: expect.stringMatching(/^sha256:([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
      spkiFingerprint: expect.stringMatching(/^spki-sha256:([0-9A-F]{2}:){31}[0-9A-F]{2}$/),
    });
  });

  it('tells a CA, and reads DER as well', async () => {
    const der = write('ca.der', pemContents(read('ca.crt'), 'CERTIFICATE')[0]!);
    const [inspected] = await inspectFile(der, mustNotAsk);
    expect(inspected).toMatchObject({
      isAuthority: true,
      isSelfSigned: true,
      keyUsage: ['keyCertSign', 'cRLSign'],
    });
  });

  it('tells when its time is over, has not come, or is not limited in purpose', async () => {
    const currencies = [certificates.expiredClient, certificates.notYetValidClient].map(
      async ({ certificateFile }) => (await inspectFile(certificateFile, mustNotAsk))[0],
    );
    expect(await Promise.all(currencies)).toMatchObject([
      { currency: 'expired', daysLeft: -2 },
      { currency: 'not-yet-valid' },
    ]);
    const [open] = await inspectFile(certificates.clientWithoutPurpose.certificateFile, mustNotAsk);
    expect(open).not.toHaveProperty('extendedKeyUsage');
  });

  it('goes through a whole chain, with whatever else is in the file', async () => {
    const file = write(
      'all.pem',
      `chain\n${read('ct1.crt')}${read('ca.crt')}\n${read('ct1.key')}${read('ca.crl')}`,
    );
    const kinds = (await inspectFile(file, mustNotAsk)).map(({ kind }) => kind);
    expect(kinds).toEqual(['certificate', 'certificate', 'private-key', 'revocation-list']);
  });
});

describe('inspecting a key', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const fingerprint = spki(publicKey.export({ type: 'spki', format: 'der' }));

  it.each<[string, string | Buffer, string]>([
    ['PKCS#8', privateKey.export({ type: 'pkcs8', format: 'pem' }), 'ECDSA P-384'],
    ['PKCS#8 in DER', privateKey.export({ type: 'pkcs8', format: 'der' }), 'ECDSA P-384'],
    ['SEC 1', privateKey.export({ type: 'sec1', format: 'pem' }), 'ECDSA P-384'],
    ['SEC 1 in DER', privateKey.export({ type: 'sec1', format: 'der' }), 'ECDSA P-384'],
    ['PKCS#1', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }), 'RSA 2048'],
    ['PKCS#1 in DER', rsa.privateKey.export({ type: 'pkcs1', format: 'der' }), 'RSA 2048'],
  ])('reads %s', async (title, content, key) => {
    const [inspected] = await inspectFile(write(`${title}.key`.replaceAll('#', ''), content), mustNotAsk);
    expect(inspected).toMatchObject({ kind: 'private-key', isEncrypted: false, key });
  });

  it('gives the pin that certificates for it have, and never the key', async () => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const [inspected] = await inspectFile(write('pin.key', pem), mustNotAsk);
    expect(inspected).toEqual({
      kind: 'private-key',
      isEncrypted: false,
      key: 'ECDSA P-384',
      spkiFingerprint: fingerprint,
    });
    const publicPem = publicKey.export({ type: 'spki', format: 'pem' }) as string;
    const [ofPublicKey] = await inspectFile(write('public.pem', publicPem), mustNotAsk);
    expect(ofPublicKey).toEqual({ kind: 'public-key', key: 'ECDSA P-384', spkiFingerprint: fingerprint });
  });

  it.each(['pem', 'der'] as const)(
    'tells an encrypted one (%s) with and without its passphrase',
    async (format) => {
      const form = { type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: PASSWORD } as const;
      const content =
        format === 'pem'
          ? privateKey.export({ ...form, format: 'pem' })
          : privateKey.export({ ...form, format: 'der' });
      const file = write(`encrypted.${format}`, content);
      expect(await inspectFile(file, async () => undefined)).toEqual([
        { kind: 'private-key', isEncrypted: true },
      ]);
      expect(await inspectFile(file, knows)).toMatchObject([
        { isEncrypted: true, spkiFingerprint: fingerprint },
      ]);
      await expect(inspectFile(file, async () => 'wrong')).rejects.toThrow(
        `${file}: the passphrase does not open the key`,
      );
    },
  );
});

describe('inspecting a request', () => {
  it('tells what it asks for and whether it can be signed', async () => {
    const { pem, publicKey } = certificationRequest({ commonNames: ['mr1'], names: ['mr1.example'] });
    expect(await inspectFile(write('mr1.csr', pem), mustNotAsk)).toEqual([
      {
        kind: 'certification-request',
        subject: 'CN=mr1',
        names: ['mr1.example'],
        key: 'ECDSA P-256',
        signatureAlgorithm: 'ECDSA with SHA-256',
        furtherWishes: [],
        problems: [],
        spkiFingerprint: spki(publicKey.export({ type: 'spki', format: 'der' })),
      },
    ]);
    const forged = certificationRequest({ signedBy: certificationRequest().privateKey });
    const [inspected] = await inspectFile(write('forged.csr', forged.der), mustNotAsk);
    expect(inspected).toMatchObject({ problems: [expect.stringContaining('signature')] });
  });
});

describe('inspecting a CRL', () => {
  it('tells what is revoked, and until when it holds', async () => {
    const [inspected] = await inspectFile(inFolder('ca.crl'), mustNotAsk);
    expect(inspected).toMatchObject({
      kind: 'revocation-list',
      issuer: 'CN=Example CA',
      signatureAlgorithm: 'RSA with SHA-256',
      currency: 'current',
      daysLeft: 3648,
      revoked: [{ serialNumber: expect.stringMatching(/^[0-9A-F]{32}$/), reason: 'keyCompromise' }],
    });
  });

  it('tells when its time is over, also of that of another CA', async () => {
    const [inspected] = await inspectFile(certificates.expiredCrl.crlFile, mustNotAsk);
    expect(inspected).toMatchObject({
      currency: 'expired',
      signatureAlgorithm: 'ECDSA with SHA-256',
      number: '01',
      revoked: [{ serialNumber: certificates.revokedClient.x509.serialNumber }],
    });
  });
});

describe('inspecting a PKCS#12 file', () => {
  it.each([
    ['ct1.p12', 'AES-256'],
    ['us1.p12', 'triple DES'],
  ])('opens %s, encrypted with %s', async (name, cipher) => {
    const [inspected] = await inspectFile(inFolder(name), knows);
    expect(inspected).toMatchObject({ kind: 'pkcs12', ciphers: [cipher] });
    const [pemCertificate] = await inspectFile(inFolder(name.replace('p12', 'crt')), mustNotAsk);
    const [ca] = await inspectFile(inFolder('ca.crt'), mustNotAsk);
    const { contents } = inspected as Extract<Inspected, { kind: 'pkcs12' }>;
    expect(contents[0]).toMatchObject({ kind: 'private-key', key: 'RSA 2048' });
    expect(contents.slice(1)).toEqual([pemCertificate, ca]);
    // Of its key, and of all of it: certificates are not encrypted.
    expect(roundsOf(readFileSync(inFolder(name)))).toBe(2 * 2048);
  });

  it('asks for a password, and says when it is wrong or missing', async () => {
    const file = inFolder('ct1.p12');
    await expect(inspectFile(file, async () => 'wrong')).rejects.toThrow(`${file}: the password is wrong`);
    const missing = inspectFile(file, async () => undefined);
    await expect(missing).rejects.toThrow('give its password with --password-file or AEGIS_P12_PASSWORD');
    await missing.catch(({ exitCode }: OperatorError) => expect(exitCode).toBe(2));
  });
});

describe('inspecting anything else', () => {
  it.each<[string, string | Buffer, string]>([
    [
      'text',
      'hello',
      'no certificate, key, certification request, CRL, PKCS#7 or PKCS#12 file can be recognised',
    ],
    ['nothing', '', 'can be recognised'],
    ['a damaged PKCS#7 file', '-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n', 'PKCS#7 file is damaged'],
    ['a web page', '<!DOCTYPE html><title>Certificate Issued</title>', 'it is a web page'],
    [
      'another label',
      '-----BEGIN DH PARAMETERS-----\n-----END DH PARAMETERS-----',
      '"DH PARAMETERS" is of no known kind',
    ],
    ['half a certificate', certificates.client.cert.slice(0, 200), 'is cut short'],
    ['a megabyte', Buffer.alloc(1024 * 1024 + 1), 'has more than 1 MiB'],
    ['zeros', Buffer.alloc(100), 'can be recognised'],
  ])('fails in words for %s', async (_title, content, message) => {
    const file = write('other', content);
    await expect(inspectFile(file, mustNotAsk)).rejects.toThrow(message);
    await expect(inspectFile(file, mustNotAsk)).rejects.toThrow(file);
  });

  it('fails in words for every certificate that is cut short', async () => {
    const der = certificates.client.x509.raw;
    for (let length = 1; length < der.length; length += 7) {
      await expect(inspectFile(write('cut', der.subarray(0, length)), mustNotAsk)).rejects.toHaveProperty(
        'name',
        'OperatorError',
      );
    }
  });
});

describeWithPeers(['openssl'], 'OpenSSL', () => {
  it.each([
    ['as OpenSSL 3 makes it', [], ['AES-256']],
    ['for old devices', ['-legacy'], ['triple DES', 'RC2 with 40 bits']],
  ])('makes a PKCS#12 file %s that is understood, with an ECDSA key', async (_title, options, ciphers) => {
    const { certificateFile, privateKeyFile, x509 } = certificates.client;
    const file = inFolder('other.p12');
    const arguments_ = ['-inkey', privateKeyFile, '-in', certificateFile, '-out', file];
    const { exitCode } = await runProcess('openssl', [
      ...['pkcs12', '-export', ...options, ...arguments_, '-passout', `pass:${PASSWORD}`],
    ]);
    expect(exitCode).toBe(0);
    expect(roundsOf(readFileSync(file))).toBe(3 * 2048);
    expect(await inspectFile(file, knows)).toMatchObject([
      {
        ciphers,
        contents: [
          { kind: 'private-key', key: 'ECDSA P-256' },
          { kind: 'certificate', fingerprint: `sha256:${x509.fingerprint256}` },
        ],
      },
    ]);
  });

  it('encrypts keys in the old way, which is understood', async () => {
    const file = inFolder('traditional.key');
    const { exitCode } = await runProcess('openssl', [
      ...['ec', '-in', certificates.client.privateKeyFile, '-aes256', '-passout', `pass:${PASSWORD}`],
      ...['-out', file],
    ]);
    expect(exitCode).toBe(0);
    expect(await inspectFile(file, knows)).toMatchObject([{ isEncrypted: true, key: 'ECDSA P-256' }]);
  });
});
