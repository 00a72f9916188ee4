/**
 * AE titles that products come with. Two devices with the same one cannot be told apart, and whoever tries doors tries
 * these first. A warning only: some devices can do no other.
 */
import type { EntryField } from './entryFields';

/** Titles of tools, archives and viewers as they are delivered, and those of their manuals. Upper case. */
const defaults: ReadonlySet<string> = new Set([
  // DCMTK, and its example configuration
  ...[
    'ECHOSCU',
    'STORESCU',
    'STORESCP',
    'FINDSCU',
    'MOVESCU',
    'GETSCU',
    'TERMSCU',
    'ANY-SCP',
    'DCMQRSCP',
    'ACME_STORE',
  ],
  // dcm4che, its archive, and Weasis
  ...['DCM4CHEE', 'MPPSSCP', 'STGCMTSCU', 'PACS-UNKNOWN-AE'],
  // libraries
  ...['PYNETDICOM', 'FODICOM', 'FO-DICOM'],
  // archives
  ...['ORTHANC', 'CONQUESTSRV1', 'DICOMSERVER', 'DCMSERVER', 'PACS', 'ARCHIVE', 'CLEARCANVAS', 'KPSERVER'],
  // viewers and workstations
  ...[
    'OSIRIX',
    'HOROS',
    'WEASIS',
    'RADIANT',
    'MICRODICOM',
    'AESKULAP',
    'GINKGO',
    'K-PACS',
    'EFILM',
    'INVESALIUS',
  ],
  // what manuals and forms say
  ...[
    'AE_TITLE',
    'AETITLE',
    'AE',
    'AET',
    'CALLINGAE',
    'LOCAL',
    'LOCALAE',
    'CLIENT',
    'SCU',
    'DICOM',
    'MODALITY',
    'TEST',
  ],
]);

/** A warning for each title of `callingAeTitle` that is one of these. */
export function vendorDefaults(values: ReadonlyMap<EntryField, unknown>): string[] {
  const field = [...values.keys()].find(({ column }) => column === 'callingAeTitle');
  const value = field === undefined ? [] : values.get(field);
  return vendorDefaultsAmong(Array.isArray(value) ? value.map(String) : [String(value ?? '')]);
}

/** The same for AE titles. */
export function vendorDefaultsAmong(titles: readonly string[]): string[] {
  return titles
    .filter((title) => defaults.has(title.trim().toUpperCase()))
    .map(
      (title) => `"${title.trim()}" is what products are delivered with; give the device a title of its own`,
    );
}
