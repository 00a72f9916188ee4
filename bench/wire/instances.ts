/**
 * The instances that are stored and retrieved: CT images of any size, valid enough for an archive to parse, cut into
 * PDUs beforehand.
 */
import { CommandField, dataSetPdus, messagePdus, numberedRequest } from '../../test/support/dicomBytes';
import type { Instance } from '../../test/support/dicomFiles';
import { syntheticInstance } from '../../test/support/syntheticInstances';
import { SopClass, TransferSyntax } from '../../test/support/uids';

export function ctImage(name: string, bytes: number): Instance {
  return syntheticInstance(name, SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
    pixelBytes: bytes - (bytes % 2),
  });
}

/** Longer ones are sent from one block, again and again: whole, they would not fit a buffer. */
const MAX_WHOLE_BYTES = 16e6;
/** PDUs in a block: with 128 KB each, 1 MB a write. */
const BLOCK_PDUS = 8;

/** A C-STORE request with its data set, ready to be written again and again. Message ID and UIDs stay the same. */
export interface StoreRequest {
  readonly dataSetBytes: number;
  /** What to write, in order. */
  readonly writes: Iterable<Buffer>;
}

export function storeRequest(
  contextId: number,
  messageId: number,
  bytes: number,
  maxPduLength: number,
): StoreRequest {
  // The data set of a long one is never parsed by anybody: its first fragment, repeated.
  const instance = ctImage('load', Math.min(bytes, MAX_WHOLE_BYTES));
  const fields = {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: instance.sopClassUid,
    AffectedSOPInstanceUID: instance.sopInstanceUid,
    Priority: 0,
  };
  const command = messagePdus(contextId, numberedRequest(messageId, fields, true));
  if (bytes <= MAX_WHOLE_BYTES) {
    const dataSet = dataSetPdus(contextId, instance.dataSet, maxPduLength);
    return { dataSetBytes: instance.dataSet.length, writes: [Buffer.concat([...command, ...dataSet])] };
  }
  const fragmentBytes = maxPduLength - 6;
  const pdus = Math.ceil(bytes / fragmentBytes);
  const blocks = Math.floor((pdus - 1) / BLOCK_PDUS);
  // Cut from a longer data set, so that none of its fragments is the last one.
  const block = Buffer.concat(dataSetPdus(contextId, instance.dataSet, maxPduLength).slice(0, BLOCK_PDUS));
  const tail = instance.dataSet.subarray(0, (pdus - blocks * BLOCK_PDUS) * fragmentBytes);
  const last = Buffer.concat(dataSetPdus(contextId, tail, maxPduLength));
  function* writes() {
    yield* command;
    for (let written = 0; written < blocks; written += 1) yield block;
    yield last;
  }
  return { dataSetBytes: pdus * fragmentBytes, writes: { [Symbol.iterator]: writes } };
}
