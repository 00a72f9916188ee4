import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { revokeCertificates } from '../../../src/pki/folderAuthority';
import { writeServerCertificates } from '../../../src/pki/folderCertificates';
import {
  planSigning,
  readRequestFile,
  type SigningOptions,
  signAsPlanned,
} from '../../../src/pki/folderRequests';
import { decodeCertificationRequest } from '../../../src/x509/certificationRequest';
import { authorityFolders } from '../../support/authorityFolder';
import {
  certificationRequest,
  emailName,
  requestedExtension,
  type TestRequest,
  type TestRequestOptions,
} from '../../support/certificationRequests';
import { boolean, sequence } from '../../support/der';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';

const copyFolder = authorityFolders();

async function newFolder() {
  const { directory, authority } = await copyFolder();
  const plan = (request: TestRequest | TestRequestOptions, options: Partial<SigningOptions> = {}) => {
    const { der } = 'der' in request ? request : certificationRequest(request);
    return planSigning(directory, decodeCertificationRequest(der), { purpose: 'client', ...options });
  };
  const sign = async (request: TestRequest | TestRequestOptions, options: Partial<SigningOptions> = {}) =>
    signAsPlanned(directory, authority, await plan(request, options), undefined);
  const certificate = (name: string) => new X509Certificate(readFileSync(join(directory, `${name}.crt`)));
  return { directory, authority, plan, sign, certificate };
}

describe('a signed request', () => {
  it('gives the device a certificate of a modality for its key, and no key or PKCS#12 file', async () => {
    const { directory, sign, certificate } = await newFolder();
    const request = certificationRequest({ commonNames: ['MR1'], names: ['mr1.Example', '10.1.2.3'] });
    const written = await sign(request);
    expect(certificate('MR1').publicKey.equals(request.publicKey)).toBe(true);
    expect(certificate('MR1').subject).toBe('CN=MR1');
    expect(certificate('MR1').subjectAltName).toBe('DNS:mr1, DNS:mr1.example, IP Address:10.1.2.3');
    expect(certificate('MR1').keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']);
    expect(written.certificates).toEqual([expect.objectContaining({ commonName: 'MR1', keyType: 'ecdsa' })]);
    expect(written.certificates[0]).not.toHaveProperty('privateKeyFile');
    expect(existsSync(join(directory, 'MR1.key'))).toBe(false);
    expect(existsSync(join(directory, 'MR1.p12'))).toBe(false);
  });

  it('never becomes a CA nor anything else that only the request says', async () => {
    const { sign, certificate } = await newFolder();
    await sign({
      furtherNames: [emailName('root@example.org')],
      extensions: [requestedExtension('2.5.29.19', sequence(boolean(true)))],
    });
    expect(certificate('ct1').ca).toBe(false);
    expect(certificate('ct1').subjectAltName).toBe('DNS:ct1');
  });

  it('for a server has its purpose only, and at least one name', async () => {
    const { sign, certificate } = await newFolder();
    await sign({ commonNames: ['archive'], names: ['archive.example'] }, { purpose: 'server' });
    expect(certificate('archive').keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate('archive').subjectAltName).toBe('DNS:archive.example');
    await expect(sign({ commonNames: ['other'] }, { purpose: 'server' })).rejects.toThrow(
      'the request has neither a DNS name nor an IP address, which a server needs; give them with --name',
    );
  });

  it('takes name and names from the operator instead', async () => {
    const { sign, certificate } = await newFolder();
    await sign({ commonNames: ['localhost'], names: ['*.example'] }, { name: 'us2', names: ['10.1.2.9'] });
    expect(certificate('us2').subjectAltName).toBe('DNS:us2, IP Address:10.1.2.9');
  });

  it('can be revoked by its name', async () => {
    const { directory, authority, sign, certificate } = await newFolder();
    await sign({});
    const { revoked } = await revokeCertificates(directory, authority, { name: 'ct1' });
    expect(revoked.map(({ serialNumber }) => serialNumber)).toEqual([certificate('ct1').serialNumber]);
  });
});

describe('a request is refused', () => {
  it.each<[string, TestRequestOptions, Partial<SigningOptions>, string]>([
    ['without a name', { commonNames: [] }, {}, 'the request has no common name; name the device with --as'],
    ['with two names', { commonNames: ['ct1', 'ct2'] }, {}, 'more than one common name; name the device'],
    ['with the name of a path', { commonNames: ['../ct1'] }, {}, '"../ct1" cannot name a client certificate'],
    ['that would be the gateway', { commonNames: ['server'] }, {}, '"server" is a name that aegis pki uses'],
    ['for a wildcard', { names: ['*.example'] }, {}, '"*.example" is neither a DNS name'],
    ['to a name that is none', {}, { name: 'a b' }, '"a b" cannot name a client certificate'],
    ['with control characters', { commonNames: ['ct1\u001b[2J'] }, {}, '"ct1\\u001b[2J" cannot name'],
  ])('%s', async (_title, request, options, message) => {
    const { plan } = await newFolder();
    await expect(plan(request, options)).rejects.toThrow(message);
  });

  it('that does not prove that its sender has the key', async () => {
    const { plan } = await newFolder();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await expect(plan({ signedBy: privateKey })).rejects.toThrow(
      'the request cannot be signed: its signature is not that of its key',
    );
  });

  it('whose certificate is there, unless forced', async () => {
    const { directory, sign } = await newFolder();
    await sign({});
    await expect(sign({})).rejects.toThrow(/ct1\.crt exists; .*--as.*--force/);
    const { replacedFiles, stillAccepted } = await sign({}, { force: true });
    expect(replacedFiles).toEqual([join(directory, 'ct1.crt')]);
    expect(stillAccepted).toHaveLength(1);
  });

  it('whose certificate would part from the key beside it, forced or not', async () => {
    const { directory, sign } = await newFolder();
    const request = certificationRequest();
    const other = certificationRequest();
    const keyFile = join(directory, 'ct1.key');
    const write = (key: typeof request.privateKey) =>
      writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }));
    write(other.privateKey);
    await expect(sign(request, { force: true })).rejects.toThrow(`${keyFile} holds another key`);
    write(request.privateKey);
    const written = await sign(request);
    expect(written.certificates[0]!.privateKeyFile).toBe(keyFile);
    expect(createPrivateKey(readFileSync(keyFile)).equals(request.privateKey)).toBe(true);
  });

  it('for the key of the CA itself', async () => {
    const { authority, plan } = await newFolder();
    const { certificate, privateKey } = authority;
    await expect(plan({ key: { publicKey: certificate.publicKey, privateKey } })).rejects.toThrow(
      'the request cannot be signed: its key is that of the CA itself',
    );
  });

  it('whose key was revoked, but not where it was only superseded', async () => {
    const { directory, authority, sign } = await newFolder();
    const lost = certificationRequest({ commonNames: ['lost'] });
    const kept = certificationRequest({ commonNames: ['kept'] });
    await sign(lost);
    await sign(kept);
    await revokeCertificates(directory, authority, { name: 'lost' });
    await revokeCertificates(directory, authority, { name: 'kept', reason: 'superseded' });
    await expect(sign(lost, { name: 'found' })).rejects.toThrow(/its key was revoked on .* of "lost"/);
    expect((await sign(kept, { force: true })).certificates).toHaveLength(1);
  });
});

