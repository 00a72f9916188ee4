/**
 * C-STORE by real SCUs into real archives through the gateway: what arrives, and what is refused, is what arrives
 * and is refused without it.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { encodeElement, explicitLittleEndian, textValue, uidValue } from '../../support/dataElements';
import { type DcmtkTarget, Storescp, storescu } from '../../support/dcmtk';
import { CommandField } from '../../support/dicomBytes';
import { byTransferSyntax, type Instance, realInstances, writePart10 } from '../../support/dicomFiles';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { RawScu, type StoredInstance, storeInstance, UnexpectedPeerEvent } from '../../support/rawScu';
import { MODALITY, type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { syntheticInstance, syntheticInstances } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

/**
 * storescu 3.6.7 needs one for each transfer syntax: without it, it sends native ones as another native one and
 * compressed ones not at all. It has none for HTJ2K.
 */
const proposalOptions: Readonly<Record<string, string>> = {
  [TransferSyntax.ImplicitVrLittleEndian]: '--propose-implicit',
  [TransferSyntax.ExplicitVrLittleEndian]: '--propose-little',
  [TransferSyntax.ExplicitVrBigEndian]: '--propose-big',
  [TransferSyntax.DeflatedExplicitVrLittleEndian]: '--propose-deflated',
  [TransferSyntax.JpegBaseline]: '--propose-jpeg8',
  '1.2.840.10008.1.2.4.51': '--propose-jpeg12',
  '1.2.840.10008.1.2.4.70': '--propose-lossless',
  [TransferSyntax.JpegLsLossless]: '--propose-jls-lossless',
  '1.2.840.10008.1.2.4.81': '--propose-jls-lossy',
  [TransferSyntax.Jpeg2000Lossless]: '--propose-j2k-lossless',
  '1.2.840.10008.1.2.4.91': '--propose-j2k-lossy',
  [TransferSyntax.RleLossless]: '--propose-rle',
};

const sendable = [...syntheticInstances(), ...realInstances()].filter(
  ({ transferSyntaxUid }) => transferSyntaxUid in proposalOptions,
);

/** Orthanc keeps one instance of each SOP instance UID: those that share one go one after the other. */
function roundsWithoutSharedUids(group: readonly Instance[]): Instance[][] {
  const rounds: Instance[][] = [];
  for (const instance of group) {
    const free = rounds.find((round) =>
      round.every(({ sopInstanceUid }) => sopInstanceUid !== instance.sopInstanceUid),
    );
    if (free === undefined) rounds.push([instance]);
    else free.push(instance);
  }
  return rounds;
}

async function sendWithStorescu(target: DcmtkTarget, archive: Orthanc, group: readonly Instance[]) {
  const folder = temporaryFolder();
  const toolArguments = [proposalOptions[group[0]!.transferSyntaxUid]!];
  const results = [];
  for (const round of roundsWithoutSharedUids(group)) {
    const files = round.map((instance) => writePart10(folder, instance));
    const { exitCode, statuses, errors, rejection } = await storescu({ ...target, toolArguments }, files);
    const stored = await Promise.all(
      round.map(async ({ name, sopInstanceUid }) => {
        const found = await archive.storedInstance(sopInstanceUid);
        return { name, sha256: found?.sha256, transferSyntaxUid: found?.transferSyntaxUid };
      }),
    );
    results.push({
      exitCode,
      statuses,
      rejection,
      stored,
      errors: errors.map((line) => line.replaceAll(folder, '')),
    });
  }
  return results;
}

/** Everything that the archive answers to one C-STORE: a rejected context, a response, or an abort. */
async function answerTo(address: Parameters<typeof RawScu.connect>[0], instance: Instance) {
  const { sopClassUid, transferSyntaxUid } = instance;
  const scu = await RawScu.connect(address);
  const contexts = [{ id: 1, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }];
  const answer = await scu.associate({
    calling: MODALITY.callingAeTitle,
    called: MODALITY.calledAeTitle,
    contexts,
  });
  if (answer.kind !== 'accepted') throw new Error(`the association was not accepted: ${answer.kind}`);
  const [context] = answer.ac.contexts;
  if (context!.result !== 0) {
    await scu.release();
    return context;
  }
  try {
    const [response] = await scu.request(1, storeCommand(instance), instance.dataSet);
    await scu.release();
    return response!.command;
  } catch (error) {
    if (!(error instanceof UnexpectedPeerEvent) || error.event.kind !== 'pdu') throw error;
    scu.end();
    return error.event;
  }
}

function storeCommand({ sopClassUid, sopInstanceUid }: StoredInstance) {
  return {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: sopClassUid,
    AffectedSOPInstanceUID: sopInstanceUid,
    Priority: 0,
  };
}

