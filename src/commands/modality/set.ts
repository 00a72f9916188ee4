/**
 * `aegis modality set`: changes keys of one entry in place and shows the change. What the options do not name stays as it
 * is, comments included. Issues no certificate and writes no sheet.
 */
import { existsSync } from 'node:fs';
import {
  type ConfigurationEdit,
  changeModalities,
  type EntryChange,
  openConfiguration,
  saveEdit,
  unknownModality,
} from '../../config/editConfiguration';
import { ExitCode, OperatorError } from '../../errors';
import { entryFields, isSameValue, valueIn } from '../../onboarding/entryFields';
import { hasPlainItems, splitValues } from '../../onboarding/fieldText';
import { rawConfiguration } from '../../onboarding/findings';
import { sheetFiles } from '../../onboarding/sheetFiles';
import type { CommandContext } from '../../terminal/command';
import { formatPath } from '../../text/problems';
import { nameArgument, nearestOf, quoteValue } from '../../text/quote';
import { revocationWarnings } from '../pki/revokedCertificates';
import { type OfferOptions, offerReload, reloadForJson } from '../reload/offerReload';
import { attributeOf, commaWarnings, draftFromOptions, type EntryOptions, faultsAmong } from './draft';
import { warningsAbout } from './entry';

interface SetOptions extends OfferOptions {
  readonly unset?: readonly string[];
  readonly sheetDir: string;
  readonly dryRun?: boolean;
}

export async function set(
  context: CommandContext,
  options: SetOptions & EntryOptions,
  name: string,
): Promise<void> {
  const source = openConfiguration(options.config);
  const current = rawConfiguration(source);
  const { [name]: entry, ...others } = current.modalities;
  if (entry === undefined) throw unknownModality(source, name);
  const faults: string[] = [];
  const draft = draftFromOptions(name, withAmendments(options, entry, faults), options.config);
  const removed = (options.unset ?? []).flatMap((key) => pathUnder(key, faults));
  faults.push(...faultsAmong(draft, { ...current, modalities: others }));
  if (faults.length > 0) throw new OperatorError(faults.join('\n'));
  if (draft.values.size + removed.length === 0) {
    throw new OperatorError(
      'name what to change, such as --allow echo,store; "aegis modality set --help" lists the keys of an entry',
    );
  }
  const change: EntryChange = [
    ...removed.map((path) => [path, undefined] as const),
    ...[...draft.values]
      .filter(([field, value]) => !isSameValue(field, valueIn(entry, field.path), value))
      .map(([field, value]) => [field.path, value] as const),
  ];
  const edit = changeModalities(source, { added: [], changed: new Map([[name, change]]) });
  if (options.dryRun !== true) await saveEdit(edit);
  const pins = (options.certificate ?? []) as readonly string[];
  const warnings = [
    ...warningsAbout(edit.result, name),
    ...commaWarnings(draft),
    ...(await revocationWarnings(name, edit.result.configuration, pins)),
  ];
  await report(context, options, name, edit, warnings);
}

async function report(
  context: CommandContext,
  options: SetOptions,
  name: string,
  { diff, result }: ConfigurationEdit,
  warnings: readonly string[],
): Promise<void> {
  const isWritten = diff !== '' && options.dryRun !== true;
  context.exit(ExitCode.Done);
  if (options.json === true) {
    const reload = isWritten ? await reloadForJson(context, options) : null;
    const entry = result.configuration.modalities[name];
    const facts = { ok: true, isWritten, name, file: options.config, entry, diff, reload, warnings };
    context.print(`${JSON.stringify(facts, undefined, 2)}\n`);
    return;
  }
  context.print(diff);
  for (const warning of warnings) context.printError(`warning: ${warning}\n`);
  const title = formatPath(['modalities', name]);
  if (!isWritten) {
    context.print(
      diff === '' ? `${title} of ${options.config} says this already\n` : 'nothing was written (--dry-run)\n',
    );
    return;
  }
  context.print(`changed ${title} in ${options.config}\n`);
  const hasSheet = Object.values(sheetFiles(options.sheetDir, name)).some((file) => existsSync(file));
  const next = [
    ...(await offerReload(context, options, warnings)),
    ...(hasSheet
      ? [`aegis modality sheet ${nameArgument(name)} --force    (for the vendor, if that is affected)`]
      : []),
    `aegis modality show ${nameArgument(name)}`,
  ];
  context.print(`\nnext:\n${next.map((line) => `  ${line}\n`).join('')}`);
}

/**
 * The options with `+find` and `-store` worked into the list of the entry. Only addresses and permissions: an AE title
 * may begin with either sign.
 */
function withAmendments(options: EntryOptions, entry: object, faults: string[]): EntryOptions {
  const amended: Record<string, unknown> = { ...options };
  for (const { option, shape, path } of entryFields) {
    const texts = options[attributeOf(option)] as readonly string[] | undefined;
    if (texts === undefined || shape.kind !== 'list' || !hasPlainItems(shape)) continue;
    const items = texts.flatMap((text) => splitValues(text, shape));
    const signed = items.filter((item) => /^[+-]/.test(item));
    if (signed.length === 0) continue;
    const known = valueIn(entry, path);
    if (signed.length < items.length) {
      faults.push(
        `--${option} has items with + or - and others without; name the changes, or the whole list`,
      );
    } else if (known === undefined) {
      faults.push(`--${option} ${signed[0]}: the entry has no such list to change; name the whole list`);
    } else {
      amended[attributeOf(option)] = amend([known].flat(), signed);
    }
  }
  return amended;
}

function amend(known: readonly unknown[], signed: readonly string[]): string[] {
  const items = new Set(known.map(String));
  for (const item of signed) {
    if (item.startsWith('+')) items.add(item.slice(1));
    else items.delete(item.slice(1));
  }
  return [...items];
}

/** `certificate`, `address`, `timeouts.idleSeconds`, or the name of an option: none or one path. */
function pathUnder(key: string, faults: string[]): (readonly string[])[] {
  const field = entryFields.find(({ option, path }) => option === key || path.join('.') === key);
  const objects = new Set(entryFields.flatMap(({ path }) => (path.length > 1 ? [path[0]!] : [])));
  if (field === undefined && objects.has(key)) return [[key]];
  if (field !== undefined && !field.isRequired) return [field.path];
  const meant = nearestOf(key, [...objects, ...entryFields.map(({ option }) => option)]);
  const help = meant === undefined ? '"aegis modality set --help" lists them' : `did you mean ${meant}?`;
  faults.push(
    field === undefined
      ? `--unset ${quoteValue(key)} is not a key of an entry; ${help}`
      : `--unset ${key}: an entry needs it; set it to another value instead`,
  );
  return [];
}
