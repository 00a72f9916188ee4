/** The file of a capture: whole packets, also where the disk is full. */
import { expect, it } from '@jest/globals';
import { interfaceBlock, sectionBlock } from '../../../src/capture/pcapng';
import { receive } from '../../../src/commands/recordCapture';
import { OperatorError } from '../../../src/errors';

it('ends behind a whole block where the disk is full', async () => {
  const begin = sectionBlock({ application: 'Aegis', comment: '' });
  const more = interfaceBlock('modality', 'the leg of the modality');
  let file = Buffer.alloc(0);
  const room = begin.length + 5;
  const output = {
    async write(bytes: Uint8Array) {
      const isFull = file.length + bytes.length > room;
      file = Buffer.concat([file, bytes]).subarray(0, room);
      if (isFull) throw new OperatorError('no space is left');
    },
    async cut(length: number) {
      file = file.subarray(0, length);
    },
    close: async () => {},
    discard: async () => {},
  };
  async function* chunks() {
    yield begin.subarray(0, 10);
    yield begin.subarray(10);
    yield more;
  }
  await expect(receive(chunks(), output, () => {})).rejects.toThrow('no space is left');
  expect(file.equals(begin)).toBe(true);
});
