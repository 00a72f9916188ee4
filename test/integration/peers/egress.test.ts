/**
 * What a plain Orthanc sends, through egress to peers that take TLS only: storescp for C-MOVE and routing, another
 * Orthanc for queries, retrievals and storage commitment.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { testCertificates } from '../../support/certificates';
import { type DcmtkTarget, movescu, Storescp } from '../../support/dcmtk';
import type { Instance } from '../../support/dicomFiles';
import { type ConfigurationInput, TestGateway } from '../../support/gateway';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { freePort } from '../../support/processes';
import { storeInstance } from '../../support/rawScu';
import { startStunnel } from '../../support/stunnel';
import { syntheticInstance, syntheticInstances } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const certificates = testCertificates();
const { ca, client } = certificates;
/** Of a device, which is server and client in one. RSA, as most are. */
function ofDevice(name: string) {
  return certificates.issue(name, { issuer: ca, keyKind: 'rsa', names: ['127.0.0.1'] });
}

const study = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1.2.826.0.1.3680043.9.9999.3.1'];

function hashes(instances: readonly Instance[]) {
  return instances.map(({ sha256 }) => sha256).sort();
}

/** The gateway shows its own certificate, and takes that of the device under its address only. */
const addressTls = {
  trustedCertificates: ca.certificateFile,
  certificate: client.certificateFile,
  privateKey: client.privateKeyFile,
};

function overTls(port: number) {
  return { host: '127.0.0.1', port, tls: addressTls };
}

interface Site {
  readonly gateway: TestGateway;
  readonly egressPort: number;
}

