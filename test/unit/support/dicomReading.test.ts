import { describe, expect, it } from '@jest/globals';
import {
  abort,
  associateAc,
  associateRq,
  CommandField,
  commandSet,
  messagePdus,
  pDataTf,
  proposedContext,
  releaseRq,
  roleSelection,
} from '../../support/dicomBytes';
import {
  MessageAssembler,
  PduSplitter,
  readAssociateAc,
  readAssociateRq,
  readCommandSet,
  sha256,
} from '../../support/dicomReading';
import { SopClass, TransferSyntax } from '../../support/uids';

describe('the byte builder of the tests', () => {
  it('builds a C-ECHO-RQ as PS3.7 Table 9.3-12 lays it out', () => {
    const golden = [
      '00000000 04000000 38000000', //                       (0000,0000) UL 56 bytes follow
      '00000200 12000000 312e322e3834302e31303030382e312e3100', // (0000,0002) UI 1.2.840.10008.1.1
      '00000001 02000000 3000', //                           (0000,0100) US 0030H
      '00001001 02000000 0700', //                           (0000,0110) US 7
      '00000008 02000000 0101', //                           (0000,0800) US 0101H: no data set
    ];
    const elements = {
      CommandDataSetType: 0x0101,
      MessageID: 7,
      CommandField: CommandField.CEchoRq,
      AffectedSOPClassUID: SopClass.Verification,
    };
    expect(commandSet(elements).toString('hex')).toBe(golden.join('').replaceAll(' ', ''));
    expect(readCommandSet(commandSet(elements))).toEqual(elements);
  });

  it('reads back the association request that it builds', () => {
    const contexts = [
      proposedContext(1, SopClass.Verification),
      proposedContext(255, SopClass.CTImageStorage),
    ];
    const rq = readAssociateRq(
      associateRq({
        called: 'ARCHIVE',
        calling: 'CT1',
        contexts,
        maxPduLength: 32768,
        userItems: [roleSelection(SopClass.CTImageStorage, 0, 1)],
      }),
    );
    expect(rq).toMatchObject({
      called: 'ARCHIVE',
      calling: 'CT1',
      contexts,
      maxPduLength: 32768,
      protocolVersion: 1,
    });
    expect(rq.userItems.get(0x54)?.[0]?.subarray(-2)).toEqual(Buffer.from([0, 1]));
  });

  it('reads back the association answer that it builds', () => {
    const contexts = [{ id: 3, result: 4, transferSyntax: TransferSyntax.RleLossless }];
    const ac = readAssociateAc(associateAc({ contexts, maxPduLength: undefined }));
    expect(ac.contexts).toEqual(contexts);
    expect(ac.maxPduLength).toBeUndefined();
  });
});

describe('the PDU splitter', () => {
  it('finds the same PDUs at every split of the stream', () => {
    const pdus = [associateRq({}), releaseRq(), abort(2, 6)];
    const stream = Buffer.concat(pdus);
    for (let split = 0; split <= stream.length; split += 1) {
      const splitter = new PduSplitter();
      const found = [...splitter.push(stream.subarray(0, split)), ...splitter.push(stream.subarray(split))];
      expect(found).toEqual(pdus);
      expect(splitter.rest).toHaveLength(0);
    }
  });

  it('keeps what is not a whole PDU', () => {
    const splitter = new PduSplitter();
    expect(splitter.push(releaseRq().subarray(0, 7))).toEqual([]);
    expect(splitter.rest).toEqual(releaseRq().subarray(0, 7));
  });
});

describe('the message assembler', () => {
  const command = { CommandField: CommandField.CStoreRq, MessageID: 1, CommandDataSetType: 1 };

  it('hashes a data set over all its fragments', () => {
    const dataSet = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256));
    const assembler = new MessageAssembler();
    const messages = messagePdus(5, command, dataSet, 106).flatMap((pdu) => assembler.push(pdu));
    expect(messages).toEqual([
      { contextId: 5, command, dataSet, sha256: sha256(dataSet), dataSetBytes: 1000 },
    ]);
  });

  it('can keep the hash alone', () => {
    const assembler = new MessageAssembler(false);
    const [message] = messagePdus(5, command, Buffer.alloc(100)).flatMap((pdu) => assembler.push(pdu));
    expect(message).toMatchObject({
      dataSet: Buffer.alloc(0),
      sha256: sha256(Buffer.alloc(100)),
      dataSetBytes: 100,
    });
  });

  it('refuses a data set fragment without a command set', () => {
    const fragment = { contextId: 1, isCommand: false, isLast: true, fragment: Buffer.alloc(2) };
    expect(() => new MessageAssembler().push(pDataTf(fragment))).toThrow('without a command set');
  });
});
