/**
 * What the gateway writes, to the archive and to the modality, in the eyes of Wireshark: the messages that were
 * meant, and nothing malformed.
 */
import { expect, it } from '@jest/globals';
import { encodeElement, explicitLittleEndian, textValue } from '../../support/dataElements';
import { CommandField, proposedContext, roleSelection } from '../../support/dicomBytes';
import { describeWithPeers } from '../../support/peers';
import { finalStatus, RawScu } from '../../support/rawScu';
import { MODALITY, secureArchive } from '../../support/securedArchive';
import { type SpyScript, SpyUpstream } from '../../support/spyUpstream';
import { syntheticInstance } from '../../support/syntheticInstances';
import type { Transcript } from '../../support/transcript';
import { dissect, expectNoMalformed } from '../../support/tshark';
import { SopClass, TransferSyntax } from '../../support/uids';

const contexts = [
  proposedContext(1, SopClass.CTImageStorage),
  proposedContext(3, SopClass.StudyRootFind),
  proposedContext(5, SopClass.StudyRootGet),
  proposedContext(7, SopClass.StudyRootMove),
];
const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
  pixelBytes: 200_000,
});
const identifier = encodeElement(explicitLittleEndian, 0x0008, 0x0052, 'CS', textValue('STUDY'));
const storeCommand = {
  CommandField: CommandField.CStoreRq,
  AffectedSOPClassUID: instance.sopClassUid,
  AffectedSOPInstanceUID: instance.sopInstanceUid,
  Priority: 0,
};
const getCommand = {
  CommandField: CommandField.CGetRq,
  AffectedSOPClassUID: SopClass.StudyRootGet,
  Priority: 0,
};
const findCommand = {
  CommandField: CommandField.CFindRq,
  AffectedSOPClassUID: SopClass.StudyRootFind,
  Priority: 0,
};
const moveCommand = {
  CommandField: CommandField.CMoveRq,
  AffectedSOPClassUID: SopClass.StudyRootMove,
  Priority: 0,
  MoveDestination: 'ELSEWHERE',
};

interface Scene {
  readonly script?: SpyScript;
  readonly calling?: string;
  readonly permissions?: Parameters<typeof secureArchive>[1];
  readonly configuration?: Parameters<typeof secureArchive>[2];
  readonly talk?: (scu: RawScu) => Promise<unknown>;
  /** What Wireshark shows after the A-ASSOCIATE request; of several equal lines, one. */
  readonly modality: readonly string[];
  /** undefined: the archive must not see a connection. */
  readonly upstream: readonly string[] | undefined;
}

const ACCEPTED = 'A-ASSOCIATE accept  CT1 <-- ORTHANC';
const release = ['A-RELEASE request', 'A-RELEASE response'];

function instanceSent(messageId: number) {
  return [`P-DATA, C-STORE-RQ ID=${messageId}`, 'P-DATA, PDV Fragment', 'P-DATA, CT Image Storage'];
}

function instanceStored(messageId: number) {
  return [...instanceSent(messageId), `P-DATA, C-STORE-RSP ID=${messageId} (Success)`];
}

const pendingMatch = ['P-DATA, C-FIND-RSP ID=1', 'P-DATA, C-FIND-RSP-DATA'];
const findSent = ['P-DATA, C-FIND-RQ ID=1', 'P-DATA, C-FIND-RQ-DATA'];

const storing = [ACCEPTED, ...instanceStored(1), ...release];
const finding = [
  ACCEPTED,
  ...findSent,
  ...pendingMatch,
  ...pendingMatch,
  ...pendingMatch,
  'P-DATA, C-FIND-RSP ID=1 (Success)',
  ...release,
];
const getting = [
  ACCEPTED,
  'P-DATA, C-GET-RQ ID=1',
  'P-DATA, C-GET-RQ-DATA',
  ...instanceStored(1),
  'P-DATA, C-GET-RSP ID=1 R=1',
  ...instanceStored(2),
  'P-DATA, C-GET-RSP ID=1 (Success)',
  ...release,
];

