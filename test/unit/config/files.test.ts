import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inspectTlsFiles } from '../../../src/config/files';
import { type Configuration, configurationSchema } from '../../../src/config/schema';
import { formatPath } from '../../../src/text/problems';
import { testCertificates } from '../../support/certificates';

const certificates = testCertificates();
const { folder } = certificates;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The files of a listener that has nothing to fix; certificates are valid for 30 days, the list for 7. */
function good() {
  return {
    certificate: certificates.server.certificateFile,
    privateKey: certificates.server.privateKeyFile,
    trustedCertificates: certificates.ca.certificateFile,
    crl: certificates.crl.crlFile,
  };
}

function configurationWith(tls: Record<string, unknown>, more: Record<string, unknown> = {}): Configuration {
  return configurationSchema.parse({
    listeners: [{ name: 'tls', port: 0, tls }],
    upstreams: {},
    modalities: {},
    ...more,
  });
}

function inspect(configuration: Configuration, clock = { now: new Date() }) {
  return inspectTlsFiles(configuration, clock).map(
    ({ path, message, severity = 'error', kind }) => `${severity} ${kind} ${formatPath(path)} ${message}`,
  );
}

function longServer() {
  return certificates.issue('long-server', {
    issuer: certificates.ca,
    purposes: ['serverAuth'],
    validToDays: 400,
  });
}

function longCa() {
  return certificates.issue('Long CA', { isCa: true, validToDays: 400 });
}

/** Lists of the CA that lasts. */
function listOfWeek() {
  return certificates.issueCrl('week', { issuer: longCa(), revoked: [] });
}

function endedList() {
  return certificates.issueCrl('ended-list', {
    issuer: longCa(),
    revoked: [],
    issuedDays: -10,
    nextUpdateDays: -1,
  });
}

/** As good(), with nothing that ends soon. */
function lasting() {
  return {
    certificate: longServer().certificateFile,
    privateKey: longServer().privateKeyFile,
    trustedCertificates: longCa().certificateFile,
  };
}

function file(name: string, content: string, mode = 0o644): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

