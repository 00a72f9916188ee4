/**
 * How a conversation ends: the same bytes sent to storescp and Orthanc directly and through the gateway, plain and over
 * TLS. What comes back is the same, and so is what is stored.
 */
import { beforeAll, expect, it } from '@jest/globals';
import { testCertificates } from '../../support/certificates';
import { Storescp } from '../../support/dcmtk';
import {
  abort,
  CommandField,
  messagePdus,
  PduType,
  pdu,
  proposedContext,
  releaseRq,
} from '../../support/dicomBytes';
import { plainConfiguration, TestGateway } from '../../support/gateway';
import { Orthanc } from '../../support/orthanc';
import { describeWithPeers } from '../../support/peers';
import { RawScu } from '../../support/rawScu';
import { MODALITY, secureArchive } from '../../support/securedArchive';
import { syntheticInstance } from '../../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../support/uids';
import { waitFor } from '../../support/waiting';

type Target = Parameters<typeof RawScu.connect>[0];

/** An archive, which is emptied after each conversation. */
interface Archive {
  /** Instances, and files that are still being written, or are about to be removed. */
  count(): Promise<number>;
  takeInstances(): unknown;
}

interface Way {
  readonly name: string;
  readonly archive: Archive;
  readonly direct: Target;
  readonly relayed: Target;
}

const instance = syntheticInstance('last', SopClass.CTImageStorage, TransferSyntax.ImplicitVrLittleEndian);
const store = Buffer.concat(
  messagePdus(
    1,
    {
      CommandField: CommandField.CStoreRq,
      MessageID: 1,
      AffectedSOPClassUID: instance.sopClassUid,
      AffectedSOPInstanceUID: instance.sopInstanceUid,
      Priority: 0,
      CommandDataSetType: 1,
    },
    instance.dataSet,
  ),
);
const contexts = [proposedContext(1, SopClass.CTImageStorage, [TransferSyntax.ImplicitVrLittleEndian])];

interface Conversation {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the requestor does behind them. */
  readonly end: 'fin' | 'none';
  readonly stored: number;
  /** Where the peer ends it before it has its answer, what comes back depends on the moment. */
  readonly answers?: false;
}

const conversations: readonly Conversation[] = [
  { name: 'a message, then its FIN', bytes: store, end: 'fin', stored: 1 },
  {
    name: 'a message, a release, then its FIN',
    bytes: Buffer.concat([store, releaseRq()]),
    end: 'fin',
    stored: 1,
  },
  { name: 'a message and a release', bytes: Buffer.concat([store, releaseRq()]), end: 'none', stored: 1 },
  { name: 'a release, then its FIN', bytes: releaseRq(), end: 'fin', stored: 0 },
  {
    name: 'a message and an abort',
    bytes: Buffer.concat([store, abort(0, 0)]),
    end: 'none',
    stored: 1,
    answers: false,
  },
  {
    name: 'a message and a PDU of no type',
    bytes: Buffer.concat([store, pdu(0x47)]),
    end: 'none',
    stored: 1,
    answers: false,
  },
  {
    name: 'half a message, then its FIN',
    bytes: store.subarray(0, store.length - 100),
    end: 'fin',
    stored: 0,
    answers: false,
  },
];

/** What comes back, as types of PDUs and statuses, and whether it was stored. */
async function outcomeOf(target: Target, archive: Archive, { bytes, end, stored }: Conversation) {
  const scu = await RawScu.connect(target);
  const answer = await scu.associate({
    calling: MODALITY.callingAeTitle,
    called: MODALITY.calledAeTitle,
    contexts,
  });
  expect(answer.kind).toBe('accepted');
  await scu.send(bytes);
  if (end === 'fin') scu.end();
  const types: number[] = [];
  for (;;) {
    const event = await scu.nextEvent();
    if (event.kind === 'closed') break;
    types.push(event.type);
    // The requestor closes behind a release, and behind an abort of the other side.
    if (event.type === PduType.ReleaseRp || event.type === PduType.Abort) scu.end();
  }
  await waitFor(`${stored} stored`, async () => (await archive.count()) === stored);
  await archive.takeInstances();
  return types;
}

describeWithPeers(['Orthanc', 'storescp'], 'a conversation that ends with', () => {
  const { ca, server, client } = testCertificates();
  const ways: Way[] = [];
  beforeAll(async () => {
    const add = (name: string, archive: Archive, direct: Target, relayed: Target) =>
      ways.push({ name, archive, direct, relayed });
    const countOf = async (archive: Storescp | Orthanc) =>
      'port' in archive ? archive.fileCount : await archive.instanceCount();
    const together = (...archives: (Storescp | Orthanc)[]): Archive => ({
      count: async () => (await Promise.all(archives.map(countOf))).reduce((sum, count) => sum + count, 0),
      takeInstances: () => Promise.all(archives.map((archive) => archive.takeInstances())),
    });
    const both = async (name: string, plain: Storescp | Orthanc, tls: Storescp | Orthanc) => {
      const portOf = (archive: Storescp | Orthanc) => ('port' in archive ? archive.port : archive.dicomPort);
      const upstreams = { [MODALITY.calledAeTitle]: { servers: [`127.0.0.1:${portOf(plain)}`] } };
      const gateway = await TestGateway.start(plainConfiguration(0, { allow: 'store' }, { upstreams }));
      add(name, together(plain), { port: portOf(plain) }, { port: gateway.port() });
      const own = { ca: ca.cert, cert: client.cert, key: client.key };
      add(
        `${name} over TLS`,
        together(plain, tls),
        { port: portOf(tls), tls: own },
        (await secureArchive(portOf(plain))).rawTls,
      );
    };
    const tls = { certificate: server, ca };
    await both('storescp', await Storescp.start(), await Storescp.start({ tls }));
    const settings = {
      DicomTlsEnabled: true,
      DicomTlsCertificate: server.certificateFile,
      DicomTlsPrivateKey: server.privateKeyFile,
      DicomTlsTrustedCertificates: ca.certificateFile,
    };
    await both('Orthanc', await Orthanc.start(), await Orthanc.start({ settings }));
  });

  it.each(conversations)('$name ends the same directly and through the gateway', async (conversation) => {
    for (const { name, archive, direct, relayed } of ways) {
      const directly = await outcomeOf(direct, archive, conversation);
      const through = await outcomeOf(relayed, archive, conversation);
      if (conversation.answers !== false) expect([name, through]).toEqual([name, directly]);
    }
  });
});
