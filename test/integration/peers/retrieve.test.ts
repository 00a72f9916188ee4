/**
 * C-ECHO, C-FIND, C-MOVE and C-GET by DCMTK's tools through the gateway to Orthanc: each gets what it gets without
 * the gateway.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { encodeElement, explicitLittleEndian, textValue, uidValue } from '../../support/dataElements';
import {
  type DcmtkResult,
  type DcmtkTarget,
  echoscu,
  findscu,
  getscu,
  movescu,
  Storescp,
} from '../../support/dcmtk';
import { CommandField, proposedContext, roleSelection } from '../../support/dicomBytes';
import { type Instance, readPart10 } from '../../support/dicomFiles';
import { Orthanc, type OrthancModality } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { freePort, temporaryFolder } from '../../support/processes';
import { finalStatus, RawScu, storeInstance } from '../../support/rawScu';
import { type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { syntheticInstances } from '../../support/syntheticInstances';
import { SopClass } from '../../support/uids';

const STUDY_UID = 'StudyInstanceUID=1.2.826.0.1.3680043.9.9999.3.1';
const study = ['QueryRetrieveLevel=STUDY', STUDY_UID];
const imagesOfStudy = ['QueryRetrieveLevel=IMAGE', STUDY_UID, 'SOPInstanceUID', 'SOPClassUID'];

function only({ sopInstanceUid }: Instance) {
  return ['QueryRetrieveLevel=IMAGE', `SOPInstanceUID=${sopInstanceUid}`];
}

function hashes(instances: readonly Instance[]) {
  return instances.map(({ sha256 }) => sha256).sort();
}

/** What a tool was answered, without what it logs of connections and times. */
function answers({ exitCode, statuses, errorComments, errors, rejection, isAborted }: DcmtkResult) {
  return { exitCode, statuses, errorComments, errors, rejection, isAborted };
}

/** With the SHA-256 of the identifier of each pending response, in order. */
async function find(target: DcmtkTarget, keys: readonly string[], ...options: readonly string[]) {
  const folder = temporaryFolder();
  const toolArguments = ['--extract', '--output-directory', folder, ...options];
  const result = await findscu({ ...target, toolArguments }, keys);
  const identifiers = readdirSync(folder)
    .sort()
    .map((name) => readPart10(name, readFileSync(join(folder, name))).sha256);
  return { ...answers(result), identifiers };
}

async function get(target: DcmtkTarget, keys: readonly string[], ...toolArguments: readonly string[]) {
  const result = await getscu({ ...target, toolArguments }, keys);
  return { ...answers(result), hashes: hashes(result.instances) };
}

const programs = ['Orthanc', 'echoscu', 'findscu', 'movescu', 'getscu', 'storescp', 'stunnel4'] as const;

