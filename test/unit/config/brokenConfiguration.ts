/**
 * A VALID configuration whose lines tests replace by faulty ones, and what is then reported. Owns no expectation.
 */
import { expect, it } from '@jest/globals';
import { parseConfiguration } from '../../../src/config/load';
import { modality } from '../../../src/config/schemaModality';
import { formatProblem } from '../../../src/text/problems';

/** One line for each top-level key, so that every position can be counted in a line. */
const VALID_LINES: Readonly<Record<number, string>> = {
  1: '{',
  2: '"listeners": [{ "name": "tls", "port": 2762, "tls": { "certificate": "s.crt", "privateKey": "s.key", "trustedCertificates": "ca.crt" } }],',
  3: '"upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },',
  4: '"modalities": { "ct1": { "callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["store"] } },',
  5: '"strictAeTitles": false',
  6: '}',
};

type Lines = Readonly<Record<number, string>>;
type Environment = Readonly<Record<string, string>>;

/** What is wrong, the lines that replace the VALID ones, every problem in order, the environment. */
export type Case = readonly [
  name: string,
  lines: Lines,
  problems: readonly string[],
  environment?: Environment,
];

/** Warnings begin with `warning: `. */
export function problemsOf(lines: Lines, environment: Environment = {}): string[] {
  const text = Object.values({ ...VALID_LINES, ...lines }).join('\n');
  return parseConfiguration(text, 'a.jsonc', { ...environment }).problems.map(
    (problem) => `${problem.severity === 'warning' ? 'warning: ' : ''}${formatProblem(problem)}`,
  );
}

export function itReports(cases: readonly Case[]): void {
  // Not four parameters: jest would pass `done` for the one that most cases leave out.
  it.each(cases)('reports %s', (...[, lines, expected, environment]: Case) => {
    expect(problemsOf(lines, environment)).toEqual(expected);
  });
}

/** Line 4 with the one modality `ct1`. */
export function ct1(keys: string): Lines {
  return { 4: `"modalities": { "ct1": { ${keys} } },` };
}

/** The keys of the VALID `ct1`. */
export const VALID = '"callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["store"]';
/** Line 3 with the one upstream `ORTHANC`. */
export function upstream(keys: string): Lines {
  return { 3: `"upstreams": { "ORTHANC": { ${keys} } },` };
}

/** Line 2 with the one listener `tls`. */
export function tls(keys: string): Lines {
  return {
    2: `"listeners": [{ "name": "tls", "port": 2762, "tls": { ${keys} } }],`,
  };
}

export const FILES = '"certificate": "s.crt", "privateKey": "s.key"';

/** What messages about unknown keys name. A new key of the root is added here by hand. */
export const ROOT_KEYS =
  '$schema, listeners, upstreams, modalities, egress, strictAeTitles, unknownAddresses, canaryAeTitles, penalty, limits, timeouts, tcp, workers, audit, alerts, admin, pending, pidFile, stateDirectory, shared, crlRefreshSeconds, tests, contact';
export const MODALITY_KEYS = Object.keys(modality.shape).join(', ');
