/**
 * What modalities asked for and were answered, what archives stored, and what the audit log says: three accounts of one
 * round, and every way in which they disagree. Knows no sockets and no files.
 */
import type { AuditLine } from '../support/gatewayProcess';

export type Target = 'ORTHANC' | 'ARCHIVE';

export interface Operation {
  readonly messageId: number;
  /** `C-STORE`, or what it tries that is refused. */
  readonly kind: string;
  /** The status that it must get where nothing goes wrong. */
  readonly expected: number;
  /** Of the final response; undefined where none came. */
  status?: number;
  /** Only of a C-STORE. */
  readonly instance?: { readonly uid: string; readonly sha256: string };
}

export interface Association {
  /** Address and port of the modality: the audit log has them too. */
  readonly key: string;
  readonly modality: string;
  readonly target: Target;
  readonly operations: Operation[];
  answer: 'accepted' | 'rejected' | 'none';
  /** What went wrong, in words; undefined where nothing did. */
  trouble?: string;
  /** The modality went away on purpose. */
  hasVanished: boolean;
  /** A stranger: rejected in any case. */
  readonly isStranger: boolean;
}

/** An instance as an archive has it. */
export interface Stored {
  readonly uid: string;
  readonly sha256: string;
}

/** What a fault may spoil: associations with one archive, all of them, or none but those that it ends itself. */
export type Harm = Target | 'all' | 'none';

export interface Account {
  readonly associations: readonly Association[];
  readonly stored: Readonly<Record<Target, readonly Stored[]>>;
  readonly lines: readonly AuditLine[];
  readonly harms: ReadonlySet<Harm>;
  /** The gateway itself was killed: ends of associations are in no log. */
  readonly wasKilled: boolean;
}

/** Every disagreement, in words. */
export function disagreements(account: Account): string[] {
  return [...storage(account), ...answers(account), ...unharmed(account)];
}

function storage({ associations, stored }: Account): string[] {
  const found: string[] = [];
  for (const target of ['ORTHANC', 'ARCHIVE'] as const) {
    const hashes = new Map<string, string>();
    for (const { uid, sha256 } of stored[target]) {
      if (hashes.has(uid)) found.push(`${target} has ${uid} twice`);
      hashes.set(uid, sha256);
    }
    for (const association of associations) {
      if (association.target !== target) continue;
      for (const operation of association.operations) {
        const { instance, status, expected } = operation;
        if (instance === undefined) continue;
        const hash = hashes.get(instance.uid);
        hashes.delete(instance.uid);
        const what = `${describe(association, operation)}: ${target}`;
        if (status === 0 && hash === undefined)
          found.push(`${what} acknowledged ${instance.uid} and has it not`);
        if (hash !== undefined && expected !== 0)
          found.push(`${what} has ${instance.uid}, which was refused`);
        if (hash !== undefined && hash !== instance.sha256)
          found.push(`${what} has other bytes of ${instance.uid}`);
        const isTroubled = association.trouble !== undefined || association.hasVanished;
        if (hash !== undefined && status === undefined && !isTroubled) {
          found.push(`${what} has ${instance.uid}, which was not answered without any trouble`);
        }
      }
    }
    for (const uid of hashes.keys()) found.push(`${target} has ${uid}, which nobody sent`);
  }
  return found;
}

const ENDS: ReadonlySet<unknown> = new Set(['association.released', 'association.aborted']);

