/**
 * Finds one entry of the allowlist for a command, and what there is to warn of about it.
 */
import type { LoadedConfiguration } from '../../config/load';
import type { ModalityConfiguration } from '../../config/schema';
import { OperatorError } from '../../errors';
import { vendorDefaultsAmong } from '../../onboarding/titleDoubts';
import { formatPath, formatProblem } from '../../text/problems';
import { nearestOf, quoteValue } from '../../text/quote';

/** Throws OperatorError, with what was probably meant. */
export function entryNamed(
  { configuration, file }: LoadedConfiguration,
  name: string,
): ModalityConfiguration {
  const entry = configuration.modalities[name];
  if (entry !== undefined) return entry;
  const nearest = nearestOf(name, Object.keys(configuration.modalities));
  const help =
    nearest === undefined ? '"aegis modality list" shows all' : `did you mean ${quoteValue(nearest)}?`;
  throw new OperatorError(`${quoteValue(name)} is not a modality of ${file}; ${help}`);
}

/** Those of `aegis check` about this entry, and AE titles that many devices have. */
export function warningsAbout({ problems, configuration }: LoadedConfiguration, name: string): string[] {
  const path = formatPath(['modalities', name]);
  const isAbout = (other: string) =>
    other === path || other.startsWith(`${path}.`) || other.startsWith(`${path}[`);
  return [
    ...problems.filter((problem) => isAbout(problem.path)).map(formatProblem),
    ...vendorDefaultsAmong(configuration.modalities[name]?.callingAeTitle ?? []),
  ];
}
