/**
 * What can be wrong with a configuration, and how it is shown: one line for each problem, the place first. Knows
 * nothing of how problems are found.
 */
import { OperatorError } from '../errors';
import { escapeUnsafe, quoteValue } from './quote';

/** An error stops the gateway from starting; a warning does not. */
export type Severity = 'error' | 'warning';

/** What the problem is about: the text, a file that it names, a date that is near, an upstream server, a port. */
export type ProblemKind = 'configuration' | 'file' | 'expiry' | 'upstream' | 'port';

/** Keys and indices from the root of the configuration. */
export type ConfigurationPath = readonly (string | number)[];

/** A problem whose place in the file is not known yet. */
export interface Finding {
  /** The offending value, or the object that holds `key`. */
  readonly path: ConfigurationPath;
  /** What was wrong, what is accepted, what to do. */
  readonly message: string;
  /** Default: `error`. */
  readonly severity?: Severity;
  /** Default: `configuration`. */
  readonly kind?: ProblemKind;
  /** Set where the key itself is at fault, not its value. */
  readonly key?: string;
}

/** A problem with its place. */
export interface Problem {
  /** The configuration file as the operator named it, or `environment variable NAME`. */
  readonly file: string;
  /** 1-based; absent where there is no text to point at. */
  readonly line?: number;
  /** 1-based, in UTF-16 code units, as editors count. */
  readonly column?: number;
  /** For example `modalities.ct1.from[0]`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  readonly severity: Severity;
  readonly kind: ProblemKind;
}

/** `listeners[0].tls.crl`, `modalities["ct 1"].from`. */
export function formatPath(path: ConfigurationPath): string {
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else if (/^[A-Za-z_$][\w$-]{0,63}$/.test(segment)) text += text === '' ? segment : `.${segment}`;
    else text += `[${quoteValue(segment)}]`;
  }
  return text;
}

/** `config/aegis.jsonc:14:22 modalities.ct1.callingAeTitle "…" is 18 characters; AE titles have 1 to 16`. */
export function formatProblem(problem: Problem): string {
  const place =
    problem.line === undefined ? problem.file : `${problem.file}:${problem.line}:${problem.column ?? 1}`;
  return [escapeUnsafe(place), problem.path, problem.message].filter((part) => part !== '').join(' ');
}

/** Every problem of a configuration at once; the message has one line for each error. */
export class ConfigurationError extends OperatorError {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(
      problems
        .filter((problem) => problem.severity === 'error')
        .map(formatProblem)
        .join('\n'),
    );
    this.problems = problems;
  }
}
