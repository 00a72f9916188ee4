/**
 * Hundreds of connections with every ending, in every phase, from either side: afterwards the process holds no
 * file descriptor and no place more than before, and has reported each connection once.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import {
  abort,
  associateRq,
  CommandField,
  type CommandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  proposedContext,
  releaseRp,
  releaseRq,
} from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

const PLACES = 8;
const ROUNDS = 2;
/** What Node itself and two listeners keep open, generously. */
const IDLE_FILE_DESCRIPTORS = 30;
/** At once; waiting in line for a place is part of it. */
const AT_ONCE = 12;

const certificates = testCertificates();
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];

function message(contextId: number, command: CommandSet, dataSet?: Buffer) {
  return messagePdus(contextId, numberedRequest(1, command, dataSet !== undefined), dataSet);
}

const echo = message(1, { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification });
const store = message(
  3,
  {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: '1.2.3',
  },
  Buffer.alloc(60_000),
);
const request = associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts });
const stranger = associateRq({ calling: 'NOBODY', called: 'ARCHIVE', contexts });
const half = pDataTf({ contextId: 3, isCommand: false, isLast: false, fragment: Buffer.alloc(1000) });

/** What a modality has said when it ends the connection. */
const beginnings: readonly (readonly Buffer[])[] = [
  [],
  [request.subarray(0, 3)],
  [request.subarray(0, 100)],
  [request],
  [stranger],
  [stranger, request, request],
  [request, request],
  [request, abort(0, 0)],
  [request, releaseRq()],
  [request, ...echo],
  [request, ...echo, releaseRq()],
  [request, ...store, releaseRq()],
  [request, store[0]!, half],
  [request, store[0]!, half.subarray(0, 500)],
  [abort(0, 0)],
  [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
];
/** How it ends it; TLS in Node knows no RST of its own. */
const endings: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.end(),
  (socket) => ('encrypted' in socket ? socket.destroy() : socket.resetAndDestroy()),
  (socket) => socket.end(abort(0, 0)),
  (socket) => socket.end(Buffer.alloc(20, 9)),
];
/** How an archive ends it. */
const archives: readonly SpyScript[] = [
  { onConnect: (connection) => connection.reset() },
  { onConnect: (connection) => connection.end() },
  { onAssociateRq: (connection) => connection.reset() },
  { onAssociateRq: (connection) => connection.abort() },
  { onAssociateRq: (connection) => connection.reject(1, 1, 1) },
  { onAssociateRq: (connection) => connection.send(Buffer.from('HTTP/1.1 400 Bad Request')) },
  { onAssociateRq: () => {} },
  { onRequest: (connection) => connection.reset() },
  { onRequest: (connection) => connection.end() },
  { onRequest: (connection) => connection.abort() },
  { onRequest: (connection) => connection.send(releaseRq()) },
  { onRequest: (connection) => connection.send(store[0]!) },
  { onRequest: () => {} },
  { onReleaseRq: (connection) => connection.reset() },
  { onReleaseRq: (connection) => connection.send(releaseRp()) },
  { onReleaseRq: (connection) => connection.send(releaseRq(), releaseRp()) },
  { onReleaseRq: () => {} },
];

let spy: SpyUpstream;
let gateway: GatewayProcess;
let reported = 0;
/** Connections on which the modality says nothing: they have a line only if the gateway ends them. */
let silent = 0;
let reloads = 0;

