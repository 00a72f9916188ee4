/**
 * What one line of the audit log records as a request to the policy: who asked for what, and what became of it. Says what
 * a line does not tell. Decides nothing.
 */

import { commandFieldOf } from '../dimse/commands';
import { sopClassUid } from '../dimse/sopClasses';
import { APPLICATION_CONTEXT_NAME } from '../pdu/types';
import type { PeerCertificate } from '../policy/certificate';
import type { AssociationRequest, CommandRequest } from '../policy/decide';
import { REASONS_OF_COMMANDS, REASONS_OF_ENTRIES } from '../policy/reasons';
import type { AuditLine } from './auditLines';
import { saysRequest, textIn } from './entryObservations';

export interface RecordedRequest {
  readonly kind: 'connection' | 'association' | 'command';
  readonly direction: 'ingress' | 'egress';
  readonly association: AssociationRequest;
  /** Of a command. */
  readonly command: CommandRequest | undefined;
  readonly hadTls: boolean;
  readonly allowed: boolean;
  /** Why it was refused, or what observe mode let pass; empty: nothing of that. */
  readonly reason: string;
  /** The entry that it was of. */
  readonly modality: string | undefined;
  /** As the log names them. */
  readonly commandName: string;
  readonly sopClass: string;
  readonly moveDestination: string | undefined;
}

/** Why a line cannot be judged by a policy. */
export class Unjudgeable {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/** What the policy decides in gates 1, 3 and 4, and of the data set. Everything else depends on more than the rules. */
const POLICY_REASONS: ReadonlySet<string> = new Set([
  'source-address-unknown',
  'canary',
  ...REASONS_OF_ENTRIES,
  ...REASONS_OF_COMMANDS,
  'data-set-mismatch',
  'store-rule',
  'entry-not-valid-now',
]);

const KINDS: Readonly<Record<string, RecordedRequest['kind']>> = {
  'connection.refused': 'connection',
  'association.accepted': 'association',
  'association.rejected': 'association',
  'command.completed': 'command',
  'command.refused': 'command',
};

/** The public key belongs to the certificate: lines that lack it find it here, by the fingerprint. */
type SpkiByFingerprint = ReadonlyMap<string, string>;

/** Undefined for lines that record no request. */
export function recordedRequest(
  line: AuditLine,
  spkiByFingerprint: SpkiByFingerprint,
): RecordedRequest | Unjudgeable | undefined {
  const kind = KINDS[line.event];
  // Who went by itself was not refused, though the line is there.
  if (kind === undefined || (kind === 'connection' && line.outcome !== 'denied')) return undefined;
  if (line.requestor === 'upstream') return new Unjudgeable('images of a C-GET, and reports');
  const reason = textIn(line.reason);
  const allowed = line.event === 'association.accepted' || line.event === 'command.completed';
  if (!allowed && !POLICY_REASONS.has(reason)) return new Unjudgeable(reason === '' ? line.outcome : reason);
  if (isIncomplete(line, kind))
    return new Unjudgeable('lines that stand for many and lack who asked for what');
  const direction = line.direction === 'egress' ? 'egress' : 'ingress';
  const certificate = direction === 'egress' ? undefined : certificateIn(line, spkiByFingerprint);
  const commandName = textIn(line.command);
  const commandField = commandFieldOf(commandName);
  if (kind === 'command' && commandField === undefined) return new Unjudgeable('commands without a name');
  const sopClass = textIn(line.sopClass);
  const moveDestination = typeof line.moveDestination === 'string' ? line.moveDestination : undefined;
  return {
    kind,
    direction,
    association: {
      listener: textIn(line.listener),
      sourceAddress: textIn(line.sourceAddress),
      ...(certificate === undefined ? {} : { certificate }),
      protocolVersion: 1,
      applicationContextName: APPLICATION_CONTEXT_NAME,
      callingAeTitle: textIn(line.callingAeTitle),
      calledAeTitle: textIn(line.calledAeTitle),
    },
    command:
      commandField === undefined
        ? undefined
        : {
            commandField,
            sopClassUid: sopClassUid(sopClass) ?? sopClass,
            ...(moveDestination === undefined ? {} : { moveDestination }),
          },
    hadTls: line.tls !== undefined,
    allowed,
    reason: POLICY_REASONS.has(reason) ? reason : '',
    modality: typeof line.modality === 'string' ? line.modality : undefined,
    commandName,
    sopClass,
    moveDestination,
  };
}

function isIncomplete(line: AuditLine, kind: RecordedRequest['kind']): boolean {
  const { listener, sourceAddress, callingAeTitle, calledAeTitle, command } = line;
  const needed =
    kind === 'connection' ? [sourceAddress] : [listener, sourceAddress, callingAeTitle, calledAeTitle];
  if (kind === 'command') needed.push(command);
  return needed.some((fact) => typeof fact !== 'string') || (kind === 'command' && !saysRequest(line));
}

/** DNS names are not in the log. The common name is, where the subject can be taken apart without doubt. */
function certificateIn(
  { tls }: AuditLine,
  spkiByFingerprint: SpkiByFingerprint,
): PeerCertificate | undefined {
  const { fingerprint256, spkiSha256, subject, untrusted } = (tls ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof fingerprint256 !== 'string') return undefined;
  const commonName = commonNameIn(textIn(subject));
  return {
    fingerprint256,
    spkiSha256: textIn(spkiSha256) || (spkiByFingerprint.get(fingerprint256) ?? ''),
    dnsNames: [],
    ...(commonName === undefined ? {} : { commonName }),
    subject: textIn(subject),
    issuer: '',
    serialNumber: '',
    validTo: '',
    ...(untrusted === undefined ? {} : { untrusted: { why: textIn(untrusted), key: '', validFrom: '' } }),
  };
}

function commonNameIn(subject: string): string | undefined {
  if (subject.includes('\\') || subject.endsWith('…')) return undefined;
  const [name, ...others] = subject.split(/, | \+ /).filter((part) => part.startsWith('CN='));
  return name === undefined || others.length > 0 ? undefined : name.slice('CN='.length);
}
