/** What is disclosed of messages that pass, on two legs without a network, and that they pass unchanged. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SealedFacts } from '../../../src/dimse/dataSetFacts';
import { DataSetStart } from '../../../src/dimse/dataSetStart';
import type { Disclosure, DisclosureSink } from '../../../src/gateway/dataSetTap';
import { AuditPipe, fromPipe } from '../../../src/gateway/workers/auditPipe';
import { dataSetChecks } from '../../../src/policy/dataSetChecks';
import { encodeElement, encodingOf, padded, textValue, uidValue } from '../../support/dataElements';
import {
  CommandField,
  type CommandSet,
  commandSet,
  messagePdus,
  numberedRequest,
  responseTo,
} from '../../support/dicomBytes';
import { sha256 } from '../../support/dicomReading';
import { fragmented, RelayedLegs, receivedFrom, turn } from '../../support/relayedLegs';
import { SopClass, TransferSyntax } from '../../support/uids';

const CT = SopClass.CTImageStorage;
const DEFLATED = TransferSyntax.DeflatedExplicitVrLittleEndian;
const FACTS = { studyInstanceUids: ['1.2.3.4'], patientId: 'ID1^^^HOSP', patientName: 'DOE^JANE' };
const NO_FACTS = { studyInstanceUids: [] };

const all: RelayedLegs[] = [];
afterEach(async () => {
  for (const legs of all.splice(0)) legs.end();
  await turn();
});

interface Setting {
  readonly legs: RelayedLegs;
  readonly disclosed: Disclosure[];
}

async function legsOn(
  transferSyntax: string,
  wants: DisclosureSink['wants'] = 'patients',
  checks = dataSetChecks('off', false),
): Promise<Setting> {
  const implicit = TransferSyntax.ImplicitVrLittleEndian;
  const contexts = new Map([
    [1, { abstractSyntax: CT, transferSyntax }],
    [3, { abstractSyntax: SopClass.StudyRootGet, transferSyntax: implicit }],
    [5, { abstractSyntax: SopClass.StudyRootFind, transferSyntax: implicit }],
    [7, { abstractSyntax: SopClass.StudyRootMove, transferSyntax: implicit }],
  ]);
  const disclosed: Disclosure[] = [];
  const disclosures = { wants, disclose: (disclosure: Disclosure) => void disclosed.push(disclosure) };
  const dataSetChecksOfSides = { inbound: checks, upstream: checks };
  const legs = new RelayedLegs({ contexts, disclosures, dataSetChecks: dataSetChecksOfSides });
  all.push(legs);
  await turn();
  return { legs, disclosed };
}

function store(messageId = 1): CommandSet {
  const fields = {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: CT,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  };
  return numberedRequest(messageId, fields, true);
}

function dataSetOf(transferSyntax: string, { before = 0 } = {}): Buffer {
  const encoding = encodingOf(transferSyntax);
  const element = (group: number, number: number, vr: string, value: Buffer) =>
    encodeElement(encoding, group, number, vr, value);
  const elements = Buffer.concat([
    element(0x0008, 0x0016, 'UI', uidValue(CT)),
    element(0x0008, 0x0018, 'UI', uidValue('1.2.3')),
    element(0x0009, 0x1010, 'OB', Buffer.alloc(before)),
    element(0x0010, 0x0010, 'PN', textValue('DOE^JANE')),
    element(0x0010, 0x0020, 'LO', textValue('ID1')),
    element(0x0010, 0x0021, 'LO', textValue('HOSP')),
    element(0x0020, 0x000d, 'UI', uidValue('1.2.3.4')),
    element(0x7fe0, 0x0010, 'OW', Buffer.alloc(1000, 0x55)),
  ]);
  return transferSyntax === DEFLATED ? padded(deflateRawSync(elements), 0) : elements;
}

/** Sends it to one side and answers it on the other. Returns the SHA-256 of what came out there. */
async function relay(
  { inbound, upstream }: RelayedLegs,
  contextId: number,
  request: CommandSet,
  dataSet: Buffer,
  {
    cuts = [],
    isFromUpstream = false,
    answer = {},
  }: { cuts?: number[]; isFromUpstream?: boolean; answer?: CommandSet } = {},
): Promise<string | undefined> {
  const [from, to] = isFromUpstream ? [upstream, inbound] : [inbound, upstream];
  const pdus = [
    ...fragmented(contextId, commandSet(request), true, []),
    ...fragmented(contextId, dataSet, false, cuts),
  ];
  for (const pdu of pdus) from.socket.deliver(pdu);
  await turn();
  const [message] = receivedFrom(to.socket.takeWritten()).messages;
  to.socket.deliver(...messagePdus(contextId, responseTo(request, { Status: 0, ...answer })));
  await turn();
  from.socket.takeWritten();
  return message && sha256(message.dataSet);
}

