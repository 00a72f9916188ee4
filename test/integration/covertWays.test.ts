/**
 * Ways by which two sides could pass something that no policy sees, one test for each: "closed" where nothing of it
 * arrives, "open" where the other side needs it. SECURITY.md has the same list.
 */
import { describe, expect, it } from '@jest/globals';
import {
  type AssociateRqFields,
  abort,
  associateRj,
  associateRq,
  CommandField,
  type CommandSet,
  commandElement,
  commandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  proposedContext,
  releaseRq,
  roleSelection,
  unsigned16,
  userIdentity,
  withGroupLength,
} from '../support/dicomBytes';
import { PduSplitter } from '../support/dicomReading';
import { plainConfiguration, TestGateway } from '../support/gateway';
import { RawScu } from '../support/rawScu';
import { type SpyScript, SpyUpstream } from '../support/spyUpstream';
import { SopClass, TransferSyntax } from '../support/uids';

const CT = SopClass.CTImageStorage;
const contexts = [proposedContext(1, CT), proposedContext(3, SopClass.Verification)];
const store: CommandSet = {
  CommandField: CommandField.CStoreRq,
  AffectedSOPClassUID: CT,
  AffectedSOPInstanceUID: '1.2.3',
  Priority: 0,
};
const dataSet = Buffer.alloc(3000, 'image');
const SECRET = 'SECRET';

function request(fields: AssociateRqFields = {}): Buffer {
  return associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts, ...fields });
}

function message(fields: CommandSet = {}): Buffer {
  return Buffer.concat(messagePdus(1, numberedRequest(1, { ...store, ...fields }, true), dataSet));
}

function item(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, 0]), unsigned16(body.length), body]);
}

async function start(script: SpyScript = {}) {
  const spy = await SpyUpstream.start({ script });
  const gateway = await TestGateway.start(
    plainConfiguration(spy.port, { allow: ['echo', 'store'], dataSets: 'off' }),
  );
  return { spy, gateway };
}

/** Every PDU that crossed from the one side, until both ends of the association are closed. */
interface Crossed {
  readonly toArchive: Buffer[];
  readonly toModality: Buffer[];
}

/** Sends everything on one connection, reads to its end, and shows what each side got. */
async function conversation(bytes: readonly Buffer[], script: SpyScript = {}): Promise<Crossed> {
  const { spy, gateway } = await start(script);
  const scu = await RawScu.connect({ port: gateway.port() });
  await scu.send(...bytes);
  const toModality: Buffer[] = [];
  for (let event = await scu.nextEvent(); event.kind === 'pdu'; event = await scu.nextEvent()) {
    toModality.push(event.bytes);
    // A-ASSOCIATE-RJ, A-RELEASE-RP, A-ABORT.
    if ([0x03, 0x06, 0x07].includes(event.type)) scu.end();
  }
  await gateway.untilIdle();
  const transcript = spy.connections[0]?.transcript ?? [];
  const received = transcript.filter(({ from }) => from === 'requestor').map((entry) => entry.bytes);
  return { toArchive: new PduSplitter().push(Buffer.concat(received)), toModality };
}

function hex(pdus: readonly Buffer[]): string[] {
  return pdus.map((bytes) => bytes.toString('hex'));
}

let plain: Promise<Crossed> | undefined;
/** Both sides of an association with one C-STORE, as everybody sends it. */
function ordinary(): Promise<Crossed> {
  plain ??= conversation([request(), message(), releaseRq()]);
  return plain;
}

/** What the modality hides there does not change a byte of what the archive gets. */
async function expectClosed(...bytes: readonly Buffer[]): Promise<void> {
  const { toArchive } = await conversation(bytes);
  expect(hex(toArchive)).toEqual(hex((await ordinary()).toArchive));
}

/** The archive gets it. */
async function expectOpen(hidden: Buffer | string, ...bytes: readonly Buffer[]): Promise<void> {
  const { toArchive } = await conversation(bytes);
  expect(Buffer.concat(toArchive).includes(hidden)).toBe(true);
}

