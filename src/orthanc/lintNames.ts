/**
 * Rules of lint for names: Orthanc ignores what it does not know, so a misspelt setting leaves its default, which is
 * mostly the open one.
 */
import { nearestOf, quoteValue } from '../text/quote';
import type { LintDraft, LintSubject } from './lintFinding';
import { accessSettings, modalityKeys, settingNames, sinceOfModalityKey, sinceOfSetting } from './settings';
import { formatOrthancVersion, isSince } from './version';

export function* lintNames(subject: LintSubject): Generator<LintDraft> {
  const { settings } = subject.configuration;
  for (const [name, value] of Object.entries(settings)) {
    if (!settingNames.includes(name)) yield unknownSetting(name, value);
    else yield* tooNew(subject, sinceOfSetting(name), [], name);
    if (Object.hasOwn(accessSettings, name) && typeof value !== 'boolean') {
      const message = `is ${quoteValue(value)}; Orthanc accepts true and false only`;
      yield { code: 'not-accepted', severity: 'hole', path: [], key: name, message };
    }
  }
  for (const { name, unknownKeys } of subject.modalities) {
    for (const key of unknownKeys) yield unknownKey(subject, name, key);
    const entry = (settings.DicomModalities as Record<string, unknown>)[name];
    if (Array.isArray(entry)) continue;
    for (const key of Object.keys(entry as object)) {
      yield* tooNew(subject, sinceOfModalityKey(key), ['DicomModalities', name], key);
    }
  }
}

/** What people write who look for something that Orthanc does otherwise. */
const hints: Readonly<Record<string, string>> = {
  DicomCheckCallingAet:
    'calling AE titles are checked against DicomModalities, for each command whose DicomAlwaysAllow… is false',
};

function unknownSetting(name: string, value: unknown): LintDraft {
  const path = { path: [], key: name };
  const hint = hints[name];
  const nearest = nearestOf(name, settingNames);
  const suggestion = nearest === undefined ? '' : `; did you mean ${quoteValue(nearest)}?`;
  const isSection = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (hint === undefined && isSection) {
    const message = `is not a setting of Orthanc; it may belong to a plugin that is not known here${suggestion}`;
    return { code: 'unknown-setting', severity: 'info', ...path, message };
  }
  const message = `is not a setting of Orthanc, which ignores it${hint === undefined ? suggestion : `: ${hint}`}`;
  return { code: 'unknown-setting', severity: 'warning', ...path, message };
}

function unknownKey({ configuration }: LintSubject, modality: string, key: string): LintDraft {
  const nearest = nearestOf(key, modalityKeys);
  const suggestion = nearest === undefined ? '' : `; did you mean ${quoteValue(nearest)}?`;
  const entry = (configuration.settings.DicomModalities as Record<string, Record<string, unknown>>)[
    modality
  ]!;
  // Somebody meant to forbid something, and it is allowed.
  const isMeantToAllow = /^allow/i.test(key) || nearest?.startsWith('Allow') === true;
  const isPermission = isMeantToAllow && entry[key] === false;
  return {
    code: 'unknown-key',
    severity: isPermission ? 'hole' : 'warning',
    path: ['DicomModalities', modality],
    key,
    message: `is not a key of an entry, and Orthanc ignores it${isPermission ? ', so that what it should forbid is allowed' : ''}${suggestion}`,
  };
}

function* tooNew(
  { version }: LintSubject,
  since: string | undefined,
  path: readonly string[],
  key: string,
): Generator<LintDraft> {
  if (version === undefined || since === undefined || isSince(version, since)) return;
  const message = `came with Orthanc ${since}; ${formatOrthancVersion(version)} ignores it`;
  yield { code: 'too-new', severity: 'warning', path, key, message };
}
