/**
 * A modality that may only store, with real tools: what it may not do is answered with a status on an association
 * that lives on, and nobody behind the gateway hears of it.
 */
import { beforeAll, expect, it } from '@jest/globals';
import {
  type DcmtkResult,
  type DcmtkTarget,
  echoscu,
  findscu,
  getscu,
  movescu,
  storescu,
} from '../../support/dcmtk';
import { PduType } from '../../support/dicomBytes';
import { writePart10 } from '../../support/dicomFiles';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { temporaryFolder } from '../../support/processes';
import { type SecuredArchive, secureArchive } from '../../support/securedArchive';
import { SpyUpstream } from '../../support/spyUpstream';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';

const study = ['QueryRetrieveLevel=STUDY', 'StudyInstanceUID=1.2.826.0.1.3680043.9.9999.3.1'];

interface RefusedTool {
  readonly command: string;
  /** What Orthanc 1.10.1 logs for the request when it comes. */
  readonly logged: RegExp;
  /** movescu and getscu know no TLS. */
  readonly needsTunnel: boolean;
  readonly run: (target: DcmtkTarget) => Promise<DcmtkResult>;
}

const refused: readonly RefusedTool[] = [
  {
    command: 'C-ECHO',
    logged: /Incoming Echo request/,
    needsTunnel: false,
    run: (target) => echoscu(target),
  },
  {
    command: 'C-FIND',
    logged: /Incoming Find request/,
    needsTunnel: false,
    run: (target) => findscu(target, study),
  },
  {
    command: 'C-MOVE',
    logged: /Incoming Move request/,
    needsTunnel: true,
    run: (target) => movescu(target, 'WS1', study),
  },
  {
    command: 'C-GET',
    logged: /Incoming Get request/,
    needsTunnel: true,
    run: (target) => getscu(target, study),
  },
];

const programs = ['Orthanc', 'storescu', 'echoscu', 'findscu', 'movescu', 'getscu', 'stunnel4'] as const;

describeWithPeers(programs, 'a modality that may only store', () => {
  const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
  let orthanc: Orthanc;
  let secured: SecuredArchive;
  let tunnel: DcmtkTarget;
  let spy: SpyUpstream;
  let spied: SecuredArchive;
  let spiedTunnel: DcmtkTarget;
  beforeAll(async () => {
    orthanc = await Orthanc.start();
    secured = await secureArchive(orthanc.dicomPort, { allow: ['store'] });
    tunnel = await secured.throughStunnel();
    spy = await SpyUpstream.start();
    spied = await secureArchive(spy.port, { allow: ['store'] });
    spiedTunnel = await spied.throughStunnel();
  });

  it('stores', async () => {
    const stored = await storescu(secured.tls, [writePart10(temporaryFolder(), instance)]);
    expect(stored).toMatchObject({ exitCode: 0, statuses: [0x0000] });
    expect((await orthanc.storedInstance(instance.sopInstanceUid))?.sha256).toBe(instance.sha256);
  });

  it.each(refused)('is answered 0124H to $command, and Orthanc hears nothing', async (tool) => {
    const { command, logged, needsTunnel, run } = tool;
    const result = await run(needsTunnel ? tunnel : secured.tls);
    expect(result).toMatchObject({ isAssociationAccepted: true, isAborted: false, statuses: [0x0124] });
    expect(result.errorComments).toEqual(['refused by the gateway']);
    expect(result.output).toContain('Releasing Association');

    const { connectionId, ...event } = await secured.gateway.event({ event: 'command.refused', command });
    expect(event).toMatchObject({
      outcome: 'denied',
      reason: 'command-not-allowed',
      modality: 'ct1',
      status: '0x0124',
    });
    await secured.gateway.event({ event: 'association.released', connectionId: connectionId! });

    // The pattern is right: Orthanc does log the request where nothing is in between, and that one only.
    await run(secured.direct);
    await orthanc.waitForLog(logged);
    expect(orthanc.log.match(new RegExp(logged, 'g'))).toHaveLength(1);
  });

  it.each(refused)('leaves no byte of $command upstream', async ({ run, needsTunnel }) => {
    const result = await run(needsTunnel ? spiedTunnel : spied.tls);
    expect(result.statuses).toEqual([0x0124]);
    const connection = spy.connections.at(-1)!;
    await spy.waitUntil(() => connection.closed !== undefined, 'the end of the connection');
    expect(connection.pduTypes).toEqual([PduType.AssociateRq, PduType.ReleaseRq]);
  });
});
