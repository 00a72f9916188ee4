import { describe, expect, it } from '@jest/globals';
import { constants } from 'dcmjs-dimse';
import { isUid } from '../../../src/dimse/elementValues';
import {
  isStorageSopClass,
  sopClassKeyword,
  sopClassKeywords,
  sopClassUid,
} from '../../../src/dimse/sopClasses';

/** dcmjs-dimse writes abbreviations as words: its names differ from the keywords in case only. */
function comparable(keyword: string): string {
  return keyword.toLowerCase();
}

describe('the table', () => {
  it('holds well-formed UIDs, each under one keyword', () => {
    const uids = sopClassKeywords.map((keyword) => sopClassUid(keyword) ?? '');
    expect(uids.filter((uid) => !isUid(uid))).toEqual([]);
    expect(new Set(uids).size).toBe(sopClassKeywords.length);
    expect(sopClassKeywords.map((keyword) => sopClassKeyword(sopClassUid(keyword) ?? ''))).toEqual(
      sopClassKeywords,
    );
  });

  it.each(Object.entries(constants.StorageClass))('has %s of dcmjs-dimse as storage', (name, uid) => {
    expect(isStorageSopClass(uid)).toBe(true);
    expect(comparable(sopClassKeyword(uid) ?? '')).toBe(comparable(name));
  });

  it.each(Object.entries(constants.SopClass))('has %s of dcmjs-dimse as another service', (name, uid) => {
    expect(isStorageSopClass(uid)).toBe(false);
    expect(comparable(sopClassKeyword(uid) ?? '')).toBe(comparable(name));
  });

  it.each([
    ['CTImageStorage', '1.2.840.10008.5.1.4.1.1.2', true],
    ['GrayscaleSoftcopyPresentationStateStorage', '1.2.840.10008.5.1.4.1.1.11.1', true],
    ['SegmentationStorage', '1.2.840.10008.5.1.4.1.1.66.4', true],
    ['KeyObjectSelectionDocumentStorage', '1.2.840.10008.5.1.4.1.1.88.59', true],
    ['RTStructureSetStorage', '1.2.840.10008.5.1.4.1.1.481.3', true],
    ['TwelveLeadECGWaveformStorage', '1.2.840.10008.5.1.4.1.1.9.1.1', true],
    ['UltrasoundImageStorageRetired', '1.2.840.10008.5.1.4.1.1.6', true],
    ['ModalityWorklistInformationModelFind', '1.2.840.10008.5.1.4.31', false],
    ['PatientRootQueryRetrieveInformationModelGet', '1.2.840.10008.5.1.4.1.2.1.3', false],
    ['ProtocolApprovalInformationModelFind', '1.2.840.10008.5.1.4.1.1.200.4', false],
    ['UnifiedProcedureStepPush', '1.2.840.10008.5.1.4.34.6.1', false],
  ])('%s is %s, storage: %p', (keyword, uid, isStorage) => {
    expect(sopClassUid(keyword)).toBe(uid);
    expect(sopClassKeyword(uid)).toBe(keyword);
    expect(isStorageSopClass(uid)).toBe(isStorage);
  });

  it('has every class under the storage prefix as storage, but for queries and retrieves', () => {
    const others = sopClassKeywords.filter((keyword) => {
      const uid = sopClassUid(keyword) ?? '';
      return uid.startsWith('1.2.840.10008.5.1.4.1.1.') && !isStorageSopClass(uid);
    });
    expect(others.filter((keyword) => !/(Find|Move|Get|Query|Creation)$/.test(keyword))).toEqual([]);
    const storage = sopClassKeywords.filter((keyword) => isStorageSopClass(sopClassUid(keyword) ?? ''));
    expect(storage.filter((keyword) => !keyword.includes('Storage'))).toEqual([]);
  });
});

describe('sopClassUid', () => {
  it('lets UIDs stand for themselves, private ones too', () => {
    expect(sopClassUid('1.3.12.2.1107.5.9.1')).toBe('1.3.12.2.1107.5.9.1');
    expect(sopClassKeyword('1.3.12.2.1107.5.9.1')).toBeUndefined();
    expect(isStorageSopClass('1.3.12.2.1107.5.9.1')).toBe(false);
  });

  it.each(['', 'ctimagestorage', 'CT', '1.2.', '.1', '1..2', '1.2.*', 'toString', '1'.repeat(65)])(
    'knows nothing by the name of %j',
    (name) => {
      expect(sopClassUid(name)).toBeUndefined();
    },
  );
});
