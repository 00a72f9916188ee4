/**
 * Data sets that are odd in their first elements, sent to Orthanc directly and through the gateway: the table of
 * docs/decisions/0019. Orthanc reads as DCMTK does.
 */
import { beforeAll, expect, it } from '@jest/globals';
import {
  encodeElement,
  explicitLittleEndian,
  ItemElement,
  itemMarker,
  textValue,
  uidValue,
} from '../../support/dataElements';
import { CommandField, proposedContext } from '../../support/dicomBytes';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { RawScu } from '../../support/rawScu';
import { MODALITY, type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { SopClass, TransferSyntax } from '../../support/uids';

const CT = SopClass.CTImageStorage;
const MR = SopClass.MRImageStorage;
const MISMATCH = 0xa900;

function element(group: number, number: number, vr: string, value: Buffer, length?: number): Buffer {
  return encodeElement(explicitLittleEndian, group, number, vr, value, length);
}

function sopClass(uid: string, vr = 'UI'): Buffer {
  return element(0x0008, 0x0016, vr, uidValue(uid));
}

function instance(uid = '1.2.3.4'): Buffer {
  return element(0x0008, 0x0018, 'UI', uidValue(uid));
}

const ids = ['1', '2', '3'].map((end) => uidValue(`1.2.3.4.${end}`));
const patient = Buffer.concat([
  element(0x0010, 0x0010, 'PN', textValue('Odd^Data')),
  element(0x0010, 0x0020, 'LO', textValue('ODD')),
]);
const rest = Buffer.concat([
  patient,
  element(0x0020, 0x000d, 'UI', ids[0]!),
  element(0x0020, 0x000e, 'UI', ids[1]!),
]);
const plain = Buffer.concat([sopClass(CT), instance()]);
function item(content: Buffer, length = content.length): Buffer {
  return Buffer.concat([itemMarker(explicitLittleEndian, ItemElement.Item, length), content]);
}
function languages(content: Buffer, length?: number): Buffer {
  return element(0x0008, 0x0006, 'SQ', content, length);
}

/** What it is, its data set, what Orthanc answers (-1: nothing, or an abort), what comes through the gateway. */
const rows: readonly (readonly [string, readonly Buffer[], number, number])[] = [
  ['as it should be', [plain, rest], 0, 0],
  ['of another class', [sopClass(MR), instance(), rest], MISMATCH, MISMATCH],
  ['with another class inside a sequence', [languages(item(sopClass(MR))), plain, rest], MISMATCH, MISMATCH],
  [
    'of another class, with that of the command inside a sequence',
    [languages(item(sopClass(CT))), sopClass(MR), instance(), rest],
    0,
    MISMATCH,
  ],
  [
    'with its elements out of order',
    [patient, instance(), sopClass(CT), rest.subarray(patient.length)],
    0,
    0,
  ],
  [
    'with an odd length',
    [
      element(0x0008, 0x0008, 'CS', Buffer.from('ABC')),
      element(0x0008, 0x0012, 'DA', Buffer.from('2')),
      plain,
      rest,
    ],
    0,
    0,
  ],
  ['with a second class in order', [sopClass(CT), sopClass(MR), instance(), rest], 0, MISMATCH],
  ['with a class that is UN', [sopClass(CT, 'UN'), instance(), rest], 0xc000, 0xc000],
  ['with a VR that there is not', [element(0x0008, 0x0008, '??', textValue('AB')), plain, rest], 0, MISMATCH],
  ['with an item longer than its sequence', [languages(item(sopClass(CT)), 8), plain, rest], 0, MISMATCH],
  ['with white space inside a UID', [sopClass(CT), instance('1.2. 3.4'), rest], 0, MISMATCH],
  ['without both elements', [rest], 0xc000, 0xc000],
  ['of bytes that nobody can read', [Buffer.alloc(1000, 0x55)], -1, -1],
  ['of such bytes with the tag of the class in them', [Buffer.alloc(1000, 0x55), sopClass(MR)], -1, MISMATCH],
];

async function answerTo(target: Parameters<typeof RawScu.connect>[0], dataSet: Buffer): Promise<number> {
  const scu = await RawScu.connect(target);
  const contexts = [proposedContext(1, CT, [TransferSyntax.ExplicitVrLittleEndian])];
  await scu.associate({ calling: MODALITY.callingAeTitle, called: MODALITY.calledAeTitle, contexts });
  const request = {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: CT,
    AffectedSOPInstanceUID: '1.2.3.4',
    Priority: 0,
  };
  try {
    const [response] = await scu.request(1, request, dataSet);
    return response?.command.Status ?? -1;
  } catch {
    return -1;
  } finally {
    scu.end();
  }
}

describeWithPeers(['Orthanc'], 'a data set', () => {
  let orthanc: Orthanc;
  let secured: SecuredArchive;
  beforeAll(async () => {
    orthanc = await Orthanc.start({ settings: { DicomScpTimeout: 1, OverwriteInstances: true } });
    secured = await secureArchive(orthanc.dicomPort);
  });

  it.each(rows)('%s', async (_what, parts, direct, through) => {
    const dataSet = Buffer.concat([...parts]);
    expect([
      await answerTo({ port: orthanc.dicomPort }, dataSet),
      await answerTo(secured.rawTls, dataSet),
    ]).toEqual([direct, through]);
  });
});
