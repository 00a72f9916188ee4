/**
 * What patients and users say stays out of what the gateway writes, also where it arrives in the wrong place or
 * is malformed; and no text from the network breaks a line of the log. With a real process: stdout and stderr are
 * all that there is.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import {
  type AssociateRqFields,
  abort,
  associateAc,
  associateRq,
  CommandField,
  type CommandSet,
  commandElement,
  commandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  pdu,
  proposedContext,
  releaseRq,
  responseTo,
  unsigned16,
  userIdentity,
  withGroupLength,
} from '../support/dicomBytes';
import { GatewayProcess } from '../support/gatewayProcess';
import { RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

/** Stands for a name, an ID, a passcode. Its own encodings would be as bad. */
const CANARY = 'CANARY^JANE';
const encodings = [CANARY, Buffer.from(CANARY).toString('hex'), Buffer.from(CANARY).toString('base64')];
const canaries = Buffer.alloc(4400, CANARY);

const certificates = testCertificates();
const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootFind),
  proposedContext(7, SopClass.StudyRootMove),
  proposedContext(9, SopClass.MRImageStorage),
];

let spy: SpyUpstream;
let gateway: GatewayProcess;
beforeAll(async () => {
  spy = await SpyUpstream.start({ keepsBytes: false });
  const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.server;
  gateway = await GatewayProcess.start({
    listeners: [
      { name: 'plain', host: '127.0.0.1', port: 0 },
      {
        name: 'tls',
        host: '127.0.0.1',
        port: 0,
        tls: { certificate, privateKey, trustedCertificates: certificates.ca.certificateFile },
      },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        listeners: ['plain', 'tls'],
        allow: ['store', 'find'],
        storeSopClasses: 'CTImageStorage',
      },
    },
    timeouts: { closeSeconds: 0.2, pduSeconds: 0.3, responseSeconds: 0.3, idleSeconds: 0.3 },
  });
});

/** Bytes are sent on a connection of their own; resolves when the gateway has reported how it ended. */
async function tellAll(...bytes: readonly Buffer[]): Promise<void> {
  const scu = await RawScu.connect({ port: gateway.port('plain') });
  const port = scu.socket.localPort;
  await scu.send(...bytes);
  for (let event = await scu.nextEvent(2000); event.kind === 'pdu'; event = await scu.nextEvent(2000)) {
    // A-ASSOCIATE-RJ, A-RELEASE-RP, A-ABORT.
    if ([0x03, 0x06, 0x07].includes(event.type)) scu.end();
  }
  const end = new RegExp(
    `"event":"(connection|association)\\.(refused|rejected|released|aborted)".*"sourcePort":${port},`,
  );
  await gateway.process.waitForOutput(end);
}

function request(fields: AssociateRqFields = {}) {
  return associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts, ...fields });
}

function message(contextId: number, command: CommandSet, dataSet?: Buffer) {
  return Buffer.concat(messagePdus(contextId, numberedRequest(1, command, dataSet !== undefined), dataSet));
}

function store(sopClass: string, instance = '1.2.3') {
  return {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: sopClass,
    AffectedSOPInstanceUID: instance,
  };
}

const find = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind };

function move(destination: string) {
  return {
    CommandField: CommandField.CMoveRq,
    AffectedSOPClassUID: SopClass.StudyRootMove,
    MoveDestination: destination,
  };
}

function item(type: number, body: Buffer) {
  return Buffer.concat([Buffer.from([type, 0]), unsigned16(body.length), body]);
}

const extended = item(
  0x56,
  Buffer.concat([unsigned16(SopClass.CTImageStorage.length), Buffer.from(SopClass.CTImageStorage + CANARY)]),
);

function fragment(contextId: number, isCommand: boolean, isLast: boolean, bytes: Buffer) {
  return pDataTf({ contextId, isCommand, isLast, fragment: bytes });
}

const unknownElement = withGroupLength(
  Buffer.concat([
    commandElement(0x0001, canaries.subarray(0, 100)),
    commandSet(numberedRequest(1, store(SopClass.CTImageStorage), true)).subarray(12),
  ]),
);

