/**
 * Owns the throw-away certificates of tests: two CAs, servers, good and bad clients, revocation lists, as files in
 * a temporary folder of the test file. Made on first use with node:crypto and nothing else, ECDSA unless asked
 * otherwise, because an RSA key takes a hundred times longer.
 *
 *     const certificates = testCertificates();
 *     tls.connect({ port, ca: certificates.ca.cert, ...certificates.client });
 *     await listen({ certificate: [certificates.server.certificateFile], … });
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  nothing,
  objectIdentifier,
  octetString,
  pem,
  sequence,
  set,
  utcTime,
  utf8String,
} from './der';
import { temporaryFolder } from './processes';

const DAY_MS = 24 * 60 * 60 * 1000;

export interface TestCertificate {
  /** PEM, as `tls` takes it: spread `cert` and `key` into its options. */
  readonly cert: string;
  readonly key: string;
  readonly certificateFile: string;
  /** Readable by its owner only. */
  readonly privateKeyFile: string;
  readonly x509: X509Certificate;
}

export interface TestCertificateOptions {
  /** Default `ecdsa` (P-256); `rsa` has 2048 bits, `rsa-weak` 1024. */
  readonly keyKind?: 'ecdsa' | 'rsa' | 'rsa-weak';
  readonly issuer?: TestCertificate;
  /** DNS names and IPv4 addresses of the subjectAltName extension; default none. */
  readonly names?: readonly string[];
  /** Default none: the certificate then has no extendedKeyUsage and is good for anything. */
  readonly purposes?: readonly ('serverAuth' | 'clientAuth')[];
  readonly isCa?: boolean;
  /** URIs of its CRL distribution points. */
  readonly distributionPoints?: readonly string[];
  /** Bits of the first byte of keyUsage; default digitalSignature, for a CA keyCertSign and cRLSign; 0: no such extension. */
  readonly keyUsage?: number;
  /** Has an extension that nobody knows, marked critical. */
  readonly isStrange?: boolean;
  /** Days from now, negative for the past; default yesterday and in 30 days. */
  readonly validFromDays?: number;
  readonly validToDays?: number;
}

const purposeOids = { serverAuth: '1.3.6.1.5.5.7.3.1', clientAuth: '1.3.6.1.5.5.7.3.2' } as const;

/** Everything that a TLS test needs; each is made when it is first asked for. */
export function testCertificates() {
  const folder = temporaryFolder();
  const made = new Map<string, unknown>();
  const once = <T>(name: string, make: () => T): T => {
    if (!made.has(name)) made.set(name, make());
    return made.get(name) as T;
  };
  const issue = (commonName: string, options: TestCertificateOptions = {}) =>
    once(commonName, () => issueCertificate(folder, commonName, options));
  const client = (commonName: string, options: TestCertificateOptions = {}) =>
    issue(commonName, {
      issuer: all.ca,
      purposes: ['clientAuth'],
      names: [`${commonName}.radiology.example`],
      ...options,
    });
  const server = (commonName: string, options: TestCertificateOptions = {}) =>
    issue(commonName, {
      issuer: all.ca,
      purposes: ['serverAuth'],
      names: ['localhost', '127.0.0.1'],
      ...options,
    });

  const all = {
    folder,
    /** Makes another one; asked twice for the same common name, it gives the same certificate. */
    issue,
    /** A revocation list of an issuer, as a PEM file. */
    issueCrl: (name: string, options: TestCrlOptions) =>
      once(`${name}.crl`, () => issueCrl(folder, name, options)),

    get ca() {
      return issue('Test CA', { isCa: true });
    },
    /** A CA that nobody trusts. */
    get otherCa() {
      return issue('Other CA', { isCa: true });
    },

    /** For `localhost` and 127.0.0.1. */
    get server() {
      return server('server');
    },
    get rsaServer() {
      return server('rsa-server', { keyKind: 'rsa' });
    },

    /** `CN=ct1`, `DNS:ct1.radiology.example`. */
    get client() {
      return client('ct1');
    },
    get rsaClient() {
      return client('rsa-ct1', { keyKind: 'rsa' });
    },
    /** Without extendedKeyUsage, as many a modality's is. */
    get clientWithoutPurpose() {
      return issue('no-purpose', { issuer: all.ca });
    },
    get expiredClient() {
      return client('expired', { validFromDays: -30, validToDays: -1 });
    },
    get notYetValidClient() {
      return client('not-yet-valid', { validFromDays: 1 });
    },
    /** On `crl` and on `expiredCrl`. */
    get revokedClient() {
      return client('revoked');
    },
    get clientOfOtherCa() {
      return client('foreign', { issuer: all.otherCa });
    },
    get selfSignedClient() {
      return issue('self-signed', { purposes: ['clientAuth'] });
    },
    /** A server certificate of the trusted CA, shown by a client. */
    get serverAsClient() {
      return client('server-as-client', { purposes: ['serverAuth'] });
    },
    get weakClient() {
      return client('weak', { keyKind: 'rsa-weak' });
    },

    get crl() {
      return all.issueCrl('crl', { issuer: all.ca, revoked: [all.revokedClient] });
    },
    get expiredCrl() {
      return all.issueCrl('expired-crl', {
        issuer: all.ca,
        revoked: [all.revokedClient],
        issuedDays: -10,
        nextUpdateDays: -1,
      });
    },
    get crlOfOtherCa() {
      return all.issueCrl('other-crl', { issuer: all.otherCa, revoked: [] });
    },
  };
  return all;
}

