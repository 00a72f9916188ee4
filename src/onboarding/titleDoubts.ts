/**
 * AE titles that an operator should look at again. Titles may contain spaces and commas, and people write both between
 * several titles: what can be read in two ways is reported or asked about. Titles that products come with cannot tell two
 * devices apart, and attackers try factory defaults first. Warnings only: some devices can do no other.
 */
import { shapeOf } from '../config/schemaShape';
import { quoteValue } from '../text/quote';
import type { EntryField } from './entryFields';

/** Whether a field holds AE titles, one or several. */
function holdsTitles({ shape }: EntryField): boolean {
  const item = shape.kind === 'list' ? shapeOf(shape.items) : shape;
  return item.kind === 'string' && item.title === 'AE title';
}

/** The titles of a field that have a comma in them: an operator who wanted several would have had to write them apart. */
export function titlesWithComma(field: EntryField, value: unknown): string[] {
  if (field.shape.kind !== 'list' || !holdsTitles(field)) return [];
  return [value].flat().filter((title) => typeof title === 'string' && title.includes(',')) as string[];
}

/** What an answer was taken for, where it could have meant something else; undefined where it is plain. */
export function doubtAbout(field: EntryField, answer: string, value: unknown): string | undefined {
  if (!holdsTitles(field) || field.shape.kind !== 'list' || answer.includes('|')) return undefined;
  const titles = [value].flat();
  if (titles.length > 1) {
    return `${titles.length} AE titles, ${titles.map(quoteValue).join(' and ')}, not one with a space (that is ${answer}|)`;
  }
  const [title] = titlesWithComma(field, value);
  return title === undefined
    ? undefined
    : `one AE title with a comma, ${quoteValue(title)}, not several (separate those with spaces)`;
}

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
    .map((title) => `"${title.trim()}" is a factory default; give the device a title of its own`);
}
