/**
 * Every row of what the wire answers, twice: the peer gets exactly that answer, and nothing of what was refused
 * reaches the archive, not even a connection where the association was refused.
 */
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import {
  associateRq,
  CommandDataSetType,
  CommandField,
  type CommandSet,
  commandElement,
  commandSet,
  dataSetPdus,
  messagePdus,
  numberedRequest,
  pDataTf,
  pdu,
  pdv,
  proposedContext,
  releaseRq,
  unsigned16,
  unsigned32,
  userIdentity,
} from '../support/dicomBytes';
import { type ConfigurationInput, TestGateway } from '../support/gateway';
import { type AssociateAnswer, finalStatus, RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const certificates = testCertificates();
const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootFind),
  proposedContext(7, SopClass.StudyRootMove),
  proposedContext(9, SopClass.StudyRootGet),
  proposedContext(11, SopClass.MRImageStorage),
  proposedContext(13, SopClass.ModalityWorklistFind),
  proposedContext(15, SopClass.StorageCommitmentPushModel),
];

interface Setting {
  readonly spy: SpyUpstream;
  readonly gateway: TestGateway;
}

/** What a modality shows and says; `ct1` by default. */
interface Caller {
  readonly calling?: string;
  readonly called?: string;
  readonly from?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
  readonly listener?: string;
  readonly protocolVersion?: number;
  readonly applicationContext?: string;
}

async function setUp(
  script: SpyScript = {},
  configuration: Partial<ConfigurationInput> = {},
): Promise<Setting> {
  const spy = await SpyUpstream.start({ script });
  const tls = {
    certificate: certificates.server.certificateFile,
    privateKey: certificates.server.privateKeyFile,
    trustedCertificates: certificates.ca.certificateFile,
    crl: certificates.crl.crlFile,
  };
  const gateway = await TestGateway.start({
    listeners: [
      { name: 'tls', host: '127.0.0.1', port: 0, tls },
      { name: 'plain', host: '127.0.0.1', port: 0 },
    ],
    upstreams: {
      ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] },
      OTHER: { servers: [`127.0.0.1:${spy.port}`] },
    },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        calledAeTitle: 'ARCHIVE',
        certificate: 'cn:ct1',
        allow: ['store', 'move'],
        dataSets: 'off',
        storeSopClasses: 'CTImageStorage',
        moveDestinations: 'WS1',
        maxAssociations: 1,
      },
      us1: { callingAeTitle: 'US1', from: '127.0.0.2', listeners: 'plain', allow: ['echo'] },
      watched: {
        callingAeTitle: 'WATCHED',
        from: '127.0.0.1',
        calledAeTitle: 'ARCHIVE',
        mode: 'observe',
        maxAssociations: 1,
      },
    },
    ...configuration,
  });
  return { spy, gateway };
}

async function connect({ gateway }: Setting, caller: Caller = {}): Promise<RawScu> {
  const listener = caller.listener ?? 'tls';
  const { cert, key } = caller.certificate ?? certificates.client;
  return RawScu.connect({
    port: gateway.port(listener),
    localAddress: caller.from ?? '127.0.0.1',
    ...(listener === 'tls' ? { tls: { ca: certificates.ca.cert, cert, key } } : {}),
  });
}

async function call(setting: Setting, caller: Caller = {}): Promise<[RawScu, AssociateAnswer]> {
  const scu = await connect(setting, caller);
  const { protocolVersion, applicationContext } = caller;
  const answer = await scu.associate({
    calling: caller.calling ?? 'CT1',
    called: caller.called ?? 'ARCHIVE',
    contexts,
    ...(protocolVersion === undefined ? {} : { protocolVersion }),
    ...(applicationContext === undefined ? {} : { applicationContext }),
  });
  return [scu, answer];
}

async function established(setting: Setting, caller: Caller = {}): Promise<RawScu> {
  const [scu, answer] = await call(setting, caller);
  expect(answer.kind).toBe('accepted');
  return scu;
}

function rejected(result: number, source: number, reason: number) {
  return {
    kind: 'rejected',
    result,
    source,
    reason,
  };
}

/** A release at the end proves that the association stayed usable. */
async function expectUsable(scu: RawScu): Promise<void> {
  const instance = {
    sopClassUid: SopClass.CTImageStorage,
    sopInstanceUid: '1.2.9',
    dataSet: Buffer.alloc(64, 9),
  };
  expect(await scu.store(3, instance)).toBe(0x0000);
  await scu.release();
}

