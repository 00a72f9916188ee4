/**
 * What a reload changes, in words: modalities, upstreams and listeners that are added, removed or changed and how, then
 * everything else by its key. Compares two configurations as they were understood, so comments and order do not count.
 */
import { quoteValue } from '../text/quote';
import { describeSource } from '../x509/revocationSources';
import type { Configuration, ModalityConfiguration } from './schema';
import { isSecret, withoutSecrets } from './withoutSecrets';

/** Names of entries, which the configuration maps to their keys. */
type Entries = Readonly<Record<string, object>>;

/** One line for each entry and for each key outside of entries; none where nothing differs. */
export function describeChanges(before: Configuration, after: Configuration): string[] {
  const { modalities, upstreams, listeners, alerts, ...rest } = before;
  const {
    modalities: modalitiesAfter,
    upstreams: upstreamsAfter,
    listeners: listenersAfter,
    alerts: alertsAfter,
    ...restAfter
  } = after;
  return [
    ...ofEntries('modality', modalities, modalitiesAfter, (entry) =>
      describeModality(entry as ModalityConfiguration),
    ),
    ...ofEntries('upstream', upstreams, upstreamsAfter, () => ''),
    ...ofEntries('listener', byName(listeners), byName(listenersAfter), () => ''),
    ...differences('', rest, restAfter),
    ...ofAlerts(alerts, alertsAfter),
  ];
}

/** Which keys, without their values: of some services, the URL of a webhook is the secret. */
function* ofAlerts(before: Configuration['alerts'], after: Configuration['alerts']): Generator<string> {
  if (before === undefined || after === undefined) {
    if (before !== after) yield `alerts ${after === undefined ? 'removed' : 'added'}`;
    return;
  }
  const keys = Object.keys({ ...before, ...after }) as (keyof typeof after)[];
  const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  if (changed.length > 0) yield `alerts changed: ${changed.join(', ')}`;
}

function byName(listeners: Configuration['listeners']): Entries {
  return Object.fromEntries(listeners.map((listener) => [listener.name, listener]));
}

/** `: CT1 from 10.1.2.10, allow echo, store`. */
function describeModality({ callingAeTitle, from, allow }: ModalityConfiguration): string {
  const permissions = allow.length === 0 ? 'nothing' : allow.join(', ');
  return `: ${callingAeTitle.join(', ')} from ${from.join(', ')}, allow ${permissions}`;
}

function* ofEntries(
  kind: string,
  before: Entries,
  after: Entries,
  describe: (entry: object) => string,
): Generator<string> {
  for (const [name, entry] of Object.entries(after)) {
    const title = `${kind} ${quoteValue(name)}`;
    const earlier = before[name];
    if (earlier === undefined) {
      yield `${title} added${describe(entry)}`;
      continue;
    }
    const found = differences('', earlier, entry);
    if (found.length > 0) yield `${title} changed: ${found.join('; ')}`;
  }
  for (const name of Object.keys(before)) {
    if (after[name] === undefined) yield `${kind} ${quoteValue(name)} removed`;
  }
}

/** `limits.maxAssociations 100 → 200`, `allow + "find"`, by the path of each value that differs. */
function differences(path: string, before: unknown, after: unknown): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  // More people read the log than the configuration.
  if (isSecret(path)) return [`${path} changed`];
  if (Array.isArray(before) && Array.isArray(after)) return [ofLists(path, before, after)];
  if (isObject(before) && isObject(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) =>
      differences(path === '' ? key : `${path}.${key}`, before[key], after[key]),
    );
  }
  if (before === undefined) return [`${path} added: ${show(after)}`];
  if (after === undefined) return [`${path} removed`];
  return [`${path} ${show(before)} → ${show(after)}`];
}

function ofLists(path: string, before: readonly unknown[], after: readonly unknown[]): string {
  const [known, wanted] = [before.map(show), after.map(show)];
  const added = wanted.filter((item) => !known.includes(item));
  const removed = known.filter((item) => !wanted.includes(item));
  const parts = [
    ...(added.length > 0 ? [`+ ${added.join(', ')}`] : []),
    ...(removed.length > 0 ? [`- ${removed.join(', ')}`] : []),
  ];
  return `${path} ${parts.length > 0 ? parts.join(' ') : `in another order: ${wanted.join(', ')}`}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As it would stand in the file, without secrets; long values are shortened. */
function show(configured: unknown): string {
  const value = withoutSecrets(configured);
  if (typeof value === 'string') return quoteValue(describeSource(value));
  const described = (_key: string, item: unknown) => (typeof item === 'string' ? describeSource(item) : item);
  return JSON.stringify(value, described) ?? 'nothing';
}

/** What takes a restart, by path. */
export function changesOfProcess(running: Configuration, wanted: Configuration): string[] {
  const parts = ({ workers, tcp, audit, admin, pending, stateDirectory, shared }: Configuration) =>
    Object.entries({
      workers,
      'tcp.quickAck': tcp.quickAck,
      'audit.file': audit.file,
      'audit.chain': audit.chain,
      admin,
      pending,
      stateDirectory,
      shared,
    });
  const before = new Map(parts(running));
  return parts(wanted)
    .filter(([name, value]) => JSON.stringify(before.get(name)) !== JSON.stringify(value))
    .map(([name]) => name);
}
