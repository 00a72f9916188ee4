import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { registerPki } from '../../../../src/commands/pki/pki';
import { installAnswer } from '../../../../src/pki/gatewayAnswer';
import { readCertificates } from '../../../../src/x509/tlsFiles';
import { runCommand } from '../../../support/commandLine';
import { HospitalCa } from '../../../support/hospitalCa';
import { describeWithPeers } from '../../../support/peers';
import { runProcess, temporaryFolder } from '../../../support/processes';
import { openTerminal, type Terminal } from '../../../support/terminal';

const NAMES = ['--name', 'aegis.hospital.example', '--name', '127.0.0.1'];
let directory: string;

beforeEach(() => {
  directory = join(temporaryFolder(), 'certs');
});

function pki(verb: string, ...options: readonly string[]) {
  return runCommand(registerPki, ['pki', verb, '--dir', directory, ...options]);
}

function inFolder(name: string): string {
  return join(directory, name);
}

function files(): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}

describe('aegis pki request', () => {
  it('says in 80 columns what to do with the request', async () => {
    const { printed } = await pki('request', ...NAMES);
    expect(printed).toContain(
      'certreq -submit -attrib "CertificateTemplate:WebServer" server.csr server.cer',
    );
    expect(printed).toContain('aegis pki install --dir');
    const instructions = printed.slice(printed.indexOf('next:')).replaceAll(directory, 'certs');
    for (const line of instructions.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('keeps the key from others', async () => {
    await pki('request', ...NAMES);
    expect(statSync(inFolder('server.csr.key')).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  it('never replaces the key of a request that is out, unless it is asked to', async () => {
    await pki('request', ...NAMES);
    const key = readFileSync(inFolder('server.csr.key'), 'utf8');
    await expect(pki('request', ...NAMES)).rejects.toThrow('a request is out for this key');
    expect(readFileSync(inFolder('server.csr.key'), 'utf8')).toBe(key);
    await pki('request', '--force', ...NAMES);
    expect(readFileSync(inFolder('server.csr.key'), 'utf8')).not.toBe(key);
  });

  it.each([
    [[], '--name is missing'],
    [['--name', 'pacs hospital'], 'is neither a DNS name nor an IP address'],
    [[...NAMES, '--subject', 'X=y'], 'accepted are C, ST, L, O, OU, CN'],
    [[...NAMES, '--subject', 'C=Switzerland'], 'two letters are needed'],
    [[...NAMES, '--subject', 'O='], 'accepted are 1 to 64 printable characters'],
  ])('refuses %j in words, and writes nothing', async (options, words) => {
    await expect(pki('request', ...options)).rejects.toThrow(words);
    expect(() => statSync(directory)).toThrow();
  });
});

describeWithPeers(['openssl'], 'a request as OpenSSL reads it', () => {
  it.each([
    ['rsa-2048', 'server.csr', /\(2048 bit\)[\s\S]*sha256WithRSAEncryption/],
    ['rsa-3072', 'server.csr', /\(3072 bit\)/],
    ['ecdsa-p256', 'server-ecdsa.csr', /P-256[\s\S]*ecdsa-with-SHA256/],
    ['ecdsa-p384', 'server-ecdsa.csr', /P-384/],
  ])('has a key of the kind %s, its names, and what a TLS server needs', async (key, file, words) => {
    await pki('request', ...NAMES, '--key', key, '--subject', 'o=Hôpital, Example', '--subject', 'C=CH');
    const shown = ['-noout', '-verify', '-text', '-nameopt', 'utf8,sep_comma_plus'];
    const { output, exitCode } = await runProcess('openssl', ['req', '-in', inFolder(file), ...shown]);
    expect(exitCode).toBe(0);
    expect(output).toContain('verify OK');
    expect(output).toMatch(words);
    expect(output).toContain('C=CH,O=Hôpital, Example,CN=aegis.hospital.example');
    expect(output).toContain('DNS:aegis.hospital.example, IP Address:127.0.0.1');
    expect(output).toContain('TLS Web Server Authentication');
  });
});

describeWithPeers(['openssl'], 'aegis pki install, with OpenSSL as the CA', () => {
  let ca: HospitalCa;
  let root: string;
  let policy: string;
  let issuing: string;

  beforeAll(async () => {
    ca = await HospitalCa.create();
    [root, policy, issuing] = ['root', 'policy', 'issuing'].map((name) => ca.file(`${name}.crt`)) as [
      string,
      string,
      string,
    ];
  });

  beforeEach(async () => {
    await pki('request', ...NAMES);
  });

  function subjects(file: string): string[] {
    return readCertificates(inFolder(file)).certificates.map(({ subject }) => subject.split('CN=')[1]!);
  }

  async function refused(words: string | RegExp, ...answer: readonly string[]): Promise<void> {
    const before = files();
    await expect(pki('install', ...answer)).rejects.toThrow(words);
    await expect(pki('install', ...answer)).rejects.toThrow('nothing was written');
    expect(files()).toEqual(before);
  }

  const CHAIN = ['aegis.hospital.example', 'Hospital Issuing CA 1', 'Hospital Policy CA'];

  it.each<[string, (leaf: string) => Promise<readonly string[]>]>([
    ['PEM', async (leaf) => [leaf, issuing, policy, root]],
    ['DER, with the files of its CAs', async (leaf) => [await ca.der(leaf), root, policy, issuing]],
    ['a .p7b in DER, the root first', async (leaf) => [await ca.pkcs7('DER', root, leaf, policy, issuing)]],
    ['a .p7b in PEM, without the root', async (leaf) => [await ca.pkcs7('PEM', policy, issuing, leaf)]],
  ])('puts the chain of %s in order, without the root', async (_form, answer) => {
    const leaf = await ca.sign(inFolder('server.csr'));
    const { printed } = await pki('install', ...(await answer(leaf)));
    expect(subjects('server.crt')).toEqual(CHAIN);
    expect(printed).toContain('root          DC=example, CN=Hospital Root CA');
    expect(files()).toEqual(['server.crt', 'server.key']);
    expect(statSync(inFolder('server.key')).mode & 0o777).toBe(0o600);
    const pair = new X509Certificate(readFileSync(inFolder('server.crt')));
    expect(pair.raw).toEqual(new X509Certificate(readFileSync(leaf)).raw);
  });

  it('reads a .p7b that calls itself a certificate, as the web page of AD CS writes it, in UTF-16', async () => {
    const leaf = await ca.sign(inFolder('server.csr'));
    const pem = readFileSync(await ca.pkcs7('PEM', leaf, issuing, policy), 'latin1').replaceAll(
      'PKCS7',
      'CERTIFICATE',
    );
    writeFileSync(ca.file('certnew.p7b'), `\ufeff${pem}`, 'utf16le');
    await pki('install', ca.file('certnew.p7b'));
    expect(subjects('server.crt')).toEqual(CHAIN);
  });

  it('installs an RSA and an ECDSA certificate at once, and writes the CA for trustedCertificates', async () => {
    await pki('request', ...NAMES, '--key', 'ecdsa-p256');
    const leaves = [await ca.sign(inFolder('server.csr')), await ca.sign(inFolder('server-ecdsa.csr'))];
    const { printed } = await pki('install', ...leaves, issuing, policy, root, '--trust');
    expect(subjects('server-ecdsa.crt')).toEqual(CHAIN);
    expect(subjects('server-ca.crt').sort()).toEqual([
      'Hospital Issuing CA 1',
      'Hospital Policy CA',
      'Hospital Root CA',
    ]);
    expect(printed).toContain('"trustedCertificates":');
    expect(printed).toContain('name the certificate in each entry');
  });

  it('renews a pair while it serves, knows its CAs, and keeps the former pair', async () => {
    await pki('install', await ca.sign(inFolder('server.csr')), issuing, policy);
    const former = readFileSync(inFolder('server.key'), 'utf8');
    const { printed } = await pki('request', ...NAMES);
    expect(printed).toContain('server.crt, until the answer is installed');
    expect(readFileSync(inFolder('server.key'), 'utf8')).toBe(former);
    const renewed = await pki('install', await ca.der(await ca.sign(inFolder('server.csr'))));
    expect(renewed.printed).toMatch(/^ {2}aegis( --config \S+)? reload$/m);
    expect(readFileSync(inFolder('server.key'), 'utf8')).not.toBe(former);
    expect(subjects('server.crt')).toEqual(CHAIN);
    const [, , keptKey] = files().filter((name) => name.startsWith('former'));
    expect(readFileSync(inFolder(keptKey!), 'utf8')).toBe(former);
    expect(statSync(inFolder(keptKey!)).mode & 0o777).toBe(0o600);
  });

  it('takes a new certificate for the key in use', async () => {
    const again = ca.file('again.csr');
    writeFileSync(again, readFileSync(inFolder('server.csr')));
    await pki('install', await ca.sign(inFolder('server.csr')), issuing, policy);
    const key = readFileSync(inFolder('server.key'), 'utf8');
    await pki('install', await ca.sign(again));
    expect(readFileSync(inFolder('server.key'), 'utf8')).toBe(key);
  });

  describe('a .pfx file', () => {
    it.each([['as OpenSSL 3 and Windows Server 2019 encrypt it'], ['as older ones do', '-legacy']])(
      '%s is opened by a password from the environment',
      async (_title, ...options) => {
        const file = await ca.pfx('long enough', ...options);
        await refusedWords('give its password', file, policy);
        process.env.AEGIS_P12_PASSWORD = 'wrong';
        await refusedWords('the password is wrong', file, policy);
        process.env.AEGIS_P12_PASSWORD = 'long enough';
        await pki('install', file, policy);
        expect(subjects('server.crt')).toEqual(CHAIN);
      },
    );

    async function refusedWords(words: string, ...answer: readonly string[]): Promise<void> {
      await expect(pki('install', ...answer)).rejects.toThrow(words);
    }

    afterEach(() => {
      delete process.env.AEGIS_P12_PASSWORD;
    });

    describe('at a terminal', () => {
      let terminal: Terminal;
      beforeEach(() => {
        terminal = openTerminal();
      });
      afterEach(() => terminal.close());

      it('is opened by a password that is asked for', async () => {
        const file = await ca.pfx('long enough');
        terminal.answers = ['long enough'];
        await pki('install', file, policy);
        expect(terminal.asked).toContain('password of the PKCS#12 file: ');
        expect(terminal.asked).not.toContain('long enough');
      });
    });
  });

  describe('says what is wrong, and writes nothing:', () => {
    it('a certificate for another key', async () => {
      const { certificateFile } = await ca.device('ct1');
      await refused(/"CN=ct1" is for another key: spki-sha256:.*\n.*server.csr/s, certificateFile, issuing);
    });

    it('certificates of CAs only', async () => {
      await refused('only certificates of CAs', issuing, policy, root);
    });

    it('other names, and a certificate without any', async () => {
      const other = await ca.sign(inFolder('server.csr'), { names: 'DNS:pacs.example,IP:127.0.0.1' });
      await refused('it is not for aegis.hospital.example, but for pacs.example', other, issuing, policy);
      const none = await ca.sign(inFolder('server.csr'), { names: '' });
      await refused('it has no subjectAltName', none, issuing, policy);
      await pki('install', other, issuing, policy, '--name', 'pacs.example');
    });

    it('a purpose other than that of a server', async () => {
      const client = await ca.sign(inFolder('server.csr'), { extendedKeyUsage: 'clientAuth' });
      await refused('its extended key usage lacks serverAuth: it is for clientAuth', client, issuing, policy);
    });

    it('the certificate of a CA, for our key', async () => {
      const authority = await ca.sign(inFolder('server.csr'), { isAuthority: true });
      await refused('it is the certificate of a CA', authority, issuing, policy);
    });

    it('a certificate that is signed with SHA-1', async () => {
      const weak = await ca.sign(inFolder('server.csr'), { digest: '-sha1' });
      await refused('is signed with RSA with SHA-1', weak, issuing, policy);
    });

    it('a missing CA, by its name', async () => {
      const leaf = await ca.sign(inFolder('server.csr'));
      const missing = (name: string) => `"DC=example, CN=${name}" is missing`;
      await refused(`its CA ${missing('Hospital Issuing CA 1')}`, leaf);
      await refused(`the intermediate CA ${missing('Hospital Policy CA')}`, leaf, issuing, root);
      await refused(`the root CA ${missing('Hospital Root CA')}`, leaf, issuing, policy, '--trust');
    });

    it('a CA that was renewed with another key', async () => {
      const other = await HospitalCa.create();
      const leaf = await ca.sign(inFolder('server.csr'));
      await refused(
        'but with another key than that of the certificate that is there',
        leaf,
        other.file('issuing.crt'),
      );
    });

    it('a certificate that has ended, or has not begun', async () => {
      const leaf = await ca.sign(inFolder('server.csr'));
      const answer = {
        certificates: [leaf, issuing, policy].map((file) => new X509Certificate(readFileSync(file))),
        privateKeys: [],
      };
      const at = (year: string) => installAnswer(directory, answer, { isTrusted: false }, new Date(year));
      await expect(at('2100-01-01')).rejects.toThrow(/it expired on[\s\S]*its CA .*Issuing.* expired on/);
      await expect(at('2000-01-01')).rejects.toThrow(/it is not valid before .*check both clocks/);
      expect(files()).toEqual(['server.csr', 'server.csr.key']);
    });

    it('a web page, a request, and nothing of use', async () => {
      writeFileSync(ca.file('certnew.htm'), '<html><body>Certificate Pending</body></html>');
      await expect(pki('install', ca.file('certnew.htm'))).rejects.toThrow('it is a web page');
      await refused('the files hold no certificate', inFolder('server.csr'));
    });
  });
});