/** Sets each reserved byte of a PDU with an A-ASSOCIATE-RQ, of its items and their sub-items. */
function withReservedBytes(pdu: Buffer): Buffer {
  const bytes = Buffer.from(pdu);
  bytes[1] = 0xaa;
  bytes.fill(0xaa, 8, 10);
  bytes.fill(0xaa, 42, 74);
  const fillItems = (from: number, to: number) => {
    for (let at = from; at < to; at += 4 + bytes.readUInt16BE(at + 2)) {
      bytes[at + 1] = 0xaa;
      if (bytes[at] === 0x20) bytes.fill(0xaa, at + 5, at + 8);
      const itemsAt = { 32: at + 8, 80: at + 4 }[bytes[at]!];
      if (itemsAt !== undefined) fillItems(itemsAt, at + 4 + bytes.readUInt16BE(at + 2));
    }
  };
  fillItems(74, bytes.length);
  return bytes;
}

/** The elements of a C-STORE, without the group length. */
const elements = commandSet(numberedRequest(1, store, true)).subarray(12);

function stored(command: Buffer): Buffer {
  const whole = { contextId: 1, isCommand: true, isLast: true, fragment: command };
  return Buffer.concat([
    pDataTf(whole),
    pDataTf({ contextId: 1, isCommand: false, isLast: true, fragment: dataSet }),
  ]);
}

describe('from the modality to the archive, closed', () => {
  it('reserved bytes of PDUs, items and sub-items', async () => {
    const pdus = new PduSplitter().push(message());
    for (const pdu of pdus) {
      pdu[1] = 0xaa;
      // The six bits of the message control header that mean nothing.
      pdu[11] = pdu[11]! | 0xfc;
    }
    const release = Buffer.from(releaseRq());
    release[1] = 0xaa;
    release.fill(0xaa, 6);
    await expectClosed(withReservedBytes(request()), ...pdus, release);
  });

  it('spaces and NULs around AE titles', async () => {
    await expectClosed(request({ calling: '  CT1 \0\0 ', called: ' ARCHIVE\0' }), message(), releaseRq());
  });

  it('padding of UIDs and what stands behind a NUL', async () => {
    const padded = contexts.map((context) => ({
      ...context,
      abstractSyntax: `${context.abstractSyntax}\0${SECRET}`,
      transferSyntaxes: context.transferSyntaxes.map((uid) => `${uid} `),
    }));
    const uids = message({ AffectedSOPInstanceUID: '1.2.3\0', AffectedSOPClassUID: `${CT}  ` });
    await expectClosed(request({ contexts: padded }), uids, releaseRq());
  });

  it('items and sub-items that PS3.8 does not define', async () => {
    await expectClosed(request({ userItems: [item(0x5f, Buffer.from(SECRET))] }), message(), releaseRq());
  });

  it('the user identity', async () => {
    await expectClosed(request({ userItems: [userIdentity(SECRET, SECRET)] }), message(), releaseRq());
  });

  it('bits of the protocol version, the maximum length, the window of asynchronous operations', async () => {
    const fields = { protocolVersion: 0xfffd, maxPduLength: 77_776 };
    const window = item(0x53, Buffer.from('ABCD'));
    await expectClosed(request({ ...fields, userItems: [window] }), message(), releaseRq());
  });

  it('unknown, retired and private elements of the command group, and a false group length', async () => {
    const hidden = Buffer.concat([elements, commandElement(0x5101, Buffer.from(SECRET))]);
    const retired = Buffer.concat([commandElement(0x0001, Buffer.alloc(4)), elements]);
    for (const command of [withGroupLength(hidden), withGroupLength(retired)]) {
      await expectClosed(request(), stored(command), releaseRq());
    }
    const lying = withGroupLength(elements).fill('LIES', 8, 12);
    await expectClosed(request(), stored(lying), releaseRq());
  });

  it.each([1, 3, 5, 7, 9])('elements of group %i in a command set', async (group) => {
    const foreign = Buffer.concat([elements, commandElement(0x0010, Buffer.from(SECRET), group)]);
    const { toArchive, toModality } = await conversation([
      request(),
      stored(withGroupLength(foreign)),
      releaseRq(),
    ]);
    // The message is refused, and the association goes on.
    expect(toArchive.map(([type]) => type)).toEqual([0x01, 0x05]);
    expect(toModality.map(([type]) => type)).toEqual([0x02, 0x04, 0x06]);
    expect(Buffer.concat(toArchive).includes(SECRET)).toBe(false);
  });

  it('the cuts of PDUs and fragments, empty fragments included', async () => {
    const fragments = (isCommand: boolean, bytes: Buffer, size: number) =>
      Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => ({
        contextId: 1,
        isCommand,
        isLast: (index + 1) * size >= bytes.length,
        fragment: bytes.subarray(index * size, (index + 1) * size),
      }));
    const empty = { contextId: 1, isCommand: false, isLast: false, fragment: Buffer.alloc(0) };
    const command = commandSet(numberedRequest(1, store, true));
    for (const size of [30, 700]) {
      const parts = [...fragments(true, command, size), empty, ...fragments(false, dataSet, size)];
      await expectClosed(request(), ...parts.map((part) => pDataTf(part)), releaseRq());
      await expectClosed(request(), pDataTf(...parts), releaseRq());
    }
  });

  it('a C-CANCEL that names no operation', async () => {
    const cancel = { CommandField: CommandField.CCancelRq, MessageIDBeingRespondedTo: 0x4142 };
    const unasked = messagePdus(1, { ...cancel, CommandDataSetType: 0x0101 });
    await expectClosed(request(), ...unasked, message(), releaseRq());
  });

  it('reserved bytes of an A-ABORT', async () => {
    const hidden = Buffer.from(abort(0, 0)).fill(0xaa, 6, 8);
    const { toArchive } = await conversation([request(), message(), hidden]);
    expect(hex(toArchive).at(-1)).toBe('07000000000400000000');
  });

  it('a release in the middle of a message', async () => {
    const { toArchive } = await conversation([request(), message().subarray(0, -3006 - 6), releaseRq()]);
    expect(toArchive.at(-1)![0]).toBe(0x07);
  });
});

