/** A C-STORE whose data set is of another class or instance than its command, on two legs without a network. */
import { deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MAX_START_BYTES } from '../../../src/dimse/dataSetStart';
import { type DataSetChecks, dataSetChecks } from '../../../src/policy/dataSetChecks';
import {
  encodeElement,
  encodingOf,
  padded,
  textValue,
  UNDEFINED_LENGTH,
  uidValue,
} from '../../support/dataElements';
import {
  type CommandSet,
  commandSet,
  messagePdus,
  numberedRequest,
  pDataTf,
  CommandField as RequestField,
  responseTo,
} from '../../support/dicomBytes';
import { realInstances } from '../../support/dicomFiles';
import { sha256 } from '../../support/dicomReading';
import { fragmented, RelayedLegs, receivedFrom, turn } from '../../support/relayedLegs';
import { SopClass, TransferSyntax } from '../../support/uids';

const CT = SopClass.CTImageStorage;
const SR = SopClass.BasicTextSRStorage;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;
const MISMATCH = 0xa900;

const syntaxes: readonly string[] = [
  ...Object.values(TransferSyntax),
  '1.2.840.10008.1.2.1.98',
  '1.2.840.10008.1.2.4.51',
  '1.2.840.10008.1.2.4.57',
  '1.2.840.10008.1.2.4.70',
  '1.2.840.10008.1.2.4.81',
  '1.2.840.10008.1.2.4.91',
  '1.2.840.10008.1.2.4.100',
  '1.2.840.10008.1.2.4.102',
  '1.2.840.10008.1.2.4.107',
  '1.2.840.10008.1.2.4.112',
  // Unknown, so explicit little endian.
  '1.2.826.0.1.3680043.9.9999.77',
];

const all: RelayedLegs[] = [];
afterEach(async () => {
  for (const legs of all.splice(0)) legs.end();
  await turn();
});

async function legsOn(
  transferSyntax: string,
  checks: DataSetChecks | undefined = dataSetChecks('verify', false),
  abstractSyntax: string = CT,
): Promise<RelayedLegs> {
  const contexts = new Map([
    [1, { abstractSyntax, transferSyntax }],
    [3, { abstractSyntax: SopClass.StudyRootGet, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }],
  ]);
  const legs = new RelayedLegs({ contexts, dataSetChecks: { inbound: checks, upstream: checks } });
  all.push(legs);
  await turn();
  return legs;
}

function store(messageId: number, instance = '1.2.3'): CommandSet {
  const fields = {
    CommandField: RequestField.CStoreRq,
    AffectedSOPClassUID: CT,
    AffectedSOPInstanceUID: instance,
    Priority: 0,
  };
  return numberedRequest(messageId, fields, true);
}

/** Its UIDs begin some 300 bytes behind its start. */
function dataSetOf(transferSyntax: string, sopClass: string, instance = '1.2.3'): Buffer {
  const encoding = encodingOf(transferSyntax);
  const element = (group: number, number: number, vr: string, value: Buffer, length?: number) =>
    encodeElement(encoding, group, number, vr, value, length);
  const marker = (bytes: string) =>
    encoding.isBigEndian ? Buffer.from(bytes, 'hex').swap16() : Buffer.from(bytes, 'hex');
  const sequence = Buffer.concat([
    marker('feff00e0ffffffff'),
    element(0x0008, 0x0016, 'UI', uidValue('1.2.840.10008.5.1.4.1.1.4')),
    marker('feff0de000000000'),
    marker('feffdde000000000'),
  ]);
  const elements = Buffer.concat([
    element(0x0008, 0x0000, 'UL', Buffer.from([1, 2, 3, 4])),
    element(0x0008, 0x0005, 'CS', textValue('ISO_IR 100')),
    element(0x0008, 0x0006, 'SQ', sequence, UNDEFINED_LENGTH),
    element(0x0008, 0x0008, 'CS', textValue('ORIGINAL\\PRIMARY\\'.padEnd(200, 'AXIAL\\LOCALIZER\\'))),
    element(0x0008, 0x0016, 'UI', uidValue(sopClass)),
    element(0x0008, 0x0018, 'UI', uidValue(instance)),
    element(0x0010, 0x0010, 'PN', textValue('Canary^Name')),
    element(0x7fe0, 0x0010, 'OW', Buffer.alloc(2000, 0x55)),
  ]);
  return transferSyntax === DEFLATED ? padded(deflateRawSync(elements), 0) : elements;
}

