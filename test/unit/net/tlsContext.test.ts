import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { OperatorError } from '../../../src/errors';
import { loadClientTlsContext, loadTlsContext } from '../../../src/net/tlsContext';
import { testCertificates } from '../../support/certificates';

const certificates = testCertificates();
const { folder, ca, server, rsaServer, client, crl, expiredCrl } = certificates;

const good = {
  profile: 'bcp195',
  certificate: [server.certificateFile],
  privateKey: [server.privateKeyFile],
  trustedCertificates: [ca.certificateFile],
  clientCertificate: 'required',
} as const satisfies Parameters<typeof loadTlsContext>[0];

function problemOf(load: () => unknown): string {
  try {
    load();
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    throw error;
  }
  throw new Error('nothing was wrong with it');
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describe('the TLS material of a listener', () => {
  it('names certificates and lists, for their dates of expiry', () => {
    const chain = file('chain.crt', server.cert + ca.cert);
    const lists = file('lists.crl', crl.crl + expiredCrl.crl);
    const material = loadTlsContext({ ...good, certificate: [chain], crl: [lists] });
    expect(material.certificates.map(({ subject }) => subject)).toEqual(['CN=server']);
    expect(material.trustedCertificates.map(({ subject }) => subject)).toEqual(['CN=Test CA']);
    expect(material.revocationLists).toHaveLength(2);
  });

  it('demands a certificate from peers, and leaves the refusal to gate 2, which says which one it was', () => {
    expect(loadTlsContext(good).options).toMatchObject({ requestCert: true, rejectUnauthorized: false });
  });

  it.each([{}, { trustedCertificates: [] }])('never trusts public CAs: %j', (trusted) => {
    const { trustedCertificates: _, ...rest } = good;
    const { options, trustedCertificates } = loadTlsContext({ ...rest, ...trusted });
    // Left undefined, it would mean every public CA.
    expect(options.ca).toEqual([]);
    expect(trustedCertificates).toEqual([]);
  });

  it('refuses a key of another certificate', () => {
    expect(problemOf(() => loadTlsContext({ ...good, privateKey: [client.privateKeyFile] }))).toBe(
      `${client.privateKeyFile} is not the private key of ${server.certificateFile}; ` +
        'name the key that the certificate was issued for',
    );
  });

  it('refuses a chain in the wrong order', () => {
    const chain = file('wrong-order.crt', ca.cert + server.cert);
    expect(problemOf(() => loadTlsContext({ ...good, certificate: [chain] }))).toContain(
      'its own certificate comes first',
    );
  });

  it('refuses a certificate without a key', () => {
    const certificate = [server.certificateFile, rsaServer.certificateFile];
    expect(problemOf(() => loadTlsContext({ ...good, certificate }))).toContain(
      'certificate names 2 files and privateKey 1',
    );
  });

  it('refuses two certificates of one kind, of which OpenSSL would drop one', () => {
    const problem = problemOf(() =>
      loadTlsContext({
        ...good,
        certificate: [server.certificateFile, client.certificateFile],
        privateKey: [server.privateKeyFile, client.privateKeyFile],
      }),
    );
    expect(problem).toBe(
      `${server.certificateFile} and ${client.certificateFile} are both of the kind ec; ` +
        'a listener takes one of each kind',
    );
  });

  it('refuses what OpenSSL would refuse later', () => {
    const { weakClient } = certificates;
    const weak = { certificate: [weakClient.certificateFile], privateKey: [weakClient.privateKeyFile] };
    expect(problemOf(() => loadTlsContext({ ...good, ...weak }))).toMatch(
      /^OpenSSL does not accept these TLS files: .*too small/,
    );
  });
});

describe('the TLS material of a client', () => {
  it('is read with and without a certificate of its own', () => {
    const trusted = { profile: 'bcp195', trustedCertificates: [ca.certificateFile] } as const;
    expect(loadClientTlsContext(trusted)).not.toHaveProperty('serverName');
    const identity = { certificate: client.certificateFile, privateKey: client.privateKeyFile };
    const material = loadClientTlsContext({ ...trusted, ...identity, serverName: 'archive' });
    expect(material).toMatchObject({ serverName: 'archive', options: { rejectUnauthorized: true } });
    expect(problemOf(() => loadClientTlsContext({ ...trusted, certificate: client.certificateFile }))).toBe(
      'privateKey is missing; certificate and privateKey go together',
    );
  });
});
