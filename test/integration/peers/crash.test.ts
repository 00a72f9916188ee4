/**
 * Orthanc is killed in the middle of a C-STORE: the modality hears of it at once, nothing is half-stored, and once
 * Orthanc is back everything works again.
 */
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import { echoscu, storescu } from '../../support/dcmtk';
import { CommandField, dataSetPdus, messagePdus, numberedRequest, PduType } from '../../support/dicomBytes';
import { writePart10 } from '../../support/dicomFiles';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { RawScu, storeInstance } from '../../support/rawScu';
import { MODALITY, type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const AT_ONCE_MS = 2000;
const PDU_BYTES = 131_072;
/** Takes storescu several times as long as the kill. */
const LARGE_BYTES = 64 * 1024 * 1024;

function ctInstance(pixelBytes: number) {
  return syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
    pixelBytes,
  });
}

describeWithPeers(['Orthanc', 'echoscu', 'storescu'], 'Orthanc killed in the middle of a C-STORE', () => {
  let orthanc: Orthanc;
  let secured: SecuredArchive;
  beforeAll(async () => {
    orthanc = await Orthanc.start();
    secured = await secureArchive(orthanc.dicomPort);
  });
  beforeEach(() => {
    secured.gateway.events.length = 0;
  });

  it('aborts the association at once, stores nothing, and serves the next one', async () => {
    const kept = ctInstance(1000);
    const large = ctInstance(LARGE_BYTES);
    const address = { ...secured.rawTls, calling: MODALITY.callingAeTitle, called: MODALITY.calledAeTitle };
    expect(await storeInstance(address, kept)).toBe(0x0000);
    expect(await orthanc.instanceCount()).toBe(1);

    const scu = await RawScu.connect(secured.rawTls);
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = large;
    const answer = await scu.associate({
      calling: MODALITY.callingAeTitle,
      contexts: [{ id: 1, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntaxUid] }],
    });
    expect(answer.kind).toBe('accepted');
    const request = numberedRequest(
      1,
      {
        CommandField: CommandField.CStoreRq,
        AffectedSOPClassUID: sopClassUid,
        AffectedSOPInstanceUID: sopInstanceUid,
        Priority: 0,
      },
      true,
    );
    const half = dataSetPdus(1, large.dataSet, PDU_BYTES).slice(0, large.dataSet.length / PDU_BYTES / 2);
    await scu.send(...messagePdus(1, request), ...half);

    await orthanc.kill();
    expect(await scu.nextEvent(AT_ONCE_MS)).toMatchObject({ kind: 'pdu', type: PduType.Abort });
    scu.end();
    await secured.gateway.event({ event: 'command.completed', outcome: 'failed', command: 'C-STORE' });
    await secured.gateway.event({ event: 'association.aborted', reason: 'upstream-closed' });

    const meanwhile = await echoscu(secured.tls);
    expect(meanwhile.rejection).toContain('Temporary Congestion');

    await orthanc.restart();
    expect(await orthanc.instanceCount()).toBe(1);
    expect((await orthanc.storedInstance(kept.sopInstanceUid))?.sha256).toBe(kept.sha256);
    expect(await storeInstance(address, large)).toBe(0x0000);
    expect(await orthanc.instanceCount()).toBe(2);
    expect((await orthanc.storedInstance(large.sopInstanceUid))?.sha256).toBe(large.sha256);
  });

  it('ends storescu at once, which can send again', async () => {
    const file = writePart10(temporaryFolder(), ctInstance(LARGE_BYTES));
    const before = await orthanc.instanceCount();
    const running = storescu(secured.tls, [file]);
    await secured.gateway.event({ event: 'association.accepted' });
    await orthanc.kill();
    const killedMs = performance.now();
    const result = await running;
    expect(performance.now() - killedMs).toBeLessThan(AT_ONCE_MS);
    expect(result.statuses).toEqual([]);

    await orthanc.restart();
    expect(await orthanc.instanceCount()).toBe(before);
    const again = await storescu(secured.tls, [file]);
    expect(again.statuses).toEqual([0x0000]);
    expect(await orthanc.instanceCount()).toBe(before + 1);
  });
});