describe('a refused connection', () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await setUp();
  });

  it('is closed without a byte where the address is in no entry', async () => {
    const socket = connectTcp({
      port: setting.gateway.port('tls'),
      host: '127.0.0.1',
      localAddress: '127.0.0.3',
    });
    const bytes: Buffer[] = [];
    socket.on('data', (chunk) => bytes.push(chunk));
    await new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
    expect(bytes).toEqual([]);
    await setting.gateway.event({ reason: 'source-address-unknown', sourceAddress: '127.0.0.3' });
    expect(setting.spy.connects).toBe(0);
  });

  it.each([
    ['certificate-missing', {}],
    ['certificate-expired', certificates.expiredClient],
    ['certificate-revoked', certificates.revokedClient],
    ['certificate-untrusted', certificates.selfSignedClient],
  ] as const)('ends in a TLS alert for %s', async (reason, identity) => {
    const options: ConnectionOptions = {
      port: setting.gateway.port('tls'),
      host: '127.0.0.1',
      ca: certificates.ca.cert,
      ...('cert' in identity ? { cert: identity.cert, key: identity.key } : {}),
    };
    const socket = connectTls(options, () =>
      socket.write(associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts })),
    );
    const received: Buffer[] = [];
    socket.on('data', (chunk) => received.push(chunk));
    await new Promise((resolve) => socket.on('error', () => {}).once('close', resolve));
    expect(received).toEqual([]);
    expect(await setting.gateway.event({ reason })).toMatchObject({
      event: 'connection.refused',
      outcome: 'denied',
      listener: 'tls',
      sourceAddress: '127.0.0.1',
    });
    expect(setting.spy.connects).toBe(0);
  });

  it('is closed, and said in words, where plain DICOM comes to a TLS port', async () => {
    const scu = await RawScu.connect({ port: setting.gateway.port('tls') });
    await scu.send(associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts }));
    await scu.expectClosed();
    const refused = await setting.gateway.event({ reason: 'plain-on-tls-port' });
    expect(refused.detail).toMatch(/A-ASSOCIATE-RQ without TLS/);
    expect(setting.spy.connects).toBe(0);
  });

  it('is closed, and said in words, where TLS comes to a plain port', async () => {
    const port = setting.gateway.port('plain');
    const tls = { rejectUnauthorized: false };
    await expect(RawScu.connect({ port, localAddress: '127.0.0.2', tls })).rejects.toThrow();
    expect(await setting.gateway.event({ reason: 'tls-on-plain-port' })).toMatchObject({
      event: 'connection.refused',
    });
    expect(setting.spy.connects).toBe(0);
  });

  it.each([
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '47H; 01H to 07H are accepted; this is an HTTP request'],
    ['SSH-2.0-OpenSSH_9.2\r\n', '53H; 01H to 07H are accepted; this is an SSH client'],
    [
      '\0\0\0\0\0\0',
      '00H; 01H to 07H are accepted; this is something that is neither TLS nor DICOM (first byte 0x00)',
    ],
  ])('answers A-ABORT 2/1 to what is not DICOM, and says what it is: %j', async (text, detail) => {
    const scu = await connect(setting, { from: '127.0.0.2', listener: 'plain' });
    await scu.send(Buffer.from(text));
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 1 });
    await setting.gateway.event({ reason: 'pdu-type-unknown', detail: `PDU type ${detail}` });
    expect(setting.spy.connects).toBe(0);
  });
});

