/**
 * A new entry of the allowlist as the options of a command describe it. Judges no value: the schema does, when the
 * entry is added.
 */
import { dirname, isAbsolute, relative } from 'node:path';
import type { ConfigurationSource, ModalityEntry } from '../../config/editConfiguration';
import { hostAndPort } from '../../config/schemaValues';
import { OperatorError } from '../../errors';
import { nameForAeTitle } from '../../onboarding/csvTable';
import { type EntryField, entryField, entryFields, withFields } from '../../onboarding/entryFields';
import { hasPlainItems, parseFieldText, splitValues } from '../../onboarding/fieldText';
import { faultsOfFields } from '../../onboarding/findings';
import { rawConfiguration } from '../../onboarding/rawConfiguration';
import { titlesWithComma } from '../../onboarding/titleDoubts';
import { peerCertificate } from '../../policy/certificate';
import { parseHostAndPort } from '../../text/hostAndPort';
import { quoteValue, shellQuoted } from '../../text/quote';
import { readCertificates } from '../../x509/tlsFiles';

/** Values of commander by attribute; every option of an entry may be repeated. */
export type EntryOptions = Readonly<Record<string, unknown>>;

export interface Draft {
  /** Empty where nobody gave one yet. */
  readonly name: string;
  readonly values: ReadonlyMap<EntryField, unknown>;
}

export interface OptionDraft extends Draft {
  /** Of options that can be no value at all; they are not among the values. */
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
  return { name: name ?? nameForAeTitle(values.get(entryField('callingAeTitle'))), values, faults };
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
export function entryOf({ values }: Draft): ModalityEntry {
  const ordered = entryFields.flatMap((field) =>
    values.has(field) ? [[field, values.get(field)] as const] : [],
  );
  return withFields({}, ordered) as unknown as ModalityEntry;
}

/** `store-sop-class` as commander stores it. */
function attributeOf(option: string): string {
  return option.replace(/-(.)/g, (_match, letter: string) => letter.toUpperCase());
}

function optionValue(field: EntryField, texts: readonly string[], config: string): unknown {
  const { option, shape, isFile } = field;
  const given = isFile ? texts.map((text) => pathFrom(config, text)) : texts;
  if (shape.kind !== 'list') {
    if (given.length > 1) throw new OperatorError(`--${option} is given more than once; it has one value`);
    return parseFieldText(field, given[0] ?? '');
  }
  // Commas between addresses or permissions; AE titles may have commas and spaces in them.
  const items = given.flatMap((text) => (hasPlainItems(shape) ? splitValues(text, shape) : [text]));
  const values = field.column === 'certificate' ? items.map(certificateMatch) : items;
  return values.length === 1 ? values[0] : values;
}

function pathFrom(config: string, path: string): string {
  return isAbsolute(path) ? path : relative(dirname(config), path);
}

/**
 * Everything that is wrong with what the options say, at once and by option. Empty where all of it is good as far as it
 * goes; what is missing is not told.
 */
export function faultsOfOptions(
  { name, values, faults }: OptionDraft,
  source: ConfigurationSource,
): string[] {
  const current = rawConfiguration(source);
  const all = [
    ...faults,
    ...[...faultsOfFields(current, values)].map(([{ column, option }, message]) =>
      column === 'host' || column === 'port' ? `--address ${message}` : `--${option} ${message}`,
    ),
  ];
  // Alone, it is told when the entry is made, or asked for on a terminal.
  if (all.length > 0 && current.modalities[name] !== undefined) all.push(`${quoteValue(name)} is taken`);
  return all;
}

/** One title with a comma is more often two; where it is one, nothing has to be done. */
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

/** What is no match is a file with the certificate, which stands for its public key: renewing may keep that. */
export function certificateMatch(text: string): string {
  if (/^(sha256|spki-sha256|dns|cn):/.test(text)) return text;
  try {
    const [certificate] = readCertificates(text).certificates;
    return `spki-sha256:${peerCertificate(certificate).spkiSha256}`;
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    throw new OperatorError(
      `${quoteValue(text)} is none of sha256:…, spki-sha256:…, dns:<name>, cn:<name>, and no file with a certificate: ${error.message}`,
    );
  }
}

/** The same with one certificate that the entry accepts. */
export function withCertificate({ name, values }: Draft, match: string): Draft {
  return { name, values: new Map([...values, [entryField('certificate'), match]]) };
}

/** Without these an entry is none, or lets nobody do anything. */
export function missingOptions({ values }: Draft): EntryField[] {
  return entryFields.filter(
    (field) => (field.isRequired || field.column === 'allow') && values.get(field) === undefined,
  );
}