describe('the files of a listener', () => {
  it('are fine when they fit and last', () => {
    expect(inspect(configurationWith({ ...lasting(), crl: listOfWeek().crlFile }))).toEqual([]);
  });

  it('that do not exist are named, all of them', () => {
    const missing = (name: string) => join(folder, name);
    const tls = {
      certificate: [missing('a.crt'), longServer().certificateFile],
      privateKey: [missing('a.key'), longServer().privateKeyFile],
      trustedCertificates: missing('ca.crt'),
      crl: missing('ca.crl'),
    };
    expect(inspect(configurationWith(tls))).toEqual(
      [
        ['certificate[0]', 'a.crt'],
        ['privateKey[0]', 'a.key'],
        ['trustedCertificates[0]', 'ca.crt'],
        ['crl[0]', 'ca.crl'],
      ].map(
        ([key, name]) =>
          `error file listeners[0].tls.${key} ${missing(name!)} does not exist; correct the path, or make the file (see "aegis pki --help")`,
      ),
    );
  });

  it('that hold something else are named', () => {
    const tls = {
      certificate: file('garbage.crt', 'garbage'),
      privateKey: file('garbage.key', 'garbage', 0o600),
      trustedCertificates: file(
        'broken.crt',
        '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      ),
      crl: file('cut.crl', '-----BEGIN X509 CRL-----\nAAAA\n'),
    };
    const paths = inspect(configurationWith(tls)).map((line) => line.split(' ').slice(0, 3).join(' '));
    expect(paths).toEqual([
      'error file listeners[0].tls.certificate[0]',
      'error file listeners[0].tls.privateKey[0]',
      'error file listeners[0].tls.trustedCertificates[0]',
      'error file listeners[0].tls.crl[0]',
    ]);
  });

  it('may not be a private key that others can read', () => {
    const shared = join(folder, 'shared.key');
    copyFileSync(longServer().privateKeyFile, shared);
    chmodSync(shared, 0o644);
    const [finding, ...rest] = inspect(configurationWith({ ...lasting(), privateKey: shared }));
    expect(finding).toContain('error file listeners[0].tls.privateKey[0]');
    expect(finding).toContain(`chmod 600 ${shared}`);
    expect(rest).toEqual([]);
  });

  it('may not be a private key that is encrypted', () => {
    const pem = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n';
    const privateKey = file('encrypted.key', pem, 0o600);
    expect(inspect(configurationWith({ ...lasting(), privateKey }))).toEqual([
      expect.stringMatching(/privateKey\[0\] .*encrypted/),
    ]);
  });

  it('may not be a key and a certificate that do not belong together', () => {
    const privateKey = certificates.client.privateKeyFile;
    expect(inspect(configurationWith({ ...lasting(), privateKey }))).toEqual([
      expect.stringMatching(/^error file listeners\[0\]\.tls .*is not the private key of/),
    ]);
  });

  it('may not be a certificate for clients only', () => {
    const { certificateFile, privateKeyFile } = certificates.issue('only-client', {
      issuer: certificates.ca,
      purposes: ['clientAuth'],
      validToDays: 400,
    });
    expect(
      inspect(configurationWith({ ...lasting(), certificate: certificateFile, privateKey: privateKeyFile })),
    ).toEqual([
      expect.stringMatching(/^error file listeners\[0\]\.tls\.certificate\[0\] .*lacks serverAuth/),
    ]);
  });

  it('are looked at even where the configuration has problems of its own', () => {
    const tls = { ...lasting(), trustedCertificates: undefined, privateKey: [] };
    expect(inspect(configurationWith(tls))).toEqual([]);
  });
});

describe('dates', () => {
  const at = (days: number, failWithinDays?: number) => ({
    now: new Date(Date.now() + days * DAY_MS),
    ...(failWithinDays === undefined ? {} : { failWithinDays }),
  });
  /** Of the server certificate alone, which ends in 30 days. */
  const ofServer = (clock: { now: Date }) =>
    inspect(
      configurationWith({ ...lasting(), certificate: good().certificate, privateKey: good().privateKey }),
      clock,
    );
  const day = (date: string) => new Date(date).toISOString().slice(0, 10);
  const end = () => day(certificates.server.x509.validTo);

  it('warn of a certificate that ends within 30 days', () => {
    expect(ofServer(at(-0.5))).toEqual([]);
    expect(ofServer(at(18))).toEqual([
      `warning expiry listeners[0].tls.certificate[0] ${good().certificate} (CN=server) expires in 11 days, on ${end()}; issue a new one; if "aegis pki" issued it, run "aegis pki renew server"`,
    ]);
  });

  it('make that an error within the days that were asked for, and look further ahead if need be', () => {
    expect(ofServer(at(18, 7))).toEqual([expect.stringMatching(/^warning expiry /)]);
    expect(ofServer(at(18, 14))).toEqual([expect.stringMatching(/^error expiry /)]);
    expect(ofServer(at(-0.5, 90))).toEqual([expect.stringMatching(/^error expiry .*expires in 30 days/)]);
  });

  it('refuse a certificate that is not valid yet', () => {
    const { certificateFile, privateKeyFile } = certificates.issue('early-server', {
      issuer: certificates.ca,
      validFromDays: 1,
      validToDays: 400,
    });
    expect(
      inspect(configurationWith({ ...lasting(), certificate: certificateFile, privateKey: privateKeyFile })),
    ).toEqual([
      expect.stringMatching(/^error expiry .*is not valid before .*Z; check the clock of this machine$/),
    ]);
  });

  it('refuse a certificate that has ended', () => {
    expect(ofServer(at(32.5))).toEqual([
      `error expiry listeners[0].tls.certificate[0] ${good().certificate} (CN=server) expired 2 days ago, on ${end()}; issue a new one; if "aegis pki" issued it, run "aegis pki renew server"`,
    ]);
  });

  it('refuse a revocation list that is out of date, and warn three days before', () => {
    const withList = (crl: string) => configurationWith({ ...lasting(), crl });
    expect(inspect(withList(endedList().crlFile), at(0))).toEqual([
      expect.stringMatching(/^error expiry listeners\[0\]\.tls\.crl\[0\] .* expired 1 day ago/),
    ]);
    expect(inspect(withList(listOfWeek().crlFile), at(3))).toEqual([]);
    expect(inspect(withList(listOfWeek().crlFile), at(5))).toEqual([
      expect.stringMatching(/^warning expiry listeners\[0\]\.tls\.crl\[0\] .* expires in 1 day,/),
    ]);
  });

  it('refuse lists of none of the trusted CAs, and warn of a CA without one', () => {
    const { crlOfOtherCa, ca } = certificates;
    const none =
      'error file listeners[0].tls crl names no list of a trusted CA (CN=Long CA), so every certificate would be refused; name the list of that CA, or leave crl out';
    expect(inspect(configurationWith({ ...lasting(), crl: crlOfOtherCa.crlFile }))).toEqual([none]);
    const two = {
      trustedCertificates: [longCa().certificateFile, ca.certificateFile],
      crl: listOfWeek().crlFile,
    };
    expect(inspect(configurationWith({ ...lasting(), ...two }))).toContain(
      'warning file listeners[0].tls.crl names no list of the trusted CA CN=Test CA, so its certificates are refused; name it too',
    );
  });

  it('refuse a list that ends within the days that were asked for, unless they are most of its lifetime', () => {
    const long = certificates.issueCrl('long', { issuer: longCa(), revoked: [], nextUpdateDays: 60 });
    const withList = (crl: string) => configurationWith({ ...lasting(), crl });
    expect(inspect(withList(long.crlFile), at(50, 14))).toEqual([
      expect.stringMatching(/^error expiry listeners\[0\]\.tls\.crl\[0\] .* expires in 9 days,/),
    ]);
    expect(inspect(withList(long.crlFile), at(40, 14))).toEqual([]);
    expect(inspect(withList(listOfWeek().crlFile), at(1, 14))).toEqual([]);
  });

  it('refuse a single CA that has ended, and warn of one among others', () => {
    const bundle = file('bundle.crt', certificates.ca.cert + longCa().cert);
    const withTrust = (trustedCertificates: string) =>
      configurationWith({ ...lasting(), trustedCertificates });
    expect(inspect(withTrust(certificates.ca.certificateFile), at(31))).toEqual([
      expect.stringMatching(
        /^error expiry listeners\[0\]\.tls\.trustedCertificates\[0\] .*\(CN=Test CA\) expired/,
      ),
    ]);
    expect(inspect(withTrust(bundle), at(31))).toEqual([
      expect.stringMatching(/^warning expiry .*\(CN=Test CA\) expired/),
    ]);
  });
});

describe('the files of an address', () => {
  const configurationFor = (tls: Record<string, unknown>) =>
    configurationWith(lasting(), {
      modalities: {
        ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', address: { host: 'ct1', port: 2762, tls } },
      },
    });

  const longClient = () =>
    certificates.issue('long-client', {
      issuer: certificates.ca,
      purposes: ['clientAuth'],
      validToDays: 400,
    });
  const lastingClient = () => ({
    certificate: longClient().certificateFile,
    privateKey: longClient().privateKeyFile,
    trustedCertificates: longCa().certificateFile,
  });

  it('are fine when they fit and last', () => {
    expect(inspect(configurationFor(lastingClient()))).toEqual([]);
    expect(inspect(configurationFor({ trustedCertificates: longCa().certificateFile }))).toEqual([]);
  });

  it('are inspected like those of a listener', () => {
    const tls = { ...lastingClient(), trustedCertificates: join(folder, 'none.crt') };
    expect(inspect(configurationFor(tls))).toEqual([
      expect.stringMatching(
        /^error file modalities\.ct1\.address\.tls\.trustedCertificates\[0\] .* does not exist/,
      ),
    ]);
    expect(
      inspect(configurationFor({ ...lastingClient(), privateKey: certificates.client.privateKeyFile })),
    ).toEqual([
      expect.stringMatching(/^error file modalities\.ct1\.address\.tls .*is not the private key of/),
    ]);
  });

  it('include the revocation lists of those that are trusted', () => {
    const { crlFile } = certificates.issueCrl('ended', {
      issuer: longCa(),
      revoked: [],
      issuedDays: -9,
      nextUpdateDays: -1,
    });
    expect(inspect(configurationFor({ ...lastingClient(), crl: crlFile }))).toEqual([
      expect.stringMatching(/^error expiry modalities\.ct1\.address\.tls\.crl\[0\] .* expired 1 day ago/),
    ]);
  });

  it('must be those of a client where the gateway shows one', () => {
    expect(inspect(configurationFor(lasting()))).toEqual([
      expect.stringMatching(
        /^error file modalities\.ct1\.address\.tls\.certificate\[0\] .*is not meant for clients .* "aegis pki client NAME"$/,
      ),
    ]);
  });
});

describe('trust', () => {
  const { issue, issueCrl } = certificates;
  const of = (
    trustedCertificates: unknown,
    more: Record<string, unknown> = {},
    tls: Record<string, unknown> = {},
  ) => inspect(configurationWith({ ...lasting(), trustedCertificates, ...tls }, more));
  const inDays = { validToDays: 400 };
  const entry = (certificate?: string) => ({
    callingAeTitle: 'CT1',
    from: '127.0.0.1',
    allow: 'echo',
    ...(certificate === undefined ? {} : { certificate }),
  });

  it('in a certificate that a CA has signed lets nobody in, and says what to do', () => {
    const leaf = issue('leaf', { issuer: longCa(), ...inDays });
    expect(of(leaf.certificateFile)).toEqual([
      expect.stringMatching(
        /^error file listeners\[0\]\.tls\.trustedCertificates\[0\] .*leaf\.crt \(CN=leaf\) is signed by CN=Long CA, which trustedCertificates does not name, so nobody can pass with it; add the certificate of that CA, up to its root; to let in this device only, also name "spki-sha256:[0-9A-F:]+" in its entry$/,
      ),
    ]);
    expect(of([leaf.certificateFile, longCa().certificateFile])).toEqual([]);
  });

  it('in an intermediate CA without its root is only a warning beside a CA that works', () => {
    const root = issue('Other root', { isCa: true, ...inDays });
    const intermediate = issue('Long intermediate', { issuer: root, isCa: true, ...inDays });
    expect(of([longCa().certificateFile, intermediate.certificateFile])).toEqual([
      expect.stringMatching(/^warning file .*\[1\] .*is signed by CN=Other root/),
    ]);
    expect(of([root.certificateFile, intermediate.certificateFile])).toEqual([]);
  });

  it('in a self-signed certificate that may sign others is warned of, while an entry could be impersonated', () => {
    const device = issue('orthanc-recipe', { isCa: true, keyUsage: 0, ...inDays });
    const warning = expect.stringMatching(
      /^warning file .*\(CN=orthanc-recipe, spki-sha256:[0-9A-F:]+\) is self-signed and may sign other certificates \(CA:TRUE\): who has its key can pass as ct1; .*spki-sha256:/,
    );
    expect(of(device.certificateFile, { modalities: { ct1: entry() } })).toEqual([warning]);
    expect(of(device.certificateFile, { modalities: { ct1: entry('cn:ct1') } })).toEqual([warning]);
    const pin = `sha256:${device.x509.fingerprint256}`;
    expect(of(device.certificateFile, { modalities: { ct1: entry(pin) } })).toEqual([]);
    expect(of(longCa().certificateFile, { modalities: { ct1: entry() } })).toEqual([]);
  });

  it('in a list that is for some certificates only is warned of', () => {
    const list = issueCrl('part', {
      issuer: longCa(),
      revoked: [],
      distributionPoint: 'http://pki.example/1',
    });
    expect(of(longCa().certificateFile, {}, { crl: list.derFile })).toEqual([
      expect.stringMatching(
        /^warning file .*only for certificates with the distribution point URI:http:\/\/pki\.example\/1; /,
      ),
    ]);
  });
});
