import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readPart10, writePart10 } from '../../support/dicomFiles';
import { temporaryFolder } from '../../support/processes';
import { PATIENT_CANARY, syntheticInstance, syntheticInstances } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

describe('synthetic instances', () => {
  it('cover every transfer syntax once, each with SOP instance UID and data set of its own', () => {
    const instances = syntheticInstances();
    const syntaxes = instances.map(({ transferSyntaxUid }) => transferSyntaxUid);
    expect(syntaxes.sort()).toEqual(Object.values(TransferSyntax).sort());
    expect(new Set(instances.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(instances.length);
    expect(new Set(instances.map(({ sha256 }) => sha256)).size).toBe(instances.length);
  });

  it.each(syntheticInstances())('$name has an even data set with a patient name to look for', (instance) => {
    expect(instance.dataSet.length % 2).toBe(0);
    const isDeflated = instance.transferSyntaxUid === TransferSyntax.DeflatedExplicitVrLittleEndian;
    expect((isDeflated ? inflateRawSync(instance.dataSet) : instance.dataSet).includes(PATIENT_CANARY)).toBe(
      true,
    );
  });

  it('have pixel data of the size that was asked for', () => {
    const sized = (pixelBytes: number) =>
      syntheticInstance('sized', SopClass.MRImageStorage, TransferSyntax.RleLossless, { pixelBytes }).dataSet
        .length;
    expect(sized(1_000_000) - sized(1000)).toBe(999_000);
  });
});

describe('a Part 10 file', () => {
  it.each(syntheticInstances())('of $name reads back as it was written', (instance) => {
    const path = writePart10(temporaryFolder(), instance);
    expect(readPart10(instance.name, readFileSync(path))).toEqual(instance);
  });

  it('without a preamble is read too', () => {
    const [instance] = syntheticInstances();
    const file = readFileSync(writePart10(temporaryFolder(), instance!)).subarray(132);
    expect(readPart10(instance!.name, file)).toEqual(instance);
  });
});
