/** Storage commitment through the gateway to Orthanc, which answers at once and reports on an association of its own. */
import { beforeAll, expect, it } from '@jest/globals';
import { testCertificates } from '../../support/certificates';
import {
  encodeElement,
  explicitLittleEndian,
  ItemElement,
  itemMarker,
  uidValue,
} from '../../support/dataElements';
import { CommandField, proposedContext } from '../../support/dicomBytes';
import type { Instance } from '../../support/dicomFiles';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { freePort } from '../../support/processes';
import { RawScu, storeInstance } from '../../support/rawScu';
import { MODALITY, type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { SpyUpstream } from '../../support/spyUpstream';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

/** PS3.4 §J.3.5. */
const WELL_KNOWN_INSTANCE = '1.2.840.10008.1.20.1.1';

const address = { calling: MODALITY.callingAeTitle, called: MODALITY.calledAeTitle };
const command = {
  CommandField: CommandField.NActionRq,
  RequestedSOPClassUID: SopClass.StorageCommitmentPushModel,
  RequestedSOPInstanceUID: WELL_KNOWN_INSTANCE,
  ActionTypeID: 1,
};

/** Transaction UID and Referenced SOP Sequence (PS3.4 Table J.3-1). */
function commitmentOf({ sopClassUid, sopInstanceUid }: Instance, transactionUid: string): Buffer {
  const uid = (element: number, value: string) =>
    encodeElement(explicitLittleEndian, 0x0008, element, 'UI', uidValue(value));
  const item = Buffer.concat([uid(0x1150, sopClassUid), uid(0x1155, sopInstanceUid)]);
  const items = Buffer.concat([itemMarker(explicitLittleEndian, ItemElement.Item, item.length), item]);
  const sequence = encodeElement(explicitLittleEndian, 0x0008, 0x1199, 'SQ', items);
  return Buffer.concat([uid(0x1195, transactionUid), sequence]);
}

async function associate({ rawTls }: SecuredArchive): Promise<RawScu> {
  const scu = await RawScu.connect(rawTls);
  const contexts = [proposedContext(1, SopClass.StorageCommitmentPushModel)];
  expect(await scu.associate({ ...address, contexts })).toMatchObject({
    kind: 'accepted',
    ac: { contexts: [{ result: 0 }] },
  });
  return scu;
}

describeWithPeers(['Orthanc'], 'storage commitment', () => {
  const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
  let orthanc: Orthanc;
  /** The modality's own listener, which Orthanc reports to. */
  let modality: SpyUpstream;
  beforeAll(async () => {
    modality = await SpyUpstream.start();
    // Orthanc takes requests of modalities that it knows only, and reports to where it knows them to be.
    const { port: Port } = modality;
    const ct1 = { AET: MODALITY.callingAeTitle, Host: '127.0.0.1', Port, AllowStorageCommitment: true };
    orthanc = await Orthanc.start({ modalities: { ct1 } });
  });

  it('is taken, and reported for the instance that was stored', async () => {
    const secured = await secureArchive(orthanc.dicomPort);
    expect(await storeInstance({ ...secured.rawTls, ...address }, instance)).toBe(0x0000);
    const scu = await associate(secured);
    const [response] = await scu.request(1, command, commitmentOf(instance, '1.2.3.9.1'));
    expect(response!.command).toMatchObject({
      CommandField: 0x8130,
      Status: 0x0000,
      AffectedSOPInstanceUID: WELL_KNOWN_INSTANCE,
    });
    await scu.release();
    await secured.gateway.event({ event: 'command.completed', command: 'N-ACTION', status: '0x0000' });

    await modality.waitUntil(({ requests }) => requests.length > 0, 'an N-EVENT-REPORT');
    const [report] = modality.requests;
    expect(report!.command).toMatchObject({ CommandField: CommandField.NEventReportRq, EventTypeID: 1 });
    expect(report!.dataSet.includes(instance.sopInstanceUid)).toBe(true);
  });

  it('is refused to a modality that may not ask for it', async () => {
    const secured = await secureArchive(orthanc.dicomPort, { allow: ['store'] });
    const scu = await associate(secured);
    const [response] = await scu.request(1, command, commitmentOf(instance, '1.2.3.9.2'));
    expect(response!.command.Status).toBe(0x0124);
    await scu.release();
    await secured.gateway.event({ event: 'command.refused', command: 'N-ACTION' });
  });

  it('is reported over TLS to the modality, through egress, by an Orthanc that knows no TLS', async () => {
    const certificates = testCertificates();
    const { ca, server, client } = certificates;
    const scanner = await SpyUpstream.start({
      tls: { cert: server.cert, key: server.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
    });
    const egressPort = await freePort();
    const ct1 = {
      AET: MODALITY.callingAeTitle,
      Host: '127.0.0.1',
      Port: egressPort,
      AllowStorageCommitment: true,
    };
    const archive = await Orthanc.start({ modalities: { ct1 } });
    const tls = {
      trustedCertificates: ca.certificateFile,
      certificate: client.certificateFile,
      privateKey: client.privateKeyFile,
    };
    const secured = await secureArchive(
      archive.dicomPort,
      { address: { host: '127.0.0.1', port: scanner.port, tls } },
      { egress: { port: egressPort } },
    );
    expect(await storeInstance({ ...secured.rawTls, ...address }, instance)).toBe(0x0000);
    const scu = await associate(secured);
    await scu.request(1, command, commitmentOf(instance, '1.2.3.9.3'));
    await scu.release();

    await scanner.waitUntil(({ requests }) => requests.length > 0, 'an N-EVENT-REPORT');
    const [connection] = scanner.connections;
    expect(connection!.associateRq).toMatchObject({ calling: 'ORTHANC', called: MODALITY.callingAeTitle });
    // The archive is the SCP of the service, although it requested the association (PS3.4 §J.2.1).
    const [role] = connection!.associateRq!.userItems.get(0x54) ?? [];
    // Length and UID, then whether it is SCU and SCP (PS3.7 §D.3.3.4).
    expect(role?.toString('latin1', 2, 2 + role.readUInt16BE(0))).toBe(SopClass.StorageCommitmentPushModel);
    expect(role?.at(-1)).toBe(1);
    const [report] = scanner.requests;
    expect(report!.command).toMatchObject({ CommandField: CommandField.NEventReportRq, EventTypeID: 1 });
    expect(report!.dataSet.includes(instance.sopInstanceUid)).toBe(true);
    await secured.gateway.event({
      event: 'command.completed',
      command: 'N-EVENT-REPORT',
      direction: 'egress',
      modality: 'ct1',
      status: '0x0000',
    });
  });
});
