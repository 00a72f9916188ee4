/**
 * What the benchmark knows of an archive: where it listens, and how to make it forget.
 */
import type { BenchCertificate, BenchCertificates } from '../certificates';
import type { CleanUp } from '../cleanUp';

export interface Archive {
  readonly port: number;
  /** The raw sink: takes anything, as fast as it comes, and keeps nothing. */
  readonly isSink: boolean;
  /** Removes what was stored, so that each turn finds the same archive. */
  forget(): Promise<void>;
  /** Orthanc has a TLS of its own: the same archive once more, with mutual TLS and nothing in front. */
  startWithTls?(cleanUp: CleanUp, certificates: ArchiveCertificates): Promise<Archive>;
}

export interface ArchiveCertificates {
  readonly caFile: BenchCertificates['caFile'];
  readonly server: BenchCertificate;
}