describe('from the modality to the archive, open', () => {
  it('the message ID, because the answer has to name it', async () => {
    await expectOpen('\x10\x01\x02\0\0\0AB', request(), message({ MessageID: 0x4241 }), releaseRq());
  });

  it('priority, and the kind of "a data set follows", because they are values of a request', async () => {
    const fields = { Priority: 0x4241, CommandDataSetType: 0x4443 };
    await expectOpen('AB\0\0\0\x08\x02\0\0\0CD', request(), message(fields), releaseRq());
  });

  it('the move originator and the instance, because the archive files and answers by them', async () => {
    const fields = { MoveOriginatorApplicationEntityTitle: SECRET, AffectedSOPInstanceUID: '1.83.69' };
    await expectOpen(SECRET, request(), message(fields), releaseRq());
    await expectOpen('1.83.69', request(), message(fields), releaseRq());
  });

  it('the case of AE titles, because archives may compare it', async () => {
    await expectOpen('cT1 ', request({ calling: 'cT1' }), message(), releaseRq());
  });

  it('the implementation version name, because archives know devices by it', async () => {
    const bytes = request();
    bytes.write(SECRET, bytes.indexOf('AEGIS_TEST'));
    await expectOpen(SECRET, bytes, message(), releaseRq());
  });

  it('extended negotiation and roles, because services need them', async () => {
    const named = Buffer.concat([unsigned16(CT.length), Buffer.from(CT)]);
    const extended = item(0x56, Buffer.concat([named, Buffer.from(SECRET)]));
    await expectOpen(SECRET, request({ userItems: [extended] }), message(), releaseRq());
    const roles = roleSelection(CT, 1, 1);
    await expectOpen(roles, request({ userItems: [roles] }), message(), releaseRq());
  });

  it('ids and order of presentation contexts and transfer syntaxes, because each side chooses by them', async () => {
    const syntaxes = [TransferSyntax.JpegBaseline, TransferSyntax.ImplicitVrLittleEndian];
    const chosen = [proposedContext(0x53, CT, syntaxes), ...contexts.slice(1)];
    const { toArchive } = await conversation([request({ contexts: chosen }), releaseRq()]);
    expect(toArchive[0]!.includes(item(0x40, Buffer.from(TransferSyntax.JpegBaseline)))).toBe(true);
    expect(toArchive[0]!.includes(Buffer.from([0x53, 0, 0, 0, 0x30]))).toBe(true);
  });

  it('source and reason of an A-ABORT, because the log of the archive shows them', async () => {
    const { toArchive } = await conversation([request(), message(), abort(2, 5)]);
    expect(hex(toArchive).at(-1)).toBe('07000000000400000205');
  });

  it('the data set behind its first elements, because it is passed on byte for byte', async () => {
    const { toArchive } = await conversation([request(), message(), releaseRq()]);
    expect(Buffer.concat(toArchive.map((pdu) => pdu.subarray(12))).includes(dataSet)).toBe(true);
  });
});