function statusesTo(legs: RelayedLegs): (number | undefined)[] {
  return receivedFrom(legs.inbound.socket.takeWritten()).messages.map(({ command }) => command.Status);
}

function dataSetsPassed(legs: RelayedLegs): string[] {
  return receivedFrom(legs.upstream.socket.takeWritten()).messages.map(({ dataSet }) => sha256(dataSet));
}

async function answer(legs: RelayedLegs, request: CommandSet): Promise<void> {
  legs.upstream.socket.deliver(...messagePdus(1, responseTo(request, { Status: 0 })));
  await turn();
  legs.inbound.socket.takeWritten();
}

/** The same message, its data set cut at these places, over the wire in chunks of so many bytes. */
async function send(
  { inbound }: RelayedLegs,
  command: CommandSet,
  dataSet: Buffer,
  cuts: readonly number[],
  chunkBytes = Number.POSITIVE_INFINITY,
  ...next: readonly [] | readonly [CommandSet, Buffer]
): Promise<void> {
  const pdusOf = (one: CommandSet, its: Buffer) => [
    ...fragmented(1, commandSet(one), true, []),
    ...fragmented(1, its, false, cuts),
  ];
  const [nextCommand, nextDataSet] = next;
  const bytes = Buffer.concat([
    ...pdusOf(command, dataSet),
    ...(nextCommand === undefined ? [] : pdusOf(nextCommand, nextDataSet!)),
  ]);
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    inbound.socket.deliver(bytes.subarray(start, start + chunkBytes));
  }
  await turn();
}

describe.each(syntaxes)('a data set of another class under a permitted command (%s)', (syntax) => {
  const wrong = dataSetOf(syntax, SR);
  const right = dataSetOf(syntax, CT);

  it('is refused with nothing upstream, wherever it is cut, and the next message passes', async () => {
    const legs = await legsOn(syntax);
    for (let cut = 0; cut <= 400; cut += 1) {
      await send(legs, store(1), wrong, [cut], undefined, store(2), right);
      expect(statusesTo(legs)).toEqual([MISMATCH]);
      expect(dataSetsPassed(legs)).toEqual([sha256(right)]);
      await answer(legs, store(2));
    }
    expect(legs.recorded.filter(({ reason }) => reason === 'data-set-mismatch')).toHaveLength(401);
    expect(legs.endings).toBe(0);
  });

  it.each([1, 7])('is refused in fragments of one byte, read %d bytes at a time', async (chunkBytes) => {
    const legs = await legsOn(syntax);
    const everywhere = Array.from(wrong, (_, index) => index);
    await send(legs, store(1), wrong, everywhere, chunkBytes);
    expect(legs.upstream.socket.takeWritten()).toHaveLength(0);
    expect(statusesTo(legs)).toEqual([MISMATCH]);
    await send(legs, store(2), right, everywhere, chunkBytes);
    expect(dataSetsPassed(legs)).toEqual([sha256(right)]);
  });
});

const EXPLICIT = TransferSyntax.ExplicitVrLittleEndian;

