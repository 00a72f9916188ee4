import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CommandDataSetType,
  CommandField,
  commandSet,
  messagePdus,
  numberedRequest,
  type Pdv,
  pDataTf,
  pdu,
  pdv,
  proposedContext,
  releaseRq,
  responseTo,
  roleSelection,
} from '../support/dicomBytes';
import { sha256 } from '../support/dicomReading';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { finalStatus, RawScu, type StoredInstance } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass, TransferSyntax } from '../support/uids';

const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootFind),
  proposedContext(7, SopClass.StudyRootMove),
  proposedContext(9, SopClass.StudyRootGet),
  proposedContext(11, SopClass.StorageCommitmentPushModel),
];
const everything = ['echo', 'find', 'move', 'get', 'store', 'storageCommitment'] as const;

interface Setting {
  readonly gateway: TestGateway;
  readonly spy: SpyUpstream;
}

async function setUp(
  spyOptions: Parameters<typeof SpyUpstream.start>[0] = {},
  configuration: Partial<ConfigurationInput> = {},
): Promise<Setting> {
  const spy = await SpyUpstream.start(spyOptions);
  // What is relayed here is not a data set.
  const ct1 = { allow: [...everything], moveDestinations: '*', dataSets: 'off' as const };
  const gateway = await TestGateway.start(plainConfiguration(spy.port, ct1, configuration));
  return { gateway, spy };
}

function associate({ gateway }: Setting, fields: Parameters<RawScu['associate']>[0] = {}): Promise<RawScu> {
  return RawScu.associated(gateway.port(), { contexts, ...fields });
}

function instanceOf(bytes: number, suffix = '1'): StoredInstance {
  return {
    sopClassUid: SopClass.CTImageStorage,
    sopInstanceUid: `1.2.3.${suffix}`,
    dataSet: Buffer.alloc(bytes, `bytes that no parser would take for a data set ${suffix} `),
  };
}

function storeRequest({ sopClassUid, sopInstanceUid }: StoredInstance, messageId = 1) {
  return numberedRequest(
    messageId,
    {
      CommandField: CommandField.CStoreRq,
      AffectedSOPClassUID: sopClassUid,
      AffectedSOPInstanceUID: sopInstanceUid,
      Priority: 0,
    },
    true,
  );
}

