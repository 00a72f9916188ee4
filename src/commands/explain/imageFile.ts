/**
 * Reads what a C-STORE of a DICOM file would say (PS3.10 §7.1): its class, its instance, its transfer syntax, and the
 * beginning of its data set. Shows nothing of it, and judges nothing.
 */
import { DataSetStart, MAX_START_BYTES } from '../../dimse/dataSetStart';
import { trim } from '../../dimse/elementTexts';
import { isUid } from '../../dimse/elementValues';
import { OperatorError } from '../../errors';
import { readStart } from '../../files/read';
import type { DataSetOfFile } from '../../policy/explainDataSet';

const PREAMBLE_BYTES = 128;
const PREFIX = 'DICM';
/** (0002,0000), UL: tag, VR, length, value. */
const GROUP_LENGTH_BYTES = 8 + 4;
/** That of real files has a few hundred bytes. */
const MAX_META_BYTES = 32 * 1024;
const MAX_READ_BYTES = PREAMBLE_BYTES + PREFIX.length + MAX_META_BYTES + MAX_START_BYTES + 1;

const SOP_CLASS = 0x0002_0002;
const SOP_INSTANCE = 0x0002_0003;
const TRANSFER_SYNTAX = 0x0002_0010;
const required = [SOP_CLASS, SOP_INSTANCE, TRANSFER_SYNTAX];

export interface ImageFile {
  readonly sopClassUid: string;
  readonly dataSet: DataSetOfFile;
}

/** Throws OperatorError. */
export function readImageFile(file: string): ImageFile {
  const bytes = readStart(file, MAX_READ_BYTES);
  const metaStart = PREAMBLE_BYTES + PREFIX.length;
  const groupLength = metaStart + GROUP_LENGTH_BYTES;
  if (bytes.length < groupLength || bytes.toString('latin1', PREAMBLE_BYTES, metaStart) !== PREFIX) {
    throw notDicom(file, 'it has no "DICM" behind 128 bytes');
  }
  const metaEnd = groupLength + bytes.readUInt32LE(groupLength - 4);
  const hasGroupLength = bytes.readUInt32LE(metaStart) === 0x0002 && metaEnd <= groupLength + MAX_META_BYTES;
  if (!hasGroupLength || metaEnd > bytes.length) {
    throw notDicom(file, 'its file meta information has no length, or a wrong one');
  }
  const meta = new DataSetStart(
    { isExplicit: true, isBigEndian: false },
    { tags: new Set(required), required, last: TRANSFER_SYNTAX },
  );
  meta.read(bytes.subarray(metaStart, metaEnd), true);
  const [sopClassUid = '', sopInstanceUid = '', transferSyntaxUid = ''] = required.map((tag) =>
    trim(meta.value(tag)?.bytes ?? '', '', '\0 '),
  );
  if (!isUid(sopClassUid) || !isUid(sopInstanceUid) || !isUid(transferSyntaxUid)) {
    throw notDicom(file, 'its file meta information lacks SOP class, SOP instance or transfer syntax');
  }
  const start = bytes.subarray(metaEnd, metaEnd + MAX_START_BYTES + 1);
  const isWhole = bytes.length < MAX_READ_BYTES && start.length === bytes.length - metaEnd;
  return { sopClassUid, dataSet: { sopInstanceUid, transferSyntaxUid, start, isWhole } };
}

function notDicom(file: string, why: string): OperatorError {
  return new OperatorError(`--file ${file} is not a DICOM file of PS3.10: ${why}`);
}
