/**
 * Every connection ends, at the latest at a deadline, whatever phase it is in; and the audit log has one line
 * about each end and one about each command, never none and never two.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { onCleanUp } from '../support/cleanUp';
import {
  abort,
  CommandField,
  messagePdus,
  numberedRequest,
  pDataTf,
  proposedContext,
  releaseRp,
  releaseRq,
  unsigned16,
} from '../support/dicomBytes';
import { type ConfigurationInput, plainConfiguration, TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { type SpyConnection, type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const contexts = [
  proposedContext(1, SopClass.Verification),
  proposedContext(3, SopClass.CTImageStorage),
  proposedContext(5, SopClass.StudyRootFind),
  proposedContext(7, SopClass.StorageCommitmentPushModel),
];
const request = { calling: 'CT1', called: 'ARCHIVE', contexts };
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };
const store = {
  CommandField: CommandField.CStoreRq,
  AffectedSOPClassUID: SopClass.CTImageStorage,
  AffectedSOPInstanceUID: '1.2.3',
};
const find = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind };

function gatewayTo(
  port: number,
  configuration: Pick<ConfigurationInput, 'timeouts' | 'limits'> = {},
  maxAssociations?: number,
): Promise<TestGateway> {
  const limit = maxAssociations === undefined ? {} : { maxAssociations };
  const upstreams = { ARCHIVE: { servers: [`127.0.0.1:${port}`], ...limit } };
  return TestGateway.start(
    plainConfiguration(
      port,
      { allow: ['store', 'echo', 'find', 'storageCommitment'], dataSets: 'off' },
      { upstreams, ...configuration },
    ),
  );
}

interface Setting {
  readonly spy: SpyUpstream;
  readonly gateway: TestGateway;
  readonly scu: RawScu;
}

/** An association through the gateway. */
async function established(
  script: SpyScript = {},
  configuration: Pick<ConfigurationInput, 'timeouts' | 'limits'> = {},
): Promise<Setting> {
  const spy = await SpyUpstream.start({ script });
  const gateway = await gatewayTo(spy.port, configuration);
  return { spy, gateway, scu: await RawScu.associated(gateway.port(), { contexts }) };
}

/** What was reported, without the start and the stop of the gateway. */
function reported(gateway: TestGateway): string[] {
  return gateway.events
    .filter(({ event }) => !event.startsWith('gateway.'))
    .map(({ event, reason }) => (reason === undefined ? event : `${event} ${reason}`));
}

const providerAbort = { kind: 'aborted', source: 2, reason: 0 };

function part(contextId: number, isLast = false) {
  return pDataTf({ contextId, isCommand: false, isLast, fragment: Buffer.alloc(1000) });
}

describe('silence inside a message, between two PDUs', () => {
  it('of the modality ends the association when it was idle for too long', async () => {
    const { gateway, scu, spy } = await established({}, { timeouts: { idleSeconds: 0.2 } });
    await scu.send(...messagePdus(3, numberedRequest(1, store, true)), part(3));
    expect(await scu.readAssociateAnswer()).toEqual(providerAbort);
    await spy.waitUntil(() => spy.connections[0]?.aborted !== undefined, 'an A-ABORT');
    expect(spy.requests).toEqual([]);
    scu.end();
    expect(reported(gateway)).toEqual([
      'association.accepted',
      'command.completed idle-timeout',
      'association.aborted idle-timeout',
    ]);
  });

  it('of the archive does too', async () => {
    const script: SpyScript = {
      onRequest: (connection, message) => {
        const response = { ...find, CommandField: 0x8020, MessageIDBeingRespondedTo: 1, Status: 0xff00 };
        connection.send(
          ...messagePdus(message.contextId, { ...response, CommandDataSetType: 1 }),
          part(message.contextId),
        );
      },
    };
    const { gateway, scu } = await established(script, { timeouts: { idleSeconds: 0.2 } });
    await scu.sendRequest(5, find, Buffer.alloc(10));
    await gateway.event({ event: 'association.aborted', reason: 'idle-timeout' });
    expect(gateway.places.taken).toBe(0);
    scu.end();
  });

  it('is not seen in a long instance, also where the answer to the last one counts a deadline', async () => {
    const timeouts = { responseSeconds: 0.2, idleSeconds: 5 };
    const { scu, spy } = await established({}, { timeouts });
    await scu.send(...messagePdus(1, numberedRequest(1, echo, false)));
    await scu.send(...messagePdus(3, numberedRequest(2, store, true)));
    expect((await scu.readResponses(1))[0]?.command.Status).toBe(0x0000);
    // Longer than the deadline for an answer, while data flows.
    for (const end = performance.now() + 400; performance.now() < end; ) {
      const before = spy.receivedBytes;
      await scu.send(part(3));
      await spy.waitUntil(({ receivedBytes }) => receivedBytes > before, 'a part of the instance');
    }
    await scu.send(part(3, true));
    expect((await scu.readResponses(2))[0]?.command.Status).toBe(0x0000);
    await scu.release();
  });
});