describe('a relayed association', () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await setUp();
  });

  it('passes C-ECHO and its response, and a release', async () => {
    const scu = await associate(setting);
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
    const ended = await setting.gateway.event({ event: 'association.released' });
    expect(ended).toMatchObject({
      modality: 'ct1',
      callingAeTitle: 'CT1',
      calledAeTitle: 'ARCHIVE',
      listener: 'plain',
    });
    expect(setting.spy.connections[0]?.pduTypes).toEqual([0x01, 0x04, 0x05]);
  });

  it('tells the archive the modality’s own AE titles', async () => {
    const scu = await associate(setting, { calling: 'ct1', called: 'archive' });
    const { associateRq: rq } = setting.spy.connections.at(-1)!;
    expect([rq?.calling, rq?.called].map((title) => title?.trim())).toEqual(['ct1', 'archive']);
    await scu.release();
  });

  it('stores an instance unchanged and logs it without its data set', async () => {
    const scu = await associate(setting);
    const instance = instanceOf(1_000_000);
    expect(await scu.store(3, instance)).toBe(0x0000);
    const received = setting.spy.requests.at(-1)!;
    expect(sha256(received.dataSet!)).toBe(sha256(instance.dataSet));
    const completed = await setting.gateway.event({ event: 'command.completed', command: 'C-STORE' });
    expect(completed).toMatchObject({
      outcome: 'allowed',
      sopClass: 'CTImageStorage',
      sopInstance: instance.sopInstanceUid,
      messageId: 1,
      status: '0x0000',
      bytes: 1_000_000,
    });
    await scu.release();
  });

  it('serves a modality that sends everything before the association is accepted', async () => {
    const scu = await RawScu.connect({ port: setting.gateway.port() });
    const { associateRq } = await import('../support/dicomBytes');
    const instance = instanceOf(300_000, '77');
    await scu.send(
      associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts }),
      ...messagePdus(3, storeRequest(instance), instance.dataSet),
      releaseRq(),
    );
    expect((await scu.readAssociateAnswer()).kind).toBe('accepted');
    expect(finalStatus(await scu.readResponses(1))).toBe(0x0000);
    expect(await scu.nextEvent()).toMatchObject({ kind: 'pdu', type: 0x06 });
    expect(sha256(setting.spy.requests.at(-1)!.dataSet!)).toBe(sha256(instance.dataSet));
  });

  it.each([
    ['one byte in a fragment', 1, 1],
    ['odd fragments', 333, 1],
    ['several fragments in a PDU', 100, 7],
    ['fragments of three bytes, many in a PDU', 3, 500],
  ])('takes a message in %s', async (_name, fragmentBytes, perPdu) => {
    const scu = await associate(setting);
    const instance = instanceOf(20_000, String(fragmentBytes));
    const command = commandSet(storeRequest(instance));
    const fragments = (bytes: Buffer, isCommand: boolean): Pdv[] => {
      const count = Math.ceil(bytes.length / fragmentBytes);
      return Array.from({ length: count }, (_value, index) => ({
        contextId: 3,
        isCommand,
        isLast: index === count - 1,
        fragment: bytes.subarray(index * fragmentBytes, (index + 1) * fragmentBytes),
      }));
    };
    const pdvs = [...fragments(command, true), ...fragments(instance.dataSet, false)];
    const pdus: Buffer[] = [];
    for (let index = 0; index < pdvs.length; index += perPdu)
      pdus.push(pDataTf(...pdvs.slice(index, index + perPdu)));
    await scu.send(...pdus);
    expect(finalStatus(await scu.readResponses(1))).toBe(0x0000);
    expect(sha256(setting.spy.requests.at(-1)!.dataSet!)).toBe(sha256(instance.dataSet));
    await scu.release();
  });

  it('takes empty fragments, also as the last one', async () => {
    const scu = await associate(setting);
    const instance = instanceOf(5_000, '88');
    const fragment = (isLast: boolean, bytes: Buffer) =>
      pdv({ contextId: 3, isCommand: false, isLast, fragment: bytes });
    const empty = Buffer.alloc(0);
    await scu.send(
      ...messagePdus(3, storeRequest(instance)),
      pdu(0x04, fragment(false, empty), fragment(false, instance.dataSet), fragment(false, empty)),
      pdu(0x04, fragment(true, empty)),
    );
    expect(finalStatus(await scu.readResponses(1))).toBe(0x0000);
    expect(sha256(setting.spy.requests.at(-1)!.dataSet!)).toBe(sha256(instance.dataSet));
    await scu.release();
  });

  it('runs many operations one after the other', async () => {
    const scu = await associate(setting);
    for (let count = 0; count < 200; count += 1) expect(await scu.echo(1)).toBe(0);
    await scu.release();
  });
});

describe('maximum lengths of the two legs', () => {
  it.each([
    [16384, 4096],
    [4096, 131072],
    [0, 0],
    [20, 131072],
    [131072, 30],
  ])(
    're-frames between a modality that takes %d and an archive that takes %d',
    async (modalityTakes, archiveTakes) => {
      const answer = Buffer.alloc(50_000, 'an identifier as long as a data set');
      const script: SpyScript = {
        onRequest: (connection, request) => {
          if (request.command.CommandField === CommandField.CFindRq) {
            connection.respond(
              request,
              { Status: 0xff00, CommandDataSetType: CommandDataSetType.Present },
              answer,
            );
          }
          connection.respond(request);
        },
      };
      const setting = await setUp({ maxPduLength: archiveTakes, script });
      const scu = await associate(setting, { maxPduLength: modalityTakes });
      const instance = instanceOf(200_000);
      expect(await scu.store(3, instance)).toBe(0);
      expect(sha256(setting.spy.requests.at(-1)!.dataSet!)).toBe(sha256(instance.dataSet));
      const found = await scu.find(5, SopClass.StudyRootFind, Buffer.alloc(100, 1));
      expect(found.map(({ command }) => command.Status)).toEqual([0xff00, 0x0000]);
      expect(sha256(found[0]!.dataSet!)).toBe(sha256(answer));
      await scu.release();
    },
  );
});

