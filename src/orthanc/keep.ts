/**
 * What an export must not lose: settings of a modality that are for Orthanc alone, from its present configuration.
 */
import { aeTitleKey } from '../text/aeTitle';
import { booleanSetting, type OrthancConfiguration } from './configuration';
import type { ExportedModality } from './exportEntries';
import { parseModalities } from './modality';

/** By the name of the entry, else by its AE title. */
export function keptFrom(
  configuration: OrthancConfiguration,
): (modality: ExportedModality) => Readonly<Record<string, unknown>> {
  const isStrict = booleanSetting(configuration, 'StrictAetComparison');
  const { modalities } = parseModalities(configuration.settings.DicomModalities);
  return ({ symbolicName, aeTitle }) => {
    const sameName = modalities.find(({ name }) => name === symbolicName);
    const key = aeTitleKey(aeTitle, isStrict);
    const found = sameName ?? modalities.find((entry) => aeTitleKey(entry.aeTitle, isStrict) === key);
    return found?.orthancOnly ?? {};
  };
}
