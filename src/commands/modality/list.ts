/**
 * `aegis modality list`: the allowlist as a table, in the order of the file.
 */

import { loadConfiguration } from '../../config/load';
import type { Configuration, ModalityConfiguration } from '../../config/schema';
import { ExitCode } from '../../errors';
import { localAddressesOf } from '../../policy/localAddresses';
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
  if (json === true) {
    const modalities = entries.map(([name, entry]) => ({
      name,
      ...entry,
      ...(localAddresses.has(name) ? { localAddress: localAddresses.get(name) } : {}),
    }));
    context.print(`${JSON.stringify({ modalities }, undefined, 2)}\n`);
  } else {
    // A column that would be empty in every row is left out.
    const localOf = (name: string) => (localAddresses.size === 0 ? [] : [localAddresses.get(name) ?? '-']);
    const header = [...HEADER, ...(localAddresses.size === 0 ? [] : ['LOCAL ADDRESS'])];
    const rows = entries.map(([name, entry]) =>
      [name, ...cellsOf(entry, configuration), ...localOf(name)].map(escapeUnsafe),
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
