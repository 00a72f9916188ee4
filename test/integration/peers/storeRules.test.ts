/** Rules on images with real senders and a real archive: DCMTK's storescu, and storescp behind the gateway. */
import { beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Storescp, storescu } from '../../support/dcmtk';
import { type Instance, writePart10 } from '../../support/dicomFiles';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';
import { type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { SpyUpstream } from '../../support/spyUpstream';
import { PATIENT_CANARY, syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const proposals = {
  [TransferSyntax.ImplicitVrLittleEndian]: '--propose-implicit',
  [TransferSyntax.ExplicitVrLittleEndian]: '--propose-little',
  [TransferSyntax.ExplicitVrBigEndian]: '--propose-big',
  [TransferSyntax.DeflatedExplicitVrLittleEndian]: '--propose-deflated',
  [TransferSyntax.JpegBaseline]: '--propose-jpeg8',
} as const;

const storeRules = [
  { name: 'no reports', refuse: { Modality: ['SR', 'PR'] } },
  { refuse: { BurnedInAnnotation: 'YES' }, status: '0x0124' },
  { allow: { PatientID: `${PATIENT_CANARY}-*`, InstitutionName: 'North*' } },
] satisfies NonNullable<Parameters<typeof secureArchive>[1]>['storeRules'];

/** What is sent, by what DCMTK's dcmodify changes in it, and what comes of it. */
const rows = [
  ['InstitutionName=North Wing', 0x0000, undefined],
  ['InstitutionName=South Wing', 0xa900, /^no rule matches; .* InstitutionName \(0008,0080\)$/],
  ['Modality=SR', 0xa900, /^storeRules\[0\] "no reports" refuses it: Modality \(0008,0060\)$/],
  ['BurnedInAnnotation=YES', 0x0124, /^storeRules\[1\] refuses it: BurnedInAnnotation \(0028,0301\)$/],
] as const;

describeWithPeers(['storescu', 'storescp'], 'rules on images', () => {
  let archive: Storescp;
  let secured: SecuredArchive;

  beforeAll(async () => {
    archive = await Storescp.start();
    secured = await secureArchive(archive.port, { storeRules });
  });

  beforeEach(() => {
    archive.takeInstances();
  });

  async function changed(instance: Instance, change: string): Promise<string> {
    const file = writePart10(temporaryFolder(), instance);
    await runProcess('dcmodify', ['--no-backup', '--insert', change, file]);
    return file;
  }

  it.each(Object.entries(proposals))('decide the same in %s', async (transferSyntaxUid, proposal) => {
    for (const [change, status, detail] of rows) {
      const instance = syntheticInstance('image', SopClass.CTImageStorage, transferSyntaxUid);
      const file = await changed(instance, change);
      const target = { ...secured.tls, toolArguments: [proposal] };
      expect([change, (await storescu(target, [file])).statuses]).toEqual([change, [status]]);
      const line = await secured.gateway.event({ sopInstance: instance.sopInstanceUid });
      expect(line).toMatchObject(
        detail === undefined
          ? { outcome: 'allowed' }
          : { outcome: 'denied', reason: 'store-rule', detail: expect.stringMatching(detail) },
      );
      expect(archive.takeInstances().map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(
        status === 0 ? [instance.sopInstanceUid] : [],
      );
    }
    expect(JSON.stringify(secured.gateway.events)).not.toContain(PATIENT_CANARY);
  });

  it('let no byte of a refused image through', async () => {
    const spy = await SpyUpstream.start();
    const { tls } = await secureArchive(spy.port, { storeRules });
    const instance = syntheticInstance(
      'image',
      SopClass.CTImageStorage,
      TransferSyntax.ExplicitVrLittleEndian,
    );
    const file = await changed(instance, 'Modality=SR');
    expect((await storescu(tls, [file])).statuses).toEqual([0xa900]);
    await spy.waitUntil(() => spy.connections[0]?.closed !== undefined, 'the end');
    expect(spy.connections).toHaveLength(1);
    // Nothing but A-ASSOCIATE-RQ and A-RELEASE-RQ.
    expect(spy.connections[0]!.pduTypes).toEqual([0x01, 0x05]);
    expect(spy.requests).toEqual([]);
  });
});