function opened({ disclosed }: Setting) {
  return disclosed.map(({ facts, ...rest }) => ({ ...rest, facts: facts?.unseal() }));
}

describe('a C-STORE', () => {
  it.each(Object.values(TransferSyntax))('is read and passes unchanged, in %s', async (transferSyntax) => {
    const setting = await legsOn(transferSyntax);
    const dataSet = dataSetOf(transferSyntax);
    expect(await relay(setting.legs, 1, store(), dataSet)).toBe(sha256(dataSet));
    expect(opened(setting)).toEqual([{ connectionId: '00', isFromUpstream: false, facts: FACTS }]);
  });

  it('is read wherever it is cut', async () => {
    const setting = await legsOn(TransferSyntax.ExplicitVrLittleEndian);
    const dataSet = dataSetOf(TransferSyntax.ExplicitVrLittleEndian);
    for (let cut = 2; cut < 160; cut += 2) {
      expect(await relay(setting.legs, 1, store(), dataSet, { cuts: [cut, cut + 50] })).toBe(sha256(dataSet));
    }
    expect(new Set(opened(setting).map(({ facts }) => JSON.stringify(facts)))).toEqual(
      new Set([JSON.stringify(FACTS)]),
    );
  });

  it('is read behind the check of its UIDs too', async () => {
    const setting = await legsOn(
      TransferSyntax.ExplicitVrLittleEndian,
      'patients',
      dataSetChecks('verify', false),
    );
    const dataSet = dataSetOf(TransferSyntax.ExplicitVrLittleEndian);
    expect(await relay(setting.legs, 1, store(), dataSet, { cuts: [20, 40] })).toBe(sha256(dataSet));
    expect(opened(setting)).toMatchObject([{ facts: FACTS }]);
  });

  it('says nothing of a patient behind 64 KB, nor of a data set that cannot be read', async () => {
    const setting = await legsOn(TransferSyntax.ExplicitVrLittleEndian);
    const far = dataSetOf(TransferSyntax.ExplicitVrLittleEndian, { before: 70_000 });
    const cuts = [16_000, 32_000, 48_000, 64_000, 70_000];
    expect(await relay(setting.legs, 1, store(), far, { cuts })).toBe(sha256(far));
    const garbage = Buffer.alloc(500, 'CANARY^JANE.');
    expect(await relay(setting.legs, 1, store(2), garbage)).toBe(sha256(garbage));
    expect(opened(setting)).toMatchObject([{ facts: NO_FACTS }, { facts: NO_FACTS }]);
  });

  it('passes unchanged also where the reading has a defect', async () => {
    const setting = await legsOn(TransferSyntax.ExplicitVrLittleEndian);
    const defect = jest.spyOn(DataSetStart.prototype, 'read').mockImplementation(() => {
      throw new RangeError('a defect');
    });
    const dataSet = dataSetOf(TransferSyntax.ExplicitVrLittleEndian);
    expect(await relay(setting.legs, 1, store(), dataSet, { cuts: [20] })).toBe(sha256(dataSet));
    expect(defect).toHaveBeenCalledTimes(1);
    expect(opened(setting)).toMatchObject([{ facts: NO_FACTS }]);
    defect.mockRestore();
  });

  it('is not read where patients are not wanted, and not tapped where nothing is', async () => {
    const dataSet = dataSetOf(TransferSyntax.ExplicitVrLittleEndian);
    const without = await legsOn(TransferSyntax.ExplicitVrLittleEndian, 'operations');
    await relay(without.legs, 1, store(), dataSet);
    expect(opened(without)).toEqual([{ connectionId: '00', isFromUpstream: false, facts: undefined }]);
    const nothing = await legsOn(TransferSyntax.ExplicitVrLittleEndian, 'nothing');
    await relay(nothing.legs, 1, store(), dataSet);
    expect(nothing.disclosed).toEqual([]);
  });
});

