/**
 * One pending caller: its shape, the same in memory, in the file and over HTTP, and the reasons that make a caller
 * pending. Knows no list.
 */
import * as z from 'zod';
import type { AuditEvent } from '../audit/events';
import { REASONS_OF_COMMANDS, REASONS_OF_ENTRIES, type ReasonCode } from '../policy/reasons';
import { certificateReasons } from '../policy/refusedCertificates';

/** Reasons that another entry, or another key in an entry, would change. */
const PENDING_REASONS = [
  ...REASONS_OF_ENTRIES,
  ...certificateReasons,
  ...REASONS_OF_COMMANDS,
] as const satisfies readonly ReasonCode[];

export const refusedCommands: ReadonlySet<ReasonCode> = new Set(REASONS_OF_COMMANDS);
const ALL: ReadonlySet<ReasonCode | undefined> = new Set(PENDING_REASONS);

export type PendingReason = (typeof PENDING_REASONS)[number];

export function isPendingReason(reason: ReasonCode | undefined): reason is PendingReason {
  return ALL.has(reason);
}

/** Longer than anything that PS3.8 lets through. The file is checked against it too: somebody may have edited it. */
const MAX_TEXT_LENGTH = 512;
const text = z.string().max(MAX_TEXT_LENGTH);
const time = z.iso.datetime();

/** The shape in the file and in answers of the admin HTTP. Text of peers is as it came: escape it before it is shown. */
export const pendingCallerSchema = z.object({
  /** 12 hex digits, always the same for the same caller. */
  id: z.string().regex(/^[0-9a-f]{12}$/),
  /** Both are empty where the certificate was refused: the device had no chance to say them. */
  callingAeTitle: text,
  calledAeTitle: text,
  sourceAddress: text,
  listener: text,
  isTls: z.boolean(),
  certificate: z
    .object({
      fingerprint256: text,
      spkiSha256: text.exactOptional(),
      subject: text,
      issuer: text,
      serialNumber: text.exactOptional(),
      notBefore: time.exactOptional(),
      notAfter: time.exactOptional(),
      /** Why no trusted CA stands behind it; absent where one does. */
      untrusted: text.exactOptional(),
      /** `RSA 2048`; of untrusted ones. */
      key: text.exactOptional(),
    })
    .exactOptional(),
  implementationClassUid: text.exactOptional(),
  implementationVersionName: text.exactOptional(),
  /** Of the last request. Keywords, or UIDs where the standard has none. */
  proposedSopClasses: z.array(text).max(128).readonly(),
  /** What it was refused, such as `C-FIND ModalityWorklistInformationModelFind`. */
  commands: z.array(text).max(128).readonly(),
  /** Of the last refusal. */
  reason: z.enum(PENDING_REASONS),
  /** The entry that it matched or came nearest to. */
  modality: text.exactOptional(),
  firstSeen: time,
  lastSeen: time,
  count: z.number().int().min(1),
});

export type PendingCaller = z.output<typeof pendingCallerSchema>;

/** A refused command in a few words; undefined where the event has no command. */
export function triedCommand({ command, sopClass, moveDestination, reason }: AuditEvent): string | undefined {
  if (command === undefined) return undefined;
  const words = reason === 'move-destination-not-allowed' ? ['to', moveDestination] : [sopClass];
  return [command, ...words]
    .filter((word) => word !== undefined)
    .join(' ')
    .slice(0, MAX_TEXT_LENGTH);
}
