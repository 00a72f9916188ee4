/**
 * Turns the TLS part of the configuration into options for node:tls, with every file read and checked, so that what
 * loads also works: a reload that fails here leaves the running listener as it is. Opens no sockets.
 */
import { constants, type KeyObject, type X509Certificate } from 'node:crypto';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from 'node:tls';
import type { ListenerTlsConfiguration, TlsProfile } from '../config/schema';
import { OperatorError } from '../errors';
import { type CertificateMatchers, compileCertificateMatchers } from '../policy/certificate';
import { decodeCertificate } from '../x509/certificate';
import type { Trust } from '../x509/certificateTrust';
import { oneLine } from '../x509/names';
import { isFetched, type ListUser, listFilesOf, readLists } from '../x509/revocationSources';
import { hasBegun, listProblem } from '../x509/revocationTrust';
import {
  type CertificateFile,
  type PrivateKeyFile,
  type RevocationList,
  readCertificates,
  readPrivateKey,
} from '../x509/tlsFiles';
import { tlsProfiles } from './tlsProfiles';

/** ALPN protocol id of DICOM; peers that send no ALPN are served too. */
const APPLICATION_PROTOCOL = 'dicom';

/**
 * No tickets: a client that resumes a session shows no certificate, so a revoked one would still be good, and node:tls
 * counts a client that never had one as authorized. No renegotiation: it costs us more than the peer, and it would
 * change the certificate after we looked at it. No compression: CRIME.
 */
const SECURE_OPTIONS =
  constants.SSL_OP_NO_TICKET |
  constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_NO_COMPRESSION |
  constants.SSL_OP_CIPHER_SERVER_PREFERENCE;

/** What a TLS listener needs, read from disk at one moment. */
export interface TlsMaterial {
  /** For tls.createServer. */
  readonly options: TlsOptions;
  /** The listener's own certificates, without chain; for their dates of expiry. */
  readonly certificates: readonly X509Certificate[];
  readonly trustedCertificates: readonly X509Certificate[];
  /** Not for OpenSSL: peerCertificates.ts judges revocation. A list past its next update refuses every peer. */
  readonly revocationLists: readonly RevocationList[];
  readonly needsLists: boolean;
}

/** Reads and checks everything that the listener's `tls` names. Throws OperatorError. */
export function loadTlsContext(tls: ListenerTlsConfiguration): TlsMaterial {
  const identities = loadIdentities(tls.certificate, tls.privateKey);
  const trust = loadTrust(tls);
  const isCertificateRequired = tls.clientCertificate === 'required';
  const options: TlsOptions = {
    ...tlsProfiles[tls.profile].options,
    ...identities.options,
    ...trust.options,
    secureOptions: SECURE_OPTIONS,
    requestCert: isCertificateRequired,
    // peerCertificates.ts refuses: Node would end the socket before anybody sees the certificate.
    rejectUnauthorized: false,
    // Not as a list, of which node:tls keeps a copy for every connection. Node has this from 20.4 on.
    ALPNCallback: ({ protocols }) =>
      protocols.includes(APPLICATION_PROTOCOL) ? APPLICATION_PROTOCOL : undefined,
  };
  usableContext(options);
  return {
    options,
    certificates: identities.certificates,
    trustedCertificates: trust.trustedCertificates,
    revocationLists: trust.revocationLists,
    needsLists: trust.needsLists,
  };
}

/** The certificate that we show, and the CAs that we trust, when we connect: `modalities.*.address.tls`. */
export interface ClientTlsConfiguration {
  readonly profile: TlsProfile;
  /** PEM files. Without any, no peer is trusted. */
  readonly trustedCertificates: readonly string[];
  readonly crl?: readonly string[] | undefined;
  readonly certificate?: string | undefined;
  readonly privateKey?: string | undefined;
  readonly serverName?: string | undefined;
  /** `sha256:…` and `spki-sha256:…`. */
  readonly pin?: readonly string[] | undefined;
}

/** What a TLS client needs, read from disk at one moment. */
export interface ClientTlsMaterial {
  /** For tls.connect. */
  readonly options: ConnectionOptions;
  /** The name or address that the peer's certificate has to show; absent: the host, unless there are pins. */
  readonly serverName?: string;
  /** The certificates that it may show; absent: any with the name. */
  readonly pins?: CertificateMatchers;
  /** For revocation, which OpenSSL does not judge here. */
  readonly trust: Trust;
}

/** Reads and checks every file. Throws OperatorError. */
export function loadClientTlsContext(tls: ClientTlsConfiguration): ClientTlsMaterial {
  if ((tls.certificate === undefined) !== (tls.privateKey === undefined)) {
    const missing = tls.certificate === undefined ? 'certificate' : 'privateKey';
    throw new OperatorError(`${missing} is missing; certificate and privateKey go together`);
  }
  const identities = loadIdentities(
    tls.certificate === undefined ? [] : [tls.certificate],
    tls.privateKey === undefined ? [] : [tls.privateKey],
  );
  // A server's choice; a client says how short a prime it takes.
  const { dhparam: _, ...profile } = tlsProfiles[tls.profile].options;
  const trust = loadTrust(tls);
  const secureContext = usableContext({
    ...profile,
    ...identities.options,
    ...trust.options,
    secureOptions: SECURE_OPTIONS,
  });
  return {
    // The context is made once: making it reads every certificate again.
    options: {
      secureContext,
      minDHSize: 2048,
      rejectUnauthorized: true,
      ALPNProtocols: [APPLICATION_PROTOCOL],
    },
    ...expectedIdentity(tls),
    trust,
  };
}