describeWithPeers(['Orthanc', 'storescu'], 'storescu through the gateway to Orthanc', () => {
  let without: Orthanc;
  let behind: Orthanc;
  let secured: SecuredArchive;
  beforeAll(async () => {
    const settings = { OverwriteInstances: true };
    [without, behind] = await Promise.all([Orthanc.start({ settings }), Orthanc.start({ settings })]);
    secured = await secureArchive(behind.dicomPort);
  });

  it.each([...byTransferSyntax(sendable)])(
    'gets the answers, and leaves the data sets, that it does without it: %s',
    async (_uid, group) => {
      const direct = { ...MODALITY, port: without.dicomPort };
      const expected = await sendWithStorescu(direct, without, group);
      expect(await sendWithStorescu(secured.tls, behind, group)).toEqual(expected);
    },
  );

  // storescu deflates again.
  const unchanged = syntheticInstances().filter(
    ({ transferSyntaxUid }) =>
      transferSyntaxUid in proposalOptions &&
      transferSyntaxUid !== TransferSyntax.DeflatedExplicitVrLittleEndian,
  );
  it.each(unchanged)('leaves the bytes of its file: $name', async (instance) => {
    const [result] = await sendWithStorescu(secured.tls, behind, [instance]);
    expect(result).toMatchObject({ statuses: [0x0000], errors: [] });
    const { name, sha256, transferSyntaxUid } = instance;
    expect(result!.stored).toEqual([{ name, sha256, transferSyntaxUid }]);
  });
});

describeWithPeers(['storescp'], 'any SCU through the gateway to storescp', () => {
  it('brings every instance with the bytes of its file', async () => {
    const storescp = await Storescp.start({ toolArguments: ['--unique-filenames'] });
    const { rawTls } = await secureArchive(storescp.port);
    // A few files end odd, which no SCU may send (PS3.8 §9.3.5.1). One is not encoded as it says, and is refused.
    const sent = sendable.filter(({ name, dataSet }) => dataSet.length % 2 === 0 && name !== 'SC_rgb_jpeg');
    for (const instance of sent) {
      const { callingAeTitle: calling, calledAeTitle: called } = MODALITY;
      expect(await storeInstance({ ...rawTls, calling, called }, instance)).toBe(0x0000);
    }
    const hashes = (instances: readonly Instance[]) => instances.map(({ sha256 }) => sha256).sort();
    expect(hashes(storescp.instances)).toEqual(hashes(sent));
  });
});

describeWithPeers(['Orthanc'], 'what Orthanc refuses to store', () => {
  const good = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
  const patientId = encodeElement(explicitLittleEndian, 0x0010, 0x0020, 'LO', textValue('ID'));
  const instanceUid = encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', uidValue('1.2.3.4'));
  const refused: readonly (readonly [string, Partial<Instance>])[] = [
    ['an unknown SOP class', { sopClassUid: '1.2.3.4.5.6.7' }],
    ['an unknown transfer syntax', { transferSyntaxUid: TransferSyntax.HighThroughputJpeg2000Lossless }],
    ['another SOP class than in the command', { sopClassUid: SopClass.MRImageStorage }],
    ['another SOP instance than in the command', { sopInstanceUid: '1.2.3.4.5' }],
    ['a SOP class that cannot be stored', { sopClassUid: SopClass.StudyRootFind }],
    ['no UIDs', { dataSet: patientId }],
    ['no study', { dataSet: instanceUid }],
    ['no data set element', { dataSet: Buffer.alloc(1000, 0x55) }],
    ['a cut data set', { dataSet: good.dataSet.subarray(0, good.dataSet.length - 100) }],
  ];

  let orthanc: Orthanc;
  /** What the gateway sees by itself. */
  const judged = [
    'another SOP class than in the command',
    'another SOP instance than in the command',
    'a SOP class that cannot be stored',
    'no study',
  ];
  let secured: SecuredArchive;
  let unjudged: SecuredArchive;
  beforeAll(async () => {
    // What it cannot parse, Orthanc answers with an abort after this time.
    orthanc = await Orthanc.start({ settings: { DicomScpTimeout: 1 } });
    [secured, unjudged] = await Promise.all([
      secureArchive(orthanc.dicomPort),
      secureArchive(orthanc.dicomPort, { dataSets: 'off' }),
    ]);
  });

  it.each(refused)(
    'is refused in the same way where data sets are not looked at: %s',
    async (_what, changes) => {
      const instance = { ...good, ...changes };
      const expected = await answerTo({ port: orthanc.dicomPort }, instance);
      expect(await answerTo(unjudged.rawTls, instance)).toEqual(expected);
      expect(await orthanc.instanceCount()).toBe(0);
    },
  );

  it.each(refused.filter(([what]) => judged.includes(what)))(
    'does not come to it where they are: %s',
    async (_what, changes) => {
      const answer = await answerTo(secured.rawTls, { ...good, ...changes });
      expect(answer).toMatchObject({ Status: 0xa900, ErrorComment: 'refused by the gateway' });
      expect(await orthanc.instanceCount()).toBe(0);
    },
  );

  it.each(refused.filter(([what]) => !judged.includes(what)))(
    'is refused in the same way: %s',
    async (_what, changes) => {
      const instance = { ...good, ...changes };
      const expected = await answerTo({ port: orthanc.dicomPort }, instance);
      expect(await answerTo(secured.rawTls, instance)).toEqual(expected);
      expect(await orthanc.instanceCount()).toBe(0);
    },
  );

  it('is what the list says, not everything', async () => {
    expect(await answerTo(secured.rawTls, good)).toMatchObject({ Status: 0x0000 });
    expect(await orthanc.instanceCount()).toBe(1);
  });
});