describe('a rejected association', () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await setUp();
  });

  it.each<[string, Caller, object]>([
    ['calling-ae-title-unknown', { calling: 'NOBODY' }, rejected(1, 1, 3)],
    ['calling-ae-title-unknown', { calling: '' }, rejected(1, 1, 3)],
    ['calling-ae-title-unknown', { calling: 'CT1\r\nforged' }, rejected(1, 1, 3)],
    ['source-address-mismatch', { from: '127.0.0.2' }, rejected(1, 1, 3)],
    ['certificate-mismatch', { certificate: certificates.rsaClient }, rejected(1, 1, 3)],
    ['listener-not-allowed', { calling: 'US1', from: '127.0.0.2' }, rejected(1, 1, 3)],
    ['called-ae-title-unknown', { called: 'NOWHERE' }, rejected(1, 1, 7)],
    ['called-ae-title-not-allowed', { called: 'OTHER' }, rejected(1, 1, 7)],
    ['application-context', { applicationContext: '1.2.3.4' }, rejected(1, 1, 2)],
    ['protocol-version', { protocolVersion: 2 }, rejected(1, 2, 2)],
  ])('has reason %s for %j', async (reason, caller, wire) => {
    const [scu, answer] = await call(setting, caller);
    expect(answer).toEqual(wire);
    expect(
      await setting.gateway.event({ event: 'association.rejected', reason: reason as never }),
    ).toMatchObject({
      outcome: 'denied',
    });
    expect(setting.spy.connects).toBe(0);
    scu.end();
  });

  it('shows the same bytes for every wrong identity', async () => {
    const answers = new Set<string>();
    for (const caller of [
      { calling: 'NOBODY' },
      { from: '127.0.0.2' },
      { certificate: certificates.rsaClient },
      { calling: 'US1', from: '127.0.0.2' },
    ]) {
      const scu = await connect(setting, caller);
      await scu.send(associateRq({ calling: caller.calling ?? 'CT1', called: 'ARCHIVE', contexts }));
      answers.add((await scu.readPdu()).toString('hex'));
      scu.end();
    }
    expect([...answers]).toEqual(['03000000000400010103']);
  });

  it('is not answered sooner or later than with these bytes when the peer stays', async () => {
    const quick = await setUp({}, { timeouts: { closeSeconds: 0.2 } });
    const [scu] = await call(quick, { calling: 'NOBODY' });
    await scu.expectClosed(2000);
  });

  it('keeps text from the network out of the log’s own lines', async () => {
    const [scu] = await call(setting, { calling: 'A\n{"x":1}\u009b' });
    const event = await setting.gateway.event({ callingAeTitle: 'A\n{"x":1}\u009b' });
    expect(event.reason).toBe('calling-ae-title-unknown');
    scu.end();
  });
});