/** Takes connections and never says a word. */
async function silentArchive(): Promise<{ readonly port: number; readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => {}).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onCleanUp(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

const stopSoon = { drainSeconds: 0.1, closeSeconds: 0.3 };
/** 2/3/1: try again later. */
const forNow = { kind: 'rejected', result: 2, source: 3, reason: 1 };

describe('the stop of the gateway', () => {
  it('rejects a modality that waits for the answer of the archive, and leaves the archive', async () => {
    const archive = await silentArchive();
    const timeouts = { ...stopSoon, upstreamAssociationSeconds: 0.6 };
    const gateway = await gatewayTo(archive.port, { timeouts });
    const scu = await RawScu.connect({ port: gateway.port() });
    const answer = scu.associate(request);
    while (archive.sockets.length === 0) await new Promise(setImmediate);
    const [socket] = archive.sockets;
    const left = once(socket!, 'close');
    expect(await gateway.gateway.stop()).toEqual({ aborted: 0 });
    expect(await answer).toEqual(forNow);
    await left;
    expect(reported(gateway)).toEqual(['association.rejected draining']);
    expect(gateway.places.taken).toBe(0);
  });

  it('rejects a modality that waits in line, and does not let it in at the last moment', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await gatewayTo(spy.port, { timeouts: stopSoon }, 1);
    const first = await RawScu.connect({ port: gateway.port() });
    expect((await first.associate(request)).kind).toBe('accepted');
    const second = await RawScu.connect({ port: gateway.port() });
    const answer = second.associate(request);
    while (gateway.places.taken < 2) await new Promise(setImmediate);
    expect(await gateway.gateway.stop()).toEqual({ aborted: 1 });
    expect(await answer).toEqual(forNow);
    expect(reported(gateway)).toEqual([
      'association.accepted',
      'association.aborted gateway-stopped',
      'association.rejected draining',
    ]);
    expect([spy.connects, gateway.places.taken]).toEqual([1, 0]);
  });

  it('tells of a connection that never asked for an association', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await gatewayTo(spy.port, { timeouts: stopSoon });
    const silent = await RawScu.connect({ port: gateway.port() });
    await gateway.gateway.stop();
    await silent.expectClosed();
    expect(reported(gateway)).toEqual(['connection.refused draining']);
  });

  it('tells nothing again of an association that it finds closing', async () => {
    const script: SpyScript = { onRequest: () => {} };
    const { gateway, scu } = await established(script, { timeouts: { ...stopSoon, responseSeconds: 0.1 } });
    await scu.sendRequest(1, echo);
    expect(await scu.readAssociateAnswer()).toEqual(providerAbort);
    // The modality does not close, so the connection is still there.
    expect(await gateway.gateway.stop()).toEqual({ aborted: 0 });
    expect(reported(gateway)).toEqual([
      'association.accepted',
      'command.completed response-timeout',
      'association.aborted response-timeout',
    ]);
  });
});

describe('what is reported', () => {
  it('takes nobody for another program who has begun with a PDU', async () => {
    const script: SpyScript = {
      onAssociateRq: (connection) => {
        connection.socket.cork();
        connection.accept();
        connection.send(Buffer.from('GET / HTTP/1.1\r\n'));
        connection.socket.uncork();
      },
    };
    const gateway = await gatewayTo((await SpyUpstream.start({ script })).port);
    const scu = await RawScu.connect({ port: gateway.port() });
    await scu.associate(request);
    await gateway.event({
      reason: 'pdu-type-unknown',
      detail: 'PDU type 47H; 01H to 07H are accepted',
    });
  });

  it('has a line for a connection whose only PDU is an A-ABORT', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await gatewayTo(spy.port);
    const scu = await RawScu.connect({ port: gateway.port() });
    await scu.send(abort(0, 0));
    await gateway.event({ event: 'connection.refused', reason: 'modality-aborted', outcome: 'info' });
  });

  it('has a line for a command that the archive leaves unanswered when it confirms the release', async () => {
    const script: SpyScript = {
      onRequest: () => {},
      onReleaseRq: (connection) => connection.send(releaseRp()),
    };
    const { gateway, scu } = await established(script);
    await scu.sendRequest(1, echo);
    await scu.release();
    expect(reported(gateway)).toEqual([
      'association.accepted',
      'command.completed response-missing',
      'association.released',
    ]);
  });

  it('has a line for a report that is unanswered when the release times out', async () => {
    const script: SpyScript = {
      onReleaseRq: (connection) => {
        void connection.request(7, {
          CommandField: CommandField.NEventReportRq,
          AffectedSOPClassUID: SopClass.StorageCommitmentPushModel,
          AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
          EventTypeID: 1,
        });
      },
    };
    const { gateway, scu } = await established(script, { timeouts: { releaseSeconds: 0.1 } });
    await scu.send(releaseRq());
    await gateway.event({ event: 'association.released' });
    expect(reported(gateway)).toEqual([
      'association.accepted',
      'command.completed release-timeout',
      'association.released release-timeout',
    ]);
    expect(gateway.places.taken).toBe(0);
    scu.end();
  });
});