describe('operations that go both ways', () => {
  it('lets the archive store on the association of a C-GET, whatever else the modality may do', async () => {
    const instance = instanceOf(400_000);
    const script: SpyScript = {
      onRequest: (connection, request) => {
        if (request.command.CommandField !== CommandField.CGetRq) return connection.respond(request);
        void connection
          .request(3, { ...storeRequest(instance, 1) }, instance.dataSet)
          .then((response) => connection.respond(request, { Status: response.command.Status ?? 0xffff }));
      },
    };
    const setting = await setUp(
      { script },
      {
        modalities: {
          ct1: {
            callingAeTitle: 'CT1',
            from: '127.0.0.1',
            listeners: 'plain',
            allow: ['get'],
            dataSets: 'off',
          },
        },
      },
    );
    const scu = await associate(setting, { userItems: [roleSelection(SopClass.CTImageStorage, 0, 1)] });
    const responses = await scu.request(
      9,
      { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet, Priority: 0 },
      Buffer.alloc(64, 2),
    );
    expect(finalStatus(responses)).toBe(0x0000);
    expect(sha256(scu.peerRequests[0]!.dataSet!)).toBe(sha256(instance.dataSet));
    await scu.release();
  });

  it('lets the archive report storage commitment on the modality’s association', async () => {
    const report = Buffer.alloc(300, 3);
    const commitment = {
      AffectedSOPClassUID: SopClass.StorageCommitmentPushModel,
      AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      EventTypeID: 1,
    };
    const script: SpyScript = {
      onRequest: (connection, request) => {
        connection.respond(request);
        void connection.request(
          11,
          numberedRequest(7, { CommandField: CommandField.NEventReportRq, ...commitment }, true),
          report,
        );
      },
    };
    const setting = await setUp({ script });
    const scu = await associate(setting);
    const action = {
      CommandField: CommandField.NActionRq,
      RequestedSOPClassUID: SopClass.StorageCommitmentPushModel,
      RequestedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
      ActionTypeID: 1,
    };
    expect(finalStatus(await scu.request(11, action, Buffer.alloc(200, 4)))).toBe(0x0000);
    const reported = await scu.readMessage();
    expect(reported.command).toMatchObject({ CommandField: CommandField.NEventReportRq, EventTypeID: 1 });
    expect(sha256(reported.dataSet!)).toBe(sha256(report));
    await scu.send(...messagePdus(11, responseTo(reported.command)));
    await setting.gateway.event({ event: 'command.completed', command: 'N-EVENT-REPORT' });
    await scu.release();
  });

  it('passes C-CANCEL for what is outstanding and drops every other', async () => {
    const cancelled: number[] = [];
    const script: SpyScript = {
      onRequest: (connection, request) => {
        const { CommandField: field, MessageIDBeingRespondedTo: cancels } = request.command;
        if (field === CommandField.CCancelRq) {
          cancelled.push(cancels ?? -1);
          const find = connection.requests.find(
            ({ command }) => command.CommandField === CommandField.CFindRq,
          );
          connection.respond(find!, { Status: 0xfe00 });
        } else if (field !== CommandField.CFindRq) connection.respond(request);
      },
    };
    const setting = await setUp({ script });
    const scu = await associate(setting);
    const cancel = (messageId: number) =>
      messagePdus(5, {
        CommandField: CommandField.CCancelRq,
        MessageIDBeingRespondedTo: messageId,
        CommandDataSetType: CommandDataSetType.None,
      });
    await scu.send(...cancel(1));
    const command = {
      CommandField: CommandField.CFindRq,
      AffectedSOPClassUID: SopClass.StudyRootFind,
      Priority: 0,
    };
    const messageId = await scu.sendRequest(5, command, Buffer.alloc(20, 1));
    await scu.send(...cancel(99), ...cancel(messageId));
    expect(finalStatus(await scu.readResponses(messageId))).toBe(0xfe00);
    expect(cancelled).toEqual([messageId]);
    await scu.release();
  });
});

describe('negotiation', () => {
  it('passes on what the archive answers for each context, and its transfer syntaxes', async () => {
    const script: SpyScript = {
      onAssociateRq: (connection, rq) =>
        connection.accept({
          contexts: rq.contexts.map(({ id }) =>
            id === 3
              ? { id, result: 0, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }
              : { id, result: 3, transferSyntax: TransferSyntax.ImplicitVrLittleEndian },
          ),
        }),
    };
    const setting = await setUp({ script });
    const scu = await RawScu.connect({ port: setting.gateway.port() });
    const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    expect(answer.kind === 'accepted' && answer.ac.contexts.map(({ id, result }) => [id, result])).toEqual([
      [1, 3],
      [3, 0],
      [5, 3],
      [7, 3],
      [9, 3],
      [11, 3],
    ]);
  });

  it('rewrites the called AE title where the upstream is configured with one', async () => {
    const spy = await SpyUpstream.start();
    const upstreams = { PUBLIC: { servers: [`127.0.0.1:${spy.port}`], calledAeTitle: 'INTERNAL' } };
    const gateway = await TestGateway.start(plainConfiguration(0, {}, { upstreams }));
    const scu = await RawScu.connect({ port: gateway.port() });
    const answer = await scu.associate({ calling: 'CT1', called: 'PUBLIC', contexts });
    expect(answer.kind === 'accepted' && answer.ac.called.trim()).toBe('PUBLIC');
    expect(spy.connections[0]?.associateRq?.called.trim()).toBe('INTERNAL');
    await scu.release();
  });
});