describe('from the archive to the modality', () => {
  const hiding = (fields: CommandSet): SpyScript => ({
    onRequest: (connection, { command }) => {
      const response = { ...numberedRequest(1, command, false), ...fields };
      connection.send(...messagePdus(1, response));
    },
  });
  const answer = {
    CommandField: 0x8001,
    MessageID: undefined,
    Priority: undefined,
    MessageIDBeingRespondedTo: 1,
    CommandDataSetType: 0x0101,
    Status: 0,
  };

  it('closed: reserved bytes, unknown items and names of the answer to a request', async () => {
    const script: SpyScript = {
      onAssociateRq: (connection) =>
        connection.accept({ called: SECRET, userItems: [item(0x5f, Buffer.from(SECRET))] }),
    };
    const { toModality } = await conversation([request(), message(), releaseRq()], script);
    expect(hex(toModality)).toEqual(hex((await ordinary()).toModality));
  });

  it('closed: reserved bytes of a rejection', async () => {
    const hidden = Buffer.from(associateRj(1, 1, 1));
    hidden[1] = 0xaa;
    hidden[6] = 0xaa;
    const script: SpyScript = { onAssociateRq: (connection) => connection.send(hidden) };
    expect(hex((await conversation([request()], script)).toModality)).toEqual(['03000000000400010101']);
  });

  it('open: status, its text and the instance of a response, because people act on them', async () => {
    const script = hiding({
      ...answer,
      Status: 0xb0ad,
      ErrorComment: SECRET,
      AffectedSOPInstanceUID: '1.83.69',
    });
    const [, response] = (await conversation([request(), message(), releaseRq()], script)).toModality;
    for (const hidden of [SECRET, '1.83.69', '\xad\xb0']) {
      expect(response!.includes(Buffer.from(hidden, 'latin1'))).toBe(true);
    }
  });

  it('open: result, source and reason of a rejection, source and reason of an A-ABORT', async () => {
    const rejecting: SpyScript = { onAssociateRq: (connection) => connection.reject(2, 3, 2) };
    expect(hex((await conversation([request()], rejecting)).toModality)).toEqual(['03000000000400020302']);
    const aborting: SpyScript = { onRequest: (connection) => connection.abort(2, 5) };
    const { toModality } = await conversation([request(), message()], aborting);
    expect(hex(toModality).at(-1)).toBe('07000000000400000205');
  });
});

describe('what a refusal shows', () => {
  /** From the last byte of the request to the answer, in ms; the answer is 1/1/3. */
  async function rejectionMs(port: number, calling: string, localAddress: string): Promise<number> {
    const scu = await RawScu.connect({ port, localAddress });
    const sent = performance.now();
    const rejected = await scu.associate({ calling, called: 'ARCHIVE', contexts });
    const took = performance.now() - sent;
    expect(rejected).toEqual({ kind: 'rejected', result: 1, source: 1, reason: 3 });
    scu.reset();
    return took;
  }

  it('closed: the time of a rejection does not tell an unknown title from a known one', async () => {
    const { spy, gateway } = await start();
    await gateway.reload({
      ...plainConfiguration(spy.port, { allow: 'store' }),
      unknownAddresses: 'reject',
    });
    let unknownIsSlower = 0;
    const rounds = 150;
    for (let round = -10; round < rounds; round += 1) {
      const isUnknownFirst = round % 2 === 0;
      const first = await rejectionMs(gateway.port(), isUnknownFirst ? 'NOBODY' : 'CT1', '127.0.0.9');
      const second = await rejectionMs(gateway.port(), isUnknownFirst ? 'CT1' : 'NOBODY', '127.0.0.9');
      const [unknown, known] = isUnknownFirst ? [first, second] : [second, first];
      if (round >= 0 && unknown > known) unknownIsSlower += 1;
    }
    // Of pairs that do not differ, half are slower: here within 5 standard deviations.
    expect(Math.abs(unknownIsSlower - rounds / 2)).toBeLessThan(5 * Math.sqrt(rounds / 4));
    expect(spy.connects).toBe(0);
  });

  it('closed: the text of a refusal is the same for every reason', async () => {
    const { gateway } = await start();
    const scu = await RawScu.associated(gateway.port(), {
      contexts: [...contexts, proposedContext(5, SopClass.StudyRootFind)],
    });
    const find = {
      CommandField: CommandField.CFindRq,
      AffectedSOPClassUID: SopClass.StudyRootFind,
      Priority: 0,
    };
    const [response] = await scu.request(5, find, Buffer.alloc(8));
    expect(response!.command).toMatchObject({ Status: 0x0124, ErrorComment: 'refused by the gateway' });
    await scu.release();
  });
});