export type TestCertificates = ReturnType<typeof testCertificates>;

function issueCertificate(
  folder: string,
  commonName: string,
  options: TestCertificateOptions,
): TestCertificate {
  const { publicKey, privateKey } = generateKeys(options.keyKind ?? 'ecdsa');
  const issuerKey = options.issuer === undefined ? privateKey : createPrivateKey(options.issuer.key);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const toBeSigned = sequence(
    explicit(0, integer('2')), // version 3
    integer(`1${randomBytes(8).toString('hex')}`),
    signatureAlgorithm(issuerKey),
    options.issuer === undefined ? name(commonName) : subjectOf(options.issuer),
    sequence(utcTime(inDays(options.validFromDays ?? -1)), utcTime(inDays(options.validToDays ?? 30))),
    name(commonName),
    spki,
    explicit(3, sequence(...extensions(spki, options))),
  );
  const cert = pem('CERTIFICATE', signed(toBeSigned, issuerKey));
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const file = join(folder, commonName.replace(/[^\w-]/g, '-'));
  writeFileSync(`${file}.crt`, cert);
  writeFileSync(`${file}.key`, key, { mode: 0o600 });
  return {
    cert,
    key,
    certificateFile: `${file}.crt`,
    privateKeyFile: `${file}.key`,
    x509: new X509Certificate(cert),
  };
}

export interface TestCrlOptions {
  readonly issuer: TestCertificate;
  readonly revoked: readonly TestCertificate[];
  /** Days from now; default an hour ago and in 7 days. */
  readonly issuedDays?: number;
  readonly nextUpdateDays?: number;
  /** Of its issuing distribution point: a URI, and what else it says. */
  readonly distributionPoint?: string;
  readonly only?: 'user' | 'ca' | 'someReasons' | 'indirect';
  /** Is a delta list. */
  readonly isDelta?: boolean;
  /** Hexadecimal; default 1. */
  readonly number?: string;
}

export interface TestCrl {
  readonly crl: string;
  readonly crlFile: string;
  /** The same list as CAs publish it. */
  readonly derFile: string;
}

function issueCrl(folder: string, fileName: string, options: TestCrlOptions): TestCrl {
  const issuerKey = createPrivateKey(options.issuer.key);
  const issued = utcTime(inDays(options.issuedDays ?? -1 / 24));
  const revoked = options.revoked.map((certificate) =>
    sequence(integer(certificate.x509.serialNumber), issued),
  );
  const toBeSigned = sequence(
    integer('1'), // version 2
    signatureAlgorithm(issuerKey),
    subjectOf(options.issuer),
    issued,
    utcTime(inDays(options.nextUpdateDays ?? 7)),
    // RFC 5280 §5.1.2.6: left out where nothing is revoked.
    ...(revoked.length === 0 ? [] : [sequence(...revoked)]),
    explicit(0, sequence(...listExtensions(options))),
  );
  const list = signed(toBeSigned, issuerKey);
  const crl = pem('X509 CRL', list);
  const crlFile = join(folder, `${fileName}.crl`);
  writeFileSync(crlFile, crl);
  writeFileSync(`${crlFile}.der`, list);
  return { crl, crlFile, derFile: `${crlFile}.der` };
}

