import { describe, expect, it } from '@jest/globals';
import { PduWalker, type WalkedMessage } from '../../../bench/wire/pduWalker';
import {
  CommandField,
  messagePdus,
  numberedRequest,
  PduType,
  pDataTf,
  releaseRq,
  responseTo,
} from '../../support/dicomBytes';
import { SopClass } from '../../support/uids';

const storeRq = numberedRequest(
  7,
  { CommandField: CommandField.CStoreRq, AffectedSOPClassUID: SopClass.CTImageStorage },
  true,
);

function walk(bytes: Buffer, chunkBytes: number): (WalkedMessage | number)[] {
  const seen: (WalkedMessage | number)[] = [];
  const walker = new PduWalker({
    takePdu: (type) => seen.push(type),
    takeMessage: (message) => seen.push(message),
  });
  for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
    walker.push(bytes.subarray(offset, offset + chunkBytes));
  }
  return seen;
}

describe('the walker of the benchmark', () => {
  // A message with a data set of three fragments, one without, and a PDU of another type.
  const stream = Buffer.concat([
    ...messagePdus(3, storeRq, Buffer.alloc(200), 100),
    ...messagePdus(3, responseTo(storeRq)),
    releaseRq(),
  ]);

  it.each([1, 5, 6, 7, 64, 100_000])('finds every message, read %d bytes at a time', (chunkBytes) => {
    expect(walk(stream, chunkBytes)).toEqual([
      expect.objectContaining({
        contextId: 3,
        dataSetBytes: 200,
        command: expect.objectContaining({ MessageID: 7 }),
      }),
      expect.objectContaining({
        contextId: 3,
        dataSetBytes: 0,
        command: expect.objectContaining({ Status: 0 }),
      }),
      PduType.ReleaseRq,
    ]);
  });

  it('ends a data set with an empty last fragment', () => {
    const [command] = messagePdus(5, storeRq);
    const fragment = { contextId: 5, isCommand: false, isLast: false, fragment: Buffer.alloc(10) };
    const empty = { ...fragment, isLast: true, fragment: Buffer.alloc(0) };
    const [message, ...rest] = walk(Buffer.concat([command!, pDataTf(fragment, empty)]), 1000);
    expect(message).toMatchObject({ contextId: 5, dataSetBytes: 10 });
    expect(rest).toEqual([]);
  });
});
