import { describe, expect, it } from '@jest/globals';
import { readCertificateExpiries } from '../../../src/admin/certificateExpiries';
import { configurationSchema } from '../../../src/config/schema';
import { OperatorError } from '../../../src/errors';
import { testCertificates } from '../../support/certificates';

const certificates = testCertificates();

function configurationOf(tls: object | undefined) {
  return configurationSchema.parse({
    listeners: [{ name: 'a', port: 2762, tls }],
    upstreams: {},
    modalities: {},
  });
}

describe('readCertificateExpiries', () => {
  it('tells for each kind what ends first', () => {
    const { server, ca, crl } = certificates;
    const early = certificates.issue('early', { issuer: ca, validToDays: 3 });
    const expiries = readCertificateExpiries(
      configurationOf({
        certificate: [server.certificateFile, early.certificateFile],
        privateKey: [server.privateKeyFile, early.privateKeyFile],
        trustedCertificates: ca.certificateFile,
        crl: crl.crlFile,
      }),
    );
    expect(expiries).toEqual([
      { kind: 'listener', name: 'a', notAfter: new Date(early.x509.validTo) },
      { kind: 'ca', name: 'a', notAfter: new Date(ca.x509.validTo) },
      { kind: 'crl', name: 'a', notAfter: expect.any(Date) },
    ]);
  });

  it('has nothing to tell of a plain listener', () => {
    expect(readCertificateExpiries(configurationOf(undefined))).toEqual([]);
  });

  it('names a file that cannot be read', () => {
    const broken = configurationOf({ certificate: '/nowhere/server.crt', privateKey: '/nowhere/server.key' });
    expect(() => readCertificateExpiries(broken)).toThrow(
      new OperatorError('/nowhere/server.crt does not exist'),
    );
  });
});