const scenes: Readonly<Record<string, Scene>> = {
  'a C-STORE and a release': {
    talk: async (scu) => {
      expect(await scu.store(1, instance)).toBe(0x0000);
      await scu.release();
    },
    modality: storing,
    upstream: storing,
  },
  'a C-FIND with several responses': {
    script: {
      onRequest: (connection, request) => {
        for (let count = 0; count < 3; count += 1) {
          connection.respond(request, { Status: 0xff00 }, identifier);
        }
        connection.respond(request);
      },
    },
    talk: async (scu) => {
      expect(await scu.find(3, SopClass.StudyRootFind, identifier)).toHaveLength(4);
      await scu.release();
    },
    modality: finding,
    upstream: finding,
  },
  'a C-GET with sub-operations': {
    script: {
      onRequest: async (connection, request) => {
        for (const remaining of [1, 0]) {
          await connection.request(1, storeCommand, instance.dataSet);
          connection.respond(request, {
            Status: remaining > 0 ? 0xff00 : 0x0000,
            NumberOfRemainingSuboperations: remaining,
          });
        }
      },
    },
    talk: async (scu) => {
      await scu.request(5, getCommand, identifier);
      expect(scu.peerRequests).toHaveLength(2);
      await scu.release();
    },
    modality: getting,
    upstream: getting,
  },
  'a refused C-STORE and a refused C-MOVE': {
    permissions: { storeSopClasses: 'MRImageStorage' },
    talk: async (scu) => {
      expect(await scu.store(1, instance)).toBe(0x0122);
      expect(finalStatus(await scu.request(7, moveCommand, identifier))).toBe(0xa801);
      await scu.release();
    },
    modality: [
      ACCEPTED,
      ...instanceSent(1),
      'P-DATA, C-STORE-RSP (Refused: SOP class not supported, refused by the gateway)',
      'P-DATA, C-MOVE-RQ ID=2',
      'P-DATA, C-MOVE-RQ-DATA',
      'P-DATA, C-MOVE-RSP (Refused: Move Destination unknown, refused by the gateway)',
      ...release,
    ],
    upstream: [ACCEPTED, ...release],
  },
  'a rejection by the gateway': {
    calling: 'STRANGER',
    modality: ['A-ASSOCIATE reject  STRANGER <-- ORTHANC (Calling AE title not recognized)'],
    upstream: undefined,
  },
  'a rejection by the archive': {
    script: { onAssociateRq: (connection) => connection.reject(2, 3, 2) },
    modality: ['A-ASSOCIATE reject  CT1 <-- ORTHANC (Local limit exceeded)'],
    upstream: ['A-ASSOCIATE reject  CT1 <-- ORTHANC (Local limit exceeded)'],
  },
  'an abort by the modality': {
    talk: (scu) => scu.abort(),
    modality: [ACCEPTED, 'ABORT CT1 --> ORTHANC'],
    upstream: [ACCEPTED, 'ABORT CT1 --> ORTHANC'],
  },
  'an abort by the archive': {
    script: { onRequest: (connection) => connection.abort(2, 6) },
    talk: async (scu) => {
      await scu.sendRequest(3, findCommand, identifier);
      expect(await scu.readAssociateAnswer()).toEqual({ kind: 'aborted', source: 2, reason: 6 });
    },
    modality: [ACCEPTED, ...findSent, 'ABORT CT1 <-- ORTHANC (Invalid PDU parameter value)'],
    upstream: [ACCEPTED, ...findSent, 'ABORT CT1 <-- ORTHANC (Invalid PDU parameter value)'],
  },
  'an abort by the gateway': {
    configuration: { timeouts: { idleSeconds: 0.1 } },
    talk: (scu) => scu.readAssociateAnswer(),
    // Wireshark takes the arrow from the source in the PDU: 2, the service-provider, on both sides.
    modality: [ACCEPTED, 'ABORT CT1 <-- ORTHANC (Not specified)'],
    upstream: [ACCEPTED, 'ABORT CT1 <-- ORTHANC (Not specified)'],
  },
};

async function dissectScene(scene: Scene) {
  const { script = {}, calling = MODALITY.callingAeTitle, permissions = {}, configuration = {} } = scene;
  const spy = await SpyUpstream.start({ script });
  const { rawTls } = await secureArchive(spy.port, permissions, configuration);
  const scu = await RawScu.connect(rawTls);
  const userItems = [roleSelection(SopClass.CTImageStorage, 1, 1)];
  await scu.associate({ calling, called: MODALITY.calledAeTitle, contexts, userItems });
  await scene.talk?.(scu);
  scu.end();
  const allClosed = () => spy.connections.every(({ closed }) => closed !== undefined);
  await spy.waitUntil(allClosed, 'the end of the connection');
  const upstream = spy.connections[0]?.transcript;
  const [modalityLines, upstreamLines] = await Promise.all([
    linesOf(scu.transcript),
    upstream === undefined ? undefined : linesOf(upstream),
  ]);
  return { modality: modalityLines, upstream: upstreamLines };
}

async function linesOf(transcript: Transcript): Promise<string[]> {
  await expectNoMalformed(transcript);
  const [request, ...lines] = await dissect(transcript);
  expect(request).toMatch(/^A-ASSOCIATE request (CT1|STRANGER) --> ORTHANC$/);
  return lines.filter((line, index) => line !== lines[index - 1]);
}

describeWithPeers(['tshark'], 'Wireshark', () => {
  it.each(Object.keys(scenes))('takes both sides for well-formed DICOM: %s', async (title) => {
    const scene = scenes[title]!;
    const { modality, upstream } = scene;
    expect(await dissectScene(scene)).toEqual({ modality, upstream });
  });
});