/** For servers that are not DICOM: some would refuse the connection where DICOM is offered. */
export function withoutAlpn({
  options: { ALPNProtocols: _, ...options },
  ...material
}: ClientTlsMaterial): ClientTlsMaterial {
  return { ...material, options };
}

/** The identity that the peer has to prove: the part that differs between peers with the same files. */
export function expectedIdentity({
  serverName,
  pin,
}: Pick<ClientTlsConfiguration, 'serverName' | 'pin'>): Omit<ClientTlsMaterial, 'options' | 'trust'> {
  return {
    ...(serverName === undefined ? {} : { serverName }),
    ...(pin === undefined ? {} : { pins: compileCertificateMatchers(pin) }),
  };
}

interface LoadedTrust extends Trust {
  readonly options: Pick<SecureContextOptions, 'ca'>;
  readonly revocationLists: readonly RevocationList[];
  readonly needsLists: boolean;
}

function loadTrust(user: ListUser): LoadedTrust {
  const trusted = (user.trustedCertificates ?? []).map(readCertificates);
  const files = listFilesOf(user);
  const lists = files.flatMap(readLists);
  refuseForeignLists(
    trusted,
    lists.filter(({ file }) => !isFetched(file)),
  );
  const trustedCertificates = trusted.flatMap((bundle) => bundle.certificates);
  const now = new Date();
  const revocationLists = lists.filter((list) => isUsable(list, trustedCertificates, now));
  return {
    // Left undefined, `ca` would mean every public CA in the world.
    options: { ca: trusted.map(({ pem }) => pem) },
    trustedCertificates,
    revocationLists,
    needsLists: files.length > 0,
  };
}

/** A list that was fetched and does not fit is left out, as if it were not there. One of the operator is refused. */
function isUsable(list: RevocationList, trusted: readonly X509Certificate[], now: Date): boolean {
  const fault = listFault(list, trusted, now);
  if (fault !== undefined && !isFetched(list.file)) throw new OperatorError(`${list.file} ${fault}`);
  return fault === undefined;
}

/** Why a list would refuse devices that it should not, or spare one that it should refuse. */
export function listFault(
  list: RevocationList,
  trusted: readonly X509Certificate[],
  now: Date,
): string | undefined {
  if (hasBegun(list, now)) return listProblem(list, trusted);
  return `is not valid before ${list.thisUpdate.toISOString()}; check the clock of this machine`;
}

/** The trusted CAs without a list: as soon as there is any list, the certificates of these are refused. */
export function withoutList(
  trusted: readonly CertificateFile[],
  lists: readonly RevocationList[],
): readonly X509Certificate[] {
  return trusted
    .flatMap((bundle) => bundle.certificates)
    .filter(
      ({ raw }) => !lists.some(({ issuer }) => issuer.encoded.equals(decodeCertificate(raw).subject.encoded)),
    );
}

/** Where no list is of a trusted CA, as with a wrong file, every peer would be refused. */
function refuseForeignLists(trusted: readonly CertificateFile[], lists: readonly RevocationList[]): void {
  const authorities = trusted.flatMap((bundle) => bundle.certificates);
  if (lists.length === 0 || authorities.length === 0) return;
  if (withoutList(trusted, lists).length < authorities.length) return;
  throw new OperatorError(
    `crl names no list of a trusted CA (${oneLine(authorities[0]?.subject)}), so every certificate would be refused; ` +
      'name the list of that CA, or leave crl out',
  );
}

interface Identities {
  readonly options: Pick<SecureContextOptions, 'cert' | 'key'>;
  readonly certificates: readonly X509Certificate[];
}

/** Pairs each certificate with its key, in the order given. */
function loadIdentities(certificateFiles: readonly string[], keyFiles: readonly string[]): Identities {
  if (certificateFiles.length !== keyFiles.length) {
    throw new OperatorError(
      `certificate names ${certificateFiles.length} files and privateKey ${keyFiles.length}; ` +
        'each certificate needs its key, in the same order',
    );
  }
  const certificates = certificateFiles.map(readCertificates);
  const keys = keyFiles.map(readPrivateKey);
  const fileByKind = new Map<KeyObject['asymmetricKeyType'], string>();
  certificates.forEach((certificate, index) => {
    const key = keys[index] as PrivateKeyFile;
    refuseMismatch(certificate, key);
    const kind = key.key.asymmetricKeyType;
    const other = fileByKind.get(kind);
    // OpenSSL keeps one of each kind, the last, without a word.
    if (other !== undefined) {
      throw new OperatorError(
        `${other} and ${certificate.file} are both of the kind ${kind}; a listener takes one of each kind`,
      );
    }
    fileByKind.set(kind, certificate.file);
  });
  return {
    options: { cert: certificates.map(({ pem }) => pem), key: keys.map(({ pem }) => pem) },
    certificates: certificates.map((file) => file.certificates[0]),
  };
}

function refuseMismatch(certificate: CertificateFile, key: PrivateKeyFile): void {
  const [own, ...chain] = certificate.certificates;
  if (own.checkPrivateKey(key.key)) return;
  if (chain.some((other) => other.checkPrivateKey(key.key))) {
    throw new OperatorError(
      `${certificate.file} does not begin with the certificate of ${key.file}; its own certificate comes first, ` +
        'then those of the CAs above it',
    );
  }
  throw new OperatorError(
    `${key.file} is not the private key of ${certificate.file}; name the key that the certificate was issued for`,
  );
}

/** OpenSSL says here already what it will not work with: a key too short for the profile, a damaged list. */
function usableContext(options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new OperatorError(`OpenSSL does not accept these TLS files: ${message} (${code ?? 'no code'})`);
  }
}
