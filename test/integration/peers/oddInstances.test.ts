/**
 * Instances whose SOP Instance UID is not a UID, as devices make them: retrieved with C-GET and sent by the archive through
 * egress as without the gateway. deviations.test.ts stores them. Orthanc itself drops a space inside such a UID.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { getscu, movescu, Storescp } from '../../support/dcmtk';
import type { Instance } from '../../support/dicomFiles';
import { TestGateway } from '../../support/gateway';
import { oddUids } from '../../support/oddInputs';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { freePort } from '../../support/processes';
import { storeInstance } from '../../support/rawScu';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const study = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1.2.826.0.1.3680043.9.9999.3.1'];
const titles = { callingAeTitle: 'CT1', calledAeTitle: 'ORTHANC' };

const instances = oddUids.map((odd, index) =>
  syntheticInstance(`odd-${index}`, SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
    sopInstanceUid: odd(`1.2.826.0.1.${index}`),
  }),
);

function identities(list: readonly Instance[]) {
  return list.map(({ sopInstanceUid, sha256 }) => [sopInstanceUid, sha256]).sort();
}

describeWithPeers(['Orthanc', 'getscu', 'movescu', 'storescp'], 'an instance whose UID is not a UID', () => {
  let orthanc: Orthanc;
  let near: Storescp;
  let far: Storescp;
  let gateway: TestGateway;
  beforeAll(async () => {
    const egressPort = await freePort();
    near = await Storescp.start({ aeTitle: 'NEAR' });
    far = await Storescp.start({ aeTitle: 'FAR' });
    orthanc = await Orthanc.start({
      modalities: {
        near: { AET: 'NEAR', Host: '127.0.0.1', Port: near.port },
        far: { AET: 'FAR', Host: '127.0.0.1', Port: egressPort },
      },
    });
    const entry = { from: '127.0.0.1', listeners: 'plain' };
    gateway = await TestGateway.start({
      listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
      upstreams: { ORTHANC: { servers: [`127.0.0.1:${orthanc.dicomPort}`] } },
      modalities: {
        ct1: {
          ...entry,
          callingAeTitle: 'CT1',
          allow: ['store', 'get', 'move'],
          moveDestinations: ['NEAR', 'FAR'],
        },
        far: { ...entry, callingAeTitle: 'FAR', address: { host: '127.0.0.1', port: far.port } },
      },
      egress: { port: egressPort },
    });
    for (const instance of instances) {
      const target = { port: gateway.port('plain'), calling: 'CT1', called: 'ORTHANC' };
      expect([instance.sopInstanceUid, await storeInstance(target, instance)]).toEqual([
        instance.sopInstanceUid,
        0,
      ]);
    }
  });

  it('is retrieved with C-GET as it is directly', async () => {
    const [directly, relayed] = await Promise.all(
      [orthanc.dicomPort, gateway.port('plain')].map((port) => getscu({ ...titles, port }, study)),
    );
    expect(directly!.instances).toHaveLength(instances.length);
    expect([relayed!.statuses, identities(relayed!.instances)]).toEqual([
      directly!.statuses,
      identities(directly!.instances),
    ]);
  });

  it('is sent through egress as it is without', async () => {
    const target = { ...titles, port: gateway.port('plain') };
    const moved = await Promise.all(
      ['NEAR', 'FAR'].map((destination) => movescu(target, destination, study)),
    );
    expect(moved[0]!.statuses.at(-1)).toBe(0);
    expect(moved[1]!.statuses).toEqual(moved[0]!.statuses);
    expect(near.instances).toHaveLength(instances.length);
    expect(identities(far.instances)).toEqual(identities(near.instances));
  });
});
