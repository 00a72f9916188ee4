/**
 * What one allowed peer can make the gateway keep in memory, or compute, stays small, whatever it sends and however
 * slowly it reads.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  CommandField,
  commandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  proposedContext,
} from '../support/dicomBytes';
import { plainConfiguration, TestGateway } from '../support/gateway';
import { heldBytes } from '../support/heldBytes';
import { RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { acceptedSockets, waitFor } from '../support/waiting';

const MEBIBYTE = 1024 * 1024;
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(5, SopClass.StudyRootFind)];
const find = { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind };
const echo = { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification };

let spy: SpyUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  spy = await SpyUpstream.start({ keepsBytes: false });
  gateway = await TestGateway.start(plainConfiguration(spy.port, { allow: 'find', commandsPerSecond: 0 }));
});

function established(script: SpyScript = {}, maxPduLength = 16384): Promise<RawScu> {
  spy.script = script;
  return RawScu.associated(gateway.port(), { contexts, maxPduLength });
}

/**
 * Resolves once the number stays the same while a second peer is served. The gateway reads all that there is to read
 * on the way to that, so it reads no further.
 */
async function untilQuiet(count: () => number): Promise<void> {
  for (let before = -1; before !== count(); ) {
    before = count();
    const other = await established();
    await other.find(5, SopClass.StudyRootFind, Buffer.alloc(10));
    await other.release();
  }
}

describe('a modality that asks for what it may not have', () => {
  it('is not read further while its refusals wait behind a response that never ends', async () => {
    const response = { ...find, CommandField: 0x8020, MessageIDBeingRespondedTo: 1, Status: 0xff00 };
    const scu = await established({
      onRequest: (connection, { contextId }) => {
        const fragment = Buffer.alloc(100);
        connection.send(
          ...messagePdus(contextId, { ...response, CommandDataSetType: 1 }),
          pDataTf({ contextId, isCommand: false, isLast: false, fragment }),
        );
      },
    });
    await scu.sendRequest(5, find, Buffer.alloc(10));
    await scu.readPdu();
    const [refused] = messagePdus(1, numberedRequest(2, echo, false));
    const refusedCount = () => gateway.events.filter(({ event }) => event === 'command.refused').length;
    const before = refusedCount();
    void scu.send(Buffer.concat(Array.from({ length: 20_000 }, () => refused!)));
    await untilQuiet(refusedCount);
    // What two reads of 64 KB brought.
    expect(refusedCount() - before).toBeLessThan(3000);
    scu.reset();
  });

  it('gets every answer when the response has ended', async () => {
    const response = { ...find, CommandField: 0x8020, MessageIDBeingRespondedTo: 1, Status: 0x0000 };
    let end = () => {};
    const scu = await established({
      onRequest: (connection, { contextId }) => {
        connection.send(...messagePdus(contextId, { ...response, CommandDataSetType: 1 }));
        end = () => {
          const fragment = Buffer.alloc(100);
          connection.send(pDataTf({ contextId, isCommand: false, isLast: true, fragment }));
        };
      },
    });
    await scu.sendRequest(5, find, Buffer.alloc(10));
    await scu.readPdu();
    const refused = Array.from(
      { length: 5000 },
      (_value, index) => messagePdus(1, numberedRequest(100 + index, echo, false))[0]!,
    );
    const sent = scu.send(...refused);
    await gateway.event({ event: 'command.refused', messageId: 100 });
    end();
    await sent;
    expect((await scu.readPdu())[0]).toBe(0x04);
    for (let index = 0; index < 5000; index += 1) {
      const { command } = await scu.readMessage();
      expect([command.MessageIDBeingRespondedTo, command.Status]).toEqual([100 + index, 0x0124]);
    }
    await scu.release();
  });
});

describe('a command set in fragments of one byte', () => {
  it('is kept in little more memory than it has bytes', async () => {
    const accepted = acceptedSockets();
    const scus: RawScu[] = [];
    for (let count = 0; count < 4; count += 1) scus.push(await established());
    const readers = accepted.filter(({ localPort }) => localPort === gateway.port());
    const header = { contextId: 1, isCommand: true, isLast: false };
    const nothing = { ...header, fragment: Buffer.alloc(0) };
    const fragments = pDataTf(...Array.from({ length: 60 }, () => nothing), {
      ...header,
      fragment: Buffer.alloc(1),
    });
    const sent = Buffer.concat(Array.from({ length: 12_000 }, () => fragments));
    const before = await heldBytes();
    // Not scu.send, which keeps a copy.
    const write = ({ socket }: RawScu) => new Promise((resolve) => socket.write(sent, resolve));
    await Promise.all(scus.map(write));
    await waitFor('the gateway has read all', () =>
      readers.every(({ bytesRead }) => bytesRead > sent.length),
    );
    // 4 × 4.5 MB were sent.
    expect((await heldBytes()) - before).toBeLessThan(2 * MEBIBYTE);
    for (const scu of scus) scu.reset();
  });

  it('is read as if it came whole', async () => {
    const scu = await established();
    const bytes = commandSet(numberedRequest(7, find, true));
    const pdus = [...bytes].map((byte, index) =>
      pDataTf({
        contextId: 5,
        isCommand: true,
        isLast: index === bytes.length - 1,
        fragment: Buffer.from([byte]),
      }),
    );
    await scu.send(
      ...pdus,
      pDataTf({ contextId: 5, isCommand: false, isLast: true, fragment: Buffer.alloc(2) }),
    );
    expect((await scu.readResponses(7))[0]?.command.Status).toBe(0x0000);
    await scu.release();
  });
});

describe('a modality that takes fragments of two bytes only', () => {
  it('gets a response in them', async () => {
    const dataSet = Buffer.alloc(50_000, 'response');
    const onRequest: SpyScript['onRequest'] = (connection, request) =>
      connection.respond(request, {}, dataSet);
    const scu = await established({ onRequest }, 8);
    const [response] = await scu.request(5, find, Buffer.alloc(10));
    expect(response?.dataSet.equals(dataSet)).toBe(true);
    await scu.release();
  });
});
