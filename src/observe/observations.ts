/**
 * What an audit log says of each entry, held against the configuration as it is now: which of the things that were
 * relayed the entry would refuse if it enforced. Asks the very functions that decide on live traffic, so what was
 * allowed in the meantime counts as allowed. Knows no files and prints nothing.
 */
import type { Configuration } from '../config/schema';
import { commandFieldOf } from '../dimse/commands';
import { sopClassUid } from '../dimse/sopClasses';
import { compileEnforced } from '../policy/compile';
import { decideCalledAeTitle, decideCommand } from '../policy/decide';
import type { CompiledModality, Policy } from '../policy/policy';
import type { ReasonCode } from '../policy/reasons';
import type { AuditLine } from './auditLines';
import {
  countDenial,
  EntryObservations,
  earlier,
  kindOf,
  later,
  MAX_KINDS,
  saysRequest,
  seenRequest,
  Tally,
  textIn,
  timesOf,
} from './entryObservations';

/** More associations than any gateway has at once; reached only where a log lacks the ends of many. */
const MAX_OPEN = 100_000;

export class Observations {
  readonly #policy: Policy;
  readonly #modalityByName = new Map<string, CompiledModality>();
  readonly #since: string;
  readonly #entryByName = new Map<string, EntryObservations>();
  /** Denied before an entry was matched. */
  readonly unmatched = new EntryObservations(undefined);
  /** Names in the log that are not in the configuration, with the number of their lines. */
  readonly unknownEntries = new Tally<string>();
  /** Associations that are open, by connectionId, with the names of their entries. */
  readonly #open = new Map<string, string>();
  readonly #openOfEntry = new Map<string, number>();
  /** The log has the start of the gateway, so it has every association that is open. */
  #isCountComplete = false;

  /** `since` is a time as audit lines have it; what is older only counts for what is open at the same time. */
  constructor(configuration: Configuration, since = '') {
    this.#policy = compileEnforced(configuration);
    for (const { modalities: entries } of this.#policy.entriesByCallingAeTitle.values()) {
      for (const modality of entries) this.#modalityByName.set(modality.name, modality);
    }
    this.#since = since;
  }

  /** Undefined where the log has nothing of this entry. */
  of(name: string): EntryObservations | undefined {
    return this.#entryByName.get(name);
  }

  add(line: AuditLine): void {
    const isCounted = line.time >= this.#since;
    if (line.event === 'gateway.started') {
      this.#forgetOpen();
      this.#isCountComplete = true;
    }
    const name = textIn(line.modality);
    if (name === '') {
      if (isCounted && line.outcome === 'denied')
        countDenial(this.unmatched, line, 'denied', textIn(line.reason));
      return;
    }
    const modality = this.#modalityByName.get(name);
    if (modality === undefined) {
      if (isCounted) this.unknownEntries.add(name, name);
      return;
    }
    const entry = this.#entryByName.get(name) ?? new EntryObservations(modality);
    if (line.direction !== 'egress') this.#countOpen(line, name, entry);
    if (!isCounted) return;
    this.#entryByName.set(name, entry);
    entry.firstSeen = earlier(entry.firstSeen, line.time);
    entry.lastSeen = later(entry.lastSeen, line.time);
    if (line.outcome === 'denied') countDenial(entry, line, 'denied', textIn(line.reason));
    else if (line.direction !== 'egress') this.#judge(line, modality, entry);
  }

  #judge(line: AuditLine, modality: CompiledModality, entry: EntryObservations): void {
    const times = timesOf(line);
    let denials: readonly string[] = [];
    if (line.event === 'association.accepted') {
      entry.associations += times;
      denials = [
        judgeCall(this.#policy, modality, entry, line),
        this.#limitDenial(line, modality, entry),
      ].filter((denial) => denial !== undefined);
    } else if (line.event === 'command.completed' && line.requestor !== 'upstream') {
      entry.requests += times;
      const denial = judgeRequest(modality, entry, line) ?? dataSetDenial(modality, line);
      denials = denial === undefined ? [] : [denial];
    }
    for (const denial of denials) countDenial(entry, line, 'would-deny', denial);
    if (line.outcome === 'would-deny' && denials.length === 0) entry.allowedByNow += times;
  }

