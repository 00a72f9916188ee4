/**
 * What the gateway changes for every modality, by the settings that Orthanc had without it.
 */
import { quoteValue } from '../text/quote';
import { booleanSetting, dicomAet, type OrthancConfiguration } from './configuration';
import type { ImportNoteDraft } from './import';
import type { OrthancModality } from './modality';
import { alwaysAllowCommands } from './settings';

export function* globalNotes(
  configuration: OrthancConfiguration,
  modalities: readonly OrthancModality[],
): Generator<ImportNoteDraft> {
  const note = (key: string, message: string): ImportNoteDraft => ({
    severity: 'note',
    path: [],
    key,
    message,
  });
  const warning = (key: string, message: string): ImportNoteDraft => ({
    ...note(key, message),
    severity: 'warning',
  });
  const inDatabase = booleanSetting(configuration, 'DicomModalitiesInDatabase');
  if (inDatabase) {
    yield warning(
      'DicomModalitiesInDatabase',
      'is true, so the entries that count are in the database of Orthanc: save what its REST API has under /modalities?expand as { "DicomModalities": … } and import that',
    );
  } else if (modalities.length === 0) {
    yield warning('DicomModalities', 'has no entry, so there is nothing to import; add modalities by hand');
  }
  for (const command of alwaysAllowCommands) {
    const setting = `DicomAlwaysAllow${command}` as const;
    if (!booleanSetting(configuration, setting)) continue;
    const permission = command.charAt(0).toLowerCase() + command.slice(1);
    yield note(
      setting,
      `is true${isDefault(configuration, setting)}, so until now every modality had the permission ${permission}, whatever Allow${command} says; now only entries that allow it have it`,
    );
  }
  if (!booleanSetting(configuration, 'DicomCheckCalledAet')) {
    yield warning(
      'DicomCheckCalledAet',
      `is false${isDefault(configuration, 'DicomCheckCalledAet')}, so until now modalities could use any called AE title; now only ${quoteValue(dicomAet(configuration))}: add an upstream for each other title that they use`,
    );
  }
  if (!booleanSetting(configuration, 'DicomCheckModalityHost') && modalities.length > 0) {
    yield note(
      'DicomCheckModalityHost',
      `is false${isDefault(configuration, 'DicomCheckModalityHost')}, so until now addresses were not compared; now Host is compared, and must be the address that the modality comes from`,
    );
  }
  if (booleanSetting(configuration, 'DicomTlsEnabled')) {
    yield note(
      'DicomTlsEnabled',
      'is true; set it to false, because the gateway does TLS to modalities now, or give upstreams.*.tls where Orthanc is on another machine',
    );
  }
}

function isDefault({ settings }: OrthancConfiguration, setting: string): string {
  return settings[setting] === undefined ? ' by default' : '';
}
