/**
 * Proves that tests can run, and read, Orthanc, DCMTK and stunnel, without the product in between: what fails here is not a
 * finding about the gateway.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import { encodeElement, explicitLittleEndian, textValue, uidValue } from '../support/dataElements';
import { echoscu, findscu, getscu, movescu, Storescp, storescu } from '../support/dcmtk';
import { proposedContext } from '../support/dicomBytes';
import { writePart10 } from '../support/dicomFiles';
import { Orthanc } from '../support/orthanc';
import { describeWithPeers } from '../support/peers';
import { freePort, temporaryFolder } from '../support/processes';
import { finalStatus, RawScu, storeInstance } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { startStunnel } from '../support/stunnel';
import { syntheticInstance, syntheticInstances } from '../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../support/uids';

const certificates = testCertificates();

function ctInstance() {
  return syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
}

describeWithPeers(['Orthanc'], 'Orthanc', () => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await Orthanc.start();
  });

  const storable = syntheticInstances().filter(
    // Orthanc 1.10.1 does not know HTJ2K, and stores deflated data sets inflated.
    ({ name }) => name !== 'ct-htj2k' && name !== 'sr-deflated',
  );
  it.each(storable)('stores $name without changing a byte', async (instance) => {
    expect(await storeInstance({ port: orthanc.dicomPort }, instance)).toBe(0x0000);
    const stored = await orthanc.storedInstance(instance.sopInstanceUid);
    expect(stored?.sha256).toBe(instance.sha256);
  });

  it('keeps what it has acknowledged through a kill, on the same ports', async () => {
    const instance = ctInstance();
    const { dicomPort } = orthanc;
    expect(await storeInstance({ port: dicomPort }, instance)).toBe(0x0000);
    const count = await orthanc.instanceCount();
    await orthanc.kill();
    await expect(RawScu.connect({ port: dicomPort })).rejects.toThrow('ECONNREFUSED');
    await orthanc.restart();
    expect(orthanc.dicomPort).toBe(dicomPort);
    expect(await orthanc.instanceCount()).toBe(count);
    expect(orthanc.log).toContain('Orthanc has started');
  });

  it('finds what it has stored', async () => {
    const instance = ctInstance();
    await storeInstance({ port: orthanc.dicomPort }, instance);
    const scu = await RawScu.connect({ port: orthanc.dicomPort });
    await scu.associate({ contexts: [proposedContext(1, SopClass.StudyRootFind)] });
    const identifier = Buffer.concat([
      encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', uidValue(instance.sopInstanceUid)),
      encodeElement(explicitLittleEndian, 0x0008, 0x0052, 'CS', textValue('IMAGE')),
    ]);
    const responses = await scu.find(1, SopClass.StudyRootFind, identifier);
    expect(responses.map(({ command }) => command.Status)).toEqual([0xff00, 0x0000]);
    expect(finalStatus(responses)).toBe(0x0000);
  });

  it('rejects strangers when nothing is allowed to everybody, and stops', async () => {
    const strict = await Orthanc.start({
      alwaysAllow: [],
      modalities: { known: { AET: 'KNOWN', Host: '127.0.0.1', Port: 104, AllowEcho: true } },
      noDelay: false,
    });
    const callingAeTitle = (calling: string) => ({
      calling,
      contexts: [proposedContext(1, SopClass.Verification)],
    });
    const stranger = await RawScu.connect({ port: strict.dicomPort });
    expect(await stranger.associate(callingAeTitle('STRANGER'))).toMatchObject({
      kind: 'rejected',
      reason: 3,
    });
    // Until the rejected one closes, Orthanc accepts nobody else.
    stranger.end();
    const known = await RawScu.connect({ port: strict.dicomPort });
    expect(await known.associate(callingAeTitle('KNOWN'))).toMatchObject({ kind: 'accepted' });
    await known.abort();
    await strict.stop();
  });
});

describeWithPeers(['Orthanc', 'storescu', 'storescp'], 'DCMTK and Orthanc', () => {
  let orthanc: Orthanc;
  beforeAll(async () => {
    orthanc = await Orthanc.start();
  });

  it('store, find, get and move, with equal data sets at every stop', async () => {
    const instance = ctInstance();
    const target = { port: orthanc.dicomPort };
    const keys = ['QueryRetrieveLevel=IMAGE', `SOPInstanceUID=${instance.sopInstanceUid}`];

    const stored = await storescu(target, [writePart10(temporaryFolder(), instance)]);
    expect(stored).toMatchObject({ exitCode: 0, isAssociationAccepted: true, statuses: [0x0000] });

    expect((await findscu(target, keys)).statuses).toEqual([0xff00, 0x0000]);

    const got = await getscu(target, keys);
    expect(got.statuses.at(-1)).toBe(0x0000);
    expect(got.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);

    const receiver = await Storescp.start({ aeTitle: 'WS1' });
    await orthanc.setModality('ws1', { AET: 'WS1', Host: '127.0.0.1', Port: receiver.port });
    expect(await orthanc.echoes('ws1')).toBe(true);
    const moved = await movescu(target, 'WS1', keys);
    expect(moved.statuses.at(-1)).toBe(0x0000);
    expect(receiver.instances).toMatchObject([
      {
        sopInstanceUid: instance.sopInstanceUid,
        sha256: instance.sha256,
        transferSyntaxUid: instance.transferSyntaxUid,
      },
    ]);
  });

  it('send again, on the command of the REST interface', async () => {
    const instance = ctInstance();
    await storescu({ port: orthanc.dicomPort }, [writePart10(temporaryFolder(), instance)]);
    const receiver = await Storescp.start();
    await orthanc.setModality('pacs', { AET: 'STORESCP', Host: '127.0.0.1', Port: receiver.port });
    await orthanc.sendTo('pacs', instance.sopInstanceUid);
    expect(receiver.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);
    await orthanc.setModality('nobody', { AET: 'NOBODY', Host: '127.0.0.1', Port: await freePort() });
    expect(await orthanc.echoes('nobody')).toBe(false);
  });
});

describeWithPeers(['echoscu', 'storescu', 'findscu', 'movescu', 'getscu'], "DCMTK's tools", () => {
  const statuses = [0x0000, 0x0110, 0x0122, 0x0124, 0x0211, 0xa700, 0xa801, 0xb000, 0xc000, 0xfe00];
  it.each(statuses)('are heard to receive status %i, whatever they exit with', async (status) => {
    const spy = await SpyUpstream.start({
      script: {
        onRequest: (connection, request) =>
          connection.respond(request, { Status: status, ErrorComment: 'because' }),
      },
    });
    const target = { port: spy.port };
    const keys = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1'];
    const runs = [
      echoscu(target),
      storescu(target, [writePart10(temporaryFolder(), ctInstance())]),
      findscu(target, keys),
      findscu({ ...target, toolArguments: ['--worklist'] }, ['PatientID']),
      movescu(target, 'WS1', keys),
      getscu(target, keys),
    ];
    for (const result of await Promise.all(runs)) {
      expect(result).toMatchObject({ statuses: [status], errorComments: ['because'], isAborted: false });
    }
  });

  it('say what they were rejected for, and that they were aborted', async () => {
    const spy = await SpyUpstream.start();
    spy.script = { onAssociateRq: (connection) => connection.reject(1, 1, 3) };
    const rejected = await echoscu({ port: spy.port });
    expect(rejected).toMatchObject({ exitCode: 1, isAssociationAccepted: false, statuses: [] });
    expect(rejected.rejection).toBe('Rejected Permanent, Service User, Calling AE Title Not Recognized');

    spy.script = { onRequest: (connection) => connection.abort(2, 2) };
    expect(await echoscu({ port: spy.port })).toMatchObject({ isAborted: true, isAssociationAccepted: true });

    const refused = await echoscu({ port: await freePort() });
    expect(refused.errors.join()).toContain('Connection refused');
  });

  it('speak TLS, and say so when they are not trusted', async () => {
    const { ca, otherCa, server, client } = certificates;
    const receiver = await Storescp.start({ tls: { certificate: server, ca } });
    const instance = ctInstance();
    const file = writePart10(temporaryFolder(), instance);
    const stored = await storescu({ port: receiver.port, tls: { certificate: client, ca } }, [file]);
    expect(stored.statuses).toEqual([0x0000]);
    expect(receiver.instances.map(({ sha256 }) => sha256)).toEqual([instance.sha256]);

    const distrusting = await echoscu({ port: receiver.port, tls: { certificate: client, ca: otherCa } });
    expect(distrusting).toMatchObject({ isAssociationAccepted: false });
    expect(distrusting.errors.join()).toContain('TLS');

    const anonymous = await echoscu({ port: receiver.port, tls: { ca } });
    expect(anonymous).toMatchObject({ isAssociationAccepted: false });
  });
});

describeWithPeers(['stunnel4', 'movescu', 'storescp'], 'stunnel', () => {
  it('gives TLS and a source address to tools that have neither', async () => {
    const { ca, server, client } = certificates;
    const spy = await SpyUpstream.start({
      tls: { cert: server.cert, key: server.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
    });
    const stunnel = await startStunnel({ connectPort: spy.port, ca, client, sourceAddress: '127.0.0.9' });
    const moved = await movescu({ port: stunnel.port }, 'WS1', [
      'QueryRetrieveLevel=STUDY',
      'StudyInstanceUID=1',
    ]);
    expect(moved.statuses).toEqual([0x0000]);
    expect(spy.connections[0]?.remoteAddress).toBe('127.0.0.9');
    expect(stunnel.process.isRunning).toBe(true);
  });
});
