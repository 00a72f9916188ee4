/**
 * What the person who sets up a device has to know: the ports and TLS versions of the listeners that its entry may use,
 * the certificates that the gateway shows and who signed them, and the certificate of the device. Reads certificates;
 * issues none and decides nothing.
 */
import type { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { SecureVersion } from 'node:tls';
import type { Configuration, ListenerConfiguration, ModalityConfiguration } from '../config/schema';
import { OperatorError } from '../errors';
import { tlsProfiles } from '../net/tlsProfiles';
import { compileCertificateMatchers, matchesCertificate, peerCertificate } from '../policy/certificate';
import { isLoopback, isUnspecified } from '../text/hostAndPort';
import { quoteValue } from '../text/quote';
import { oneLine } from '../x509/names';
import { type CertificateFile, readCertificates } from '../x509/tlsFiles';

export interface CertificateFacts {
  readonly file: string;
  /** The subject in one line. */
  readonly subject: string;
  /** DNS names, then IP addresses, as its subjectAltName has them. */
  readonly names: readonly string[];
  /** Whether a peer that dials this DNS name or IP address accepts the certificate there. */
  isFor(host: string): boolean;
  /** SHA-256, upper-case hex with colons. */
  readonly fingerprint256: string;
  readonly notAfter: Date;
}

/** The certificate of the device, as files of a CA's folder. */
export interface DeviceFiles {
  readonly certificate: CertificateFacts;
  readonly privateKeyFile: string;
  readonly pkcs12File: string | undefined;
}

export interface TlsListenerFacts {
  readonly profile: string;
  /** For example `PS3.15 B.12`. */
  readonly clause: string;
  readonly title: string;
  /** For example `TLS 1.2`, `TLS 1.3`. */
  readonly versions: readonly string[];
  /** In OpenSSL's names, the preferred one first. */
  readonly cipherSuites: readonly string[];
  readonly requiresCertificate: boolean;
  readonly serverCertificates: readonly CertificateFacts[];
  /** The CA that signed the first of them, where its file is known. */
  readonly authority: CertificateFacts | undefined;
}

export interface ListenerFacts {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Nothing but this machine reaches it: it is bound to loopback, and no proxy is in front. */
  readonly isLocal: boolean;
  /** Undefined: plain DICOM. */
  readonly tls: TlsListenerFacts | undefined;
}

export interface FoundListeners {
  readonly listeners: readonly ListenerFacts[];
  /** Certificates that cannot be read, each with what to do. */
  readonly problems: readonly string[];
}

/** Those that the entry names, or else every TLS listener. */
export function listenerFacts({ listeners }: Configuration, entry: ModalityConfiguration): FoundListeners {
  const problems: string[] = [];
  const usable = listeners.filter(({ name, tls }) =>
    entry.listeners === undefined ? tls !== undefined : entry.listeners.includes(name),
  );
  const facts = usable.map(({ name, host, port, tls, proxyProtocol }) => ({
    name,
    host,
    port,
    isLocal: isLoopback(host) && proxyProtocol === undefined,
    tls: tls === undefined ? undefined : tlsFacts(tls, problems),
  }));
  return { listeners: facts, problems };
}

function tlsFacts(tls: NonNullable<ListenerConfiguration['tls']>, problems: string[]): TlsListenerFacts {
  const { clause, title, options } = tlsProfiles[tls.profile];
  const read = (files: readonly string[]) => files.flatMap((file) => readOr(file, problems));
  const chains = read(tls.certificate);
  const leaf = chains[0]?.certificates[0];
  const authority = [...read(tls.trustedCertificates ?? []), ...chains]
    .flatMap(({ file, certificates }) => certificates.map((certificate) => ({ file, certificate })))
    .find(({ certificate }) => leaf !== undefined && hasSigned(certificate, leaf));
  return {
    profile: tls.profile,
    clause,
    title,
    versions: versionsOf(options.minVersion, options.maxVersion),
    cipherSuites: (options.ciphers ?? '').split(':').filter((suite) => !suite.startsWith('@')),
    requiresCertificate: tls.clientCertificate === 'required',
    serverCertificates: chains.map(({ file, certificates }) => certificateFacts(file, certificates[0])),
    authority: authority && certificateFacts(authority.file, authority.certificate),
  };
}

function readOr(file: string, problems: string[]): CertificateFile[] {
  try {
    return [readCertificates(file)];
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    problems.push(error.message);
    return [];
  }
}

function hasSigned(authority: X509Certificate, leaf: X509Certificate): boolean {
  return authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
}

const allVersions: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

function versionsOf(lowest: SecureVersion = 'TLSv1', highest: SecureVersion = 'TLSv1.3'): string[] {
  return allVersions
    .slice(allVersions.indexOf(lowest), allVersions.indexOf(highest) + 1)
    .map((version) => version.replace(/^TLSv1$/, 'TLSv1.0').replace('v', ' '));
}

function certificateFacts(file: string, certificate: X509Certificate): CertificateFacts {
  const { subject, subjectAltName = '', fingerprint256, validTo } = certificate;
  const addresses = [...subjectAltName.matchAll(/(?:^|, )IP Address:([\dA-Fa-f.:]+)/g)];
  return {
    file,
    subject: oneLine(subject),
    names: [...peerCertificate(certificate).dnsNames, ...addresses.map(([, address]) => address!)],
    isFor: (host) =>
      (isIP(host) === 0 ? certificate.checkHost(host, { subject: 'never' }) : certificate.checkIP(host)) !==
      undefined,
    fingerprint256,
    notAfter: new Date(validTo),
  };
}

/** Whether the device may come from another machine than the gateway. */
export function isElsewhere({ from }: ModalityConfiguration): boolean {
  return from.some((block) => !isLoopback(block.replace(/\/.*$/, '')));
}

/**
 * Names and addresses by which the device reaches the gateway, the best one first: those that its certificates are for,
 * else the address that it listens on. Empty where nothing tells: loopback, which is what certificates to begin with are
 * for, is none to a device elsewhere.
 */
export function gatewayHosts(facts: readonly ListenerFacts[], entry: ModalityConfiguration): string[] {
  const certified = facts.flatMap(({ tls }) => (tls?.serverCertificates ?? []).flatMap(({ names }) => names));
  const bound = facts.map(({ host }) => host).filter((host) => !isUnspecified(host));
  // A wildcard is nothing that one could dial.
  const hosts = [...new Set([...certified, ...bound])].filter((host) => !host.includes('*'));
  const reachable = hosts.filter((host) => !isLoopback(host));
  return reachable.length > 0 || isElsewhere(entry) ? reachable : hosts;
}

/** What keeps the device from reaching the gateway as the sheet says, each with what to do. */
export function reachProblems(
  facts: readonly ListenerFacts[],
  hosts: readonly string[],
  entry: ModalityConfiguration,
): string[] {
  const problems: string[] = [];
  if (hosts.length === 0) {
    problems.push(
      'the sheet does not say where the gateway is: its certificates and listeners name no host that other machines can reach; name one with --host',
    );
  }
  if (isElsewhere(entry) && hosts.length > 0 && hosts.every((host) => isLoopback(host))) {
    problems.push(
      `the sheet says ${hosts.join(', ')}, which is the device itself; name the gateway with --host`,
    );
  }
  if (isElsewhere(entry) && facts.length > 0 && facts.every(({ isLocal }) => isLocal)) {
    const names = facts.map(({ name }) => quoteValue(name)).join(', ');
    problems.push(`the device cannot reach ${names}: bound to loopback; give the listener another host`);
  }
  const certificates = facts.flatMap(({ tls }) => tls?.serverCertificates ?? []);
  const unnamed = hosts.filter((host) => certificates.some((certificate) => !certificate.isFor(host)));
  if (isElsewhere(entry) && unnamed.length > 0) {
    problems.push(
      `a certificate of the gateway lacks ${unnamed.join(', ')}, so a device that checks names refuses it; if "aegis pki" issued it, run "aegis pki server" with a --name for each`,
    );
  }
  return problems;
}

/**
 * Undefined where there is none of that name, or one that the entry does not accept. Throws OperatorError where it
 * cannot be read.
 */
export function findDeviceFiles(
  folder: string,
  name: string,
  { certificate: accepted }: ModalityConfiguration,
): DeviceFiles | undefined {
  // Other names have no certificate, and could lead out of the folder.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return undefined;
  const file = (extension: string) => join(folder, `${name}.${extension}`);
  if (!existsSync(file('crt'))) return undefined;
  const [certificate] = readCertificates(file('crt')).certificates;
  const isAccepted =
    accepted === undefined ||
    matchesCertificate(compileCertificateMatchers(accepted), peerCertificate(certificate));
  return isAccepted ? deviceFilesOf(folder, name, certificate, existsSync(file('p12'))) : undefined;
}

/** The files of a certificate of that name, whether they are written already or not. */
export function deviceFilesOf(
  folder: string,
  name: string,
  certificate: X509Certificate,
  hasPkcs12: boolean,
): DeviceFiles {
  const file = (extension: string) => join(folder, `${name}.${extension}`);
  return {
    certificate: certificateFacts(file('crt'), certificate),
    privateKeyFile: file('key'),
    pkcs12File: hasPkcs12 ? file('p12') : undefined,
  };
}
