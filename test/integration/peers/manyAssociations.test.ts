/** Many modalities at once over TLS: every association is served, every instance arrives, none is mixed up. */
import { describe, expect, it } from '@jest/globals';
import { storescu } from '../../support/dcmtk';
import { proposedContext } from '../../support/dicomBytes';
import { writePart10 } from '../../support/dicomFiles';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { RawScu } from '../../support/rawScu';
import { MODALITY, secureArchive } from '../../support/securedArchive';
import { SpyUpstream } from '../../support/spyUpstream';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

function instancesOf(count: number, pixelBytes: number) {
  return Array.from({ length: count }, (_value, index) =>
    syntheticInstance(`ct-${index}`, SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
      pixelBytes: pixelBytes + 2 * index,
    }),
  );
}

function byInstance(entries: readonly (readonly [string | undefined, string | undefined])[]) {
  return [...entries].sort(([one], [other]) => String(one).localeCompare(String(other)));
}

describe('200 associations at once over TLS', () => {
  it('are all open at the same time, and each stores its own instance', async () => {
    const spy = await SpyUpstream.start();
    const { gateway, rawTls } = await secureArchive(spy.port);
    const instances = instancesOf(200, 50_000);
    const contexts = [proposedContext(1, SopClass.CTImageStorage)];

    const scus = await Promise.all(
      instances.map(async () => {
        const scu = await RawScu.connect(rawTls);
        const answer = await scu.associate({ calling: MODALITY.callingAeTitle, contexts });
        expect(answer.kind).toBe('accepted');
        return scu;
      }),
    );
    expect(spy.connections.filter(({ closed }) => closed === undefined)).toHaveLength(200);

    const statuses = await Promise.all(scus.map((scu, index) => scu.store(1, instances[index]!)));
    expect(new Set(statuses)).toEqual(new Set([0x0000]));
    await Promise.all(scus.map((scu) => scu.release()));

    const received = spy.requests.map(
      ({ command, sha256 }) => [command.AffectedSOPInstanceUID, sha256] as const,
    );
    const sent = instances.map(({ sopInstanceUid, sha256 }) => [sopInstanceUid, sha256] as const);
    expect(byInstance(received)).toEqual(byInstance(sent));
    const released = gateway.events.filter(({ event }) => event === 'association.released');
    expect(new Set(released.map(({ connectionId }) => connectionId)).size).toBe(200);
  });
});

describeWithPeers(['Orthanc', 'storescu'], '20 storescu at once', () => {
  it('store all that they have in Orthanc', async () => {
    const orthanc = await Orthanc.start();
    const { tls } = await secureArchive(orthanc.dicomPort);
    const folder = temporaryFolder();
    const instances = instancesOf(100, 20_000);
    const files = instances.map((instance) => writePart10(folder, instance));
    const results = await Promise.all(
      Array.from({ length: 20 }, (_value, index) => storescu(tls, files.slice(index * 5, index * 5 + 5))),
    );
    for (const { exitCode, statuses, errors } of results) {
      expect({ exitCode, statuses, errors }).toEqual({ exitCode: 0, statuses: [0, 0, 0, 0, 0], errors: [] });
    }
    expect(await orthanc.instanceCount()).toBe(100);
    for (const { sopInstanceUid, sha256 } of instances) {
      expect((await orthanc.storedInstance(sopInstanceUid))?.sha256).toBe(sha256);
    }
  });
});
