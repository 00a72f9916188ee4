/**
 * Identifiers of C-FIND and C-GET, Explicit VR Little Endian. What is asked for does not matter: the raw sink always
 * has as many answers as it was started with.
 */
import { encodeElement, explicitLittleEndian, textValue, uidValue } from '../../test/support/dataElements';

const UID_ROOT = '1.2.826.0.1.3680043.9.9999';

function text(group: number, element: number, representation: string, value: string) {
  return encodeElement(explicitLittleEndian, group, element, representation, textValue(value));
}

function uid(group: number, element: number, value: string) {
  return encodeElement(explicitLittleEndian, group, element, 'UI', uidValue(value));
}

export const findIdentifier = Buffer.concat([
  text(0x0008, 0x0052, 'CS', 'STUDY'),
  text(0x0010, 0x0010, 'PN', 'BENCH*'),
  text(0x0010, 0x0020, 'LO', ''),
  uid(0x0020, 0x000d, ''),
]);

export const getIdentifier = Buffer.concat([
  text(0x0008, 0x0052, 'CS', 'STUDY'),
  uid(0x0020, 0x000d, `${UID_ROOT}.3.1`),
]);

/** With as much in it as the list of studies of a workstation shows. */
export const findAnswer = Buffer.concat([
  text(0x0008, 0x0020, 'DA', '20260101'),
  text(0x0008, 0x0030, 'TM', '120000'),
  text(0x0008, 0x0050, 'SH', 'ACC0000001'),
  text(0x0008, 0x0052, 'CS', 'STUDY'),
  text(0x0008, 0x1030, 'LO', 'CT of the benchmark'),
  text(0x0010, 0x0010, 'PN', 'BENCHMARK^ANSWER'),
  text(0x0010, 0x0020, 'LO', 'BENCH-0001'),
  uid(0x0020, 0x000d, `${UID_ROOT}.3.1`),
]);
