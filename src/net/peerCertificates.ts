/**
 * The facts of the certificates that peers show, each certificate read once: a modality shows the same one with every
 * association, and reading it takes a third of the time of the whole handshake. Trust was decided before.
 */
import type { TLSSocket } from 'node:tls';
import { type PeerCertificate, peerCertificate } from '../policy/certificate';

/** About 1 KB each. Only certificates of a trusted CA come here, so no stranger can fill it. */
const MAX_CERTIFICATES = 1000;

export class PeerCertificates {
  readonly #byFingerprint = new Map<string, PeerCertificate>();

  /** Undefined where the peer showed none. Throws where node:crypto cannot read it (a key of an unknown kind). */
  of(socket: TLSSocket): PeerCertificate | undefined {
    // Not getPeerCertificate(), which describes the whole certificate each time and takes six times as long.
    const shown = socket.getPeerX509Certificate();
    if (shown === undefined) return undefined;
    const { fingerprint256 } = shown;
    const known = this.#byFingerprint.get(fingerprint256);
    if (known !== undefined) return known;
    const certificate = peerCertificate(shown);
    if (this.#byFingerprint.size >= MAX_CERTIFICATES) this.#byFingerprint.clear();
    this.#byFingerprint.set(fingerprint256, certificate);
    return certificate;
  }
}
