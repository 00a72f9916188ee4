/**
 * What one or several files of Orthanc say together, with the place of each setting: comments, trailing commas and
 * variables as Orthanc takes them. Reads no disk, and judges no setting.
 */

import { type Position, parseSourceText, positionsIn } from '../config/sourceText';
import { ConfigurationError, type ConfigurationPath, formatPath, type Problem } from '../text/problems';
import { escapeUnsafe, quoteValue } from '../text/quote';
import { type AccessSetting, accessSettings } from './settings';
import { substituteVariables } from './variables';

export interface OrthancFile {
  /** As the operator named it. */
  readonly file: string;
  readonly text: string;
}

/** Line and column are 1-based. */
export interface TextPlace extends Position {
  readonly file: string;
}

export interface Doubt extends TextPlace {
  readonly path: ConfigurationPath;
  readonly message: string;
  /** duplicate: Orthanc takes the last one, and what is read here is the first. */
  readonly kind: 'duplicate' | 'unset-variable';
}

export interface OrthancConfiguration {
  /** In their order. */
  readonly files: readonly string[];
  /** Of all files; without a prototype. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What Orthanc accepts although it is probably a mistake: keys that are there twice, variables that are not set. */
  readonly doubts: readonly Doubt[];
  /** Of the value at `path`, or of the key `key` of the object at `path`; what is not there is in the first file. */
  placeOf(path: ConfigurationPath, key?: string): TextPlace;
}

/** Throws ConfigurationError with everything that keeps Orthanc itself from reading the files. */
export function parseOrthancConfiguration(
  files: readonly OrthancFile[],
  env: NodeJS.ProcessEnv,
): OrthancConfiguration {
  const parsed = files.map((file) => parseFile(file, env));
  const problems = parsed.flatMap((file) => file.problems);
  const settings: Record<string, unknown> = Object.create(null);
  const homes = new Map<string, ParsedFile>();
  for (const own of parsed) {
    for (const [key, value] of Object.entries(own.settings)) {
      const home = homes.get(key);
      if (home === undefined) {
        homes.set(key, own);
        settings[key] = value;
      } else {
        const { line, column } = home.positionOf([], key);
        const message = `is at ${home.file}:${line}:${column} already, and Orthanc does not start if a setting is in two files; keep one of them`;
        problems.push(problemAt(own.file, own.positionOf([], key), [key], message));
      }
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    files: parsed.map(({ file }) => file),
    settings,
    doubts: parsed.flatMap(({ doubts }) => doubts),
    placeOf: (path, key) => {
      const { file, positionOf } = homes.get(String(path[0] ?? key)) ?? parsed[0]!;
      return { file, ...positionOf(path, key) };
    },
  };
}

interface ParsedFile {
  readonly file: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly doubts: readonly Doubt[];
  readonly problems: readonly Problem[];
  positionOf(path: ConfigurationPath, key?: string): Position;
}

function parseFile({ file, text }: OrthancFile, env: NodeJS.ProcessEnv): ParsedFile {
  const at = positionsIn(text);
  const substituted = substituteVariables(text, env);
  const { value, faults, positionOf } = parseSourceText(substituted.text, (offset) =>
    at(substituted.originalOffset(offset)),
  );
  const unset = substituted.unset.map(({ name, offset }): Doubt => {
    const message = `the environment variable ${quoteValue(name)} is not set, so its value is empty; set it as it is set for Orthanc`;
    return { file, ...at(offset), path: [], message, kind: 'unset-variable' };
  });
  const unusable = (problems: readonly Problem[]): ParsedFile => {
    return { file, settings: {}, doubts: [], problems, positionOf };
  };
  const expected = 'an object of settings is expected';
  if (text.trim() === '') return unusable([problemAt(file, at(0), [], `is empty; ${expected}`)]);
  if (value === undefined) {
    return unusable(faults.map(({ position, path, message }) => problemAt(file, position, path, message)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return unusable([problemAt(file, at(0), [], `is ${quoteValue(value)}; ${expected}`)]);
  }
  const duplicates = faults.map(({ position, path, message }): Doubt => {
    return { file, ...position, path, message: `${message}; Orthanc takes the last`, kind: 'duplicate' };
  });
  return {
    file,
    settings: value as Record<string, unknown>,
    doubts: [...unset, ...duplicates],
    problems: [],
    positionOf,
  };
}

function problemAt(
  file: string,
  { line, column }: Position,
  path: ConfigurationPath,
  message: string,
): Problem {
  return { file, line, column, path: formatPath(path), message, severity: 'error', kind: 'configuration' };
}

/** The setting, or Orthanc's default. Anything but a boolean keeps Orthanc from starting, and counts as the default. */
export function booleanSetting({ settings }: OrthancConfiguration, setting: AccessSetting): boolean {
  const value = settings[setting];
  return typeof value === 'boolean' ? value : accessSettings[setting].byDefault;
}

/** `DicomAet`; Orthanc's default where it is not set. */
export function dicomAet({ settings }: OrthancConfiguration): string {
  return typeof settings.DicomAet === 'string' ? settings.DicomAet : 'ORTHANC';
}

/** `DicomPort`; Orthanc's default where it is not set. */
export function dicomPort({ settings }: OrthancConfiguration): number {
  return typeof settings.DicomPort === 'number' ? settings.DicomPort : 4242;
}

/** For sorting what was found. */
export function inOrderOfText({ files }: OrthancConfiguration): (one: TextPlace, other: TextPlace) => number {
  return (one, other) =>
    files.indexOf(one.file) - files.indexOf(other.file) || one.line - other.line || one.column - other.column;
}

interface PlacedMessage extends TextPlace {
  readonly severity: string;
  /** Empty where it is about the text. */
  readonly setting: string;
  readonly message: string;
}

/** In the form of all messages: severity, place, setting, words. */
export function placedLine({ severity, file, line, column, setting, message }: PlacedMessage): string {
  const words = setting === '' ? message : `${setting} ${message}`;
  return `${severity}: ${escapeUnsafe(file)}:${line}:${column} ${words}\n`;
}
