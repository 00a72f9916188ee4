/**
 * An export put into a file that Orthanc has already: values are changed where they stand, and comments, layout and
 * everything else stay. Text in, text out. Takes no entry away: it names those that the gateway does not know.
 */
import { addProperties, changeValues, hasValue, setValue } from '../config/editText';
import { parseSourceText } from '../config/sourceText';
import { aeTitleKey } from '../text/aeTitle';
import { ConfigurationError, formatPath } from '../text/problems';
import { quoteValue } from '../text/quote';
import { booleanSetting, type OrthancConfiguration, parseOrthancConfiguration } from './configuration';
import { duplicatesAndFaults } from './import';
import { type OrthancModality, parseModalities } from './modality';

const SECTION = 'DicomModalities';

type Entry = Readonly<Record<string, unknown>>;

export interface IntoOptions {
  readonly file: string;
  readonly text: string;
  readonly env: NodeJS.ProcessEnv;
  /** What an export says, as Orthanc reads it. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Settings of other files beside it, with the name of their file: Orthanc does not start if one is there twice. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

export interface IntoResult {
  readonly text: string;
  /** Names of the entries, as they are in the file. */
  readonly changed: readonly string[];
  readonly added: readonly string[];
  /** What an operator should know, with its place. */
  readonly notes: readonly IntoNote[];
}

export interface IntoNote {
  readonly line: number;
  readonly column: number;
  readonly setting: string;
  readonly message: string;
}

/** Throws ConfigurationError where Orthanc could not read the file, and where it cannot be edited without a guess. */
export function exportInto({ file, text, env, settings, elsewhere }: IntoOptions): IntoResult {
  const configuration = parseOrthancConfiguration([{ file, text }], env);
  const { modalities } = refuseFaults(configuration);
  refuseVariables(file, text);
  const { [SECTION]: section, ...rest } = settings;
  const notes: IntoNote[] = [];
  const note = (path: readonly string[], key: string, message: string) => {
    const { line, column } = configuration.placeOf(path, key);
    notes.push({ line, column, setting: formatPath([...path, key]), message });
  };
  let edited = text;
  for (const [key, value] of Object.entries(rest)) {
    const other = elsewhere.get(key);
    if (hasValue(text, [key])) {
      if (configuration.settings[key] !== value) edited = setValue(edited, [key], value);
    } else if (other === undefined) edited = setValue(edited, [key], value);
    else
      note(
        [],
        key,
        `is in ${other}; set it to ${JSON.stringify(value)} there if Orthanc reads that file too`,
      );
  }
  const wanted = Object.entries(section as Readonly<Record<string, Entry>>);
  const isStrict = booleanSetting(configuration, 'StrictAetComparison');
  const nameOf = matchEntries(wanted, modalities, isStrict);
  const changes = new Map<string, Entry>();
  for (const [name, entry] of wanted) {
    const present = nameOf.get(name);
    const change = present === undefined ? undefined : changeOf(configuration.settings, present, entry);
    if (present !== undefined && change !== undefined) changes.set(present, change);
  }
  const added = wanted.filter(([name]) => !nameOf.has(name));
  if (!hasValue(edited, [SECTION])) edited = setValue(edited, [SECTION], {});
  edited = changeValues(edited, [SECTION], changes, (entryText, change, style) =>
    isArray(entryText)
      ? setValue(entryText, [], change, style)
      : Object.entries(change).reduce(
          (changed, [key, value]) => setValue(changed, [key], value, style),
          entryText,
        ),
  );
  if (added.length > 0) edited = addProperties(edited, [SECTION], added);
  const known = new Set(nameOf.values());
  for (const { name, aeTitle } of modalities.filter((entry) => !known.has(entry.name))) {
    note(
      [SECTION],
      name,
      `stays, but the gateway exports no entry ${quoteValue(name)} for ${quoteValue(aeTitle)}; remove it if nothing else needs it: what Orthanc sends there bypasses the gateway`,
    );
  }
  refuseFaults(parseOrthancConfiguration([{ file, text: edited }], env));
  return { text: edited, changed: [...changes.keys()], added: added.map(([name]) => name), notes };
}

function refuseFaults(configuration: OrthancConfiguration) {
  const parsed = parseModalities(configuration.settings[SECTION]);
  const problems = duplicatesAndFaults(configuration, parsed.findings);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return parsed;
}

/** `"Port": ${PORT}` is JSON only after Orthanc has put the value in. */
function refuseVariables(file: string, text: string): void {
  const { value, faults } = parseSourceText(text);
  if (value !== undefined) return;
  const { line, column } = faults[0]?.position ?? { line: 1, column: 1 };
  const message =
    'has a variable outside of a string, so the file cannot be edited in place; export without --into, and edit it by hand';
  throw new ConfigurationError([
    { file, line, column, path: '', message, severity: 'error', kind: 'configuration' },
  ]);
}

/** The name in the file for each entry of the export that is there: by its name, else by its AE title. */
function matchEntries(
  wanted: readonly (readonly [name: string, entry: Entry])[],
  present: readonly OrthancModality[],
  isStrict: boolean,
): ReadonlyMap<string, string> {
  const free = new Map(present.map((entry) => [entry.name, entry]));
  const nameOf = new Map<string, string>();
  for (const [name] of wanted) if (free.delete(name)) nameOf.set(name, name);
  const freeByTitle = new Map<string | undefined, string>();
  // The first by name is the one that Orthanc sends to.
  for (const { name, aeTitle } of [...free.values()].sort((one, other) => (one.name < other.name ? 1 : -1))) {
    freeByTitle.set(aeTitleKey(aeTitle, isStrict), name);
  }
  for (const [name, { AET }] of wanted) {
    const key = aeTitleKey(String(AET), isStrict);
    const found = nameOf.has(name) ? undefined : freeByTitle.get(key);
    if (found === undefined) continue;
    freeByTitle.delete(key);
    nameOf.set(name, found);
  }
  return nameOf;
}

/** Undefined where nothing changes. What the export does not name stays, but not TLS: egress speaks plain DICOM. */
function changeOf(
  settings: Readonly<Record<string, unknown>>,
  name: string,
  wanted: Entry,
): Entry | undefined {
  const present = (settings[SECTION] as Readonly<Record<string, unknown>>)[name];
  if (Array.isArray(present)) return wanted;
  const entry = present as Entry;
  const complete = entry.UseDicomTls === true ? { ...wanted, UseDicomTls: false } : wanted;
  const different = Object.entries(complete).filter(
    ([key, value]) => JSON.stringify(entry[key]) !== JSON.stringify(value),
  );
  return different.length === 0 ? undefined : Object.fromEntries(different);
}

function isArray(entryText: string): boolean {
  return /^\s*\[/.test(entryText);
}
