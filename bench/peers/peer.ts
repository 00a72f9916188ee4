/**
 * What the benchmark knows of something that stands in front of an archive.
 */
import type { Archive } from '../archives/archive';
import type { BenchCertificates, KeyType } from '../certificates';
import type { CleanUp } from '../cleanUp';

export const peerNames = [
  'none',
  'nginx',
  'haproxy',
  'stunnel',
  'orthanc-tls',
  'dcmjs-dimse',
  'plain-relay',
  'aegis',
  'aegis-no-quick-ack',
] as const;
export type PeerName = (typeof peerNames)[number];

export interface AegisConfiguration extends Readonly<Record<string, unknown>> {
  readonly listeners: readonly unknown[];
}

export interface FrontOptions {
  readonly archive: Archive;
  readonly certificates: BenchCertificates;
  /** Of the server certificate; default RSA. */
  readonly keyType?: KeyType;
  /** Processes or threads that relay; default 1. Peers that cannot do that ignore it. */
  readonly workers?: number;
  /** Entries of the allowlist; default 1. Only Aegis has one. */
  readonly modalities?: number;
  /** What is looked at of the data sets of C-STOREs; default: as the configuration. Only Aegis looks at them. */
  readonly dataSets?: 'off';
  /** Keys of the configuration in place of those of the benchmark. Only Aegis has one. */
  readonly settings?: (own: AegisConfiguration) => Readonly<Record<string, unknown>>;
  /** Where stdout goes; a file of its own unless it is given. */
  readonly outputFile?: string;
}

/** A peer that runs in front of an archive. */
export interface Front {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly isTls: boolean;
  /** The process to look at; undefined where there is none of its own. */
  readonly pid?: number | undefined;
  /** From the start of the process until it listened. */
  readonly startMs?: number | undefined;
  /** Where what is stored ends up. */
  readonly archive: Archive;
}

export interface Peer {
  readonly name: PeerName;
  /** For people, in tables and the chart. */
  readonly title: string;
  /** Version, or undefined where it is not installed. */
  version(): Promise<string | undefined>;
  /** Rejects where it does not start. */
  start(cleanUp: CleanUp, options: FrontOptions): Promise<Front>;
}