it('knows which side sent the C-STOREs of a C-GET, and how many there were', async () => {
  const setting = await legsOn(TransferSyntax.ExplicitVrLittleEndian);
  const { legs } = setting;
  const get = numberedRequest(
    7,
    { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet },
    true,
  );
  const identifier = encodeElement(
    encodingOf(TransferSyntax.ImplicitVrLittleEndian),
    0x0020,
    0x000d,
    'UI',
    uidValue('1.2.3.4'),
  );
  legs.inbound.socket.deliver(...messagePdus(3, get, identifier));
  await turn();
  legs.upstream.socket.takeWritten();
  const dataSet = dataSetOf(TransferSyntax.ExplicitVrLittleEndian);
  await relay(legs, 1, store(7), dataSet, { isFromUpstream: true });
  const answer = { Status: 0, NumberOfCompletedSuboperations: 1, NumberOfFailedSuboperations: 0 };
  legs.upstream.socket.deliver(...messagePdus(3, responseTo(get, answer)));
  await turn();
  expect(opened(setting)).toEqual([
    { connectionId: '00', isFromUpstream: true, facts: FACTS },
    {
      connectionId: '00',
      isFromUpstream: false,
      completed: 1,
      failed: 0,
      facts: { studyInstanceUids: ['1.2.3.4'] },
    },
  ]);
});

it('keeps the keys of a query as they came, up to 16 KB', async () => {
  const setting = await legsOn(TransferSyntax.ExplicitVrLittleEndian);
  const find = (id: number) =>
    numberedRequest(
      id,
      { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind },
      true,
    );
  const keys = Buffer.from('any bytes, odd or not...');
  await relay(setting.legs, 5, find(1), keys, { cuts: [4, 10] });
  await relay(setting.legs, 5, find(2), Buffer.alloc(20_000), { cuts: [8000, 16_000] });
  const transferSyntaxUid = TransferSyntax.ImplicitVrLittleEndian;
  expect(opened(setting).map(({ facts }) => facts)).toEqual([
    { studyInstanceUids: [], query: keys.toString('base64'), transferSyntaxUid },
    { studyInstanceUids: [], transferSyntaxUid },
  ]);
});

describe('patient data', () => {
  const sealed = new SealedFacts(FACTS);

  it('is in no text that is made of what carries it', () => {
    const carrier = { connectionId: '00', isFromUpstream: false, facts: sealed };
    const texts = [JSON.stringify(carrier), inspect(carrier, { depth: 9, showHidden: true }), `${sealed}`];
    expect(texts.join()).not.toMatch(/DOE|ID1|1\.2\.3\.4/);
    expect(Object.keys(sealed)).toEqual([]);
  });

  it('comes over the pipe of a worker beside the lines, and is not in what a worker writes by itself', async () => {
    const sent: { events: unknown; disclosed: readonly Parameters<typeof fromPipe>[0][] }[] = [];
    const pipe = new AuditPipe((events, disclosed) => sent.push({ events, disclosed }));
    pipe.record({ event: 'command.refused', outcome: 'denied' });
    pipe.disclose({ connectionId: '00', isFromUpstream: true, facts: sealed });
    pipe.record({ event: 'command.completed', outcome: 'allowed' });
    await turn();
    const [{ events, disclosed }] = structuredClone(sent) as [(typeof sent)[number]];
    expect(disclosed.map(({ at }) => at)).toEqual([1]);
    expect(fromPipe(disclosed[0]!).facts?.unseal()).toEqual(FACTS);
    expect(JSON.stringify([events, pipe.unwritten])).not.toMatch(/DOE|ID1|1\.2\.3\.4/);
  });

  it('is opened in two places: for the message, and for the pipe', () => {
    const root = join(__dirname, '../../../src');
    const openers = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && readFileSync(join(root, file), 'utf8').includes('.unseal()'),
    );
    expect(openers.sort()).toEqual(['atna/operationMessages.ts', 'gateway/workers/auditPipe.ts']);
  });
});
