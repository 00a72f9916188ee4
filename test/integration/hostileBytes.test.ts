/**
 * Bytes that are not DICOM, or not quite, on a real connection: each is answered or closed at once, and nothing that is
 * wrong reaches the archive. The spy ends a test where what it gets cannot be read.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Random } from '../fuzz/random';
import {
  associateRq,
  CommandField,
  commandSet,
  numberedRequest,
  pDataTf,
  pdu,
  proposedContext,
  unsigned32,
} from '../support/dicomBytes';
import { plainConfiguration, TestGateway } from '../support/gateway';
import { fullRequestBody, pdu as pduOf } from '../support/pduBytes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const CT = SopClass.CTImageStorage;
const random = new Random(20_261_130);

let spy: SpyUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  spy = await SpyUpstream.start();
  gateway = await TestGateway.start(
    plainConfiguration(
      spy.port,
      { allow: ['echo', 'store'], dataSets: 'off' },
      {
        limits: { connectionsPerSecondPerAddress: 0, maxPendingConnectionsPerAddress: 1000 },
      },
    ),
  );
});

/** Sends the bytes and FIN, and gives every PDU that comes up to the end. */
async function answersTo(...bytes: readonly Buffer[]): Promise<Buffer[]> {
  const scu = await RawScu.connect({ port: gateway.port() });
  await scu.send(...bytes);
  scu.end();
  const answers: Buffer[] = [];
  for (let event = await scu.nextEvent(); event.kind === 'pdu'; event = await scu.nextEvent()) {
    answers.push(event.bytes);
  }
  return answers;
}

function hex(pdus: readonly Buffer[]): string[] {
  return pdus.map((bytes) => bytes.toString('hex'));
}

const ABORTED_UNKNOWN = '07000000000400000201';
const ABORTED_ORDER = '07000000000400000205';
const ABORTED_INVALID = '07000000000400000206';

describe('a first PDU', () => {
  const words = [
    'GET / HTTP/1.1\r\n\r\n',
    'POST /x HTTP/1.0\r\n\r\n',
    'SSH-2.0-x\r\n',
    'EHLO x\r\n',
    '\0'.repeat(64),
  ];
  const noise = Array.from({ length: 55 }, () => {
    const bytes = random.bytes(6 + random.below(3000));
    // Neither the type of a PDU nor the first byte of TLS.
    if (bytes[0]! < 0x08 || bytes[0] === 0x16) bytes[0] = 0x80;
    return bytes;
  });

  it('that is not DICOM gets A-ABORT 2/1 and nothing else: 60 of 60, without a connection to the archive', async () => {
    const before = spy.connects;
    for (const bytes of [...words.map((text) => Buffer.from(text)), ...noise]) {
      expect(hex(await answersTo(bytes))).toEqual([ABORTED_UNKNOWN]);
    }
    expect(spy.connects).toBe(before);
  });

  it('with a length that lies ends in an answer or an A-ABORT, each length field, and never hangs', async () => {
    const { bytes, lengths } = pduOf(1, fullRequestBody());
    let cases = 0;
    for (const { offset, bytes: size } of lengths) {
      const length = bytes.readUIntBE(offset, size);
      const lies = [
        0,
        1,
        length - 1,
        length + 1,
        0x7fff,
        0xffff,
        ...(size === 4 ? [2 ** 31, 2 ** 32 - 1] : []),
      ];
      for (const lie of lies.filter((value) => value >= 0 && value !== length)) {
        const damaged = Buffer.from(bytes);
        damaged.writeUIntBE(lie, offset, size);
        const answers = await answersTo(damaged);
        expect(answers.length).toBeLessThanOrEqual(1);
        // Accepted, rejected, aborted.
        if (answers.length > 0) expect([0x02, 0x03, 0x07]).toContain(answers[0]![0]);
        cases += 1;
      }
    }
    expect(cases).toBeGreaterThan(120);
    await gateway.untilIdle();
    expect(spy.connections.flatMap(({ failures }) => failures)).toEqual([]);
  });
});

describe('a fragment', () => {
  const request = associateRq({ calling: 'CT1', called: 'ARCHIVE', contexts: [proposedContext(1, CT)] });
  const store = {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: CT,
    AffectedSOPInstanceUID: '1.2.3',
  };
  const command = commandSet(numberedRequest(1, store, true));
  const good = pDataTf({ contextId: 1, isCommand: true, isLast: true, fragment: command });
  const SECRET = Buffer.alloc(200, 'SMUGGLED');

  async function expectNothingSmuggled(): Promise<void> {
    await gateway.untilIdle();
    const upstream = spy.connections.flatMap(({ transcript }) => transcript.map(({ bytes }) => bytes));
    expect(Buffer.concat(upstream).includes('SMUGGLED')).toBe(false);
  }

  it.each([0, 1, 203, 204, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff])(
    'with the length %d in a PDU that is shorter or longer ends in A-ABORT 2/6, and no byte of it goes on',
    async (length) => {
      for (const header of [Buffer.from([1, 0]), Buffer.from([1, 2])]) {
        const wrong = pdu(0x04, unsigned32(length), header, SECRET);
        const answers = await answersTo(request, good, wrong);
        expect(hex(answers).at(-1)).toBe(ABORTED_INVALID);
      }
      await expectNothingSmuggled();
    },
  );

  const half = pDataTf({ contextId: 1, isCommand: true, isLast: false, fragment: command.subarray(0, 40) });
  it.each([
    ['of another context', good, 3, false],
    ['of a command inside a data set', good, 1, true],
    ['of a data set inside a command', half, 1, false],
  ] as const)(
    '%s ends in A-ABORT 2/5, and no byte of it goes on',
    async (_what, begun, contextId, isCommand) => {
      const wrong = pDataTf({ contextId, isCommand, isLast: true, fragment: SECRET });
      expect(hex(await answersTo(request, begun, wrong)).at(-1)).toBe(ABORTED_ORDER);
      await expectNothingSmuggled();
    },
  );
});
