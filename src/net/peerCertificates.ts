/**
 * Gate 2: what becomes of the certificate that a peer shows. OpenSSL judges chain, dates, purpose and strength during the
 * handshake; revocation is judged here. Nothing of DICOM was read before, and nothing is until the verdict is good. Each
 * good certificate is read once: a modality shows the same one with every association, and reading it takes a third of
 * the time of the whole handshake.
 */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate as Shown, TLSSocket } from 'node:tls';
import { type PeerCertificate, peerCertificate, untrustedCertificate } from '../policy/certificate';
import { type RevocationSubject, validityOf } from '../x509/certificate';
import {
  type Chain,
  checksRevocation,
  ownRefusal,
  pathRefusal,
  revocationPathOf,
  type Trust,
} from '../x509/certificateTrust';
import { spkiSha256 } from '../x509/fingerprints';
import { oneLine } from '../x509/names';
import type { CertificateFacts, TlsFacts } from './inboundConnection';
import { certificateFailure, type TlsFailure } from './tlsFailures';

/** About 1 KB each. Only certificates of a trusted CA come here, so no stranger can fill it. */
const MAX_CERTIFICATES = 1000;
/** As many as `certificateTrust` follows. */
const MAX_INTERMEDIATES = 10;
/** A stranger's certificate may have names of 100 KB. */
const MAX_FACT_LENGTH = 256;

export interface Verdict {
  /** Present exactly if the peer is refused. */
  readonly failure?: TlsFailure;
  /** Of a refused certificate. */
  readonly refused?: CertificateFacts;
  /** Of a good one. */
  readonly certificate?: PeerCertificate;
}

interface Known {
  readonly certificate: PeerCertificate;
  /** Undefined where OpenSSL found a way to a trusted CA and we do not. Read only where there are lists. */
  readonly path?: readonly RevocationSubject[] | undefined;
}

/** Whether a certificate that no trusted CA stands behind may go on. */
type AdmitUntrusted = (certificate: PeerCertificate) => boolean;

export class PeerCertificates {
  readonly #trust: Trust;
  readonly #admitUntrusted: AdmitUntrusted;
  readonly #byFingerprint = new Map<string, Known>();

  constructor(trust: Trust, admitUntrusted: AdmitUntrusted = () => false) {
    this.#trust = trust;
    this.#admitUntrusted = admitUntrusted;
  }

  /** Takes a socket of which the handshake has just ended, and that was asked for a certificate. Never throws. */
  judge(socket: TLSSocket, now = new Date()): Verdict {
    // Not getPeerX509Certificate(): where the peer sends its CA's certificate too, each call takes that out of the TLS
    // state and never frees it, 5 KB of each association for ever (Node 20 to 24).
    const { raw, fingerprint256 } = socket.getPeerCertificate() as Partial<Shown>;
    if (raw === undefined || fingerprint256 === undefined) {
      return { failure: { reason: 'certificate-missing' } };
    }
    try {
      if (socket.authorized !== true) return this.#unauthorized(socket, raw, now);
      const known = this.#byFingerprint.get(fingerprint256) ?? this.#read(socket, raw, fingerprint256, now);
      const failure = this.#revocation(known, now);
      return failure === undefined ? { certificate: known.certificate } : refusedBy(failure, raw);
    } catch (error) {
      // A trusted CA signed it, but node:crypto cannot read it.
      return refusedBy({ reason: 'certificate-invalid', detail: (error as Error).message }, raw);
    }
  }

  /** Not kept: a stranger can make as many as it likes. */
  #unauthorized(socket: TLSSocket, raw: Buffer, now: Date): Verdict {
    const failure = certificateFailure(socket, raw);
    if (failure.reason !== 'certificate-untrusted') return refusedBy(failure, raw);
    const x509 = new X509Certificate(raw);
    const certificate = untrustedCertificate(x509);
    if (!this.#admitUntrusted(certificate)) {
      const { refused } = refusedBy(failure, raw);
      return { failure, refused: { ...refused, ...untrustedFacts(certificate) } };
    }
    const refusal = ownRefusal(x509, this.#trust, now);
    return refusal === undefined ? { certificate } : refusedBy(refusal, raw);
  }