describe('limits and the archive', () => {
  it('rejects with 2/3/2 what is one too many, and takes the next when the first has ended', async () => {
    const setting = await setUp();
    const first = await established(setting);
    const [second, answer] = await call(setting);
    expect(answer).toEqual(rejected(2, 3, 2));
    await setting.gateway.event({ event: 'association.rejected', reason: 'association-limit' });
    expect(setting.spy.connects).toBe(1);
    second.end();
    await first.release();
    await setting.gateway.event({ event: 'association.released' });
    await (await established(setting)).release();
  });

  it('rejects with 2/3/2 beyond the limits of the upstream and of the gateway', async () => {
    for (const limited of [
      { limits: { maxAssociations: 1 } },
      { upstreams: { ARCHIVE: { servers: ['127.0.0.1:1'], maxAssociations: 1 } } },
    ] satisfies Partial<ConfigurationInput>[]) {
      const spy = await SpyUpstream.start();
      const setting = await setUp(
        {},
        {
          ...limited,
          ...('upstreams' in limited
            ? { upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`], maxAssociations: 1 } } }
            : {}),
          modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: ['echo'] } },
          timeouts: { upstreamQueueSeconds: 0.1 },
        },
      );
      const first = await established(setting);
      const [second, answer] = await call(setting);
      expect(answer).toEqual(rejected(2, 3, 2));
      second.end();
      await first.release();
    }
  });

  it('lets an association wait for a place at the upstream, and serves it as soon as there is one', async () => {
    const spy = await SpyUpstream.start();
    const setting = await setUp(
      {},
      {
        upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`], maxAssociations: 1 } },
        modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', allow: ['store'], dataSets: 'off' } },
      },
    );
    const first = await established(setting);
    const second = await connect(setting);
    const answer = second.associate({ calling: 'CT1', called: 'ARCHIVE', contexts });
    await expectUsable(first);
    expect((await answer).kind).toBe('accepted');
    await expectUsable(second);
    expect(spy.connects).toBe(2);
  });

  it('rejects with 2/3/1 while nothing listens at the upstream, and serves as soon as something does', async () => {
    const setting = await setUp();
    const { port } = setting.spy;
    await setting.spy.stop();
    const [scu, answer] = await call(setting);
    expect(answer).toEqual(rejected(2, 3, 1));
    expect(await setting.gateway.event({ reason: 'upstream-unavailable' })).toMatchObject({
      outcome: 'failed',
    });
    scu.end();
    await SpyUpstream.start({ port });
    await (await established(setting)).release();
  });

  it('tries the next server of an upstream where the first refuses the connection', async () => {
    const gone = await SpyUpstream.start();
    const deadPort = gone.port;
    await gone.stop();
    const alive = await SpyUpstream.start();
    const setting = await setUp(
      {},
      {
        upstreams: {
          ARCHIVE: {
            servers: [`127.0.0.1:${deadPort}`, `127.0.0.1:${alive.port}`],
            health: { check: 'off' },
          },
        },
      },
    );
    await (await established(setting)).release();
    expect(alive.connects).toBe(1);
  });

  it.each<[string, SpyScript]>([
    ['stays silent', { onAssociateRq: () => {} }],
    ['closes at once', { onConnect: (connection) => connection.end() }],
    ['closes after the request', { onAssociateRq: (connection) => connection.end() }],
    ['resets', { onAssociateRq: (connection) => connection.reset() }],
    ['aborts', { onAssociateRq: (connection) => connection.abort() }],
    ['answers nonsense', { onAssociateRq: (connection) => connection.send(Buffer.from('not DICOM at all')) }],
    [
      'answers with data',
      { onAssociateRq: (connection) => connection.send(pdu(0x04, unsigned32(2), Buffer.from([1, 3]))) },
    ],
  ])('rejects with 2/3/1 where the upstream %s', async (_what, script) => {
    const setting = await setUp(script, { timeouts: { upstreamAssociationSeconds: 0.3 } });
    const [scu, answer] = await call(setting);
    expect(answer).toEqual(rejected(2, 3, 1));
    await setting.gateway.event({ event: 'association.rejected', outcome: 'failed' });
    scu.end();
    await setting.spy.waitUntil(
      (spy) => spy.connections.every(({ closed }) => closed !== undefined),
      'the close',
    );
  });

  it('takes an answer for a context that was not proposed as a refusal of those that were', async () => {
    const contexts = [{ id: 99, result: 0, transferSyntax: '1.2.840.10008.1.2' }];
    const setting = await setUp({ onAssociateRq: (connection) => connection.accept({ contexts }) });
    const [scu, answer] = await call(setting);
    const answered = answer.kind === 'accepted' ? answer.ac.contexts : [];
    expect(answered.map(({ id, result }) => [id, result])).not.toContainEqual([99, 0]);
    // 1: the entry allows nothing on the others, and they were not proposed.
    expect(new Set(answered.map(({ result }) => result))).toEqual(new Set([1, 2]));
    await scu.release();
  });

  it.each([
    [1, 1, 7],
    [2, 3, 2],
    [1, 2, 1],
  ])('passes the upstream’s rejection %d/%d/%d on as it is', async (result, source, reason) => {
    const setting = await setUp({ onAssociateRq: (connection) => connection.reject(result, source, reason) });
    const [scu, answer] = await call(setting);
    expect(answer).toEqual(rejected(result, source, reason));
    await setting.gateway.event({ reason: 'upstream-rejected' });
    scu.end();
  });

  it('does not pass user identity to the archive', async () => {
    const setting = await setUp();
    const scu = await connect(setting);
    const userItems = [userIdentity('somebody', 'the-secret-passcode', true)];
    expect((await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts, userItems })).kind).toBe(
      'accepted',
    );
    await scu.release();
    const upstreamBytes = Buffer.concat(setting.spy.connections[0]!.transcript.map(({ bytes }) => bytes));
    expect(upstreamBytes.includes('the-secret-passcode')).toBe(false);
    expect(JSON.stringify(setting.gateway.events)).not.toContain('somebody');
  });
});

