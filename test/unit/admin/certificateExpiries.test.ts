import { describe, expect, it } from '@jest/globals';
import { CertificateExpiries } from '../../../src/admin/certificateExpiries';
import { configurationSchema } from '../../../src/config/schema';
import { OperatorError } from '../../../src/errors';
import { testCertificates } from '../../support/certificates';

const certificates = testCertificates();

function configurationOf(tls: object | undefined, modalities: object = {}) {
  return configurationSchema.parse({
    listeners: [{ name: 'a', port: 2762, tls }],
    upstreams: {},
    modalities,
  });
}

describe('CertificateExpiries', () => {
  it('gives for each kind what ends first', () => {
    const { server, ca, crl } = certificates;
    const early = certificates.issue('early', { issuer: ca, validToDays: 3 });
    const expiries = new CertificateExpiries(
      configurationOf({
        certificate: [server.certificateFile, early.certificateFile],
        privateKey: [server.privateKeyFile, early.privateKeyFile],
        trustedCertificates: ca.certificateFile,
        crl: crl.crlFile,
      }),
    );
    const datesOf = ({ x509 }: typeof ca) => ({
      notBefore: new Date(x509.validFrom),
      notAfter: new Date(x509.validTo),
    });
    expect(expiries.list).toEqual([
      { kind: 'listener', name: 'a', ...datesOf(early) },
      { kind: 'crl', name: 'a', notBefore: expect.any(Date), notAfter: expect.any(Date) },
      { kind: 'ca', name: 'a', ...datesOf(ca) },
    ]);
  });

  it('gives the same for upstreams, and for what egress shows and trusts, where there is egress', () => {
    const { client, ca } = certificates;
    const { crlFile } = certificates.issueCrl('of-ca', { issuer: ca, revoked: [] });
    const tls = {
      certificate: client.certificateFile,
      privateKey: client.privateKeyFile,
      trustedCertificates: ca.certificateFile,
      crl: crlFile,
    };
    const entry = { callingAeTitle: 'CT1', from: '10.1.2.10', address: { host: 'ct1', port: 2762, tls } };
    const configuration = configurationOf(undefined, { ct1: entry });
    expect(new CertificateExpiries(configuration).list).toEqual([]);
    const { list } = new CertificateExpiries({
      ...configuration,
      egress: configurationSchema.shape.egress.parse({})!,
    });
    expect(list.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'egress ct1',
      'egress-ca ct1',
      'egress-crl ct1',
    ]);
    expect(list.find(({ kind }) => kind === 'egress')?.notAfter).toEqual(new Date(client.x509.validTo));
    const upstream = configurationSchema.shape.upstreams.parse({
      ARCHIVE: { servers: '127.0.0.1:4242', tls },
    });
    const ofUpstream = new CertificateExpiries({ ...configuration, upstreams: upstream });
    expect(ofUpstream.list.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual([
      'upstream ARCHIVE',
      'upstream-ca ARCHIVE',
      'upstream-crl ARCHIVE',
    ]);
  });

  it('has nothing to tell of a plain listener', () => {
    expect(new CertificateExpiries(configurationOf(undefined)).list).toEqual([]);
  });

  it('names a file that cannot be read', () => {
    const broken = configurationOf({ certificate: '/nowhere/server.crt', privateKey: '/nowhere/server.key' });
    expect(() => new CertificateExpiries(broken)).toThrow(
      new OperatorError('/nowhere/server.crt does not exist; correct the path'),
    );
  });

  it('gives the certificate that each modality showed last, as long as it has an entry', () => {
    const entry = { callingAeTitle: 'CT1', from: '10.1.2.10' };
    const expiries = new CertificateExpiries(configurationOf(undefined, { ct1: entry, ct2: entry }));
    const show = (modality: string, notAfter?: string) =>
      expiries.record({
        event: 'association.accepted',
        outcome: 'allowed',
        modality,
        tls: { protocol: 'TLSv1.3', cipher: '', ...(notAfter === undefined ? {} : { notAfter }) },
      });
    show('ct1', '2027-01-01T00:00:00.000Z');
    const shown = { kind: 'modality', name: 'ct1', notAfter: new Date('2028-01-01T00:00:00Z') };
    expect(show('ct1', '2028-01-01T00:00:00.000Z')).toEqual(shown);
    expect(show('ct1', '2028-01-01T00:00:00.000Z')).toBeUndefined();
    show('ct2', '2026-12-01T00:00:00.000Z');
    show('ct3');
    expect(expiries.list).toEqual([
      { kind: 'modality', name: 'ct2', notAfter: new Date('2026-12-01T00:00:00Z') },
      { kind: 'modality', name: 'ct1', notAfter: new Date('2028-01-01T00:00:00Z') },
    ]);
    const takeOver = expiries.prepareReload(configurationOf(undefined, { ct1: entry }));
    expect(expiries.list).toHaveLength(2);
    takeOver();
    expect(expiries.list).toEqual([expect.objectContaining({ name: 'ct1' })]);
  });
});
