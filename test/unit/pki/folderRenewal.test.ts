import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openFolder } from '../../../src/pki/folder';
import { renewAuthority, renewRevocationList, revokeCertificates } from '../../../src/pki/folderAuthority';
import { writeClientCertificate, writeServerCertificates } from '../../../src/pki/folderCertificates';
import { listCertificates } from '../../../src/pki/folderListing';
import { planRenewal, type RenewalOptions, renewAsPlanned } from '../../../src/pki/folderRenewal';
import { planSigning, signAsPlanned } from '../../../src/pki/folderRequests';
import { decodeCertificationRequest } from '../../../src/x509/certificationRequest';
import { type AuthorityFolder, authorityFolders } from '../../support/authorityFolder';
import { certificationRequest } from '../../support/certificationRequests';
import { describeWithPeers } from '../../support/peers';
import { runProcess } from '../../support/processes';

const DAY_MS = 86_400_000;
const pkcs12 = { password: 'correct horse', isPasswordGenerated: false, isLegacy: false };

const copyFolder = authorityFolders(async ({ directory, authority }) => {
  await writeServerCertificates(directory, authority, {
    names: ['pacs.example', '10.1.0.2'],
    // Given, so that both end in the same second.
    notAfter: new Date(Date.now() + 700.5 * DAY_MS),
  });
  await writeClientCertificate(directory, authority, {
    name: 'ct1',
    names: ['10.1.2.3'],
    pkcs12,
    notAfter: new Date(Date.now() + 5 * DAY_MS),
  });
});

interface Folder extends AuthorityFolder {
  readonly renew: (
    name: string,
    isKeyNew?: boolean,
    options?: RenewalOptions,
  ) => ReturnType<typeof renewAsPlanned>;
  readonly certificate: (name: string) => X509Certificate;
  readonly read: (file: string) => string;
}

async function newFolder(): Promise<Folder> {
  const { directory, authority } = await copyFolder();
  const read = (file: string) => readFileSync(join(directory, file), 'utf8');
  return {
    directory,
    authority,
    read,
    renew: async (name, isKeyNew = false, options = { pkcs12 }) =>
      renewAsPlanned(directory, authority, await planRenewal(directory, name, isKeyNew), options),
    certificate: (name) => new X509Certificate(read(`${name}.crt`)),
  };
}