/** What ends near the last byte that is looked at: whole or not, with the UIDs in front of it or across it. */
const aroundTheBound: [string, Buffer][] = [-2, -1, 0, 1, 2].flatMap((more): [string, Buffer][] => {
  const length = MAX_START_BYTES + more;
  const encoding = encodingOf(EXPLICIT);
  const uids = Buffer.concat([
    encodeElement(encoding, 0x0008, 0x0016, 'UI', uidValue(CT)),
    encodeElement(encoding, 0x0008, 0x0018, 'UI', uidValue('1.2.3')),
  ]);
  const filled = (end: Buffer) =>
    Buffer.concat([
      encodeElement(encoding, 0x0008, 0x0001, 'UT', Buffer.alloc(length - end.length - 12)),
      end,
    ]);
  const garbage = Buffer.alloc(length, 7);
  const withTag = Buffer.from(garbage);
  withTag.writeUInt32BE(0x0800_1600, 1000);
  return [
    [`UIDs that end at byte ${length}`, filled(uids)],
    [`UIDs that end behind byte ${length}`, Buffer.concat([filled(uids.subarray(0, 20)), uids.subarray(20)])],
    [`${length} bytes of another kind`, garbage],
    [`${length} bytes of another kind that could hold a UID`, withTag],
    [`a value of ${length} bytes, then nothing`, filled(Buffer.alloc(0))],
  ];
});

