/**
 * Two Orthancs behind one called AE title, under load: one is killed, what it had is lost, everything else goes on, and
 * it is used again once it is back.
 */
import { expect, it } from '@jest/globals';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { storeInstance } from '../../support/rawScu';
import { MODALITY, secureArchive } from '../../support/securedArchive';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

/** Modalities that store one instance after the other, each on an association of its own. */
const SENDERS = 8;

const address = { calling: MODALITY.callingAeTitle, called: MODALITY.calledAeTitle };

describeWithPeers(['Orthanc'], 'one of two Orthancs killed under load', () => {
  it('costs at most the associations that it had, and comes back by itself', async () => {
    const [one, other] = [await Orthanc.start(), await Orthanc.start()];
    const servers = [one, other].map(({ dicomPort }) => `127.0.0.1:${dicomPort}`);
    const secured = await secureArchive(
      0,
      {},
      {
        upstreams: {
          [MODALITY.calledAeTitle]: {
            servers,
            balance: 'leastAssociations',
            health: { intervalSeconds: 0.2, deadlineSeconds: 2 },
          },
        },
      },
    );
    const { gateway } = secured;
    const stored: string[] = [];
    let failures = 0;
    let isOver = false;
    const send = async () => {
      const pixelBytes = 200_000;
      while (!isOver) {
        const instance = syntheticInstance(
          'ct',
          SopClass.CTImageStorage,
          TransferSyntax.ExplicitVrLittleEndian,
          {
            pixelBytes,
          },
        );
        const status = await storeInstance({ ...secured.rawTls, ...address }, instance).catch(
          () => undefined,
        );
        if (status === 0x0000) stored.push(instance.sopInstanceUid);
        else failures += 1;
      }
    };
    const until = async (count: number) => {
      while (stored.length < count) await new Promise((resolve) => setImmediate(resolve));
    };
    const senders = Array.from({ length: SENDERS }, send);
    await until(40);
    const accepted = () => gateway.events.filter(({ event }) => event === 'association.accepted');
    const ofOne = () => accepted().filter(({ upstream }) => upstream === servers[0]).length;
    expect(ofOne()).toBeGreaterThan(0);
    expect(ofOne()).toBeLessThan(accepted().length);

    await one.kill();
    await gateway.event({ event: 'upstream.down', upstream: servers[0]! });
    const afterKill = stored.length;
    await until(afterKill + 40);
    // At most what it had when it died: half of the senders, rounded up by one that was just being let in.
    expect(failures).toBeLessThanOrEqual(SENDERS / 2 + 1);

    const beforeReturn = ofOne();
    await one.restart();
    await gateway.event({ event: 'upstream.up', upstream: servers[0]! });
    const afterReturn = stored.length;
    await until(afterReturn + 40);
    isOver = true;
    await Promise.all(senders);
    expect(ofOne()).toBeGreaterThan(beforeReturn);
    expect(failures).toBeLessThanOrEqual(SENDERS / 2 + 1);

    // Whatever was answered with success is there, in one of them.
    const counts = await Promise.all([one.instanceCount(), other.instanceCount()]);
    expect(counts[0]! + counts[1]!).toBeGreaterThanOrEqual(stored.length);
    for (const sopInstanceUid of stored.slice(-20)) {
      const found = await Promise.all([one, other].map((archive) => archive.storedInstance(sopInstanceUid)));
      expect(found.filter((instance) => instance !== undefined)).toHaveLength(1);
    }
  });
});
