/**
 * Data sets that are odd in their first elements, sent to Orthanc directly and through the gateway: the table of
 * docs/decisions/0019. Orthanc reads as DCMTK does.
 */
import { beforeAll, expect, it } from '@jest/globals';
import {
  encodeElement,
  encodingOf,
  explicitLittleEndian,
  ItemElement,
  itemMarker,
  textValue,
  UNDEFINED_LENGTH,
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

function openSequence(content: Buffer): Buffer {
  const parts = [
    itemMarker(explicitLittleEndian, ItemElement.Item, UNDEFINED_LENGTH),
    content,
    itemMarker(explicitLittleEndian, ItemElement.ItemDelimitation, 0),
    itemMarker(explicitLittleEndian, ItemElement.SequenceDelimitation, 0),
  ];
  return languages(Buffer.concat(parts), UNDEFINED_LENGTH);
}
const bigEndian = encodingOf(TransferSyntax.ExplicitVrBigEndian);
const bigEndianPlain = Buffer.concat([
  encodeElement(bigEndian, 0x0008, 0x0016, 'UI', uidValue(MR)),
  encodeElement(bigEndian, 0x0008, 0x0018, 'UI', uidValue('1.2.3.4')),
]);

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
  [
    'with another class in a private group and in group 0002',
    [
      element(0x0002, 0x0002, 'UI', uidValue(MR)),
      plain,
      element(0x0009, 0x0010, 'LO', textValue('PRIVATE')),
      element(0x0009, 0x1016, 'UI', uidValue(MR)),
      rest,
    ],
    0,
    0,
  ],
  ['with a group length that lies', [element(0x0008, 0, 'UL', Buffer.from([9, 9, 9, 9])), plain, rest], 0, 0],
  [
    'with another class deep inside sequences without a length',
    [openSequence(openSequence(sopClass(MR))), plain, rest],
    MISMATCH,
    MISMATCH,
  ],
  ['with two classes by a backslash', [sopClass(`${CT}\\${MR}`), instance(), rest], MISMATCH, MISMATCH],
  ['with another class behind a NUL', [sopClass(`${CT}\0${MR}`), instance(), rest], 0, MISMATCH],
  ['with a class padded by a space', [sopClass(`${CT} `), instance(), rest], 0, 0],
  ['with a class that is LO', [sopClass(MR, 'LO'), instance(), rest], MISMATCH, MISMATCH],
  [
    'with file meta information in front',
    [Buffer.alloc(128), Buffer.from('DICM'), sopClass(MR), rest],
    -1,
    MISMATCH,
  ],
  ['in big endian', [bigEndianPlain, rest], -1, MISMATCH],
  ['with zeros behind it', [plain, rest, Buffer.alloc(64)], 0, 0],
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
    // What came through is filed under the class that the gateway decided on.
    if (through !== 0) return;
    const [found] = (await orthanc.post('/tools/lookup', '1.2.3.4')) as { ID: string }[];
    const tags = (await orthanc.get(`/instances/${found!.ID}/simplified-tags`)) as Record<string, string>;
    expect([tags.SOPClassUID, tags.SOPInstanceUID]).toEqual([CT, '1.2.3.4']);
  });
});