describe('a release that the archive confirms inside a message', () => {
  it('is an A-ABORT for the modality, which has not all of the message', async () => {
    const script: SpyScript = {
      onRequest: () => {},
      onReleaseRq: (connection: SpyConnection) => {
        const response = { ...find, CommandField: 0x8020, MessageIDBeingRespondedTo: 1, Status: 0xff00 };
        connection.send(...messagePdus(5, { ...response, CommandDataSetType: 1 }), part(5), releaseRp());
      },
    };
    const { gateway, scu } = await established(script);
    await scu.sendRequest(5, find, Buffer.alloc(10));
    await scu.send(releaseRq());
    await gateway.event({ event: 'association.aborted', reason: 'state-release-in-message' });
    const types: number[] = [];
    for (let event = await scu.nextEvent(); event.kind === 'pdu'; event = await scu.nextEvent()) {
      types.push(event.type);
      if (event.type === 0x07) scu.end();
    }
    expect(types.at(-1)).toBe(0x07);
    expect(types).not.toContain(0x06);
  });
});

describe('a release that the archive leaves unanswered inside a message', () => {
  it('is an A-ABORT for the modality too', async () => {
    const script: SpyScript = {
      onReleaseRq: (connection) => {
        const report = {
          CommandField: CommandField.NEventReportRq,
          AffectedSOPClassUID: SopClass.StorageCommitmentPushModel,
          AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
          EventTypeID: 1,
        };
        connection.send(...messagePdus(7, numberedRequest(1, report, true)), part(7));
      },
    };
    const { gateway, scu } = await established(script, { timeouts: { releaseSeconds: 0.1 } });
    await scu.send(releaseRq());
    await gateway.event({ event: 'association.aborted', reason: 'release-timeout' });
    for (let event = await scu.nextEvent(); event.kind === 'pdu'; event = await scu.nextEvent()) {
      expect(event.type).not.toBe(0x06);
      if (event.type === 0x07) scu.end();
    }
  });
});

describe('an answer of the archive that leaves no room for the gateway’s own items', () => {
  it('is a rejection, and nothing is left of either association', async () => {
    const sopClass = Buffer.from(SopClass.CTImageStorage);
    const extended = (bytes: number) => {
      const value = Buffer.concat([unsigned16(sopClass.length), sopClass, Buffer.alloc(bytes)]);
      return Buffer.concat([Buffer.from([0x56, 0]), unsigned16(value.length), value]);
    };
    // With what the spy adds the item is full to the last byte.
    const full = extended(65_535 - 54 - 4 - 2 - sopClass.length);
    const spy = await SpyUpstream.start({
      script: { onAssociateRq: (connection) => connection.accept({ userItems: [full] }) },
    });
    const gateway = await gatewayTo(spy.port);
    const scu = await RawScu.connect({ port: gateway.port() });
    expect(await scu.associate({ ...request, userItems: [extended(1)] })).toEqual(forNow);
    await spy.waitUntil(() => spy.connections[0]?.aborted !== undefined, 'an A-ABORT');
    const event = await gateway.event({ event: 'association.rejected', reason: 'upstream-protocol-error' });
    expect(event.detail).not.toContain('\n');
    scu.end();
  });
});

describe('connections of one address without an association', () => {
  it('count while a peer does not close after its rejection', async () => {
    const spy = await SpyUpstream.start();
    const gateway = await gatewayTo(spy.port, { limits: { maxPendingConnectionsPerAddress: 3 } });
    const port = gateway.port();
    const rejected = await Promise.all(
      Array.from({ length: 3 }, () => RawScu.connect({ port, allowHalfOpen: true })),
    );
    for (const scu of rejected) {
      expect((await scu.associate({ ...request, calling: 'NOBODY' })).kind).toBe('rejected');
    }
    await (await RawScu.connect({ port })).expectClosed();
    await gateway.event({ event: 'connection.refused', reason: 'connection-limit' });
    rejected[0]?.end();
    await rejected[0]?.expectClosed();
    for (;;) {
      const scu = await RawScu.connect({ port });
      const answer = await scu.associate(request);
      if (answer.kind !== 'accepted') continue;
      await scu.release();
      break;
    }
  });
});

describe('an AE title with NULs', () => {
  it.each(['CT1\0\0', 'CT1\0EVIL', ' CT1 \0 '])(
    '%j reaches the archive as it was compared',
    async (calling) => {
      const { spy, gateway } = await established();
      const scu = await RawScu.connect({ port: gateway.port() });
      expect((await scu.associate({ ...request, calling })).kind).toBe('accepted');
      expect(spy.connections[1]?.transcript[0]?.bytes.toString('latin1', 26, 42)).toBe('CT1             ');
      scu.end();
    },
  );

  // As DCMTK and Orthanc, which read nothing before the first NUL.
  it.each(['\0CT1', ' \0 CT1', 'EVIL\0CT1'])('%j is not CT1', async (calling) => {
    const { spy, gateway } = await established();
    const scu = await RawScu.connect({ port: gateway.port() });
    expect(await scu.associate({ ...request, calling })).toMatchObject({ kind: 'rejected', reason: 3 });
    expect(spy.connects).toBe(1);
    scu.end();
  });
});