it('a request for a name of somebody else is reported', async () => {
  const { directory, authority, plan } = await newFolder();
  await writeServerCertificates(directory, authority, { names: ['pacs.example', '10.1.0.2'] });
  const { namesOfOthers } = await plan({ names: ['ct1.example', '10.1.0.2'] });
  expect(namesOfOthers).toEqual([{ name: '10.1.0.2', owner: 'server' }]);
});

describe('a file with a request', () => {
  const write = (content: string | Buffer) => {
    const file = join(temporaryFolder(), 'request');
    writeFileSync(file, content);
    return file;
  };

  it('may be PEM, also as old Windows writes it, or DER', async () => {
    const { pem, der } = certificationRequest();
    const asWindows = `some text\r\n${pem.replaceAll('CERTIFICATE', 'NEW CERTIFICATE').replaceAll('\n', '\r\n')}`;
    for (const content of [pem, asWindows, der]) {
      expect((await readRequestFile(write(content))).commonNames).toEqual(['ct1']);
    }
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['a certificate', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', /holds "CERTIFICATE"; /],
    ['two requests', certificationRequest().pem.repeat(2), /holds 2 requests; /],
    [
      'half a request',
      certificationRequest().pem.slice(0, -20),
      /cannot be read \(the PEM block .* cut short/,
    ],
    ['nothing', '', /cannot be read/],
    ['far too much', Buffer.alloc(65_537), /has more than 64 KiB; accepted is one certification request/],
  ])('is refused with %s', async (_title, content, message) => {
    await expect(readRequestFile(write(content))).rejects.toThrow(message);
  });
});

describeWithPeers(['openssl'], 'OpenSSL', () => {
  it('accepts what was signed by the strict rules, for the purposes that it was signed for', async () => {
    const { directory, sign } = await newFolder();
    await sign({ commonNames: ['mr1'], names: ['mr1.example'] });
    await sign({ commonNames: ['archive'], names: ['archive.example'] }, { purpose: 'server' });
    const verify = async (purpose: string, file: string) => {
      const options = ['verify', '-x509_strict', '-CAfile', 'ca.crt', '-CRLfile', 'ca.crl', '-crl_check'];
      const { output } = await runProcess('openssl', [...options, '-purpose', purpose, file], {
        workingDirectory: directory,
      });
      return output;
    };
    expect(await verify('sslclient', 'mr1.crt')).toBe('mr1.crt: OK\n');
    expect(await verify('sslserver', 'mr1.crt')).toBe('mr1.crt: OK\n');
    expect(await verify('sslserver', 'archive.crt')).toBe('archive.crt: OK\n');
    expect(await verify('sslclient', 'archive.crt')).toContain('unsuitable certificate purpose');
  });
});