function answers({ associations, lines, wasKilled }: Account): string[] {
  const found: string[] = [];
  const linesByKey = new Map<string, AuditLine[]>();
  for (const line of lines) {
    if (line.direction === 'egress') continue;
    const key = `${line.sourceAddress}:${line.sourcePort}`;
    const known = linesByKey.get(key);
    if (known === undefined) linesByKey.set(key, [line]);
    else known.push(line);
  }
  for (const association of associations) {
    const own = linesByKey.get(association.key) ?? [];
    const count = (wanted: (event: unknown) => boolean) => own.filter(({ event }) => wanted(event)).length;
    const complain = (what: string) =>
      found.push(`${association.modality} ${association.key} was ${association.answer}: ${what}`);
    const accepted = count((event) => event === 'association.accepted');
    const rejected = count((event) => event === 'association.rejected');
    const ends = count((event) => ENDS.has(event));
    found.push(...answersOf(association, own, wasKilled ? 2 : 1));
    if (wasKilled) {
      if (association.answer !== 'none' && accepted + rejected === 0) complain('it has no line');
      continue;
    }
    if (association.answer === 'accepted' && accepted !== 1) complain(`${accepted} lines of its acceptance`);
    if (association.answer === 'rejected' && rejected !== 1) complain(`${rejected} lines of its rejection`);
    if (accepted > 1 || rejected > 1 || ends > accepted) complain('it has lines twice');
    if (ends !== accepted) complain(`${accepted} accepted, ${ends} ended`);
  }
  return found;
}

/**
 * One line for each answer, with the status that the modality got, and none of what was not asked for. `most`: the last
 * lines of a first process that was killed come twice.
 */
function answersOf(association: Association, lines: readonly AuditLine[], most: number): string[] {
  const found: string[] = [];
  const statuses = new Map<number, unknown[]>();
  for (const line of lines) {
    const { event, messageId, status } = line;
    if (event !== 'command.completed' && event !== 'command.refused') continue;
    if (isOfArchive(association, line)) continue;
    statuses.set(Number(messageId), [...(statuses.get(Number(messageId)) ?? []), status]);
  }
  for (const operation of association.operations) {
    const { messageId, status } = operation;
    const logged = statuses.get(messageId) ?? [];
    statuses.delete(messageId);
    const what = describe(association, operation);
    if (logged.length > most) found.push(`${what} has ${logged.length} lines`);
    if (status === undefined) continue;
    if (logged.length === 0) found.push(`${what} was answered ${hexadecimal(status)} and has no line`);
    else if (logged[0] !== hexadecimal(status)) {
      found.push(`${what} was answered ${hexadecimal(status)}, its line says ${logged[0]}`);
    }
  }
  for (const messageId of statuses.keys())
    found.push(`${association.key}: a line of message ${messageId}, never sent`);
  return found;
}

/** A report, or a sub-operation of a C-GET: its message ID is one of the archive's own. */
function isOfArchive({ operations }: Association, { command, messageId }: AuditLine): boolean {
  if (command === 'N-EVENT-REPORT') return true;
  const own = operations.find((operation) => operation.messageId === messageId);
  return command === 'C-STORE' && own?.instance === undefined;
}

/** What no fault of the round may have touched has gone well. */
function unharmed({ associations, lines, harms }: Account): string[] {
  const found: string[] = [];
  for (const association of associations) {
    const { target, hasVanished, isStranger, trouble, answer } = association;
    if (harms.has('all') || harms.has(target)) continue;
    if (isStranger) {
      if (answer !== 'rejected') found.push(`a stranger ${association.key} was ${answer}: ${trouble}`);
      continue;
    }
    if (trouble !== undefined && !hasVanished) {
      const logged = whyIn(lines, association.key);
      found.push(`${association.modality} ${association.key} to ${target}: ${trouble}; ${logged}`);
    }
    for (const operation of association.operations) {
      const { status, expected } = operation;
      if (status !== undefined && status !== expected) {
        found.push(
          `${describe(association, operation)}: ${hexadecimal(status)} instead of ${hexadecimal(expected)}`,
        );
      }
    }
  }
  return found;
}

/** What the log says went wrong with this association. */
function whyIn(lines: readonly AuditLine[], key: string): string {
  const reasons = lines
    .filter(({ sourceAddress, sourcePort, reason }) => reason && `${sourceAddress}:${sourcePort}` === key)
    .map(({ time, reason, detail = '' }) => `${time} ${reason} ${detail}`.trim());
  return `the log has ${reasons.join(', ') || 'no reason'}`;
}

function describe({ modality, key, target }: Association, { kind, messageId }: Operation): string {
  return `${modality} ${key} to ${target}, ${kind} ${messageId}`;
}

function hexadecimal(status: number): string {
  return `0x${status.toString(16).toUpperCase().padStart(4, '0')}`;
}
