/** What a capture may show of PDUs: only what is known to be harmless, wherever the bytes are cut. */
import { describe, expect, it } from '@jest/globals';
import { RedactedBytes } from '../../../src/capture/redactedBytes';
import { PduRedactor } from '../../../src/capture/redactedPdus';
import {
  associateRq,
  CommandField,
  commandElement,
  commandSet,
  dataSetPdus,
  messagePdus,
  numberedRequest,
  pDataTf,
  pdu,
  proposedContext,
  releaseRq,
  userIdentity,
  withGroupLength,
} from '../../support/dicomBytes';
import { SopClass } from '../../support/uids';

const SECRET = 'DOE^JOHN';
const INSTANCE = '1.2.3.4.5';

/** Each PDU with its length, and what of it is shown: a blanked byte is a full stop in the text. */
function redacted(bytes: Buffer, cuts: readonly number[] = []) {
  const pdus: RedactedBytes[] = [];
  const redactor = new PduRedactor(true, (one) => pdus.push(one));
  const ends = [...cuts, bytes.length];
  for (const [index, end] of ends.entries()) {
    const chunk = Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end));
    redactor.push(chunk);
    // Chunks are lent.
    chunk.fill(0xee);
  }
  const rest = redactor.takeUnfinished();
  return [...pdus, ...(rest === undefined ? [] : [rest])].map((one) => ({
    length: one.length,
    shown: one.shown,
  }));
}

function wholeOf(bytes: Buffer, cuts?: readonly number[]): Buffer {
  return Buffer.concat(redacted(bytes, cuts).map(({ length, shown }) => Buffer.concat([shown], length)));
}

const store = numberedRequest(
  7,
  {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: INSTANCE,
    Priority: 0,
  },
  true,
);
const command = commandSet(store);
const dataSet = Buffer.from(`${SECRET} and much more of the patient `.repeat(40));

it('shows nothing of a data set whose length is wrong', () => {
  const part = (length: number, flags: number, body: Buffer) => {
    const header = Buffer.from([0, 0, 0, 0, 1, flags]);
    header.writeUInt32BE(length);
    return Buffer.concat([header, body]);
  };
  const text = Buffer.from('DOE^JOHN');
  // It says 6 bytes: the rest looks like headers. Then like none, in the same PDU or in what seems to be the next.
  const likeHeader = part(4, 0, Buffer.from('AB'));
  const body = part(8, 2, Buffer.concat([text.subarray(0, 6), likeHeader, text]));
  for (const bytes of [pdu(4, body), Buffer.concat([pdu(4, part(10, 2, text)), text])]) {
    const shown = redacted(bytes);
    expect(shown.reduce((sum, { length }) => sum + length, 0)).toBe(bytes.length);
    const all = Buffer.concat(shown.map((one) => one.shown));
    for (const secret of ['D', 'J', 'A']) expect(all.includes(secret)).toBe(false);
    expect(all.length).toBe(12);
  }
});

describe('a message', () => {
  const message = Buffer.concat([
    ...messagePdus(3, store, dataSet, 512),
    pDataTf(
      { contextId: 3, isCommand: true, isLast: true, fragment: command },
      { contextId: 3, isCommand: false, isLast: false, fragment: dataSet.subarray(0, 100) },
      { contextId: 3, isCommand: false, isLast: true, fragment: dataSet.subarray(100, 200) },
    ),
    releaseRq(),
  ]);

  it('keeps its command set and its headers, and of the data set the length', () => {
    const [first, ...others] = redacted(Buffer.concat(messagePdus(3, store, dataSet, 512)));
    expect(first!.shown.includes(command)).toBe(true);
    expect(first!.shown).toHaveLength(first!.length);
    for (const one of others) expect(one.shown).toHaveLength(12);
    expect(others.reduce((sum, { length }) => sum + length - 12, 0)).toBe(dataSet.length);
  });

  it('shows nothing of a data set, wherever the chunks end', () => {
    const expected = wholeOf(message);
    expect(expected).toHaveLength(message.length);
    expect(expected.includes('DOE')).toBe(false);
    expect(expected.includes(command)).toBe(true);
    for (let cut = 1; cut < message.length; cut += 1) {
      expect(wholeOf(message, [cut]).equals(expected)).toBe(true);
    }
    expect(
      wholeOf(
        message,
        Array.from({ length: message.length - 1 }, (_, at) => at + 1),
      ),
    ).toEqual(expected);
  });

  it('is not known before it is whole: what came in part is counted', () => {
    const begun = message.subarray(0, 16);
    expect(redacted(begun)).toEqual([{ length: 16, shown: begun.subarray(0, 12) }]);
  });
});

