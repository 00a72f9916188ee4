/**
 * A configuration file to a checked configuration, or to every problem at once, each with its place. Reads the
 * one file and the environment; the files that it names are inspected elsewhere.
 */
import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';
import { ExitCode } from '../errors';
import { readUtf8 } from '../files/read';
import { FileError } from '../files/systemErrors';
import {
  ConfigurationError,
  type ConfigurationPath,
  type Finding,
  formatPath,
  type Problem,
} from '../text/problems';
import { isFetched, keptFile } from '../x509/revocationSources';
import { applyEnvironment, type EnvironmentResult, type Origin } from './environment';
import { parseShape } from './parseShape';
import { type Configuration, configurationSchema } from './schema';
import { type Schema, schemaUnder, unwrap } from './schemaShape';
import { filePath, listSource } from './schemaValues';
import { parseSourceText, type SourceText } from './sourceText';
import { validateConfiguration } from './validate';

/**
 * 16 MiB hold some 30,000 modalities with every key. What is longer is not a configuration but the wrong file, and
 * would be held in memory several times over.
 */
export const MAX_CONFIGURATION_BYTES = 16 * 1024 * 1024;

const READ_OPTIONS = {
  missing: 'make one with "aegis init", or name another file with --config',
  folder: 'name the file in it with --config',
  forbidden: 'let the account that runs aegis read it',
  maxBytes: MAX_CONFIGURATION_BYTES,
  tooLong: 'a configuration is shorter; name the right file with --config',
  exitCode: ExitCode.Usage,
} as const;

/** Gives findings about a configuration their places in the text or the environment. */
export type PlaceFindings = (findings: readonly Finding[]) => Problem[];

export interface ConfigurationReading {
  /** The file as the operator named it. */
  readonly file: string;
  /** What was read, without a byte order mark. */
  readonly text: string;
  /**
   * File paths in it are absolute. With errors among the problems, it is what made sense of the text;
   * undefined where that is too little.
   */
  readonly configuration: Configuration | undefined;
  /** Entries with a problem of their own are not in `configuration`. */
  readonly isPartial: boolean;
  /** In the order of the text; those of environment variables last. */
  readonly problems: readonly Problem[];
  readonly place: PlaceFindings;
}

/** A configuration that can be used: its problems are warnings. */
export interface LoadedConfiguration extends ConfigurationReading {
  readonly configuration: Configuration;
}

/** Throws ConfigurationError (exit code 2) with every problem at once. */
export function loadConfiguration(path: string, env: NodeJS.ProcessEnv = process.env): LoadedConfiguration {
  return withoutErrors(readConfiguration(path, env));
}

/** The same for what was read before. */
export function withoutErrors(reading: ConfigurationReading): LoadedConfiguration {
  const { configuration, problems } = reading;
  if (configuration === undefined || problems.some((problem) => problem.severity === 'error')) {
    throw new ConfigurationError(problems);
  }
  return { ...reading, configuration };
}

/** As loadConfiguration, but an invalid configuration is an answer; throws only where the file cannot be read. */
export function readConfiguration(path: string, env: NodeJS.ProcessEnv = process.env): ConfigurationReading {
  return parseConfiguration(readConfigurationText(path), path, env);
}

/** The text of a file alone, without a byte order mark. Throws ConfigurationError where it cannot be read. */
export function readConfigurationText(path: string): string {
  try {
    return readUtf8(path, READ_OPTIONS);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new ConfigurationError([problemOf({ path: [], message: error.problem }, path)]);
  }
}