describeWithPeers(programs, 'SCUs through the gateway to Orthanc', () => {
  // Orthanc 1.10.1 does not know HTJ2K, and stores deflated data sets inflated.
  const stored = syntheticInstances().filter(({ name }) => name !== 'ct-htj2k' && name !== 'sr-deflated');
  const named = (name: string) => stored.find((instance) => instance.name === name)!;
  let orthanc: Orthanc;
  let secured: SecuredArchive;
  /** movescu and getscu know no TLS. */
  let tunnel: DcmtkTarget;
  beforeAll(async () => {
    orthanc = await Orthanc.start();
    for (const instance of stored) {
      expect(await storeInstance({ port: orthanc.dicomPort }, instance)).toBe(0x0000);
    }
    secured = await secureArchive(orthanc.dicomPort);
    tunnel = await secured.throughStunnel();
  });

  const destination = (port: number): OrthancModality => ({ AET: 'WS1', Host: '127.0.0.1', Port: port });

  it('echo', async () => {
    expect(answers(await echoscu(secured.tls))).toEqual(answers(await echoscu(secured.direct)));
    await secured.gateway.event({ event: 'command.completed', command: 'C-ECHO', status: '0x0000' });
  });

  it.each<[string, string[], number[]]>([
    ['a study', [...study, 'PatientName', 'ModalitiesInStudy'], [0xff00, 0x0000]],
    ['all images of a study', imagesOfStudy, [...stored.map(() => 0xff00), 0x0000]],
    ['nothing', ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1.2.3'], [0x0000]],
    ['what cannot be asked for', ['QueryRetrieveLevel=NONSENSE'], [0xc000]],
  ])('find %s', async (_what, keys, statuses) => {
    const found = await find(secured.tls, keys);
    expect(found).toEqual(await find(secured.direct, keys));
    expect(found.statuses).toEqual(statuses);
  });

  it('find no worklist where there is none', async () => {
    const found = await find(secured.tls, ['PatientID'], '--worklist');
    expect(found).toEqual(await find(secured.direct, ['PatientID'], '--worklist'));
    expect(found.errors.join()).toContain('No Acceptable Presentation Contexts');
  });

  it('move a study to a destination, which receives the data sets', async () => {
    const directly = await Storescp.start({ aeTitle: 'WS1' });
    await orthanc.setModality('ws1', destination(directly.port));
    const expected = await movescu(secured.direct, 'WS1', study);

    const receiver = await Storescp.start({ aeTitle: 'WS1' });
    await orthanc.setModality('ws1', destination(receiver.port));
    const moved = await movescu(tunnel, 'WS1', study);
    expect(answers(moved)).toEqual(answers(expected));
    expect(moved.statuses).toEqual([...stored.slice(1).map(() => 0xff00), 0x0000]);
    expect(hashes(receiver.instances)).toEqual(hashes(stored));
    expect(hashes(directly.instances)).toEqual(hashes(stored));
  });

  it('hear that a destination does not answer', async () => {
    await orthanc.setModality('ws1', destination(await freePort()));
    const moved = answers(await movescu(tunnel, 'WS1', study));
    expect(moved).toEqual(answers(await movescu(secured.direct, 'WS1', study)));
    expect(moved.statuses).toEqual([0xc000]);
  });

  it('move nothing to a destination that the modality may not name', async () => {
    const receiver = await Storescp.start({ aeTitle: 'WS2' });
    await orthanc.setModality('ws2', { ...destination(receiver.port), AET: 'WS2' });
    const moved = await movescu(tunnel, 'WS2', study);
    expect(moved).toMatchObject({ statuses: [0xa801], isAborted: false });
    const refused = { event: 'command.refused', reason: 'move-destination-not-allowed' } as const;
    expect(await secured.gateway.event(refused)).toMatchObject({ moveDestination: 'WS2', status: '0xA801' });
    // The same request does bring them where nothing is in between.
    expect(receiver.instances).toEqual([]);
    await movescu(secured.direct, 'WS2', study);
    expect(hashes(receiver.instances)).toEqual(hashes(stored));
  });

  it.each([
    ['ct-implicit', '--propose-implicit'],
    ['ct-explicit', '--propose-little'],
    ['mr-big-endian', '--propose-big'],
  ])('get %s', async (name, option) => {
    const instance = named(name);
    const got = await get(tunnel, only(instance), option);
    expect(got).toEqual(await get(secured.direct, only(instance), option));
    // In which native transfer syntax it comes is between getscu and Orthanc.
    expect(got.statuses).toEqual([0xff00, 0x0000]);
    expect(got.hashes).toHaveLength(1);
  });

  it('get what cannot be transcoded: the failure, and what came before it', async () => {
    const got = await get(tunnel, study);
    expect(got).toEqual(await get(secured.direct, study));
    expect(got.statuses.at(-1)).toBe(0xc000);
  });

  // getscu 3.6.7 proposes no compressed transfer syntax.
  it.each(stored)('give $name to an SCU that takes it as it is stored', async (instance) => {
    const scu = await RawScu.connect(secured.rawTls);
    const answer = await scu.associate({
      calling: 'CT1',
      contexts: [
        proposedContext(1, SopClass.StudyRootGet),
        proposedContext(3, instance.sopClassUid, [instance.transferSyntaxUid]),
      ],
      userItems: [roleSelection(instance.sopClassUid, 0, 1)],
    });
    expect(answer).toMatchObject({ kind: 'accepted', ac: { contexts: [{ result: 0 }, { result: 0 }] } });
    const identifier = Buffer.concat([
      encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', uidValue(instance.sopInstanceUid)),
      encodeElement(explicitLittleEndian, 0x0008, 0x0052, 'CS', textValue('IMAGE')),
    ]);
    const command = {
      CommandField: CommandField.CGetRq,
      AffectedSOPClassUID: SopClass.StudyRootGet,
      Priority: 0,
    };
    expect(finalStatus(await scu.request(1, command, identifier))).toBe(0x0000);
    expect(scu.peerRequests.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);
    await scu.release();
  });
});
