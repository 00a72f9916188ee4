/**
 * What is known of each modality, in the shape in which it is kept, answered over HTTP and read by commands: types,
 * words, and the bounds of everything in it. Collects nothing.
 */
import * as z from 'zod';
import { freeName } from '../config/schemaValues';

/** Longer than UIDs, fingerprints and addresses. Names in certificates can be longer, and are cut. */
export const MAX_TEXT_LENGTH = 128;

/** Devices have a few of each. What was not seen for longest goes first, so that a peer cannot fill the memory. */
export const MAX_SEEN = {
  implementations: 16,
  tls: 8,
  ciphers: 8,
  groups: 8,
  certificates: 8,
  addresses: 32,
  listeners: 8,
  callingAeTitles: 16,
  calledAeTitles: 16,
  operations: 64,
  transferSyntaxes: 32,
} as const;

export type Aspect = keyof typeof MAX_SEEN;

const time = z.iso.datetime();
const count = z.number().int().min(0);
const text = z.string().max(MAX_TEXT_LENGTH);

const certificateNames = z.object({
  subject: text.exactOptional(),
  issuer: text.exactOptional(),
  serialNumber: text.exactOptional(),
  fingerprint256: text.exactOptional(),
  notAfter: text.exactOptional(),
});

export type CertificateNames = z.output<typeof certificateNames>;

const seen = z.object({
  value: text,
  firstSeen: time,
  lastSeen: time,
  count,
  certificate: certificateNames.exactOptional(),
});

export type SeenReport = z.output<typeof seen>;

function seenList(aspect: Aspect) {
  return z.array(seen).max(MAX_SEEN[aspect]);
}

/** Of one direction. Lists begin with what was seen last. */
const side = z.object({
  firstSeen: time,
  lastSeen: time,
  associations: count,
  commands: count,
  /** Data set bytes. */
  bytes: count,
  /** `DCMTK_367 (1.2.276.0.7230010.3.0.3.6.7)`, or the UID alone. */
  implementations: seenList('implementations'),
  /** `TLSv1.3`, or `plain`. */
  tls: seenList('tls'),
  ciphers: seenList('ciphers'),
  /** Egress only: Node tells it of what it dials. */
  groups: seenList('groups'),
  /** By key: `spki-sha256:…`; `sha256:…` where the key is not known. */
  certificates: seenList('certificates'),
  /** Where it came from; in egress where it was reached. */
  addresses: seenList('addresses'),
  listeners: seenList('listeners'),
  callingAeTitles: seenList('callingAeTitles'),
  calledAeTitles: seenList('calledAeTitles'),
  /** `C-STORE CTImageStorage`. */
  operations: seenList('operations'),
  /** Of what was stored. */
  transferSyntaxes: seenList('transferSyntaxes'),
});

export type SideReport = z.output<typeof side>;

const denied = z.object({
  time,
  outcome: z.enum(['denied', 'would-deny']),
  event: text,
  reason: text,
  command: text.exactOptional(),
  sourceAddress: text.exactOptional(),
});

export type DeniedReport = z.output<typeof denied>;

export const modalityReport = z.object({
  modality: freeName,
  /** Since when it is not in the configuration; absent where it is. */
  removedAt: time.exactOptional(),
  expectEvery: z.string().exactOptional(),
  /** From when on its silence is counted. */
  countsFrom: time.exactOptional(),
  /** When it was reported as silent; absent where it is not. */
  silentSince: time.exactOptional(),
  lastDenied: denied.exactOptional(),
  /** What it asks of the gateway. Absent where it never came. */
  ingress: side.exactOptional(),
  /** How it answers what the archive sends. Absent where it was never reached. */
  egress: side.exactOptional(),
});

export type ModalityReport = z.output<typeof modalityReport>;

/** In the order of the configuration; behind them those that are no longer in it. */
export const inventoryReport = z.object({
  version: z.literal(1),
  /** When it was written, or answered. */
  time,
  modalities: z.array(modalityReport),
});

export type InventoryReport = z.output<typeof inventoryReport>;

/** A modality of which nothing was heard for longer than its `expectEvery`. */
export interface SilentModality {
  readonly modality: string;
  readonly expectEvery: string;
  readonly silentSince: string;
  /** Absent where it never came. */
  readonly lastSeen?: string;
}

export function describeSilence({ expectEvery, lastSeen }: SilentModality): string {
  const before = lastSeen === undefined ? 'it never came before' : `it was last heard at ${lastSeen}`;
  return `nothing came from it for ${expectEvery}; ${before}`;
}
