/**
 * What `aegis modality pending` prints. All of it came from strangers: escaped, and never shown as a command to copy
 * beyond the ID.
 */
import type { PendingCaller } from '../../admin/pendingCaller';
import { reasons } from '../../policy/reasons';
import { countOf, escapeUnsafe } from '../../text/quote';
import { formatTime } from '../status/text';
import { proposedPermissions } from './pendingEntry';

/** A device that stores anything proposes a hundred. */
const MOST_SOP_CLASSES = 4;

/** `hint` is what may keep callers off the list. */
export function pendingText(callers: readonly PendingCaller[], hint: string | undefined): string {
  const hints = hint === undefined ? [] : ['', `note: ${hint}`];
  if (callers.length === 0) return lines(['no pending callers', ...hints]);
  return lines([
    ...callers.flatMap((caller) => [...callerLines(caller), '']),
    'next: aegis modality approve ID --allow echo,store (or what it needs), or --remove ID to take it off',
    ...hints,
  ]);
}

/** The same facts for `aegis modality approve`, before anybody decides. */
export function callerLines(caller: PendingCaller): string[] {
  const { id, callingAeTitle, calledAeTitle, sourceAddress, listener, isTls, certificate, reason, modality } =
    caller;
  const near = modality === undefined ? '' : ` (entry ${modality})`;
  return [
    `${id}  ${callingAeTitle}@${sourceAddress} to ${calledAeTitle}`,
    row(
      'refused',
      `${countOf(caller.count, 'time')}, first ${formatTime(caller.firstSeen)}, last ${formatTime(caller.lastSeen)} UTC`,
    ),
    row('reason', `${reason}: ${reasons[reason].text}${near}`),
    row('listener', `${listener} (${isTls ? 'TLS' : 'without TLS'})`),
    ...(certificate === undefined ? [] : certificateRows(certificate)),
    ...implementationRows(caller),
    ...(caller.proposedSopClasses.length === 0 ? [] : [row('proposes', proposalText(caller))]),
    ...(caller.commands.length === 0 ? [] : [row('tried', caller.commands.join(', '))]),
  ];
}

function certificateRows({
  subject,
  issuer,
  notAfter,
  spkiSha256,
  fingerprint256,
}: NonNullable<PendingCaller['certificate']>): string[] {
  const end = notAfter === undefined ? '' : `, until ${notAfter.slice(0, 10)}`;
  return [
    row('certificate', `${subject}, issued by ${issuer}${end}`),
    row('', spkiSha256 === undefined ? `sha256:${fingerprint256}` : `spki-sha256:${spkiSha256}`),
  ];
}

function implementationRows({ implementationClassUid, implementationVersionName }: PendingCaller): string[] {
  const parts = [implementationVersionName, implementationClassUid].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [row('device', parts.join(', '))];
}

/** `CTImageStorage, Verification and 3 more; needs echo, store`. */
function proposalText(caller: PendingCaller): string {
  const { proposedSopClasses } = caller;
  const rest = proposedSopClasses.length - MOST_SOP_CLASSES;
  const shown = proposedSopClasses.slice(0, MOST_SOP_CLASSES).join(', ');
  const permissions = proposedPermissions(caller);
  const needs = permissions.length === 0 ? '' : `; for all of it, it needs ${permissions.join(',')}`;
  return `${shown}${rest > 0 ? ` and ${rest} more` : ''}${needs}`;
}

const row = (label: string, value: string): string => `  ${label.padEnd(12)}${value}`;

const lines = (texts: readonly string[]): string => `${texts.map(escapeUnsafe).join('\n')}\n`;
