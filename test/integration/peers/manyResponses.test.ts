/**
 * Long operations through the gateway to Orthanc: a C-FIND with a thousand responses, a cancelled one, a C-GET of a
 * whole study.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { encodeElement, explicitLittleEndian, textValue, uidValue } from '../../support/dataElements';
import { findscu, getscu } from '../../support/dcmtk';
import {
  CommandDataSetType,
  CommandField,
  messagePdus,
  numberedRequest,
  proposedContext,
} from '../../support/dicomBytes';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { finalStatus, RawScu } from '../../support/rawScu';
import { MODALITY, type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { SpyUpstream } from '../../support/spyUpstream';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const INSTANCES = 1000;
const STUDY_UID = '1.2.826.0.1.3680043.9.9999.3.1';
const images = ['QueryRetrieveLevel=IMAGE', `StudyInstanceUID=${STUDY_UID}`, 'SOPInstanceUID'];
const study = encodeElement(explicitLittleEndian, 0x0020, 0x000d, 'UI', uidValue(STUDY_UID));

describeWithPeers(['Orthanc', 'findscu', 'getscu', 'stunnel4'], 'a study of 1000 instances', () => {
  const instances = Array.from({ length: INSTANCES }, (_value, index) =>
    syntheticInstance(`ct-${index}`, SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian),
  );
  let secured: SecuredArchive;
  beforeAll(async () => {
    const orthanc = await Orthanc.start();
    const scu = await RawScu.connect({ port: orthanc.dicomPort });
    await scu.associate({ contexts: [proposedContext(1, SopClass.CTImageStorage)] });
    for (const instance of instances) expect(await scu.store(1, instance)).toBe(0x0000);
    await scu.release();
    secured = await secureArchive(orthanc.dicomPort);
  });

  it('is found with one response for each', async () => {
    const found = await findscu(secured.tls, images);
    expect(found.statuses).toEqual([...instances.map(() => 0xff00), 0x0000]);
    const uids = new Set(found.output.match(/(?<=\(0008,0018\) UI \[)[0-9.]+/g));
    expect([...uids].sort()).toEqual(instances.map(({ sopInstanceUid }) => sopInstanceUid).sort());
    await secured.gateway.event({ event: 'command.completed', command: 'C-FIND', status: '0x0000' });
  });

  // Of the latter two Orthanc itself makes nothing: sent to it directly, the C-FIND is never answered.
  it.each<[string, number, Buffer[]]>([
    ['', 1, []],
    [' on another context', 3, []],
    [
      ' behind a cancel that names nothing',
      1,
      messagePdus(1, { CommandField: CommandField.CCancelRq, CommandDataSetType: CommandDataSetType.None }),
    ],
  ])('is found in part when the SCU cancels%s', async (_how, contextId, before) => {
    const scu = await RawScu.connect(secured.rawTls);
    const contexts = [proposedContext(1, SopClass.StudyRootFind), proposedContext(3, SopClass.StudyRootFind)];
    const { callingAeTitle: calling, calledAeTitle: called } = MODALITY;
    expect((await scu.associate({ calling, called, contexts })).kind).toBe('accepted');
    const request = {
      CommandField: CommandField.CFindRq,
      AffectedSOPClassUID: SopClass.StudyRootFind,
      Priority: 0,
    };
    const cancel = {
      CommandField: CommandField.CCancelRq,
      MessageIDBeingRespondedTo: 1,
      CommandDataSetType: CommandDataSetType.None,
    };
    const identifier = Buffer.concat([
      encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', Buffer.alloc(0)),
      encodeElement(explicitLittleEndian, 0x0008, 0x0052, 'CS', textValue('IMAGE')),
    ]);
    // In one write, so that Orthanc has it long before its last response.
    await scu.send(
      ...messagePdus(1, numberedRequest(1, request, true), identifier),
      ...before,
      ...messagePdus(contextId, cancel),
    );
    const responses = await scu.readResponses(1);
    expect(finalStatus(responses)).toBe(0xfe00);
    expect(responses.length).toBeLessThan(INSTANCES);
    await scu.release();
    await secured.gateway.event({ event: 'command.completed', command: 'C-FIND', status: '0xFE00' });
  });

  it('is retrieved whole with C-GET', async () => {
    const got = await getscu(await secured.throughStunnel(), [
      'QueryRetrieveLevel=STUDY',
      `StudyInstanceUID=${STUDY_UID}`,
    ]);
    expect(got.statuses.at(-1)).toBe(0x0000);
    const hashes = (list: readonly { readonly sha256: string }[]) => list.map(({ sha256 }) => sha256).sort();
    expect(hashes(got.instances)).toEqual(hashes(instances));
  });
});

describeWithPeers(['findscu'], 'findscu that cancels', () => {
  it('learns that the operation was cancelled', async () => {
    const spy = await SpyUpstream.start({
      script: {
        onRequest: (connection, request) => {
          const [find] = connection.requests;
          if (request !== find) connection.respond(find!, { Status: 0xfe00 });
          else for (let count = 0; count < 5; count += 1) connection.respond(find, { Status: 0xff00 }, study);
        },
      },
    });
    const { tls } = await secureArchive(spy.port);
    const found = await findscu({ ...tls, toolArguments: ['--cancel', '5'] }, images);
    expect(found.statuses).toEqual([0xff00, 0xff00, 0xff00, 0xff00, 0xff00, 0xfe00]);
    expect(found.errors).toEqual([]);
    expect(spy.requests.map(({ command }) => command.CommandField)).toEqual([
      CommandField.CFindRq,
      CommandField.CCancelRq,
    ]);
  });
});