describe('what patients and users say', () => {
  const end = releaseRq();
  it.each<[string, readonly Buffer[]]>([
    ['an instance', [request(), message(3, store(SopClass.CTImageStorage), canaries), end]],
    ['a refused instance', [request(), message(9, store(SopClass.MRImageStorage), canaries), end]],
    [
      'half an instance',
      [request(), message(3, store(SopClass.CTImageStorage), canaries).subarray(0, 3000), abort(0, 0)],
    ],
    ['a query', [request(), message(5, find, canaries), end]],
    ['a refused query', [request(), message(7, move('WS1'), canaries), end]],
    ['a user name and a passcode', [request({ userItems: [userIdentity(CANARY, CANARY, true)] }), end]],
    ['extended negotiation, unknown items', [request({ userItems: [extended, item(0x99, canaries)] }), end]],
    [
      'a user identity that is cut',
      [request({ userItems: [item(0x58, Buffer.from(`\x02\x01\xff\xff${CANARY}`, 'latin1'))] })],
    ],
    ['an application context', [request({ applicationContext: CANARY })]],
    ['an abstract syntax', [request({ contexts: [proposedContext(1, CANARY)] })]],
    ['a transfer syntax', [request({ contexts: [proposedContext(1, SopClass.Verification, [CANARY])] })]],
    ['no PDU', [canaries]],
    ['no PDU inside an association', [request(), canaries]],
    ['an A-ASSOCIATE-RQ of them', [pdu(0x01, canaries)]],
    ['a P-DATA-TF of them', [request(), pdu(0x04, canaries)]],
    ['a command of them', [request(), fragment(1, true, true, canaries.subarray(0, 400))]],
    ['a data set without a command', [request(), fragment(3, false, true, canaries)]],
    ['a data set on no context', [request(), fragment(77, false, true, canaries)]],
    ['an instance UID', [request(), message(3, store(SopClass.CTImageStorage, CANARY), canaries)]],
    ['a SOP class UID', [request(), message(3, store(CANARY), canaries)]],
    ['a long move destination', [request(), message(7, move(CANARY.repeat(3)), canaries)]],
    [
      'elements that no command has',
      [request(), fragment(3, true, true, unknownElement), fragment(3, false, true, canaries), end],
    ],
    ['a TLS handshake', [Buffer.concat([Buffer.from([0x16, 3, 1]), canaries])]],
    ['HTTP', [Buffer.from(`GET /${CANARY} HTTP/1.1\r\n\r\n`)]],
  ])('is in no line: %s', async (_what, bytes) => {
    spy.script = {};
    await tellAll(...bytes);
  });

  const response = (command: CommandSet, fields: CommandSet) =>
    messagePdus(5, responseTo(command, fields), canaries);
  it.each<[string, SpyScript]>([
    [
      'a match',
      {
        onRequest: (connection, { command }) =>
          connection.send(...response(command, { CommandDataSetType: 1 })),
      },
    ],
    [
      'a comment',
      {
        onRequest: (connection, message) =>
          connection.respond(message, { Status: 0xc000, ErrorComment: CANARY }),
      },
    ],
    [
      'a UID',
      { onRequest: (connection, message) => connection.respond(message, { AffectedSOPInstanceUID: CANARY }) },
    ],
    [
      'a response to nothing',
      {
        onRequest: (connection) =>
          connection.send(...response({ ...find, MessageID: 9 }, { CommandDataSetType: 1 })),
      },
    ],
    [
      'a request',
      {
        onRequest: (connection) => void connection.send(message(3, store(SopClass.CTImageStorage), canaries)),
      },
    ],
    [
      'a command',
      { onRequest: (connection) => connection.send(fragment(5, true, true, canaries.subarray(0, 400))) },
    ],
    ['no PDU', { onRequest: (connection) => connection.send(canaries) }],
    ['no PDU for an answer', { onAssociateRq: (connection) => connection.send(canaries) }],
    [
      'a transfer syntax',
      {
        onAssociateRq: (connection) =>
          connection.accept({ contexts: [{ id: 5, result: 0, transferSyntax: CANARY }] }),
      },
    ],
    [
      'an answer with titles',
      {
        onAssociateRq: (connection) =>
          connection.send(associateAc({ called: CANARY, calling: CANARY, userItems: [extended] })),
      },
    ],
  ])('is in no line where the archive sends it: %s', async (_what, script) => {
    spy.script = script;
    await tellAll(request(), message(5, find, canaries));
  });

  it('is nowhere at the end', async () => {
    const { stdout, stderr } = gateway.process;
    expect(gateway.auditLines.length).toBeGreaterThan(40);
    for (const text of encodings) {
      expect(stdout.toLowerCase()).not.toContain(text.toLowerCase());
      expect(stderr.toLowerCase()).not.toContain(text.toLowerCase());
    }
    expect(gateway.auditLines.filter(({ reason }) => reason === 'gateway-error')).toEqual([]);
  });
});

describe('text that would break a line', () => {
  const breakers = [
    'A\nB',
    'A\r\n{"x":1}',
    '"},{"',
    '\x1b[2J',
    '\u009b31m',
    '%s%n%d',
    '\0\0\0A',
    '\\',
    '\x7f',
    '\u00e9',
  ];

  it.each(breakers)('does not, as an AE title: %j', async (title) => {
    await tellAll(request({ calling: title }));
    await tellAll(request({ called: title }));
  });

  it('does not, as the subject of a certificate', async () => {
    const subject = 'evil\n{"event":"association.accepted"}\x1b[2J';
    const { cert, key } = certificates.issue(subject, { issuer: certificates.ca, purposes: ['clientAuth'] });
    const scu = await RawScu.connect({
      port: gateway.port('tls'),
      tls: { ca: certificates.ca.cert, cert, key },
    });
    await scu.associate({ calling: 'NOBODY', called: 'ARCHIVE', contexts });
    await gateway.process.waitForOutput(/"subject":"CN=evil/);
    scu.end();
  });

  it('did not: every line is one JSON object of printable characters', () => {
    const { stdout, stderr } = gateway.process;
    expect(stdout).toMatch(/^[\x20-\x7e\n]*$/);
    expect(stderr).toMatch(/^[\x20-\x7e\n]*$/);
    const titles = gateway.auditLines.map(({ callingAeTitle }) => callingAeTitle);
    expect(titles).toEqual(expect.arrayContaining(['A\nB', '"},{"', '\x1b[2J', '%s%n%d', '\\']));
    expect(gateway.auditLines.filter(({ event }) => event === 'gateway.started')).toHaveLength(1);
  });
});