const scopeFields = {
  user: implicit(1, Buffer.of(0xff)),
  ca: implicit(2, Buffer.of(0xff)),
  someReasons: implicit(3, Buffer.of(6, 0x40)),
  indirect: implicit(4, Buffer.of(0xff)),
} as const;

function listExtensions({ distributionPoint, only, isDelta, number = '1' }: TestCrlOptions): Buffer[] {
  const scope = [
    ...(distributionPoint === undefined ? [] : [explicit(0, explicit(0, uriName(distributionPoint)))]),
    ...(only === undefined ? [] : [scopeFields[only]]),
  ];
  return [
    extension('2.5.29.20', integer(number)), // CRL number
    ...(scope.length === 0 ? [] : [extension('2.5.29.28', sequence(...scope), 'critical')]),
    ...(isDelta === true ? [extension('2.5.29.27', integer('1'), 'critical')] : []),
  ];
}

function generateKeys(keyKind: NonNullable<TestCertificateOptions['keyKind']>) {
  if (keyKind === 'ecdsa') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('rsa', { modulusLength: keyKind === 'rsa' ? 2048 : 1024 });
}

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

function name(commonName: string): Buffer {
  return sequence(set(sequence(objectIdentifier('2.5.4.3'), utf8String(commonName))));
}

/** The common name is all that these certificates have for a subject. */
function subjectOf(certificate: TestCertificate): Buffer {
  return name(certificate.x509.subject.replace('CN=', ''));
}

function signatureAlgorithm(issuerKey: KeyObject): Buffer {
  return issuerKey.asymmetricKeyType === 'ec'
    ? sequence(objectIdentifier('1.2.840.10045.4.3.2')) // ecdsa-with-SHA256
    : sequence(objectIdentifier('1.2.840.113549.1.1.11'), nothing()); // sha256WithRSAEncryption
}

function signed(toBeSigned: Buffer, issuerKey: KeyObject): Buffer {
  const signature = sign('sha256', toBeSigned, issuerKey);
  return sequence(toBeSigned, signatureAlgorithm(issuerKey), bitString(signature));
}

function extensions(spki: Buffer, options: TestCertificateOptions): Buffer[] {
  const isCa = options.isCa === true;
  // keyCertSign and cRLSign, or digitalSignature.
  const usage = options.keyUsage ?? (isCa ? 0b00000110 : 0b10000000);
  const keyUsage = bitString(Buffer.from([usage]), usage === 0 ? 0 : 31 - Math.clz32(usage & -usage));
  const list = [
    extension('2.5.29.19', sequence(...(isCa ? [boolean(true)] : [])), 'critical'), // basicConstraints
    ...(usage === 0 ? [] : [extension('2.5.29.15', keyUsage, 'critical')]),
    ...(options.isStrange === true ? [extension('1.2.3.4.5', nothing(), 'critical')] : []),
    extension('2.5.29.14', octetString(createHash('sha1').update(spki).digest())), // subjectKeyIdentifier
  ];
  const { purposes = [], names = [], distributionPoints = [] } = options;
  if (distributionPoints.length > 0) {
    const points = distributionPoints.map((uri) => sequence(explicit(0, explicit(0, uriName(uri)))));
    list.push(extension('2.5.29.31', sequence(...points)));
  }
  if (purposes.length > 0) {
    const oids = purposes.map((purpose) => objectIdentifier(purposeOids[purpose]));
    list.push(extension('2.5.29.37', sequence(...oids)));
  }
  if (names.length > 0) list.push(extension('2.5.29.17', sequence(...names.map(generalName))));
  return list;
}

function generalName(text: string): Buffer {
  if (isIPv4(text)) return implicit(7, Buffer.from(text.split('.').map(Number)));
  return implicit(2, Buffer.from(text));
}

function uriName(uri: string): Buffer {
  return implicit(6, Buffer.from(uri));
}

function extension(oid: string, value: Buffer, criticality?: 'critical'): Buffer {
  const critical = criticality === 'critical' ? [boolean(true)] : [];
  return sequence(objectIdentifier(oid), ...critical, octetString(value));
}