describe('a renewed certificate', () => {
  it('is the same but for its serial number and dates, so that pins of its key hold', async () => {
    const { renew, certificate, read } = await newFolder();
    const [former, key] = [certificate('ct1'), read('ct1.key')];
    const renewed = await renew('ct1');
    const latter = certificate('ct1');
    expect(latter.serialNumber).not.toBe(former.serialNumber);
    expect(Date.parse(latter.validTo)).toBeGreaterThan(Date.parse(former.validTo) + 800 * DAY_MS);
    expect(latter.publicKey.equals(former.publicKey)).toBe(true);
    expect([latter.subject, latter.subjectAltName]).toEqual([former.subject, former.subjectAltName]);
    expect(latter.keyUsage).toEqual(former.keyUsage);
    expect(read('ct1.key')).toBe(key);
    expect(renewed.formerFingerprints).toEqual([`sha256:${former.fingerprint256}`]);
    expect(renewed.stillAccepted.map(({ serialNumber }) => serialNumber)).toEqual([former.serialNumber]);
  });

  it('leaves the former one in a folder of its own, under its serial number', async () => {
    const { directory, renew, certificate, read } = await newFolder();
    const pem = read('ct1.crt');
    const { serialNumber } = certificate('ct1');
    const { keptFiles } = await renew('ct1');
    const kept = join('former', `ct1.${serialNumber}.crt`);
    expect(keptFiles).toEqual([join(directory, kept)]);
    expect(read(kept)).toBe(pem);
    expect((statSync(join(directory, 'former')).mode & 0o777).toString(8)).toBe('700');
  });

  it('can have a new key of the same kind; then the former key is kept, too, and as well protected', async () => {
    const { directory, renew, certificate, read } = await newFolder();
    const [former, key] = [certificate('ct1'), read('ct1.key')];
    await renew('ct1', true);
    expect(certificate('ct1').publicKey.equals(former.publicKey)).toBe(false);
    expect(certificate('ct1').checkPrivateKey(createPrivateKey(read('ct1.key')))).toBe(true);
    const kept = join('former', `ct1.${former.serialNumber}.key`);
    expect(read(kept)).toBe(key);
    expect((statSync(join(directory, kept)).mode & 0o777).toString(8)).toBe('600');
  });

  it.each([false, true])('of the gateway comes with RSA and ECDSA (new keys: %s)', async (isKeyNew) => {
    const { renew, certificate } = await newFolder();
    const former = ['server', 'server-ecdsa'].map(certificate);
    const { certificates } = await renew('server', isKeyNew);
    expect(certificates.map(({ keyType }) => keyType)).toEqual(['rsa', 'ecdsa']);
    for (const [index, name] of ['server', 'server-ecdsa'].entries()) {
      expect(certificate(name).subjectAltName).toBe('DNS:pacs.example, IP Address:10.1.0.2');
      expect(certificate(name).keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
      expect(certificate(name).publicKey.equals(former[index]!.publicKey)).toBe(!isKeyNew);
    }
  });

  it('is issued for the key of a device that never showed it', async () => {
    const { directory, authority, renew, certificate } = await newFolder();
    const { der } = certificationRequest({ commonNames: ['mr1'], names: ['mr1.example'] });
    const plan = await planSigning(directory, decodeCertificationRequest(der), { purpose: 'client' });
    await signAsPlanned(directory, authority, plan, undefined);
    const former = certificate('mr1');
    const renewed = await renew('mr1');
    expect(certificate('mr1').publicKey.equals(former.publicKey)).toBe(true);
    expect(renewed.certificates[0]).not.toHaveProperty('privateKeyFile');
    expect(existsSync(join(directory, 'mr1.p12'))).toBe(false);
    await expect(renew('mr1', true)).rejects.toThrow(/--new-key: .*mr1\.key is not here, .*aegis pki sign/);
  });

  it('stays one for old devices where its PKCS#12 file was', async () => {
    const { directory, renew } = await newFolder();
    expect((await planRenewal(directory, 'ct1', false)).isLegacyPkcs12).toBe(false);
    await renew('ct1', false, { pkcs12: { ...pkcs12, isLegacy: true } });
    expect((await planRenewal(directory, 'ct1', false)).isLegacyPkcs12).toBe(true);
  });

  it('is possible after the former one has expired', async () => {
    const { directory, authority, renew, certificate } = await newFolder();
    await writeClientCertificate(directory, authority, {
      name: 'old',
      names: [],
      pkcs12,
      notAfter: new Date(Date.now() - DAY_MS / 2),
    });
    await renew('old');
    expect(Date.parse(certificate('old').validTo)).toBeGreaterThan(Date.now());
  });
});

describe('a certificate is not renewed', () => {
  it.each(['nobody', '../ct1', 'server-ecdsa'])('under the name %j, which was never issued', async (name) => {
    const { directory, renew } = await newFolder();
    const before = readdirSync(directory);
    await expect(renew(name)).rejects.toThrow(`there is no certificate of "${name}" in ${directory}`);
    expect(readdirSync(directory)).toEqual(before);
  });

  it('once it is revoked', async () => {
    const { directory, authority, renew } = await newFolder();
    await revokeCertificates(directory, authority, { name: 'ct1' });
    await expect(renew('ct1')).rejects.toThrow(/is revoked, or its key is; .*aegis pki client ct1/);
  });

  it('for a key that was revoked with an earlier certificate, but for another key', async () => {
    const { directory, authority, renew, certificate } = await newFolder();
    const { serialNumber } = certificate('ct1');
    await renew('ct1');
    await revokeCertificates(directory, authority, { name: 'ct1', serialNumber, reason: 'superseded' });
    await renew('ct1');
    const second = certificate('ct1').serialNumber;
    await renew('ct1');
    await revokeCertificates(directory, authority, { name: 'ct1', serialNumber: second });
    await expect(renew('ct1')).rejects.toThrow('is revoked, or its key is');
    expect((await renew('ct1', true)).isKeyNew).toBe(true);
  });

  it('from files that were exchanged', async () => {
    const { directory, renew, read } = await newFolder();
    const file = (name: string) => join(directory, name);
    writeFileSync(file('ct1.key'), read('server.key'));
    await expect(renew('ct1')).rejects.toThrow(`${file('ct1.key')} does not belong to the certificate`);
    writeFileSync(file('ct1.crt'), read('server.crt'));
    await expect(renew('ct1')).rejects.toThrow(`${file('ct1.crt')} was not issued for "ct1" by this CA`);
    writeFileSync(file('ct1.crt'), 'nothing');
    await expect(renew('ct1')).rejects.toThrow(`${file('ct1.crt')} holds no certificate`);
  });
});

describe('a renewed CA', () => {
  it('keeps key, name and key identifier, and ends later; its former certificate is kept', async () => {
    const { directory, authority, certificate } = await newFolder();
    const soon = new Date(Date.now() + 1000 * DAY_MS);
    await renewAuthority(directory, authority, soon);
    const reopened = await openFolder(directory, async () => undefined);
    const former = certificate('ca');
    const { keptFile, formerNotAfter } = await renewAuthority(directory, reopened, undefined);
    const renewed = certificate('ca');
    expect(renewed.subject).toBe(former.subject);
    expect(renewed.publicKey.equals(former.publicKey)).toBe(true);
    expect(renewed.serialNumber).not.toBe(former.serialNumber);
    expect(Date.parse(renewed.validTo)).toBeGreaterThan(formerNotAfter.getTime());
    expect(new X509Certificate(readFileSync(keptFile)).serialNumber).toBe(former.serialNumber);
  });

  it('writes its CRL, which ends with it, with what was revoked before', async () => {
    const { directory, authority } = await newFolder();
    await revokeCertificates(directory, authority, { name: 'ct1' });
    rmSync(join(directory, 'ca.crl'));
    await renewAuthority(directory, authority, new Date(Date.now() + 1000 * DAY_MS));
    const list = (await listCertificates(directory)).find(({ name }) => name === 'crl');
    expect(list).toMatchObject({ state: 'valid', daysLeft: 999 });
  });
});

describe('the list of what was issued', () => {
  it('begins with what ends first, and says what is due, revoked or replaced', async () => {
    const { directory, authority, renew } = await newFolder();
    await renew('ct1');
    await writeClientCertificate(directory, authority, {
      name: 'old',
      names: [],
      pkcs12,
      notAfter: new Date(Date.now() - DAY_MS / 2),
    });
    await revokeCertificates(directory, authority, { name: 'server' });
    const listed = (await listCertificates(directory)).map(
      ({ file, state, daysLeft, isReplaced }) => `${file} ${state} ${daysLeft} ${isReplaced}`,
    );
    expect(listed).toEqual([
      'old.crt expired -1 false',
      'ct1.crt expires-soon 4 true',
      'server.crt revoked 700 false',
      'server-ecdsa.crt revoked 700 false',
      'ct1.crt valid 823 false',
      'ca.crt valid 3648 false',
      'ca.crl valid 3648 false',
    ]);
  });

  it('says what to do about a CRL that is missing or damaged', async () => {
    const { directory, authority } = await newFolder();
    const file = join(directory, 'ca.crl');
    writeFileSync(file, 'nothing');
    await expect(listCertificates(directory)).rejects.toThrow(
      `${file} is damaged; write it again with "aegis pki renew crl"`,
    );
    rmSync(file);
    await expect(listCertificates(directory)).rejects.toThrow('write it with "aegis pki renew crl"');
    await renewRevocationList(directory, authority);
    expect(await listCertificates(directory)).toHaveLength(5);
  });
});

describeWithPeers(['openssl'], 'OpenSSL', () => {
  const verify = async (directory: string, authority: string, ...files: string[]) => {
    const options = ['verify', '-x509_strict', '-CAfile', authority, '-CRLfile', 'ca.crl', '-crl_check'];
    return (await runProcess('openssl', [...options, ...files], { workingDirectory: directory })).output;
  };

  it('accepts what was issued before and after the CA was renewed, with either certificate of it', async () => {
    const { directory, authority, renew, certificate } = await newFolder();
    const former = join('former', `ca.${certificate('ca').serialNumber}.crt`);
    await renewAuthority(directory, authority, undefined);
    await renew('server');
    for (const ca of ['ca.crt', former]) {
      expect(await verify(directory, ca, 'ct1.crt', 'server.crt')).toBe('ct1.crt: OK\nserver.crt: OK\n');
    }
    await revokeCertificates(directory, authority, { name: 'ct1' });
    expect(await verify(directory, 'ca.crt', 'ct1.crt')).toContain('certificate revoked');
  });

  it('finds a higher number in each CRL', async () => {
    const { directory, authority } = await newFolder();
    const number = async () => {
      const { output } = await runProcess('openssl', ['crl', '-in', 'ca.crl', '-noout', '-crlnumber'], {
        workingDirectory: directory,
      });
      return BigInt(/crlNumber=(0x[0-9A-F]+)/i.exec(output)![1]!);
    };
    const first = await number();
    await renewRevocationList(directory, authority);
    expect(await number()).toBeGreaterThan(first);
  });

  it('opens the PKCS#12 file of a renewed certificate', async () => {
    const { directory, renew, read } = await newFolder();
    await renew('ct1');
    const { output } = await runProcess(
      'openssl',
      ['pkcs12', '-in', 'ct1.p12', '-nodes', '-passin', 'pass:correct horse'],
      { workingDirectory: directory },
    );
    expect(output).toContain(read('ct1.crt').trim());
  });
});
