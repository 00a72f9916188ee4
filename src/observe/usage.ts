/**
 * What each entry used, by the audit log, and the smaller entry that would have done. A refused request is not a use.
 * Knows no files and prints nothing.
 */
import type { Configuration, ModalityConfiguration } from '../config/schema';
import { CommandField, commandFieldOf } from '../dimse/commands';
import { type CommandPermission, permissionFor } from '../dimse/permissions';
import { sopClassUid } from '../dimse/sopClasses';
import { compileSopClasses } from '../policy/sopClassMatcher';
import { AeTitleSet, EVERY_AE_TITLE } from '../text/aeTitle';
import type { AuditLine } from './auditLines';
import { earlier, later, saysRequest, textIn, timesOf } from './entryObservations';

/** Keys that hold lists of what an entry may do. */
type ListKey = 'allow' | 'services' | 'storeSopClasses' | 'moveDestinations' | 'egressAllow';

export interface EntryUsage {
  readonly name: string;
  /** Undefined: nobody was let in, and the archive did not reach it. */
  readonly lastUsed: string | undefined;
  /** When a reload in the log added the entry, or changed it. */
  readonly changed: string | undefined;
  /** Items of its lists that nobody used; keys without any are missing. */
  readonly unused: Readonly<Partial<Record<ListKey, readonly string[]>>>;
  /** The lists without them. */
  readonly keys: Readonly<Partial<Record<ListKey, readonly string[]>>>;
}

/** No entry is used in more ways than these; it is called used then. */
const MAX_USES = 10_000;

interface Uses {
  lastUsed: string | undefined;
  changed: string | undefined;
  readonly ingress: Map<string, Use>;
  readonly egress: Map<string, Use>;
}

interface Use {
  readonly commandField: number;
  readonly sopClassUid: string;
  readonly moveDestination: string | undefined;
}

export class Usage {
  readonly #configuration: Configuration;
  readonly #since: string;
  readonly #usesByName = new Map<string, Uses>();
  firstSeen: string | undefined;
  lastSeen: string | undefined;
  /** Lines that the gateway could not write, by its own count, and requests of which a sum does not say what they were. */
  missing = 0;

  /** `since`: a time as audit lines have it; older lines do not count. */
  constructor(configuration: Configuration, since: string) {
    this.#configuration = configuration;
    this.#since = since;
    for (const name of Object.keys(configuration.modalities)) {
      const uses = { lastUsed: undefined, changed: undefined, ingress: new Map(), egress: new Map() };
      this.#usesByName.set(name, uses);
    }
  }

  add(line: AuditLine): void {
    const { time, event } = line;
    this.firstSeen = earlier(this.firstSeen, time);
    this.lastSeen = later(this.lastSeen, time);
    if (time < this.#since) return;
    if (event === 'audit.resumed' && typeof line.count === 'number') this.missing += line.count;
    if (event === 'configuration.reloaded') this.#noteChanges(line);
    const uses = this.#usesByName.get(textIn(line.modality));
    if (uses === undefined) return;
    if (event === 'association.accepted') uses.lastUsed = later(uses.lastUsed, time);
    // The images of a C-GET come from the other end: the modality stored nothing.
    if (event !== 'command.completed' || line.requestor === 'upstream') return;
    const commandField = commandFieldOf(textIn(line.command));
    if (commandField === undefined) return;
    uses.lastUsed = later(uses.lastUsed, time);
    if (!saysRequest(line)) this.missing += timesOf(line);
    const { sopClass, moveDestination, command } = line;
    const key = `${command}\n${sopClass}\n${moveDestination}`;
    const known = line.direction === 'egress' ? uses.egress : uses.ingress;
    if (known.has(key) || known.size >= MAX_USES) return;
    known.set(key, {
      commandField,
      sopClassUid: sopClassUid(textIn(sopClass)) ?? textIn(sopClass),
      moveDestination: typeof moveDestination === 'string' ? moveDestination : undefined,
    });
  }

  get entries(): readonly EntryUsage[] {
    return Object.entries(this.#configuration.modalities).map(([name, entry]) => {
      const uses = this.#usesByName.get(name)!;
      const { strictAeTitles } = this.#configuration;
      return {
        name,
        lastUsed: uses.lastUsed,
        changed: uses.changed,
        ...narrowed(entry, uses, strictAeTitles),
      };
    });
  }

  /** The differences of a reload are words, each of which begins with the entry. */
  #noteChanges({ time, detail, changes }: AuditLine): void {
    const words = Array.isArray(changes) ? changes.map(String) : textIn(detail).split('; ');
    for (const [name, uses] of this.#usesByName) {
      const title = `modality ${JSON.stringify(name)} `;
      if (words.some((change) => change.startsWith(title))) uses.changed = later(uses.changed, time);
    }
  }
}

function narrowed(entry: ModalityConfiguration, { ingress, egress }: Uses, strictAeTitles: boolean) {
  const unused: Partial<Record<ListKey, readonly string[]>> = {};
  const keys: Partial<Record<ListKey, readonly string[]>> = {};
  const look = (key: ListKey, isUsed: (item: string) => boolean): void => {
    const items: readonly string[] = entry[key] ?? [];
    const idle = items.filter((item) => !isUsed(item));
    if (idle.length === 0) return;
    unused[key] = idle;
    keys[key] = items.filter(isUsed);
  };
  const [sent, received] = [[...ingress.values()], [...egress.values()]];
  const ofCommand = (field: number) => sent.filter(({ commandField }) => commandField === field);
  look('allow', (item) => sent.some((use) => permissionOf(entry.allow, use) === item));
  look('egressAllow', (item) => received.some((use) => permissionOf(entry.egressAllow ?? [], use) === item));
  look('services', (item) =>
    [...sent, ...received].some((use) => use.sopClassUid === (sopClassUid(item) ?? item)),
  );
  // Without the command, these lists open nothing: the permission is what goes.
  const stored = ofCommand(CommandField.CStoreRq);
  if (stored.length > 0) {
    look('storeSopClasses', (item) => {
      const { matcher } = compileSopClasses([item]);
      return stored.some((use) => matcher.has(use.sopClassUid));
    });
  }
  const moved = ofCommand(CommandField.CMoveRq);
  if (moved.length > 0) {
    look('moveDestinations', (item) => {
      const title = new AeTitleSet([item], strictAeTitles);
      return item === EVERY_AE_TITLE || moved.some(({ moveDestination = '' }) => title.has(moveDestination));
    });
  }
  return { unused, keys };
}

/** The narrowest of these that opens the request. */
function permissionOf(granted: readonly CommandPermission[], use: Use): CommandPermission | undefined {
  const { commandField } = use;
  const candidates = [permissionFor(commandField, use.sopClassUid), permissionFor(commandField, '')];
  return candidates.find((name) => name !== undefined && granted.includes(name));
}