/** The same for texts that are the same: whether two processes speak of one configuration, wherever each finds it. */
export function textSha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** As readConfiguration for a text that need not be on disk yet; `file` names it and anchors relative paths. */
export function parseConfiguration(
  text: string,
  file: string,
  env: NodeJS.ProcessEnv = process.env,
): ConfigurationReading {
  const source = parseSourceText(text);
  const textProblems = source.faults.map(({ position, path, message }) =>
    problemOf({ path, message }, file, position),
  );
  if (source.value === undefined) {
    return {
      file,
      text,
      configuration: undefined,
      isPartial: false,
      problems: textProblems,
      place: () => [],
    };
  }
  const environment = applyEnvironment(source.value, configurationSchema, env);
  const place: PlaceFindings = (findings) =>
    findings.map((finding) => placeFinding(finding, file, source, environment)).sort(inOrderOfText);
  const { configuration, isPartial, findings } = parseShape(environment.value);
  const folder = dirname(resolve(file));
  if (configuration !== undefined) {
    const lists = join(resolve(folder, configuration.stateDirectory), LISTS_FOLDER);
    resolveFilePaths(configuration, configurationSchema, { folder, lists });
  }
  const unresolved = new Set(environment.findings.map(({ path }) => formatPath(path)));
  const problems = [
    ...textProblems,
    ...environment.overrideFindings.map((finding) => problemOf(finding, variableName(finding.variable))),
    ...place([
      ...environment.findings,
      ...findings.filter(({ path }) => !unresolved.has(formatPath(path))),
      ...(configuration === undefined ? [] : validateConfiguration(configuration, isPartial)),
    ]),
  ];
  return { file, text, configuration, isPartial, problems: problems.sort(inOrderOfText), place };
}

function variableName(variable: string): string {
  return `environment variable ${variable}`;
}

function problemOf(finding: Finding, file: string, position?: { line: number; column: number }): Problem {
  const { path, message, severity = 'error', kind = 'configuration' } = finding;
  return { file, ...position, path: formatPath(path), message, severity, kind };
}

function placeFinding(
  finding: Finding,
  file: string,
  source: SourceText,
  { value, origins }: EnvironmentResult,
): Problem {
  const path = existingPath(value, finding.path);
  const placed = { ...finding, path };
  const origin = originOf(origins, finding.key === undefined ? path : [...path, finding.key]);
  if (origin?.kind === 'override') return problemOf(placed, variableName(origin.variable));
  const position = source.positionOf(path, finding.key);
  if (origin === undefined) return problemOf(placed, file, position);
  return problemOf(
    { ...placed, message: `${finding.message} (from \${${origin.variable}})` },
    file,
    position,
  );
}

/** A single value may stand for a list of one: there, the path ends at the value and has no index. */
function existingPath(value: unknown, path: ConfigurationPath): ConfigurationPath {
  let container = value;
  for (const [depth, key] of path.entries()) {
    if (typeof container !== 'object' || container === null) return path.slice(0, depth);
    container = (container as Record<string | number, unknown>)[key];
    if (container === undefined) return path.slice(0, depth + 1);
  }
  return path;
}

/** The innermost place around `path` that the environment set; a reference stands for its own value only. */
function originOf(origins: readonly Origin[], path: ConfigurationPath): Origin | undefined {
  return origins
    .filter((origin) => origin.kind === 'override' || origin.path.length === path.length)
    .filter((origin) => origin.path.every((key, depth) => key === path[depth]))
    .reduce<Origin | undefined>(
      (inner, origin) => (inner === undefined || origin.path.length >= inner.path.length ? origin : inner),
      undefined,
    );
}

function inOrderOfText(one: Problem, other: Problem): number {
  const line = (problem: Problem) => problem.line ?? Number.MAX_SAFE_INTEGER;
  return line(one) - line(other) || (one.column ?? 0) - (other.column ?? 0);
}

/** In the folder of what the gateway keeps: the revocation lists that it fetched. */
const LISTS_FOLDER = 'crl';

interface Folders {
  /** Of the configuration file. */
  readonly folder: string;
  readonly lists: string;
}

/**
 * Makes every file path absolute, in place: the configuration is as fresh as its parsing. A list that is fetched becomes
 * the file that keeps it (x509/revocationSources.ts).
 */
function resolveFilePaths(value: unknown, schema: Schema, folders: Folders): void {
  if (typeof value !== 'object' || value === null) return;
  const { folder, lists } = folders;
  const container = value as Record<string | number, unknown>;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    const child = schemaUnder(schema, key);
    if (child === undefined) continue;
    const kind = unwrap(child);
    if (kind !== filePath && kind !== listSource) {
      resolveFilePaths(container[key], child, folders);
      continue;
    }
    const text = String(container[key]);
    const isKept = kind === listSource && isFetched(text);
    container[key] = isKept ? keptFile(lists, text) : resolve(folder, text);
  }
}