  /** A log that begins in the middle of things may show fewer associations than there were: then its word counts. */
  #limitDenial(
    line: AuditLine,
    modality: CompiledModality,
    entry: EntryObservations,
  ): ReasonCode | undefined {
    const limit = modality.configuration.maxAssociations;
    if (limit === undefined) return undefined;
    const isOverByCount = (this.#openOfEntry.get(modality.name) ?? 0) > limit;
    const isOverByWord = line.reason === 'association-limit' && !this.#isCountComplete;
    if (!isOverByCount && isOverByWord) entry.mostAssociations = Math.max(entry.mostAssociations, limit + 1);
    return isOverByCount || isOverByWord ? 'association-limit' : undefined;
  }

  #forgetOpen(): void {
    this.#open.clear();
    this.#openOfEntry.clear();
  }

  #countOpen({ event, connectionId, time, count }: AuditLine, name: string, entry: EntryObservations): void {
    // A sum does not say when each of them began and ended.
    if (count !== undefined) {
      if (event === 'association.accepted') this.#isCountComplete = false;
      return;
    }
    const id = textIn(connectionId);
    const open = this.#openOfEntry.get(name) ?? 0;
    if (event === 'association.accepted' && !this.#open.has(id)) {
      if (this.#open.size >= MAX_OPEN) this.#forgetOpen();
      this.#open.set(id, name);
      this.#openOfEntry.set(name, open + 1);
      if (time >= this.#since) entry.mostAssociations = Math.max(entry.mostAssociations, open + 1);
    } else if (
      (event === 'association.released' || event === 'association.aborted') &&
      this.#open.delete(id)
    ) {
      this.#openOfEntry.set(name, open - 1);
    }
  }
}

function judgeCall(
  policy: Policy,
  modality: CompiledModality,
  entry: EntryObservations,
  line: AuditLine,
): string | undefined {
  // Of a sum, when they called several.
  if (typeof line.calledAeTitle !== 'string') return denialByWord(line);
  const { calledAeTitle } = line;
  const known = entry.callByTitle.get(calledAeTitle);
  if (known !== undefined) return known.denial;
  const decision = decideCalledAeTitle(policy, modality, calledAeTitle);
  const denial = decision.allowed ? undefined : decision.reason;
  if (entry.callByTitle.size < MAX_KINDS) {
    const meant = decideCalledAeTitle(policy, { ...modality, calledAeTitles: undefined }, calledAeTitle);
    const upstream = meant.allowed ? meant.upstream : undefined;
    entry.callByTitle.set(calledAeTitle, { calledAeTitle, upstream, denial });
  } else entry.hasMoreKinds = true;
  return denial;
}

/** Of a line that says too little to be judged. */
function denialByWord({ outcome, reason }: AuditLine): string | undefined {
  return outcome === 'would-deny' ? textIn(reason) : undefined;
}

/** The data set is not in the log: its line says what it was denied for, and the entry whether it still would be. */
function dataSetDenial(
  { dataSets }: CompiledModality,
  { outcome, reason, direction }: AuditLine,
): ReasonCode | undefined {
  if (outcome !== 'would-deny' || direction === 'egress') return undefined;
  const checks = dataSets.ingress.inbound;
  if (reason === 'data-set-mismatch' && checks?.mismatch === 'refused') return reason;
  return reason === 'store-rule' && checks?.rules !== undefined ? reason : undefined;
}

function judgeRequest(
  modality: CompiledModality,
  entry: EntryObservations,
  line: AuditLine,
): string | undefined {
  if (!saysRequest(line)) return denialByWord(line);
  const seen = seenRequest(line);
  const commandField = commandFieldOf(seen.command);
  // Not a request that any version of the gateway relays.
  if (commandField === undefined) return undefined;
  const kind = kindOf(seen);
  const known = entry.requestByKind.get(kind);
  if (known !== undefined) return known.denial;
  const { sopClass, moveDestination } = seen;
  const request = {
    commandField,
    sopClassUid: sopClassUid(sopClass) ?? sopClass,
    ...(moveDestination === undefined ? {} : { moveDestination }),
  };
  const decision = decideCommand(modality, request);
  const denial = decision.allowed ? undefined : decision.reason;
  if (entry.requestByKind.size < MAX_KINDS) entry.requestByKind.set(kind, { ...seen, request, denial });
  else entry.hasMoreKinds = true;
  return denial;
}
