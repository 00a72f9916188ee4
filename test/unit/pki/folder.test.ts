import { createPrivateKey, X509Certificate } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createFolder, openFolder } from '../../../src/pki/folder';
import { revokeCertificates } from '../../../src/pki/folderAuthority';
import {
  type ClientFilesOptions,
  writeClientCertificate,
  writeServerCertificates,
} from '../../../src/pki/folderCertificates';
import { listCertificates } from '../../../src/pki/folderListing';
import { authorityFolders } from '../../support/authorityFolder';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';

async function noPassphrase() {
  return undefined;
}

function client(name: string, pkcs12: Partial<ClientFilesOptions['pkcs12']> = {}): ClientFilesOptions {
  return {
    name,
    names: [],
    pkcs12: { password: 'correct horse', isPasswordGenerated: false, isLegacy: false, ...pkcs12 },
  };
}

const newFolder = authorityFolders();

function modeOf(...path: string[]) {
  return (statSync(join(...path)).mode & 0o777).toString(8);
}

function read(...path: string[]) {
  return readFileSync(join(...path), 'utf8');
}

describe('a new folder', () => {
  it('has a CA, its CRL and the record of what it issues, keys for the owner only', async () => {
    const previousMask = process.umask(0o077);
    try {
      const directory = join(temporaryFolder(), 'pki');
      const created = await createFolder(directory, {});
      expect(readdirSync(directory).sort()).toEqual(['ca.crl', 'ca.crt', 'ca.key', 'issued.jsonl']);
      expect(modeOf(directory)).toBe('700');
      expect(modeOf(directory, 'ca.key')).toBe('600');
      expect(modeOf(directory, 'ca.crt')).toBe('644');
      expect(modeOf(directory, 'ca.crl')).toBe('644');
      const certificate = new X509Certificate(read(directory, 'ca.crt'));
      expect(certificate.checkPrivateKey(createPrivateKey(read(directory, 'ca.key')))).toBe(true);
      expect(created.authority.fingerprint).toBe(`sha256:${certificate.fingerprint256}`);
      expect(created.replacedFiles).toEqual([]);
    } finally {
      process.umask(previousMask);
    }
  });

  it('is not made where there is a CA, unless forced, and then says what it replaced', async () => {
    const { directory } = await newFolder();
    const before = read(directory, 'ca.key');
    await expect(createFolder(directory, {})).rejects.toThrow(/ca\.key.* exist; .*--force/);
    expect(read(directory, 'ca.key')).toBe(before);
    const { replacedFiles } = await createFolder(directory, { force: true });
    expect(replacedFiles).toContain(join(directory, 'ca.key'));
    expect(read(directory, 'ca.key')).not.toBe(before);
  });

  it('asks for a passphrase exactly when the CA key has one', async () => {
    const { directory } = await newFolder();
    const mustNotAsk = () => Promise.reject(new Error('asked'));
    await openFolder(directory, mustNotAsk);
    await createFolder(directory, { force: true, passphrase: 'open sesame' });
    expect(read(directory, 'ca.key')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    await openFolder(directory, async () => 'open sesame');
    await expect(openFolder(directory, mustNotAsk)).rejects.toThrow('asked');
    await expect(openFolder(directory, noPassphrase)).rejects.toThrow('give its passphrase with');
  });

  it('is asked for where there is none', async () => {
    const directory = join(temporaryFolder(), 'nowhere');
    await expect(openFolder(directory, noPassphrase)).rejects.toThrow(
      `${join(directory, 'ca.crt')} does not exist; make a CA with "aegis pki init --dir ${directory}"`,
    );
  });
});

describe('the certificates of the gateway', () => {
  it('come with an RSA and an ECDSA key for the same names', async () => {
    const { directory, authority } = await newFolder();
    const { certificates } = await writeServerCertificates(directory, authority, { names: ['localhost'] });
    expect(certificates.map(({ keyType }) => keyType)).toEqual(['rsa', 'ecdsa']);
    for (const [fileName, keyType] of [
      ['server', 'rsa'],
      ['server-ecdsa', 'ec'],
    ]) {
      const certificate = new X509Certificate(read(directory, `${fileName}.crt`));
      const key = createPrivateKey(read(directory, `${fileName}.key`));
      expect(key.asymmetricKeyType).toBe(keyType);
      expect(certificate.checkPrivateKey(key)).toBe(true);
      expect(certificate.checkHost('localhost')).toBe('localhost');
      expect(modeOf(directory, `${fileName}.key`)).toBe('600');
      expect(modeOf(directory, `${fileName}.crt`)).toBe('644');
    }
  });

  it('are not replaced unasked, not even where only one file is there', async () => {
    const { directory, authority } = await newFolder();
    await writeServerCertificates(directory, authority, { names: ['localhost'] });
    for (const file of ['server.crt', 'server.key', 'server-ecdsa.crt']) rmSync(join(directory, file));
    const again = (force: boolean) =>
      writeServerCertificates(directory, authority, { names: ['localhost'], force });
    await expect(again(false)).rejects.toThrow(/server-ecdsa\.key exists; /);
    expect(existsSync(join(directory, 'server.crt'))).toBe(false);
    const { replacedFiles, stillAccepted } = await again(true);
    expect(replacedFiles).toEqual([join(directory, 'server-ecdsa.key')]);
    expect(stillAccepted.map(({ file }) => file)).toEqual(['server.crt', 'server-ecdsa.crt']);
  });
});

describe('the certificate of a modality', () => {
  it('comes as PEM and PKCS#12, with the pins that the configuration takes', async () => {
    const { directory, authority } = await newFolder();
    const written = await writeClientCertificate(directory, authority, client('ct1'));
    const certificate = new X509Certificate(read(directory, 'ct1.crt'));
    expect(certificate.checkPrivateKey(createPrivateKey(read(directory, 'ct1.key')))).toBe(true);
    expect([
      modeOf(directory, 'ct1.key'),
      modeOf(directory, 'ct1.p12'),
      modeOf(directory, 'ct1.crt'),
    ]).toEqual(['600', '600', '644']);
    const [summary] = written.certificates;
    expect(summary!.fingerprint).toBe(`sha256:${certificate.fingerprint256}`);
    expect(summary!.spkiFingerprint).toMatch(/^spki-sha256:([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    expect(summary!.names).toEqual(['ct1']);
    expect(written.pkcs12File).toBe(join(directory, 'ct1.p12'));
  });

  it('leaves a generated password beside the PKCS#12 file, and takes a stale one away', async () => {
    const { directory, authority } = await newFolder();
    const passwordFile = join(directory, 'ct1.p12.password');
    const generated = client('ct1', { isPasswordGenerated: true });
    const written = await writeClientCertificate(directory, authority, generated);
    expect(written.pkcs12PasswordFile).toBe(passwordFile);
    expect(read(passwordFile)).toBe('correct horse\n');
    expect(modeOf(passwordFile)).toBe('600');
    const rewritten = await writeClientCertificate(directory, authority, { ...client('ct1'), force: true });
    expect(rewritten.replacedFiles).toContain(passwordFile);
    expect(existsSync(passwordFile)).toBe(false);
  });

  it.each(['../ct1', 'a/b', '..', 'server', 'CA'])('is not issued for %j', async (name) => {
    const { directory, authority } = await newFolder();
    const before = readdirSync(directory);
    await expect(writeClientCertificate(directory, authority, client(name))).rejects.toThrow(`"${name}"`);
    expect(readdirSync(directory)).toEqual(before);
  });

  it('is not issued, nor recorded, when its PKCS#12 password cannot be encoded', async () => {
    const { directory, authority } = await newFolder();
    const before = readdirSync(directory);
    await expect(
      writeClientCertificate(directory, authority, client('ct1', { password: 'schlüssel' })),
    ).rejects.toThrow('other than printable ASCII');
    expect(readdirSync(directory)).toEqual(before);
    expect(read(directory, 'issued.jsonl')).toBe('');
  });

  it('leaves nothing half-written where a file cannot be put in its place', async () => {
    const { directory, authority } = await newFolder();
    mkdirSync(join(directory, 'ct1.key', 'in-the-way'), { recursive: true });
    await expect(
      writeClientCertificate(directory, authority, { ...client('ct1'), force: true }),
    ).rejects.toThrow('ct1.key is a folder; name a file, or move the folder away');
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(existsSync(join(directory, 'ct1.crt'))).toBe(false);
  });
});

describe('revocation', () => {
  it('takes all accepted certificates of a name, or the one with a serial number', async () => {
    const { directory, authority } = await newFolder();
    await writeClientCertificate(directory, authority, client('ws1'));
    await writeClientCertificate(directory, authority, client('ct1'));
    await writeClientCertificate(directory, authority, { ...client('ct1'), force: true });
    const third = await writeClientCertificate(directory, authority, { ...client('ct1'), force: true });
    expect(third.stillAccepted).toHaveLength(2);
    const first = (await listCertificates(directory)).find(({ name }) => name === 'ct1');
    const one = await revokeCertificates(directory, authority, {
      name: 'ct1',
      serialNumber: first!.serialNumber!.toLowerCase(),
      reason: 'superseded',
    });
    expect(one.revoked.map(({ serialNumber }) => serialNumber)).toEqual([first!.serialNumber]);
    const rest = await revokeCertificates(directory, authority, { name: 'ct1' });
    expect(rest.revoked).toHaveLength(2);
    const states = (await listCertificates(directory)).map(({ name, state }) => `${name} ${state}`);
    expect(states).toEqual([
      'ws1 valid',
      'ct1 revoked',
      'ct1 revoked',
      'ct1 revoked',
      'ca valid',
      'crl valid',
    ]);
  });

  it('repeated, revokes nothing more but writes the CRL that may be missing', async () => {
    const { directory, authority } = await newFolder();
    await writeClientCertificate(directory, authority, client('ct1'));
    await revokeCertificates(directory, authority, { name: 'ct1' });
    rmSync(join(directory, 'ca.crl'));
    expect((await revokeCertificates(directory, authority, { name: 'ct1' })).revoked).toEqual([]);
    expect(read(directory, 'ca.crl')).toMatch(/^-----BEGIN X509 CRL-----/);
  });

  it('refuses what was never issued', async () => {
    const { directory, authority } = await newFolder();
    await writeClientCertificate(directory, authority, client('ct1'));
    const revoke = (name: string, serialNumber?: string) =>
      revokeCertificates(directory, authority, { name, serialNumber });
    await expect(revoke('ct2')).rejects.toThrow('no certificate was issued for "ct2"');
    await expect(revoke('ct1', '00')).rejects.toThrow('with serial number 00 was issued for "ct1"');
  });

  it('refuses to work from a record that is missing or damaged, which would let revoked ones in', async () => {
    const { directory, authority } = await newFolder();
    await writeClientCertificate(directory, authority, client('ct1'));
    const log = join(directory, 'issued.jsonl');
    appendFileSync(log, '{"event":"revoked"}\n');
    const revoke = () => revokeCertificates(directory, authority, { name: 'ct1' });
    await expect(revoke()).rejects.toThrow(`${log}:2 is not a record`);
    rmSync(log);
    await expect(revoke()).rejects.toThrow(`${log} does not exist; `);
    await expect(writeClientCertificate(directory, authority, client('ct2'))).rejects.toThrow(log);
    expect(existsSync(join(directory, 'ct2.crt'))).toBe(false);
  });
});

describeWithPeers(['openssl'], 'OpenSSL as importer', () => {
  it.each([
    ['AES-256', false, 'PBES2, PBKDF2, AES-256-CBC'],
    ['triple DES', true, 'pbeWithSHA1And3-KeyTripleDES-CBC'],
  ])('opens PKCS#12 files with %s', async (_title, isLegacy, encryption) => {
    const { directory, authority } = await newFolder();
    await writeClientCertificate(directory, authority, client('ct1', { isLegacy }));
    const open = (password: string) =>
      runProcess('openssl', ['pkcs12', '-in', 'ct1.p12', '-info', '-nodes', '-passin', `pass:${password}`], {
        workingDirectory: directory,
      });
    const { exitCode, output } = await open('correct horse');
    expect(exitCode).toBe(0);
    expect(output).toContain(encryption);
    expect(output).toContain('friendlyName: ct1');
    expect(output).toContain(read(directory, 'ct1.crt').trim());
    expect(output).toContain(read(directory, 'ca.crt').trim());
    expect(output).toContain('-----BEGIN PRIVATE KEY-----');
    expect((await open('wrong')).exitCode).not.toBe(0);
  });

  it('accepts the CRL after a revocation, and what was not revoked', async () => {
    const { directory, authority } = await newFolder();
    await writeClientCertificate(directory, authority, client('ct1'));
    await writeClientCertificate(directory, authority, client('ct2'));
    await revokeCertificates(directory, authority, { name: 'ct1', reason: 'keyCompromise' });
    const options = ['verify', '-x509_strict', '-CAfile', 'ca.crt', '-CRLfile', 'ca.crl', '-crl_check'];
    const verify = async (file: string) =>
      (await runProcess('openssl', [...options, file], { workingDirectory: directory })).output;
    expect(await verify('ct1.crt')).toContain('certificate revoked');
    expect(await verify('ct2.crt')).toBe('ct2.crt: OK\n');
  });
});
