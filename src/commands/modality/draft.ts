/**
 * A new entry of the allowlist as options describe it, and these options: one for each field of an entry. Judges no
 * value: the schema does, when the entry is added.
 */
import { dirname } from 'node:path';
import type { ConfigurationSource, ModalityEntry } from '../../config/editConfiguration';
import { shapeOf } from '../../config/schemaShape';
import { hostAndPort } from '../../config/schemaValues';
import { OperatorError } from '../../errors';
import { configuredPath } from '../../files/paths';
import {
  choicesOf,
  defaultEntryName,
  type EntryField,
  entryField,
  entryFields,
  withFields,
} from '../../onboarding/entryFields';
import { hasPlainItems, parseFieldText, splitValues } from '../../onboarding/fieldText';
import { faultsOfFields, type RawConfiguration, rawConfiguration } from '../../onboarding/findings';
import { titlesWithComma } from '../../onboarding/titleDoubts';
import { peerCertificate } from '../../policy/certificate';
import { parseHostAndPort } from '../../text/hostAndPort';
import { quoteValue, shellQuoted } from '../../text/quote';
import { readCertificates } from '../../x509/tlsFiles';

/** Host and port are one option, as people write them. */
const ADDRESS_OPTION = {
  flags: '--address <host:port>',
  description: 'where the device itself listens, for "aegis modality test"',
};

/** In the order of the schema. */
export const entryOptions: readonly { readonly flags: string; readonly description: string }[] =
  entryFields.flatMap((field) => {
    if (field.column === 'host') return [ADDRESS_OPTION];
    if (field.column === 'port') return [];
    return [{ flags: `--${field.option} <${placeholderOf(field)}>`, description: optionHelp(field) }];
  });

function placeholderOf({ shape, isFile }: EntryField): string {
  if (isFile) return 'file';
  const item = shape.kind === 'list' ? shapeOf(shape.items) : shape;
  if (item.kind === 'string') return item.title === 'AE title' ? 'AET' : 'value';
  return item.kind === 'choice' ? 'word' : item.kind;
}

/** What the schema says of the field, as help texts are written: no capital, no full stop. */
export function optionHelp(field: EntryField): string {
  const words = field.description
    .replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase())
    .replace(/\.$/, '');
  if (field.column === 'certificate') return `${words}; a PEM file stands for the key in it`;
  const choices = choicesOf(field);
  return choices.length === 0 ? words : `${choices.join(', ')} (${words})`;
}

/** Values of commander by attribute; every option of an entry may be repeated. */
export type EntryOptions = Readonly<Record<string, unknown>>;

export interface Draft {
  /** Empty where none was given yet. */
  readonly name: string;
  readonly values: ReadonlyMap<EntryField, unknown>;
}

export interface OptionDraft extends Draft {
  /** Of options that cannot be a value at all; they are not among the values. */
  readonly faults: readonly string[];
}

/** `config` is the configuration file: the paths in it are relative to its folder, those of options to ours. */
export function draftFromOptions(
  name: string | undefined,
  options: EntryOptions,
  config: string,
): OptionDraft {
  const values = new Map<EntryField, unknown>();
  const faults: string[] = [];
  const collect = (option: string, read: () => void): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      faults.push(error.message.startsWith('--') ? error.message : `--${option} ${error.message}`);
    }
  };
  for (const field of entryFields) {
    const texts = options[attributeOf(field.option)] as readonly string[] | undefined;
    if (texts !== undefined)
      collect(field.option, () => values.set(field, optionValue(field, texts, config)));
  }
  const [address, ...others] = (options.address as readonly string[] | undefined) ?? [];
  if (others.length > 0) faults.push('--address is given more than once; a modality has one address');
  else if (address !== undefined) {
    collect('address', () => {
      for (const [field, value] of addressValues(address)) values.set(field, value);
    });
  }
  return { name: name ?? defaultEntryName(values.get(entryField('callingAeTitle'))), values, faults };
}