describe('a data set that is looked into', () => {
  it('is not seen upstream before its UIDs are known', async () => {
    const legs = await legsOn(EXPLICIT);
    const right = dataSetOf(EXPLICIT, CT);
    const [command, start, rest] = [
      ...fragmented(1, commandSet(store(1)), true, []),
      ...fragmented(1, right, false, [300]),
    ];
    legs.inbound.socket.deliver(command!, start!);
    await turn();
    expect(legs.upstream.socket.takeWritten()).toHaveLength(0);
    legs.inbound.socket.deliver(rest!);
    await turn();
    expect(dataSetsPassed(legs)).toEqual([sha256(right)]);
  });

  it('may share its PDU with the command, and the PDU with the next message', async () => {
    const legs = await legsOn(EXPLICIT);
    const pdv = (isCommand: boolean, fragment: Buffer, isLast = true) => ({
      contextId: 1,
      isCommand,
      isLast,
      fragment,
    });
    const wrong = dataSetOf(EXPLICIT, SR);
    const right = dataSetOf(EXPLICIT, CT);
    legs.inbound.socket.deliver(
      pDataTf(
        pdv(true, commandSet(store(1))),
        pdv(false, wrong.subarray(0, 300), false),
        pdv(false, wrong.subarray(300)),
        pdv(true, commandSet(store(2))),
        pdv(false, right),
      ),
    );
    await turn();
    expect(statusesTo(legs)).toEqual([MISMATCH]);
    expect(dataSetsPassed(legs)).toEqual([sha256(right)]);
  });

  it('may not share its PDU with the first fragment of the next message', async () => {
    // The same context, then another one: fragments of two messages are never taken for one.
    for (const contextId of [1, 3]) {
      const legs = await legsOn(EXPLICIT);
      const start = {
        contextId: 1,
        isCommand: false,
        isLast: false,
        fragment: dataSetOf(EXPLICIT, CT).subarray(0, 300),
      };
      const next = { contextId, isCommand: true, isLast: true, fragment: commandSet(store(2)) };
      legs.inbound.socket.deliver(...fragmented(1, commandSet(store(1)), true, []), pDataTf(start, next));
      await turn();
      expect(legs.outline.at(-1)).toBe('association.aborted pdu-pdv-order');
      // Only the A-ABORT.
      expect(receivedFrom(legs.upstream.socket.takeWritten())).toEqual({ messages: [], others: [7] });
    }
  });

  it('of another instance is refused, and the audit line has both UIDs', async () => {
    const legs = await legsOn(EXPLICIT);
    await send(legs, store(1), dataSetOf(EXPLICIT, CT, '1.2.4'), []);
    expect(legs.upstream.socket.takeWritten()).toHaveLength(0);
    expect(legs.recorded.at(-1)).toMatchObject({
      event: 'command.refused',
      outcome: 'denied',
      reason: 'data-set-mismatch',
      status: '0xA900',
      detail: 'SOP Instance UID (0008,0018) of the data set is 1.2.4, of the command 1.2.3',
    });
  });

  it('has nothing in the audit line that is not a UID', async () => {
    const legs = await legsOn(EXPLICIT);
    await send(legs, store(1), dataSetOf(EXPLICIT, 'Canary^Name'), []);
    expect(legs.recorded.at(-1)?.detail).toBe(
      `SOP Class UID (0008,0016) of the data set is not a UID, of the command ${CT}`,
    );
  });

  it.each(['1.2.3\0', '1.2.3 ', '1.2.3\0\0', '1.2.3  \0'])(
    'takes padding for what it is: %j',
    async (instance) => {
      const legs = await legsOn(EXPLICIT);
      const dataSet = dataSetOf(EXPLICIT, CT, instance);
      await send(legs, store(1), dataSet, []);
      expect(dataSetsPassed(legs)).toEqual([sha256(dataSet)]);
    },
  );

  it.each([' 1.2.3', '1.2 .3', '1.2.3\0.4', '1.2.3\\1.2.4', '1.2.30', ''])(
    'takes nothing else for it: %j',
    async (instance) => {
      const legs = await legsOn(EXPLICIT);
      await send(legs, store(1), dataSetOf(EXPLICIT, CT, instance), []);
      expect(statusesTo(legs)).toEqual([MISMATCH]);
    },
  );

  it('is passed on in observe mode, and named in the audit line', async () => {
    const legs = await legsOn(EXPLICIT, dataSetChecks('observe', false));
    const wrong = dataSetOf(EXPLICIT, SR);
    await send(legs, store(1), wrong, [10, 400]);
    expect(dataSetsPassed(legs)).toEqual([sha256(wrong)]);
    await answer(legs, store(1));
    expect(legs.recorded.at(-1)).toMatchObject({
      event: 'command.completed',
      outcome: 'would-deny',
      reason: 'data-set-mismatch',
      detail: `SOP Class UID (0008,0016) of the data set is ${SR}, of the command ${CT}`,
    });
  });

  it('is not looked into where that is off', async () => {
    expect(dataSetChecks('off', true)).toBeUndefined();
    const legs = await legsOn(EXPLICIT);
    const off = new RelayedLegs();
    all.push(off);
    await turn();
    const garbage = Buffer.alloc(100_000, 7);
    await send(legs, store(1), garbage, []);
    expect(statusesTo(legs)).toEqual([MISMATCH]);
    off.inbound.socket.deliver(...messagePdus(3, store(1), garbage));
    await turn();
    expect(dataSetsPassed(off)).toEqual([sha256(garbage)]);
  });

  it('is passed on where it lacks the elements as a whole, which the audit line says', async () => {
    const legs = await legsOn(EXPLICIT);
    const dataSet = encodeElement(encodingOf(EXPLICIT), 0x0010, 0x0010, 'PN', textValue('Canary^Name'));
    await send(legs, store(1), dataSet, []);
    expect(dataSetsPassed(legs)).toEqual([sha256(dataSet)]);
    await answer(legs, store(1));
    expect(legs.recorded.at(-1)).toMatchObject({
      outcome: 'allowed',
      detail: 'the data set lacks (0008,0016) and (0008,0018)',
    });
  });

  it('is drained when more than 64 KB of it say nothing, in any pieces', async () => {
    const legs = await legsOn(EXPLICIT);
    const encoding = encodingOf(EXPLICIT);
    const much = Buffer.concat(
      Array.from({ length: 400 }, (_, index) => encodeElement(encoding, 7, index, 'OB', Buffer.alloc(300))),
    );
    for (const chunkBytes of [100, 5000, 200_000]) {
      await send(legs, store(1), Buffer.concat([much, dataSetOf(EXPLICIT, CT)]), [], chunkBytes);
      expect(legs.upstream.socket.takeWritten()).toHaveLength(0);
      expect(statusesTo(legs)).toEqual([MISMATCH]);
    }
  });

  it.each(aroundTheBound)('is decided alike wherever it is cut: %s', async (_name, dataSet) => {
    const legs = await legsOn(EXPLICIT);
    const bound = [-1, 0, 1].map((more) => MAX_START_BYTES + more);
    const everywhere = Array.from({ length: 66 }, (_, index) => 999 * index);
    const decisions: { passed: string[]; detail: string | undefined }[] = [];
    for (const cuts of [[], [1], [300], ...bound.map((cut) => [cut]), bound, everywhere]) {
      await send(legs, store(1), dataSet, cuts);
      const passed = dataSetsPassed(legs);
      const statuses = statusesTo(legs);
      if (passed.length > 0) await answer(legs, store(1));
      expect(passed.concat(statuses.map(String))).toEqual([
        passed.length > 0 ? sha256(padded(dataSet, 0)) : String(MISMATCH),
      ]);
      decisions.push({ passed, detail: legs.recorded.at(-1)?.detail });
    }
    expect(decisions).toEqual(decisions.map(() => decisions[0]));
  });

  it.each(syntaxes)('from the archive, for a C-GET, is judged the same (%s)', async (syntax) => {
    const legs = await legsOn(syntax);
    const get = {
      CommandField: RequestField.CGetRq,
      AffectedSOPClassUID: SopClass.StudyRootGet,
      Priority: 0,
    };
    legs.inbound.socket.deliver(...messagePdus(3, numberedRequest(9, get, true), Buffer.from('ab')));
    await turn();
    legs.upstream.socket.takeWritten();
    const right = dataSetOf(syntax, CT);
    legs.upstream.socket.deliver(
      ...messagePdus(1, store(1), dataSetOf(syntax, SR)),
      ...messagePdus(1, store(2), right),
    );
    await turn();
    const answered = receivedFrom(legs.upstream.socket.takeWritten()).messages;
    expect(answered.map(({ command }) => command.Status)).toEqual([MISMATCH]);
    expect(
      receivedFrom(legs.inbound.socket.takeWritten()).messages.map(({ dataSet }) => sha256(dataSet)),
    ).toEqual([sha256(right)]);
  });

  it('keeps nothing back of a message that comes after it, and lets answers through meanwhile', async () => {
    const legs = await legsOn(EXPLICIT);
    const right = dataSetOf(EXPLICIT, CT);
    await send(legs, store(1), right, []);
    legs.upstream.socket.takeWritten();
    legs.inbound.socket.deliver(
      ...fragmented(1, commandSet(store(2)), true, []),
      fragmented(1, right, false, [300])[0]!,
    );
    await turn();
    legs.upstream.socket.deliver(...messagePdus(1, responseTo(store(1), { Status: 0 })));
    await turn();
    expect(statusesTo(legs)).toEqual([0]);
  });
});