describe('a refused command', () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await setUp({}, { limits: {}, modalities: modalitiesWithoutLimit() });
  });

  function modalitiesWithoutLimit(): ConfigurationInput['modalities'] {
    return {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        allow: ['store', 'move'],
        dataSets: 'off',
        storeSopClasses: 'CTImageStorage',
        moveDestinations: 'WS1',
      },
    };
  }

  const identifier = Buffer.alloc(40_000, 'CANARY');
  const find = (sopClass: string): CommandSet => ({
    CommandField: CommandField.CFindRq,
    AffectedSOPClassUID: sopClass,
    Priority: 0,
  });

  it.each<[string, number, number, CommandSet, Buffer | undefined]>([
    [
      'command-not-allowed',
      0x0124,
      1,
      { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification },
      undefined,
    ],
    ['command-not-allowed', 0x0124, 5, find(SopClass.StudyRootFind), identifier],
    ['command-not-allowed', 0x0124, 13, find(SopClass.ModalityWorklistFind), identifier],
    [
      'command-not-allowed',
      0x0124,
      9,
      { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet, Priority: 0 },
      identifier,
    ],
    [
      'command-not-allowed',
      0x0124,
      15,
      {
        CommandField: CommandField.NActionRq,
        RequestedSOPClassUID: SopClass.StorageCommitmentPushModel,
        RequestedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
        ActionTypeID: 1,
      },
      identifier,
    ],
    [
      'sop-class-not-allowed',
      0x0122,
      11,
      {
        CommandField: CommandField.CStoreRq,
        AffectedSOPClassUID: SopClass.MRImageStorage,
        AffectedSOPInstanceUID: '1.2.3',
        Priority: 0,
      },
      identifier,
    ],
    [
      'move-destination-not-allowed',
      0xa801,
      7,
      {
        CommandField: CommandField.CMoveRq,
        AffectedSOPClassUID: SopClass.StudyRootMove,
        MoveDestination: 'EXFILTRATE',
        Priority: 0,
      },
      identifier,
    ],
    [
      'command-unknown',
      0x0211,
      3,
      { CommandField: 0x0050 as never, AffectedSOPClassUID: SopClass.CTImageStorage },
      identifier,
    ],
  ])(
    'with reason %s is answered 0x%s and stays here',
    async (reason, status, contextId, command, dataSet) => {
      const scu = await established(setting);
      const before = setting.spy.connections.at(-1)!.receivedBytes;
      const responses = await scu.request(contextId, command, dataSet);
      expect(finalStatus(responses)).toBe(status);
      const [response] = responses;
      expect(response?.contextId).toBe(contextId);
      expect(response?.command).toMatchObject({
        CommandField: command.CommandField! | 0x8000,
        CommandDataSetType: CommandDataSetType.None,
      });
      // PS3.7 §C.5 knows no Error Comment for 0211H.
      if (reason !== 'command-unknown') expect(response?.command.ErrorComment).toBe('refused by the gateway');
      expect(setting.spy.connections.at(-1)!.receivedBytes).toBe(before);
      const refused = await setting.gateway.event({ event: 'command.refused', reason: reason as never });
      expect(refused).toMatchObject({ outcome: 'denied', modality: 'ct1' });
      expect(JSON.stringify(setting.gateway.events)).not.toContain('CANARY');
      await expectUsable(scu);
      expect(setting.spy.connections.at(-1)!.requests.map((request) => request.command.CommandField)).toEqual(
        [CommandField.CStoreRq],
      );
    },
  );

  it('is drained however long its data set is', async () => {
    const scu = await established(setting);
    const before = setting.spy.connections.at(-1)!.receivedBytes;
    const command = find(SopClass.StudyRootFind);
    const responses = await scu.request(5, command, Buffer.alloc(20_000_000, 5));
    expect(finalStatus(responses)).toBe(0x0124);
    expect(setting.spy.connections.at(-1)!.receivedBytes).toBe(before);
    await expectUsable(scu);
  });

  it('is answered for each of many that come before any answer was read', async () => {
    const scu = await established(setting);
    const echo = (messageId: number) =>
      messagePdus(
        1,
        numberedRequest(
          messageId,
          { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification },
          false,
        ),
      );
    await scu.send(...Array.from({ length: 500 }, (_value, index) => echo(index + 1)).flat());
    for (let messageId = 1; messageId <= 500; messageId += 1) {
      expect(finalStatus(await scu.readResponses(messageId))).toBe(0x0124);
    }
    await scu.release();
  });
});

describe('observe mode', () => {
  it('relays what it would refuse, and says so', async () => {
    const setting = await setUp();
    const scu = await established(setting, { calling: 'WATCHED', called: 'OTHER' });
    expect(await scu.echo(1)).toBe(0x0000);
    expect(await setting.gateway.event({ event: 'association.accepted' })).toMatchObject({
      outcome: 'would-deny',
      reason: 'called-ae-title-not-allowed',
      modality: 'watched',
    });
    expect(await setting.gateway.event({ event: 'command.completed' })).toMatchObject({
      outcome: 'would-deny',
      reason: 'command-not-allowed',
      status: '0x0000',
    });
    const second = await established(setting, { calling: 'WATCHED' });
    expect(await setting.gateway.event({ reason: 'association-limit' })).toMatchObject({
      outcome: 'would-deny',
    });
    await second.release();
    await scu.release();
  });
});

