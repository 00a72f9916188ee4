/**
 * `aegis modality list`: the allowlist as a table, in the order of the file.
 */

import { loadConfiguration } from '../../config/load';
import { knownLocks } from '../../config/lockFile';
import type { Configuration, ModalityConfiguration } from '../../config/schema';
import { ExitCode } from '../../errors';
import { describeValidityAt } from '../../policy/entryTimes';
import { localAddressesOf } from '../../policy/localAddresses';
import type { ModalityLock } from '../../policy/locks';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { escapeUnsafe } from '../../text/quote';
import { textTable } from '../../text/table';
import { listSeen } from './listSeen';

interface ListOptions extends GlobalOptions {
  readonly seen?: boolean;
}

export async function list(context: CommandContext, { config, json, seen }: ListOptions): Promise<void> {
  const { configuration } = loadConfiguration(config);
  if (seen === true) {
    await listSeen(context, configuration, json === true);
    context.exit(ExitCode.Done);
    return;
  }
  const entries = Object.entries(configuration.modalities);
  const localAddresses = localAddressesOf(configuration);
  const now = Date.now();
  const { locks, problem } = knownLocks(configuration, now);
  if (problem !== undefined) context.printError(`warning: ${problem}\n`);
  if (json === true) {
    const modalities = entries.map(([name, entry]) => ({
      name,
      ...entry,
      ...(localAddresses.has(name) ? { localAddress: localAddresses.get(name) } : {}),
      ...(locks.has(name) ? { lock: locks.get(name) } : {}),
    }));
    context.print(`${JSON.stringify({ modalities }, undefined, 2)}\n`);
  } else {
    // A column that would be empty in every row is left out.
    const extra = [
      { heading: 'LOCAL ADDRESS', cellOf: (name: string) => localAddresses.get(name) },
      {
        heading: 'VALID',
        cellOf: (name: string) => describeValidityAt(configuration.modalities[name]!, now),
      },
      { heading: 'LOCKED', cellOf: (name: string) => lockedUntil(locks.get(name)) },
    ].filter(({ cellOf }) => entries.some(([name]) => cellOf(name) !== undefined));
    const header = [...HEADER, ...extra.map(({ heading }) => heading)];
    const rows = entries.map(([name, entry]) =>
      [name, ...cellsOf(entry, configuration), ...extra.map(({ cellOf }) => cellOf(name) ?? '-')].map(
        escapeUnsafe,
      ),
    );
    context.print(`${textTable([header, ...rows], { hasHeadings: true }).join('\n')}\n`);
  }
  context.exit(ExitCode.Done);
}

const HEADER = ['NAME', 'CALLING AE TITLES', 'FROM', 'LISTENERS', 'CERTIFICATE', 'ALLOW', 'MODE', 'ADDRESS'];

function cellsOf(entry: ModalityConfiguration, { listeners }: Configuration): string[] {
  const { callingAeTitle, from, certificate, allow, mode, address } = entry;
  const usable = listeners.filter(({ name, tls }) => entry.listeners?.includes(name) ?? tls !== undefined);
  return [
    shortList(callingAeTitle),
    shortList(from),
    shortList(usable.map(({ name, tls }) => (tls === undefined ? `${name} (plain)` : `${name} (TLS)`))),
    certificate === undefined ? 'any' : shortList(certificate.map(shortMatch)),
    allow.length === 0 ? 'nothing' : allow.join(', '),
    mode,
    address === undefined
      ? '-'
      : `${address.host}:${address.port}${address.tls === undefined ? '' : ' (TLS)'}`,
  ];
}

function lockedUntil(lock: ModalityLock | undefined): string | undefined {
  return lock && (lock.until === undefined ? 'until unlocked' : `until ${lock.until.slice(0, 16)}Z`);
}

/** The table has to stay readable; `show` and JSON have all values. */
const MAX_VALUES = 2;

function shortList(values: readonly string[]): string {
  if (values.length === 0) return 'nobody';
  const rest = values.length - MAX_VALUES;
  return rest <= 0 ? values.join(', ') : `${values.slice(0, MAX_VALUES).join(', ')}, ${rest} more`;
}

/** Enough of a fingerprint to tell it from others. */
function shortMatch(match: string): string {
  const [, kind, digits] = /^(sha256|spki-sha256):(.{11})/.exec(match) ?? [];
  return kind === undefined ? match : `${kind}:${digits}…`;
}