/** Implicit under a transfer syntax that is explicit: no DCMTK reads it. */
const MISLABELLED = 'SC_rgb_jpeg';
const real = realInstances().filter(({ name }) => name !== MISLABELLED);

(real.length === 0 ? describe.skip : describe)('real files (skipped without ../shared/data)', () => {
  it.each(real.map((instance) => [instance.name, instance] as const))(
    '%s passes unchanged',
    async (_name, file) => {
      const legs = await legsOn(file.transferSyntaxUid, undefined, file.sopClassUid);
      const named: CommandSet = {
        ...store(1),
        AffectedSOPClassUID: file.sopClassUid,
        AffectedSOPInstanceUID: file.sopInstanceUid,
      };
      for (const chunkBytes of [65_536, 1000]) {
        const cuts = [1, 100, ...Array.from({ length: 40 }, (_, index) => 1000 + 100_000 * index)];
        await send(legs, named, file.dataSet, cuts, chunkBytes);
        expect(legs.recorded.filter(({ outcome }) => outcome !== 'allowed')).toEqual([]);
        if (file.dataSet.length % 2 === 0) expect(dataSetsPassed(legs)).toEqual([file.sha256]);
        else expect(dataSetsPassed(legs)).toHaveLength(1);
        await answer(legs, named);
      }
    },
  );
});