describe('a protocol error', () => {
  let setting: Setting;
  beforeAll(async () => {
    setting = await setUp(
      {},
      {
        modalities: {
          ct1: {
            callingAeTitle: 'CT1',
            from: '127.0.0.1',
            allow: ['store', 'echo', 'find'],
            dataSets: 'off',
          },
        },
      },
    );
  });

  const store = (fields: CommandSet = {}) =>
    numberedRequest(
      1,
      {
        CommandField: CommandField.CStoreRq,
        AffectedSOPClassUID: SopClass.CTImageStorage,
        AffectedSOPInstanceUID: '1.2.3',
        Priority: 0,
        ...fields,
      },
      true,
    );
  const command = (bytes: Buffer, contextId = 3) =>
    pDataTf({ contextId, isCommand: true, isLast: true, fragment: bytes });
  const data = (bytes: Buffer, isLast = false, contextId = 3) =>
    pDataTf({ contextId, isCommand: false, isLast, fragment: bytes });
  const some = Buffer.alloc(100, 1);
  const duplicateField = Buffer.concat([
    commandElement(0x0002, Buffer.from('1.2.840.10008.1.1\0')),
    commandElement(0x0100, unsigned16(0x0030)),
    commandElement(0x0100, unsigned16(0x0020)),
    commandElement(0x0110, unsigned16(1)),
    commandElement(0x0800, unsigned16(0x0101)),
  ]);

  it.each<[string, [number, number], Buffer[]]>([
    ['pdu-type-unknown', [2, 1], [pdu(0x09, Buffer.alloc(4))]],
    ['pdu-length-invalid', [2, 6], [pdu(0x05, Buffer.alloc(5))]],
    ['pdu-length-invalid', [2, 6], [Buffer.concat([Buffer.from([4, 0]), unsigned32(131073)])]],
    ['pdu-pdv-invalid', [2, 6], [pdu(0x04, unsigned32(1), Buffer.from([3, 3]))]],
    ['pdu-pdv-invalid', [2, 6], [pdu(0x04, unsigned32(0xfffffff0), Buffer.from([3, 3]))]],
    ['pdu-pdv-order', [2, 5], [data(some)]],
    ['pdu-pdv-order', [2, 5], [command(commandSet(store())), data(some), command(commandSet(store()))]],
    ['pdu-pdv-order', [2, 5], [command(commandSet(store())), data(some, false, 1)]],
    [
      'pdu-pdv-empty',
      [2, 6],
      [command(commandSet(store())), ...Array.from({ length: 100 }, () => data(Buffer.alloc(0)))],
    ],
    ['pdu-presentation-context-invalid', [2, 6], [command(commandSet(store()), 99)]],
    ['command-set-malformed', [2, 6], [command(duplicateField, 1)]],
    ['command-set-malformed', [2, 6], [command(Buffer.alloc(40, 0xff))]],
    [
      'command-set-too-long',
      [2, 6],
      dataSetPdus(3, Buffer.alloc(20_000), 16384).map((bytes) =>
        Buffer.concat([bytes.subarray(0, 11), Buffer.from([1]), bytes.subarray(12)]),
      ),
    ],
    ['command-set-incomplete', [2, 6], [command(commandSet({ ...store(), MessageID: undefined }))]],
    ['state-pdu-unexpected', [2, 2], [associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts })]],
    ['state-pdu-unexpected', [2, 2], [pdu(0x06, Buffer.alloc(4))]],
    ['state-release-in-message', [2, 2], [command(commandSet(store())), data(some), releaseRq()]],
    [
      'state-response-unexpected',
      [2, 5],
      [
        command(
          commandSet({
            CommandField: 0x8001 as never,
            MessageIDBeingRespondedTo: 7,
            CommandDataSetType: 0x0101,
            Status: 0,
          }),
        ),
      ],
    ],
  ])('%s ends in A-ABORT %j here and an A-ABORT at the archive', async (reason, [source, number], bytes) => {
    const scu = await established(setting);
    const upstream = setting.spy.connections.at(-1)!;
    await scu.send(...bytes);
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source, reason: number });
    await setting.spy.waitUntil(() => upstream.aborted !== undefined, 'an A-ABORT');
    expect(
      await setting.gateway.event({ event: 'association.aborted', reason: reason as never }),
    ).toMatchObject({
      outcome: 'failed',
      modality: 'ct1',
    });
    expect(upstream.requests).toEqual([]);
    scu.end();
  });

  it.each<[string, number, CommandSet]>([
    ['command-set-refused', 0x0212, { AffectedSOPInstanceUID: undefined }],
    ['sop-instance-uid-invalid', 0x0117, { AffectedSOPInstanceUID: '1.2\x01' }],
    ['sop-class-uid-invalid', 0x0118, { AffectedSOPClassUID: 'CTImage' }],
    ['command-set-sop-class-mismatch', 0x0122, { AffectedSOPClassUID: SopClass.MRImageStorage }],
  ])('%s is answered with status %i, and the association stays', async (reason, status, fields) => {
    const scu = await established(setting);
    const upstream = setting.spy.connections.at(-1)!;
    const before = upstream.receivedBytes;
    await scu.send(command(commandSet(store(fields))), data(some, true));
    expect(finalStatus(await scu.readResponses(1))).toBe(status);
    expect(upstream.receivedBytes).toBe(before);
    expect(await setting.gateway.event({ event: 'command.refused', reason: reason as never })).toMatchObject({
      outcome: 'denied',
      detail: expect.any(String),
    });
    await expectUsable(scu);
  });

  it.each<[string, Buffer]>([
    [
      'an item that is longer than its PDU',
      associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts }).fill(0xff, 76, 78),
    ],
  ])('in the request, %s, ends in A-ABORT and no connection to the archive', async (_what, bytes) => {
    const before = setting.spy.connects;
    const scu = await connect(setting);
    await scu.send(bytes);
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 6 });
    expect(setting.spy.connects).toBe(before);
    scu.end();
  });

  it('in every context is answered without the archive, and the association is good for a release only', async () => {
    const before = setting.spy.connects;
    const foreign = [proposedContext(1, '1.2.\u00e2'), proposedContext(3, SopClass.Verification, [''])];
    const associated = async () => {
      const scu = await connect(setting);
      const answer = await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts: foreign });
      const results = answer.kind === 'accepted' && answer.ac.contexts.map(({ id, result }) => [id, result]);
      expect(results).toEqual([
        [1, 3],
        [3, 4],
      ]);
      return scu;
    };
    await (await associated()).release();
    const scu = await associated();
    await scu.send(...messagePdus(3, store()));
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 6 });
    await scu.expectClosed();
    await setting.gateway.event({ event: 'association.aborted' });
    expect(setting.spy.connects).toBe(before);
    const lines = setting.gateway.events.map(({ event, outcome, reason }) => [event, outcome, reason]);
    const accepted = [
      ['association.accepted', 'allowed', undefined],
      ['association.unusable', 'denied', 'presentation-contexts-unusable'],
    ];
    expect(lines.slice(-6)).toEqual([
      ...accepted,
      ['association.released', 'info', undefined],
      ...accepted,
      ['association.aborted', 'failed', 'pdu-presentation-context-invalid'],
    ]);
    expect(setting.gateway.events.at(-2)).toMatchObject({
      detail: 'all of its presentation contexts were refused (2)',
      refusedContexts: [
        { sopClass: 'not a UID', result: 'abstract syntax not supported' },
        { sopClass: 'Verification', result: 'transfer syntaxes not supported' },
      ],
    });
    expect(setting.gateway.events.at(-3)).toMatchObject({ detail: expect.stringContaining('context 1') });
  });

  it('does not take an A-ASSOCIATE-RQ that declares more than a mebibyte', async () => {
    const scu = await connect(setting);
    await scu.send(Buffer.concat([Buffer.from([1, 0]), unsigned32(0xffffffff)]));
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 6 });
    scu.end();
  });

  it('passes nothing of an invalid PDV on, and what came before it', async () => {
    const scu = await established(setting);
    const upstream = setting.spy.connections.at(-1)!;
    const good = pdv({ contextId: 3, isCommand: false, isLast: false, fragment: some });
    await scu.send(...messagePdus(3, store()), pdu(0x04, good, unsigned32(5000), Buffer.alloc(20)));
    expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 6 });
    await setting.spy.waitUntil(() => upstream.aborted !== undefined, 'an A-ABORT');
    scu.end();
  });
});