async function site(
  archivePort: number,
  modalities: ConfigurationInput['modalities'],
  egressPort: number,
): Promise<Site> {
  const { server } = certificates;
  const tls = {
    certificate: [server.certificateFile, certificates.rsaServer.certificateFile],
    privateKey: [server.privateKeyFile, certificates.rsaServer.privateKeyFile],
    trustedCertificates: ca.certificateFile,
  };
  const gateway = await TestGateway.start({
    listeners: [{ name: 'tls', host: '127.0.0.1', port: 0, tls }],
    upstreams: { ORTHANC: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities,
    egress: { port: egressPort },
  });
  return { gateway, egressPort };
}

describeWithPeers(['Orthanc', 'movescu', 'storescp', 'stunnel4'], 'C-MOVE over TLS from end to end', () => {
  // Orthanc 1.10.1 does not know HTJ2K, and stores deflated data sets inflated.
  const stored = syntheticInstances().filter(({ name }) => name !== 'ct-htj2k' && name !== 'sr-deflated');
  let orthanc: Orthanc;
  let receiver: Storescp;
  let other: Storescp;
  let gateway: TestGateway;
  /** movescu knows no TLS. */
  let tunnel: DcmtkTarget;

  beforeAll(async () => {
    const egressPort = await freePort();
    const atEgress = (AET: string) => ({ AET, Host: '127.0.0.1', Port: egressPort });
    orthanc = await Orthanc.start({ modalities: { ws1: atEgress('WS1'), ws2: atEgress('WS2') } });
    for (const instance of stored) {
      expect(await storeInstance({ port: orthanc.dicomPort }, instance)).toBe(0x0000);
    }
    const asDevice = (aeTitle: string) =>
      Storescp.start({
        aeTitle,
        tls: { certificate: ofDevice(aeTitle), ca },
        toolArguments: ['--require-peer-cert'],
      });
    receiver = await asDevice('WS1');
    other = await asDevice('WS2');
    const entry = { from: '127.0.0.1', certificate: 'cn:ct1' };
    ({ gateway } = await site(
      orthanc.dicomPort,
      {
        ct1: { ...entry, callingAeTitle: 'CT1', allow: ['find', 'move'], moveDestinations: 'WS1' },
        ws1: { ...entry, callingAeTitle: 'WS1', address: overTls(receiver.port) },
        ws2: { ...entry, callingAeTitle: 'WS2', address: overTls(other.port), egressAllow: 'echo' },
      },
      egressPort,
    ));
    const { port } = await startStunnel({ connectPort: gateway.port('tls'), ca, client });
    tunnel = { port, callingAeTitle: 'CT1', calledAeTitle: 'ORTHANC' };
  });

  it('brings every instance of a study to the destination as it is stored', async () => {
    const moved = await movescu(tunnel, 'WS1', study);
    expect(moved.statuses).toEqual([...stored.slice(1).map(() => 0xff00), 0x0000]);
    expect(hashes(receiver.instances)).toEqual(hashes(stored));
    expect(new Set(stored.map(({ sopClassUid }) => sopClassUid)).size).toBeGreaterThan(3);
    expect(new Set(stored.map(({ transferSyntaxUid }) => transferSyntaxUid)).size).toBeGreaterThan(5);
    const egress = gateway.events.filter(({ direction }) => direction === 'egress');
    expect(egress.filter(({ command }) => command === 'C-STORE')).toHaveLength(stored.length);
    expect(egress.every(({ modality }) => modality === 'ws1')).toBe(true);
    // Over TLS, and to the device that the certificate names.
    expect(egress.at(-1)?.tls).toMatchObject({ subject: 'CN=WS1' });
  });

  it('sends nothing to a destination that the modality may not name', async () => {
    const before = gateway.events.length;
    const moved = await movescu(tunnel, 'WS2', study);
    expect(moved).toMatchObject({ statuses: [0xa801], isAborted: false });
    expect(other.instances).toEqual([]);
    expect(gateway.events.slice(before).some(({ direction }) => direction === 'egress')).toBe(false);
  });

  it('sends nothing that the destination may not have, no matter who asks the archive', async () => {
    const moved = await movescu({ port: orthanc.dicomPort, callingAeTitle: 'CT1' }, 'WS2', study);
    expect(moved.statuses.at(-1)).not.toBe(0x0000);
    expect(other.instances).toEqual([]);
    await gateway.event({
      event: 'command.refused',
      direction: 'egress',
      modality: 'ws2',
      command: 'C-STORE',
    });
  });
});

describeWithPeers(['Orthanc'], 'an archive without TLS and a peer with TLS only', () => {
  const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
  const remoteInstance = syntheticInstance(
    'mr',
    SopClass.MRImageStorage,
    TransferSyntax.ExplicitVrLittleEndian,
  );
  const device = ofDevice('PEER');
  let archive: Orthanc;
  let peer: Orthanc;
  let gateway: TestGateway;

  beforeAll(async () => {
    const egressPort = await freePort();
    const atEgress = (AET: string) => ({ AET, Host: '127.0.0.1', Port: egressPort });
    archive = await Orthanc.start({
      modalities: { peer: atEgress('PEER'), nowhere: atEgress('NOWHERE'), imposter: atEgress('IMPOSTER') },
    });
    peer = await Orthanc.start({
      aeTitle: 'PEER',
      settings: {
        DicomTlsEnabled: true,
        DicomTlsCertificate: device.certificateFile,
        DicomTlsPrivateKey: device.privateKeyFile,
        DicomTlsTrustedCertificates: ca.certificateFile,
        DicomTlsRemoteCertificateRequired: true,
      },
    });
    const entry = { from: '127.0.0.1', certificate: 'cn:PEER' };
    ({ gateway } = await site(
      archive.dicomPort,
      {
        peer: {
          ...entry,
          callingAeTitle: 'PEER',
          allow: ['echo', 'store', 'storageCommitment'],
          address: overTls(peer.dicomPort),
        },
        imposter: {
          ...entry,
          callingAeTitle: 'IMPOSTER',
          address: { ...overTls(peer.dicomPort), tls: { ...addressTls, serverName: 'imposter.example' } },
        },
        nowhere: { ...entry, callingAeTitle: 'NOWHERE', address: overTls(await freePort()) },
      },
      egressPort,
    ));
    await peer.setModality('archive', {
      AET: 'ORTHANC',
      Host: '127.0.0.1',
      Port: gateway.port('tls'),
      UseDicomTls: true,
      AllowStorageCommitment: true,
    });
    expect(await storeInstance({ port: archive.dicomPort }, instance)).toBe(0x0000);
    expect(
      await storeInstance(
        { port: peer.dicomPort, tls: { ca: ca.cert, cert: client.cert, key: client.key } },
        remoteInstance,
      ),
    ).toBe(0x0000);
  });

  it('echo', async () => {
    expect(await archive.echoes('peer')).toBe(true);
    await gateway.event({
      event: 'command.completed',
      command: 'C-ECHO',
      direction: 'egress',
      modality: 'peer',
    });
  });

  it.each([
    ['nowhere', 'upstream-unavailable'],
    ['imposter', 'certificate-mismatch'],
  ] as const)('hears at once that %s cannot be reached', async (name, reason) => {
    const startedMs = performance.now();
    expect(await archive.echoes(name)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await gateway.event({ event: 'association.rejected', direction: 'egress', modality: name, reason });
    expect(archive.log).toContain('DUL Association Rejected');
  });

  it('store', async () => {
    await archive.sendTo('peer', instance.sopInstanceUid);
    expect((await peer.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);
  });

  it('query, and retrieve back through the TLS port', async () => {
    const query = { Level: 'Study', Query: { StudyInstanceUID: '' } };
    const { ID } = (await archive.post('/modalities/peer/query', JSON.stringify(query))) as { ID: string };
    const answers = (await archive.get(`/queries/${ID}/answers`)) as string[];
    expect(answers.length).toBeGreaterThan(0);
    await archive.post(`/queries/${ID}/retrieve`, JSON.stringify({ TargetAet: 'ORTHANC' }));
    expect((await archive.storedInstance(remoteInstance.sopInstanceUid))?.sha256).toBe(remoteInstance.sha256);
    await gateway.event({ event: 'command.completed', command: 'C-MOVE', direction: 'egress' });
    await gateway.event({
      event: 'command.completed',
      command: 'C-STORE',
      direction: 'ingress',
      modality: 'peer',
    });
  });

  it('storage commitment, there on one association and back on another', async () => {
    const [{ ID: resource }] = (await archive.post('/tools/lookup', instance.sopInstanceUid)) as [
      { ID: string },
    ];
    const asked = (await archive.post(
      '/modalities/peer/storage-commitment',
      JSON.stringify({ Resources: [resource], Timeout: 10 }),
    )) as { ID: string };
    await gateway.event({
      event: 'command.completed',
      command: 'N-ACTION',
      direction: 'egress',
      status: '0x0000',
    });
    await gateway.event({
      event: 'command.completed',
      command: 'N-EVENT-REPORT',
      direction: 'ingress',
      status: '0x0000',
    });
    const report = (await archive.get(`/storage-commitment/${asked.ID}`)) as {
      Status: string;
      Success: unknown[];
    };
    expect(report).toMatchObject({
      Status: 'Success',
      Success: [{ SOPInstanceUID: instance.sopInstanceUid }],
    });
  });
});
