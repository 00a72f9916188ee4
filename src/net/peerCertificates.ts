/**
 * The facts of the certificates that peers show, each certificate read once: a modality shows the same one with every
 * association, and reading it takes a third of the time of the whole handshake. Trust was decided before.
 */
import { X509Certificate } from 'node:crypto';
import type { PeerCertificate as Shown, TLSSocket } from 'node:tls';
import { type PeerCertificate, peerCertificate } from '../policy/certificate';

/** About 1 KB each. Only certificates of a trusted CA come here, so no stranger can fill it. */
const MAX_CERTIFICATES = 1000;

export class PeerCertificates {
  readonly #byFingerprint = new Map<string, PeerCertificate>();

  /** Undefined where the peer showed none. Throws where node:crypto cannot read it (a key of an unknown kind). */
  of(socket: TLSSocket): PeerCertificate | undefined {
    // Not getPeerX509Certificate(): where the peer sends its CA's certificate too, each call takes that out of the TLS
    // state and never frees it, 5 KB of each association for ever (Node 20 to 24).
    const { raw, fingerprint256 } = socket.getPeerCertificate() as Partial<Shown>;
    if (raw === undefined || fingerprint256 === undefined) return undefined;
    const known = this.#byFingerprint.get(fingerprint256);
    if (known !== undefined) return known;
    const certificate = peerCertificate(new X509Certificate(raw));
    if (this.#byFingerprint.size >= MAX_CERTIFICATES) this.#byFingerprint.clear();
    this.#byFingerprint.set(fingerprint256, certificate);
    return certificate;
  }
}