/** `timeouts`: without them, a busy machine is in time too. */
function configurationWith(timeouts: ConfigurationInput['timeouts']): ConfigurationInput {
  const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.server;
  const tls = { certificate, privateKey, trustedCertificates: certificates.ca.certificateFile };
  return {
    listeners: [
      { name: 'plain', host: '127.0.0.1', port: 0 },
      { name: 'tls', host: '127.0.0.1', port: 0, tls },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`], maxAssociations: PLACES } },
    modalities: {
      ct1: {
        callingAeTitle: 'CT1',
        from: '127.0.0.1',
        listeners: ['plain', 'tls'],
        allow: ['store', 'echo'],
      },
    },
    limits: { maxPendingConnectionsPerAddress: 2 * AT_ONCE, connectionsPerSecondPerAddress: 0 },
    // A line for each beginning and ending.
    audit: { refusals: { whole: 1_000_000 }, allowed: false },
    timeouts: { upstreamQueueSeconds: 10, ...timeouts },
  };
}

/** Ends soon what says nothing. */
const impatient = {
  tlsHandshakeSeconds: 0.5,
  artimSeconds: 0.15,
  closeSeconds: 0.1,
  upstreamAssociationSeconds: 0.15,
  pduSeconds: 0.15,
  idleSeconds: 0.15,
  responseSeconds: 0.1,
  releaseSeconds: 0.1,
};

beforeAll(async () => {
  spy = await SpyUpstream.start({ keepsBytes: false });
  gateway = await GatewayProcess.start(configurationWith(impatient));
  await gateway.process.waitForOutput(/\(tls\)\n/);
});

async function reload(timeouts: ConfigurationInput['timeouts']): Promise<void> {
  gateway.reload(configurationWith(timeouts));
  reloads += 1;
  await gateway.events('configuration.reloaded', reloads);
}

async function open(isTls: boolean): Promise<Socket> {
  const { cert, key } = certificates.client;
  const socket = isTls
    ? connectTls({ port: gateway.port('tls'), host: '127.0.0.1', ca: certificates.ca.cert, cert, key })
    : connect(gateway.port('plain'), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await once(socket, isTls ? 'secureConnect' : 'connect');
  return socket;
}

/** When a modality ends the connection: in the same moment, while the archive is asked, or at the first answer. */
const moments = ['at once', 'asked', 'answered'] as const;

async function connection(
  isTls: boolean,
  bytes: readonly Buffer[],
  end: (socket: Socket) => void,
  moment: (typeof moments)[number],
) {
  const socket = await open(isTls);
  if (bytes.length > 0) reported += 1;
  else silent += 1;
  const connects = spy.connects;
  let isAnswered = false;
  socket.once('data', () => {
    isAnswered = true;
  });
  socket.write(Buffer.concat(bytes));
  // What brings no answer ends by itself.
  const hasCome = () => isAnswered || socket.destroyed || (moment === 'asked' && spy.connects > connects);
  if (moment !== 'at once') await waitFor(`the moment ${moment}`, hasCome);
  if (!socket.destroyed) end(socket);
  // Not events.once, which rejects for an error before the close.
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
}

/** Runs all of them, some at once. */
async function inParallel(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const left = [...tasks];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let task = left.pop(); task !== undefined; task = left.pop()) await task();
    }),
  );
}

function fileDescriptors() {
  return readdirSync(`/proc/${gateway.process.pid}/fd`).length;
}

async function untilFileDescriptors(most: number): Promise<void> {
  await waitFor(
    () => `no more than ${most} file descriptors, instead of ${fileDescriptors()}`,
    () => fileDescriptors() <= most,
  );
}

const ends = /^(connection\.refused|association\.(rejected|released|aborted))$/;

function terminalLines() {
  return gateway.auditLines.filter(({ event }) => ends.test(String(event)));
}

/** PLACES associations at once; then none. */
async function expectAllPlaces(): Promise<void> {
  spy.script = {};
  await reload({});
  const scus = await Promise.all(
    Array.from({ length: PLACES }, async () => {
      const scu = await RawScu.connect({ port: gateway.port('plain') });
      expect((await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).kind).toBe('accepted');
      expect(await scu.echo(1)).toBe(0x0000);
      return scu;
    }),
  );
  await Promise.all(scus.map((scu) => scu.release()));
  reported += PLACES;
  await reload(impatient);
}

// Where there is /proc.
(process.platform === 'linux' ? describe : describe.skip)('after every ending', () => {
  it('of a modality and of an archive, in every phase, nothing is left', async () => {
    const patient = (socket: Socket) => socket.setTimeout(3000, () => socket.destroy());
    const round = async () => {
      spy.script = {};
      await inParallel(
        beginnings.flatMap((bytes, index) =>
          [...endings, patient].flatMap((end, ending) =>
            [false, true].map((isTls) => () => connection(isTls, bytes, end, moments[(index + ending) % 3]!)),
          ),
        ),
      );
      for (const script of archives) {
        spy.script = script;
        await inParallel(
          Array.from(
            { length: PLACES },
            (_value, index) => () =>
              connection(
                index % 3 === 0,
                [request, ...store, ...(index % 2 === 0 ? [releaseRq()] : [])],
                patient,
                'at once',
              ),
          ),
        );
      }
      await expectAllPlaces();
    };
    // The first round loads what is loaded on first use.
    await round();
    await untilFileDescriptors(IDLE_FILE_DESCRIPTORS);
    const before = fileDescriptors();
    for (let count = 1; count < ROUNDS; count += 1) await round();
    await untilFileDescriptors(before);
    expect(fileDescriptors()).toBeLessThanOrEqual(before);
    expect(before).toBeLessThanOrEqual(IDLE_FILE_DESCRIPTORS);
    await gateway.process.waitFor('the end of each connection', () => terminalLines().length >= reported);
    const ids = terminalLines().map(({ connectionId }) => connectionId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(reported);
    expect(ids.length).toBeLessThanOrEqual(reported + silent);
    expect(gateway.auditLines.filter(({ reason }) => reason === 'gateway-error')).toEqual([]);
    expect(gateway.process.stderr).not.toMatch(/error/i);
  }, 60_000);
});
