/**
 * Proves the tests' own SCU and archive against each other and against Wireshark, without the product in between: what fails here is not a
 * finding about the gateway.
 */
import { describe, expect, it } from '@jest/globals';
import { testCertificates } from '../support/certificates';
import {
  abort,
  associateAc,
  associateRq,
  asynchronousOperations,
  CommandField,
  commandSet,
  pDataTf,
  proposedContext,
  roleSelection,
  userIdentity,
} from '../support/dicomBytes';
import { byTransferSyntax, realInstances } from '../support/dicomFiles';
import { describeWithPeers } from '../support/peers';
import { RawScu, storeInstance, UnexpectedPeerEvent } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { syntheticInstance } from '../support/syntheticInstances';
import type { Transcript } from '../support/transcript';
import { dissect, expectNoMalformed } from '../support/tshark';
import { SopClass, TransferSyntax } from '../support/uids';

const certificates = testCertificates();

function ctInstance() {
  return syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian);
}

describe('the raw SCU and the spy', () => {
  it('exchange whole associations, and the spy hashes what it was sent', async () => {
    const spy = await SpyUpstream.start({ maxPduLength: 4096 });
    const instance = syntheticInstance(
      'big',
      SopClass.CTImageStorage,
      TransferSyntax.ExplicitVrLittleEndian,
      {
        pixelBytes: 100_000,
      },
    );
    expect(await storeInstance({ port: spy.port }, instance)).toBe(0x0000);
    expect(spy.connects).toBe(1);
    expect(spy.requests).toMatchObject([{ sha256: instance.sha256, dataSetBytes: instance.dataSet.length }]);
    await spy.waitUntil(() => spy.connections[0]?.closed !== undefined, 'the end of the connection');
  });

  it('show a rejection, an abort and a close for what they are', async () => {
    const spy = await SpyUpstream.start();
    const answerTo = async (onAssociateRq: NonNullable<SpyUpstream['script']['onAssociateRq']>) => {
      spy.script = { onAssociateRq };
      const scu = await RawScu.connect({ port: spy.port });
      const answer = await scu.associate({});
      await scu.expectClosed();
      return answer;
    };
    const rejected = { kind: 'rejected', result: 1, source: 1, reason: 3 };
    expect(await answerTo((connection) => connection.reject(1, 1, 3))).toEqual(rejected);
    expect(await answerTo((connection) => connection.abort(2, 6))).toEqual({
      kind: 'aborted',
      source: 2,
      reason: 6,
    });
    expect(await answerTo((connection) => connection.end())).toEqual({ kind: 'closed', how: 'end' });
    expect(await answerTo((connection) => connection.reset())).toEqual({ kind: 'closed', how: 'ECONNRESET' });
  });

  it('record bytes that are not an association, and an abort', async () => {
    const spy = await SpyUpstream.start();
    const scu = await RawScu.connect({ port: spy.port, localAddress: '127.0.0.7' });
    await scu.send(associateRq({}), abort(2, 1));
    await spy.waitUntil(() => spy.connections[0]?.aborted !== undefined, 'the abort');
    expect(spy.connections[0]?.aborted).toEqual({ source: 2, reason: 1 });
    expect(spy.connections[0]?.remoteAddress).toBe('127.0.0.7');
    expect(spy.receivedBytes).toBe(associateRq({}).length + 10);
  });

  it('fail the test file when a peer sends the spy what does not parse', async () => {
    const spy = await SpyUpstream.start();
    const scu = await RawScu.connect({ port: spy.port });
    await scu.send(Buffer.from('474554202f20', 'hex'), Buffer.alloc(6));
    await scu.send(pDataTf({ contextId: 1, isCommand: false, isLast: true, fragment: Buffer.alloc(2) }));
    scu.end();
    await spy.waitUntil(() => spy.connections[0]?.closed !== undefined, 'the end of the connection');
    const another = await RawScu.connect({ port: spy.port });
    await another.send(pDataTf({ contextId: 1, isCommand: false, isLast: true, fragment: Buffer.alloc(2) }));
    await spy.waitUntil(() => spy.connections[1]?.closed !== undefined, 'the end of the connection');
    await expect(spy.stop()).rejects.toThrow('without a command set');
  });

  it('run a C-GET with its sub-operation, and tell when the peer does something else', async () => {
    const instance = ctInstance();
    const spy = await SpyUpstream.start({
      script: {
        onRequest: (connection, request) => {
          const store = {
            CommandField: CommandField.CStoreRq,
            AffectedSOPClassUID: instance.sopClassUid,
            AffectedSOPInstanceUID: instance.sopInstanceUid,
          };
          void connection.request(3, store, instance.dataSet).then(({ command }) => {
            connection.respond(request, { Status: 0xff00, NumberOfCompletedSuboperations: 1 });
            connection.respond(request, { Status: command.Status });
          });
        },
      },
    });
    const scu = await RawScu.connect({ port: spy.port });
    const get = { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet };
    await scu.associate({
      contexts: [proposedContext(1, SopClass.StudyRootGet), proposedContext(3, instance.sopClassUid)],
    });
    const responses = await scu.request(1, get, Buffer.alloc(8));
    expect(responses.map(({ command }) => command.Status)).toEqual([0xff00, 0x0000]);
    expect(scu.peerRequests).toMatchObject([{ sha256: instance.sha256 }]);

    spy.script = { onRequest: (connection) => connection.abort() };
    await expect(scu.request(1, get, Buffer.alloc(8))).rejects.toBeInstanceOf(UnexpectedPeerEvent);
  });

  // The folder of real files may be absent; one of each transfer syntax proves that they are read.
  const real = [...byTransferSyntax(realInstances()).values()].flatMap(([first]) => first ?? []);
  (real.length > 0 ? it : it.skip)('take a real file of each transfer syntax', async () => {
    const spy = await SpyUpstream.start();
    for (const instance of real) await storeInstance({ port: spy.port }, instance);
    expect(spy.requests.map(({ sha256 }) => sha256)).toEqual(real.map(({ sha256 }) => sha256));
  });

  it('speak TLS', async () => {
    const { server, client, ca } = certificates;
    const spy = await SpyUpstream.start({
      tls: { cert: server.cert, key: server.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
    });
    const scu = await RawScu.connect({
      port: spy.port,
      tls: { ca: ca.cert, cert: client.cert, key: client.key },
    });
    await scu.associate({ contexts: [proposedContext(1, SopClass.Verification)] });
    expect(await scu.echo(1)).toBe(0x0000);
    await scu.release();
  });
});

describeWithPeers(['tshark'], 'tshark', () => {
  it('reads an exchange as it was meant, and finds nothing wrong with it', async () => {
    const spy = await SpyUpstream.start();
    const instance = syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
      pixelBytes: 40_000,
      hasUndefinedLengths: true,
    });
    expect(await storeInstance({ port: spy.port }, instance)).toBe(0x0000);
    const { transcript } = spy.connections[0]!;
    await expectNoMalformed(transcript);
    const lines = await dissect(transcript);
    expect(lines).toEqual([
      'A-ASSOCIATE request TESTSCU --> ORTHANC',
      'A-ASSOCIATE accept  TESTSCU <-- ORTHANC',
      'P-DATA, C-STORE-RQ ID=1',
      'P-DATA, PDV Fragment',
      'P-DATA, PDV Fragment',
      'P-DATA, CT Image Storage',
      'P-DATA, C-STORE-RSP ID=1 (Success)',
      'A-RELEASE request',
      'A-RELEASE response',
    ]);
  });

  it('reads user information items as they were meant', async () => {
    const userItems = [
      asynchronousOperations(5, 1),
      roleSelection(SopClass.CTImageStorage, 0, 1),
      userIdentity('radiographer', 'secret', true),
    ];
    const contexts = [proposedContext(1, SopClass.CTImageStorage)];
    const transcript: Transcript = [{ from: 'requestor', bytes: associateRq({ contexts, userItems }) }];
    await expectNoMalformed(transcript);
    expect(await dissect(transcript)).toEqual(['A-ASSOCIATE request TESTSCU --> ORTHANC']);
  });

  it('finds a PDV that is longer than its PDU', async () => {
    const echo = commandSet({ CommandField: CommandField.CEchoRq, MessageID: 1, CommandDataSetType: 0x0101 });
    const bytes = pDataTf({ contextId: 1, isCommand: true, isLast: true, fragment: echo });
    bytes.writeUInt32BE(bytes.length + 1000, 6);
    const contexts = [{ id: 1, result: 0, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }];
    const transcript: Transcript = [
      { from: 'requestor', bytes: associateRq({ contexts: [proposedContext(1, SopClass.Verification)] }) },
      { from: 'acceptor', bytes: associateAc({ contexts }) },
      { from: 'requestor', bytes },
    ];
    await expect(expectNoMalformed(transcript)).rejects.toThrow('malformed');
  });
});
