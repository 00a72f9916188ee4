/**
 * DICOM Part 10 files: writes them for tools that send files, reads those that a peer stored, and finds the real
 * ones where a folder of them lies beside the repository. Data sets stay opaque bytes with a SHA-256.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { encodeElement, explicitLittleEndian, hasLongLength, uidValue } from './dataElements';
import { sha256 } from './dicomReading';

export interface Instance {
  readonly name: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** The data set as it goes over the wire: what follows the file meta information. */
  readonly dataSet: Buffer;
  /** SHA-256 of the data set, hexadecimal. */
  readonly sha256: string;
}

const PREAMBLE_BYTES = 128;

/** The data set of a Part 10 file and what its file meta information says (PS3.10 §7.1); UIDs may be ''. */
export function readPart10(name: string, file: Buffer): Instance {
  const meta = new Map<number, string>();
  const hasPreamble = file.toString('latin1', PREAMBLE_BYTES, PREAMBLE_BYTES + 4) === 'DICM';
  let offset = hasPreamble ? PREAMBLE_BYTES + 4 : 0;
  while (offset + 8 <= file.length && file.readUInt16LE(offset) === 0x0002) {
    const isLong = hasLongLength(file.toString('latin1', offset + 4, offset + 6));
    const start = offset + (isLong ? 12 : 8);
    const end = start + (isLong ? file.readUInt32LE(offset + 8) : file.readUInt16LE(offset + 6));
    meta.set(file.readUInt16LE(offset + 2), file.toString('latin1', start, end).replace(/[\0 ]+$/, ''));
    offset = end;
  }
  const dataSet = file.subarray(offset);
  return {
    name,
    sopClassUid: meta.get(0x0002) ?? '',
    sopInstanceUid: meta.get(0x0003) ?? '',
    transferSyntaxUid: meta.get(0x0010) ?? '',
    dataSet,
    sha256: sha256(dataSet),
  };
}

/** Writes `<name>.dcm` into the folder; returns its path. */
export function writePart10(folder: string, instance: Instance): string {
  const element = (number: number, representation: string, value: Buffer) =>
    encodeElement(explicitLittleEndian, 0x0002, number, representation, value);
  const meta = Buffer.concat([
    element(0x0001, 'OB', Buffer.from([0, 1])),
    element(0x0002, 'UI', uidValue(instance.sopClassUid)),
    element(0x0003, 'UI', uidValue(instance.sopInstanceUid)),
    element(0x0010, 'UI', uidValue(instance.transferSyntaxUid)),
    element(0x0012, 'UI', uidValue('1.2.826.0.1.3680043.9.9999.1')),
  ]);
  const groupLength = Buffer.alloc(4);
  groupLength.writeUInt32LE(meta.length);
  const preamble = Buffer.concat([Buffer.alloc(PREAMBLE_BYTES), Buffer.from('DICM')]);
  const path = join(folder, `${instance.name}.dcm`);
  writeFileSync(path, Buffer.concat([preamble, element(0x0000, 'UL', groupLength), meta, instance.dataSet]));
  return path;
}

/** Where the file meta information names another instance than the data set, by which senders go. */
const instanceNamedWrong: Readonly<Record<string, Pick<Instance, 'sopInstanceUid'>>> = Object.fromEntries(
  [
    ['badVR', '1.9.999.999.99.9.9999.9999.20030818153516'],
    ['rtdose', '1.9.999.999.99.9.9999.9999.20030818153516'],
    ['rtdose_1frame', '1.9.999.999.99.9.9999.9999.20030818153516'],
    ['rtdose_expb', '1.9.999.999.99.9.9999.9999.20030818153516'],
    ['rtdose_expb_1frame', '1.9.999.999.99.9.9999.9999.20030818153516'],
    ['rtplan', '1.2.777.777.77.7.7777.7777.20030903150023'],
    ['rtplan_truncated', '1.2.777.777.77.7.7777.7777.20030903150023'],
  ].map(([name, sopInstanceUid]) => [name, { sopInstanceUid: sopInstanceUid! }]),
);

/** Real files of `../shared/data`, without those whose meta header is unusable; empty where there is no such folder. */
export function realInstances(): Instance[] {
  const folder = resolve(__dirname, '../../../shared/data');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.dcm'))
    .map((name) => readPart10(name.replace(/\.dcm$/, ''), readFileSync(join(folder, name))))
    .map((instance) => ({ ...instance, ...instanceNamedWrong[instance.name] }))
    .filter(({ sopClassUid, sopInstanceUid, transferSyntaxUid }) =>
      [sopClassUid, sopInstanceUid, transferSyntaxUid].every((uid) => /^[0-9.]{1,64}$/.test(uid)),
    );
}

/** Instances by transfer syntax UID. */
export function byTransferSyntax(instances: readonly Instance[]): Map<string, Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    groups.set(instance.transferSyntaxUid, [...(groups.get(instance.transferSyntaxUid) ?? []), instance]);
  }
  return groups;
}