describe('a command set', () => {
  function inPdus(elements: Buffer, ...cuts: number[]): Buffer {
    const ends = [...cuts, elements.length];
    return Buffer.concat(
      ends.map((end, index) =>
        pDataTf({
          contextId: 1,
          isCommand: true,
          isLast: end === elements.length,
          fragment: elements.subarray(ends[index - 1] ?? 0, end),
        }),
      ),
    );
  }

  it('shows no error comment, no unknown element, and no UID that is not one', () => {
    const elements = withGroupLength(
      Buffer.concat([
        commandElement(0x0100, Buffer.of(1, 0x80)),
        commandElement(0x0902, Buffer.from(SECRET)),
        commandElement(0x1000, Buffer.from('1.2.DOE^JOHN')),
        commandElement(0x4321, Buffer.from(SECRET)),
      ]),
    );
    const shown = wholeOf(inPdus(elements));
    expect(shown.includes('DOE')).toBe(false);
    expect(shown.includes('JOHN')).toBe(false);
    expect(shown.includes('1.2.')).toBe(true);
    expect(shown.includes(Buffer.of(1, 0x80))).toBe(true);
  });

  it('shows no more behind an element of another group: it may be a data set', () => {
    const elements = Buffer.concat([
      withGroupLength(commandElement(0x0100, Buffer.of(1, 0x80))),
      commandElement(0x0010, Buffer.from(SECRET), 0x0010),
      commandElement(0x0110, Buffer.from('JO')),
    ]);
    const shown = wholeOf(inPdus(elements));
    expect(shown.includes('DOE')).toBe(false);
    expect(shown.includes('JO')).toBe(false);
  });

  it('comes in fragments that end anywhere', () => {
    for (let cut = 1; cut < command.length; cut += 1) {
      const shown = redacted(inPdus(command, cut));
      expect(shown).toHaveLength(2);
      const [first, second] = shown.map((one) => Buffer.concat([one.shown], one.length).subarray(12));
      expect(first!.length + second!.length).toBe(command.length);
      expect(second!.includes(INSTANCE) || cut > command.indexOf(INSTANCE)).toBe(true);
    }
  });

  it('of which the beginning was not seen is not shown, and the next one is', () => {
    const pdus: RedactedBytes[] = [];
    const redactor = new PduRedactor(false, (one) => pdus.push(one));
    redactor.push(pDataTf({ contextId: 1, isCommand: true, isLast: true, fragment: Buffer.from(SECRET) }));
    redactor.push(pDataTf({ contextId: 1, isCommand: true, isLast: true, fragment: command }));
    expect(pdus[0]!.shown).toHaveLength(12);
    expect(pdus[1]!.shown.includes(command)).toBe(true);
    const [whole] = redactedFrom(pDataTf({ contextId: 1, isCommand: true, isLast: true, fragment: command }));
    expect(whole!.shown.includes(command)).toBe(true);
  });
});

/** Of an association that ran before. */
function redactedFrom(bytes: Buffer): RedactedBytes[] {
  const pdus: RedactedBytes[] = [];
  new PduRedactor(false, (one) => pdus.push(one)).push(bytes);
  return pdus;
}

describe('an A-ASSOCIATE-RQ', () => {
  const request = associateRq({
    contexts: [proposedContext(1, SopClass.CTImageStorage)],
    userItems: [userIdentity('JOHN', 'passcode1')],
  });

  it('shows titles and contexts, and of the user identity the lengths', () => {
    const shown = wholeOf(request);
    expect(shown).toHaveLength(request.length);
    expect(shown.includes('JOHN')).toBe(false);
    expect(shown.includes('passcode1')).toBe(false);
    expect(shown.includes(SopClass.CTImageStorage)).toBe(true);
    expect(shown.subarray(0, 42)).toEqual(request.subarray(0, 42));
  });

  it('shows no user identity, however it is broken', () => {
    for (let at = 6; at < request.length; at += 1) {
      for (let value = 0; value < 256; value += 5) {
        const broken = Buffer.from(request);
        broken[at] = value;
        const shown = wholeOf(broken);
        expect(shown).toHaveLength(request.length);
        // Not a letter of it, wherever a wrong length leads.
        expect(shown.subarray(42).toString('latin1')).not.toMatch(/pas|ode|JOH|OHN/);
      }
    }
  });
});

describe('other bytes', () => {
  it.each<[string, Buffer]>([
    ['HL7', Buffer.from(`MSH|^~\\&|PID|${SECRET}`)],
    ['a PDU of an unknown type behind another', Buffer.concat([releaseRq(), pdu(0x44, Buffer.from(SECRET))])],
    ['a PDV that leaves its PDU', pdu(4, Buffer.from([0, 0, 1, 0, 1, 3]), Buffer.from(SECRET))],
    ['a release of the wrong length', pdu(5, Buffer.from(SECRET))],
  ])('shows nothing: %s', (_what, bytes) => {
    const shown = wholeOf(bytes);
    expect(shown).toHaveLength(bytes.length);
    expect(shown.toString('latin1')).not.toMatch(/DOE|JOHN|SH\|/);
  });

  it('shows nothing of what is not DICOM', () => {
    const bytes = Buffer.concat([Buffer.from('MSH|^~'), releaseRq(), ...dataSetPdus(1, dataSet, 512)]);
    const [first, ...others] = redacted(bytes, [6]);
    expect(first!.shown).toEqual(Buffer.from('M'));
    expect(others.every(({ shown }) => shown.length === 0)).toBe(true);
  });
});

it('gives bytes with what is blanked as undefined', () => {
  const bytes = new RedactedBytes();
  bytes.keep(Buffer.of(1, 2));
  bytes.blank(1);
  bytes.blank(1);
  bytes.keep(Buffer.of(5));
  bytes.blank(3);
  expect(bytes.slice(1, 6)).toEqual([2, undefined, undefined, 5, undefined]);
  expect(bytes.shown).toEqual(Buffer.of(1, 2, 0, 0, 5));
});