/** `host:port`. Throws OperatorError. */
export function addressValues(text: string): [EntryField, unknown][] {
  const parsed = hostAndPort.safeParse(text);
  if (!parsed.success) throw new OperatorError(`--address ${parsed.error.issues[0]?.message}`);
  const { host, port } = parseHostAndPort(text);
  return [
    [entryField('host'), host],
    [entryField('port'), port],
  ];
}

/** The entry, its keys in the order of the schema. */
export function entryOfDraft({ values }: Draft): ModalityEntry {
  const ordered = entryFields.flatMap((field) =>
    values.has(field) ? [[field, values.get(field)] as const] : [],
  );
  return withFields({}, ordered) as unknown as ModalityEntry;
}

/** `store-sop-class` as commander stores it. */
export function attributeOf(option: string): string {
  return option.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase());
}

function optionValue(field: EntryField, texts: readonly string[], config: string): unknown {
  const { option, shape, isFile } = field;
  const given = isFile ? texts.map((text) => configuredPath(dirname(config), text)) : texts;
  if (shape.kind !== 'list') {
    if (given.length > 1) throw new OperatorError(`--${option} is given more than once; it has one value`);
    return parseFieldText(field, given[0] ?? '');
  }
  // Commas between addresses or permissions; AE titles may have commas and spaces in them.
  const items = given.flatMap((text) => (hasPlainItems(shape) ? splitValues(text, shape) : [text]));
  const values = field.column === 'certificate' ? items.map(certificateMatch) : items;
  return values.length === 1 ? values[0] : values;
}

/**
 * Everything that is wrong with the options, at once and by option. Empty where what is given is good; what is missing
 * is not reported.
 */
export function faultsOfOptions(draft: OptionDraft, source: ConfigurationSource): string[] {
  const { name } = draft;
  const current = rawConfiguration(source);
  const all = faultsAmong(draft, current);
  // On its own, it is reported when the entry is made, or another name is asked for.
  if (all.length > 0 && current.modalities[name] !== undefined) all.push(`${quoteValue(name)} is taken`);
  return all;
}

/** The same beside the entries of `current`. */
export function faultsAmong({ values, faults }: OptionDraft, current: RawConfiguration): string[] {
  return [
    ...faults,
    ...[...faultsOfFields(current, values)].map(([{ column, option }, message]) =>
      column === 'host' || column === 'port' ? `--address ${message}` : `--${option} ${message}`,
    ),
  ];
}

/** A title with a comma is more often two titles; if it is one, there is nothing to do. */
export function commaWarnings({ values }: Draft): string[] {
  return [...values].flatMap(([field, value]) =>
    titlesWithComma(field, value).map(
      (title) =>
        `--${field.option} ${quoteValue(title)} is one AE title with a comma in it; several are given as ${title
          .split(',')
          .map((part) => `--${field.option} ${shellQuoted(part.trim())}`)
          .join(' ')}`,
    ),
  );
}

/** Anything but a match names a file with the certificate. It stands for its public key, which renewing may keep. */
export function certificateMatch(text: string): string {
  if (/^(sha256|spki-sha256|dns|cn):/.test(text)) return text;
  try {
    const [certificate] = readCertificates(text).certificates;
    return `spki-sha256:${peerCertificate(certificate).spkiSha256}`;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(
      `${quoteValue(text)} is not one of sha256:…, spki-sha256:…, dns:<name>, cn:<name>, and is not a file with a certificate: ${error.message}`,
    );
  }
}

/** The same with one certificate that the entry accepts. */
export function withCertificate({ name, values }: Draft, match: string): Draft {
  return { name, values: new Map([...values, [entryField('certificate'), match]]) };
}

/** Without these there is no entry, or one that allows nothing. */
export function missingOptions({ values }: Draft): EntryField[] {
  return entryFields.filter(
    (field) => (field.isRequired || field.column === 'allow') && values.get(field) === undefined,
  );
}