  #revocation({ path }: Known, now: Date): TlsFailure | undefined {
    if (!checksRevocation(this.#trust)) return undefined;
    if (path !== undefined) return pathRefusal(path, this.#trust, now);
    return { reason: 'certificate-untrusted', detail: 'no chain leads to a trusted CA' };
  }

  #read(socket: TLSSocket, raw: Buffer, fingerprint256: string, now: Date): Known {
    const chain = checksRevocation(this.#trust) ? shownChain(socket) : undefined;
    const known = {
      certificate: peerCertificate(new X509Certificate(raw)),
      path: chain && revocationPathOf(chain, this.#trust, now),
    };
    if (this.#byFingerprint.size >= MAX_CERTIFICATES) this.#byFingerprint.clear();
    this.#byFingerprint.set(fingerprint256, known);
    return known;
  }
}

/** The certificate and the CAs that came with it, or that OpenSSL knows; undefined where the peer showed none. */
export function shownChain(socket: TLSSocket): Chain | undefined {
  const shown = socket.getPeerCertificate(true);
  if (shown?.raw === undefined) return undefined;
  const certificate = new X509Certificate(shown.raw);
  const intermediates: X509Certificate[] = [];
  let last = shown;
  // A root is its own issuer; the bound ends any other circle.
  while (intermediates.length < MAX_INTERMEDIATES && last.issuerCertificate?.raw !== undefined) {
    last = last.issuerCertificate;
    const next = new X509Certificate(last.raw);
    if (next.checkIssued(next)) break;
    intermediates.push(next);
  }
  return [certificate, ...intermediates];
}

function refusedBy(failure: TlsFailure, raw: Buffer): Verdict {
  return { failure, refused: certificateFacts(raw) };
}

/** Takes what any stranger may have made: what cannot be read is left out. */
function certificateFacts(raw: Buffer): CertificateFacts {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(raw);
  } catch {
    return {};
  }
  const { notBefore, notAfter } = validityOf(certificate);
  const facts = {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    spkiSha256: keyOf(certificate),
    notBefore: isoOf(notBefore),
    notAfter: isoOf(notAfter),
  };
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, cut(value as string)]));
}

/** Undefined for a key of a kind that node:crypto does not know. */
function keyOf(certificate: X509Certificate): string | undefined {
  try {
    return spkiSha256(certificate.publicKey);
  } catch {
    return undefined;
  }
}

function isoOf(date: Date): string | undefined {
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

function cut(text: string): string {
  return text.length <= MAX_FACT_LENGTH ? text : `${text.slice(0, MAX_FACT_LENGTH)}…`;
}

/** The facts of a connection, with those of the good certificate that was shown. */
export function withCertificate(facts: TlsFacts, certificate: PeerCertificate | undefined): TlsFacts {
  if (certificate === undefined) return facts;
  const { protocol, cipher } = facts;
  const { subject, issuer, serialNumber, fingerprint256 } = certificate;
  const shown = { protocol, cipher, subject, issuer, serialNumber, fingerprint256 };
  if (certificate.untrusted === undefined) return shown;
  // Names of a stranger, who may have written anything.
  return { ...shown, subject: cut(subject), issuer: cut(issuer), ...untrustedFacts(certificate) };
}

function untrustedFacts({ untrusted }: PeerCertificate): CertificateFacts {
  if (untrusted === undefined) return {};
  const notBefore = isoOf(new Date(untrusted.validFrom));
  return {
    untrusted: untrusted.why,
    key: untrusted.key,
    ...(notBefore === undefined ? {} : { notBefore }),
  };
}
