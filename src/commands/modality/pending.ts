/**
 * `aegis modality pending`: callers that were refused. Shows them and takes them off the list; allows nothing. All of it
 * came from strangers: it is escaped, and nothing but the ID is shown as part of a command to copy.
 */
import type { PendingCaller } from '../../admin/pendingCaller';
import { proposedPermissions } from '../../admin/pendingEntry';
import { OperatorError } from '../../errors';
import { reasons } from '../../policy/reasons';
import { isCertificateReason } from '../../policy/refusedCertificates';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { formatDay } from '../../text/moments';
import { countOf, safeLines } from '../../text/quote';
import { hangingLines, textTable } from '../../text/table';
import { formatTime } from '../status/text';
import { openPendingSource, pendingCaller, shortIds } from './pendingSource';

interface PendingOptions extends GlobalOptions {
  readonly remove?: string;
}

export async function pending(context: CommandContext, options: PendingOptions): Promise<void> {
  const source = await openPendingSource(options.config);
  if (options.remove !== undefined) {
    const { id } = pendingCaller(source.callers, options.remove);
    if (!source.canRemove) {
      throw new OperatorError(
        'the gateway changes nothing without a token: set AEGIS__ADMIN__TOKEN to that of the gateway',
      );
    }
    await source.remove(id);
    context.print(`${id} is no longer listed\n`);
    return;
  }
  if (options.json === true) {
    context.print(`${JSON.stringify({ callers: source.callers }, undefined, 2)}\n`);
    return;
  }
  context.print(pendingText(source.callers, source.hint));
}

/** A device that stores every kind of object proposes a hundred. */
const MAX_SOP_CLASSES = 4;

/** `hint` says what may keep callers off the list. */
function pendingText(callers: readonly PendingCaller[], hint: string | undefined): string {
  const hints = hint === undefined ? [] : ['', ...hangingLines(`note: ${hint}`, 2)];
  if (callers.length === 0) return safeLines(['no pending callers', ...hints]);
  const shortIdOf = shortIds(callers);
  return safeLines([
    ...callers.flatMap((caller) => [...callerLines(caller, shortIdOf.get(caller.id)), '']),
    ...hangingLines(
      'next: aegis modality approve ID --allow echo,store (or what it needs), or --remove ID to take it off',
      2,
    ),
    ...hints,
  ]);
}

/** The same facts for `aegis modality approve`, before the operator decides. */
export function callerLines(caller: PendingCaller, id = caller.id): string[] {
  const { callingAeTitle, calledAeTitle, sourceAddress, listener, isTls, certificate, reason, modality } =
    caller;
  const near = modality === undefined ? '' : ` (entry ${modality})`;
  const title = isCertificateReason(reason)
    ? `${id}  ${sourceAddress}, refused before it said its AE title`
    : `${id}  ${callingAeTitle}@${sourceAddress} to ${calledAeTitle}`;
  const rows = [
    row(
      'refused',
      `${countOf(caller.count, 'time')}, first ${formatTime(caller.firstSeen)}, last ${formatTime(caller.lastSeen)} UTC`,
    ),
    row('reason', `${reason}: ${reasons[reason].text}${near}`),
    ...(isCertificateReason(reason) ? [row('to do', reasons[reason].remedy)] : []),
    row('listener', `${listener} (${isTls ? 'TLS' : 'without TLS'})`),
    ...(certificate === undefined ? [] : certificateRows(certificate)),
    ...implementationRows(caller),
    ...(caller.proposedSopClasses.length === 0 ? [] : [row('proposes', proposalText(caller))]),
    ...(caller.commands.length === 0 ? [] : [row('tried', caller.commands.join(', '))]),
  ];
  return [...hangingLines(title, 2), ...textTable(rows, { indent: 2, fits: ['whole'] })];
}

function certificateRows({
  subject,
  issuer,
  serialNumber,
  notBefore,
  notAfter,
  spkiSha256,
  fingerprint256,
  untrusted,
  key,
}: NonNullable<PendingCaller['certificate']>): Row[] {
  const number = serialNumber === undefined ? '' : `, serial number ${serialNumber}`;
  const begin = notBefore === undefined ? '' : `, from ${formatDay(notBefore)}`;
  const end = notAfter === undefined ? '' : `, until ${formatDay(notAfter)}`;
  return [
    row('certificate', `${subject}, issued by ${issuer}${number}${begin}${end}`),
    ...(untrusted === undefined ? [] : [row('', `not trusted: ${untrusted}; its key: ${key ?? 'unknown'}`)]),
    // Of a refused one the fingerprint too: it may be known nowhere else.
    ...((serialNumber ?? untrusted) === undefined || spkiSha256 === undefined
      ? []
      : [row('', `sha256:${fingerprint256}`)]),
    row('', spkiSha256 === undefined ? `sha256:${fingerprint256}` : `spki-sha256:${spkiSha256}`),
  ];
}

function implementationRows({ implementationClassUid, implementationVersionName }: PendingCaller): Row[] {
  const parts = [implementationVersionName, implementationClassUid].filter((part) => part !== undefined);
  return parts.length === 0 ? [] : [row('device', parts.join(', '))];
}

/** `CTImageStorage, Verification and 3 more; needs echo, store`. */
function proposalText(caller: PendingCaller): string {
  const { proposedSopClasses } = caller;
  const rest = proposedSopClasses.length - MAX_SOP_CLASSES;
  const shown = proposedSopClasses.slice(0, MAX_SOP_CLASSES).join(', ');
  const permissions = proposedPermissions(caller);
  const needs = permissions.length === 0 ? '' : `; for all of it, it needs ${permissions.join(',')}`;
  return `${shown}${rest > 0 ? ` and ${rest} more` : ''}${needs}`;
}

type Row = readonly [label: string, value: string];

function row(label: string, value: string): Row {
  return [label, value];
}
