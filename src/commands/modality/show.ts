/**
 * `aegis modality show`: one entry of the allowlist in words, the listeners that it may use with the certificates that they
 * show, and warnings.
 */

import { lastSeenIfKnown, type SeenEvent } from '../../audit/lastSeen';
import { loadConfiguration } from '../../config/load';
import { knownLocks } from '../../config/lockFile';
import type { Configuration, ModalityConfiguration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { type ListenerFacts, listenerFacts } from '../../onboarding/listenerFacts';
import { describeValidityAt } from '../../policy/entryTimes';
import { localAddressesOf } from '../../policy/localAddresses';
import { describeLock } from '../../policy/locks';
import { describeStoreRules } from '../../policy/storeRules';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { formatDay } from '../../text/moments';
import { safeLines } from '../../text/quote';
import { hangingLines, textTable } from '../../text/table';
import { entryNamed, warningsAbout } from './entry';
import { describeTrouble } from './test';

export function show(context: CommandContext, { config, json }: GlobalOptions, name: string): void {
  const loaded = loadConfiguration(config);
  const entry = entryNamed(loaded, name);
  const { listeners, problems } = listenerFacts(loaded.configuration, entry);
  const localAddress = localAddressesOf(loaded.configuration).get(name);
  const { locks, problem } = knownLocks(loaded.configuration, Date.now());
  const lock = locks.get(name);
  const warnings = [...warningsAbout(loaded, name), ...problems, ...(problem === undefined ? [] : [problem])];
  const refused = lastRefused(loaded.configuration, name, entry, warnings);
  context.exit(ExitCode.Done);
  if (json === true) {
    context.print(
      `${JSON.stringify({ name, ...entry, lock, localAddress, usableListeners: listeners, lastRefused: refused, warnings }, undefined, 2)}\n`,
    );
    return;
  }
  const [place] = loaded.place([{ path: ['modalities'], key: name, message: '' }]);
  const at = place?.line === undefined ? place?.file : `${place.file}:${place.line}`;
  const rows = [
    ...(lock === undefined ? [] : [['LOCKED', describeLock(lock)]]),
    ...factsOf(entry, loaded.configuration),
    ...(localAddress === undefined ? [] : [['reaches the archive', `from ${localAddress}`]]),
    ...listeners.flatMap(listenerRows),
    ...(refused === undefined ? [] : [['last refused', describeTrouble(refused)]]),
  ];
  const lines = [
    ...hangingLines(`${name}, ${at ?? config}`, 2),
    ...textTable(rows, { indent: 2, fits: ['whole'] }),
    ...warnings.flatMap((warning) => hangingLines(`warning: ${warning}`, 2)),
  ];
  context.print(safeLines(lines));
}

/** A log that cannot be read keeps nobody from seeing the entry. */
function lastRefused(
  { audit }: Configuration,
  name: string,
  entry: ModalityConfiguration,
  warnings: string[],
): SeenEvent | undefined {
  try {
    return lastSeenIfKnown(audit.file, name, entry)?.denied;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    warnings.push(error.message);
    return undefined;
  }
}

function factsOf(entry: ModalityConfiguration, { upstreams }: Configuration): string[][] {
  const {
    callingAeTitle,
    from,
    certificate,
    services,
    storeSopClasses,
    storeRules,
    moveDestinations,
    maxAssociations,
    mode,
    observeUntil,
    address,
  } = entry;
  const validity = describeValidityAt(entry, Date.now());
  const rows = [
    ['calling AE title', list(callingAeTitle)],
    ['comes from', list(from)],
    [
      'may call',
      entry.calledAeTitle === undefined
        ? `every upstream (${list(Object.keys(upstreams))})`
        : list(entry.calledAeTitle),
    ],
    ['certificate', certificate === undefined ? 'any that the listener trusts' : list(certificate, ' or ')],
    ['may do', entry.allow.length === 0 ? 'nothing' : list(entry.allow)],
  ];
  if (services !== undefined) rows.push(['may use', list(services)]);
  if (storeSopClasses !== undefined) rows.push(['may store', list(storeSopClasses)]);
  rows.push(...describeStoreRules(storeRules).map((rule, index) => [index === 0 ? 'images' : '', rule]));
  if (entry.allow.includes('move')) {
    const own = `its own AE titles (${list(callingAeTitle)})`;
    rows.push(['may have images sent to', moveDestinations === undefined ? own : list(moveDestinations)]);
  }
  rows.push([
    'associations',
    maxAssociations === undefined ? 'no limit of its own' : `at most ${maxAssociations}`,
  ]);
  const until = observeUntil === undefined ? '' : ` until ${observeUntil}`;
  rows.push([
    'mode',
    mode === 'observe' ? `observe${until}: what it may not do is relayed and logged` : mode,
  ]);
  if (validity !== undefined) rows.push(['valid', validity]);
  if (address !== undefined) {
    const title = address.calledAeTitle ?? callingAeTitle[0] ?? '';
    const how = address.tls === undefined ? 'without TLS' : `with TLS (${address.tls.profile})`;
    rows.push(['is reached at', `${address.host}:${address.port} as ${title}, ${how}`]);
  }
  return rows;
}

function list(values: readonly string[], separator = ', '): string {
  return values.length === 0 ? 'nobody (the list is empty)' : values.join(separator);
}

function listenerRows({ name, port, tls }: ListenerFacts): string[][] {
  if (tls === undefined) return [['listener', `${name}, port ${port}, without TLS`]];
  const demand = tls.requiresCertificate ? 'asks for a certificate' : 'does not ask for a certificate';
  return [
    [
      'listener',
      `${name}, port ${port}, ${tls.versions.join(' or ')} (${tls.profile}, ${tls.clause}), ${demand}`,
    ],
    ...tls.serverCertificates.map(({ names, notAfter, fingerprint256 }) => [
      '  it shows',
      `${names.join(', ')} until ${formatDay(notAfter)} sha256:${fingerprint256}`,
    ]),
  ];
}
