/** The file as Wireshark reads it: packets of every length, IPv4 and IPv6, comments, and counts of what was dropped. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Conversation, type End } from '../../../src/capture/packets';
import {
  interfaceBlock,
  packetBlock,
  sectionBlock,
  statisticsBlock,
  wholeBlocks,
} from '../../../src/capture/pcapng';
import { RedactedBytes } from '../../../src/capture/redactedBytes';
import { PduRedactor } from '../../../src/capture/redactedPdus';
import {
  associateAc,
  associateRq,
  CommandField,
  commandSet,
  messagePdus,
  numberedRequest,
  proposedContext,
  releaseRp,
  releaseRq,
} from '../../support/dicomBytes';
import { describeWithPeers } from '../../support/peers';
import { runProcess, temporaryFolder } from '../../support/processes';
import { SopClass, TransferSyntax } from '../../support/uids';

const NOW_MS = Date.UTC(2026, 10, 30, 12, 0, 0, 250);

function fileOf(...blocks: Buffer[]): string {
  const file = join(temporaryFolder(), 'capture.pcapng');
  const head = [
    sectionBlock({ application: 'Aegis', comment: 'a section' }),
    interfaceBlock('modality', 'one leg'),
    interfaceBlock('archive', 'the other leg'),
  ];
  writeFileSync(file, Buffer.concat([...head, ...blocks]));
  return file;
}

const FINDINGS = ['_ws.malformed', '_ws.expert.severity', 'tcp.analysis.flags'];

/** The fields of each packet of DICOM, without those that Wireshark finds fault with, which have to be none. */
async function dissect(file: string, ...fields: string[]): Promise<string[]> {
  const checks = ['-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE'];
  const display = [...fields, ...FINDINGS].flatMap((name) => ['-e', name]);
  const { output } = await runProcess('tshark', ['-r', file, ...checks, '-T', 'fields', ...display], {
    deadlineMs: 60_000,
  });
  const packets = output.split('\n').filter((line) => line.includes('\t'));
  return packets.map((line) => {
    const values = line.split('\t');
    const [malformed, severities, analysis] = values.slice(-FINDINGS.length);
    expect([malformed, analysis]).toEqual(['', '']);
    // 0x800000 is an error; that a packet was cut is none.
    expect(severities).not.toMatch(/8388608|0x00800000/);
    return values.slice(0, -FINDINGS.length).join('\t');
  });
}

const store = numberedRequest(
  1,
  {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: SopClass.CTImageStorage,
    AffectedSOPInstanceUID: '1.2.3',
    Priority: 0,
  },
  true,
);

/** A store in PDUs of this length, as packets between these two addresses. */
function storeBlocks(requestor: string, acceptor: string, maxPduLength: number): Buffer[] {
  const conversation = new Conversation(
    { address: requestor, port: 50_000 },
    { address: acceptor, port: 104 },
  );
  const packets = [...conversation.opened()];
  const redactor = (from: End) =>
    new PduRedactor(true, (pdu) => packets.push(...conversation.pdu(from, pdu)));
  const [fromRequestor, fromAcceptor] = [redactor('requestor'), redactor('acceptor')];
  fromRequestor.push(associateRq({ contexts: [proposedContext(1, SopClass.CTImageStorage)] }));
  fromAcceptor.push(
    associateAc({ contexts: [{ id: 1, result: 0, transferSyntax: TransferSyntax.ImplicitVrLittleEndian }] }),
  );
  for (const pdu of messagePdus(1, store, Buffer.alloc(2_100_000, 'PATIENT'), maxPduLength))
    fromRequestor.push(pdu);
  fromRequestor.push(releaseRq());
  fromAcceptor.push(releaseRp());
  packets.push(conversation.ended('requestor'), conversation.ended('acceptor'));
  return packets.map((packet) => packetBlock(0, NOW_MS, packet));
}

describeWithPeers(['tshark'], 'Wireshark', () => {
  it.each<[string, string, string, number]>([
    ['IPv4, PDUs longer than a packet of IPv4', '10.1.2.3', '10.1.2.4', 131_072],
    ['IPv6, short PDUs', 'fd00::1', 'fd00::2', 16_384],
    ['IPv6, the longest PDUs', 'fd00::1', 'fd00::2', 1_048_576],
    ['one address of each', '10.1.2.3', '::1', 131_072],
  ])('reads a store: %s', async (_what, requestor, acceptor, maxPduLength) => {
    const file = fileOf(...storeBlocks(requestor, acceptor, maxPduLength));
    const pdus = (await dissect(file, '_ws.col.Info')).filter((line) => !line.includes('→'));
    expect(pdus[0]).toContain('A-ASSOCIATE request');
    expect(pdus[2]).toContain('C-STORE-RQ');
    expect(pdus.filter((line) => line.startsWith('P-DATA')).length).toBeGreaterThan(3);
    expect(pdus.at(-1)).toContain('A-RELEASE response');
  });

  it('joins an A-ASSOCIATE-RQ that is longer than a packet', async () => {
    const conversation = new Conversation(
      { address: '10.1.2.3', port: 5 },
      { address: '10.1.2.4', port: 104 },
    );
    const contexts = Array.from({ length: 128 }, (_, index) => ({
      ...proposedContext(2 * index + 1, SopClass.CTImageStorage),
      transferSyntaxes: Array.from(
        { length: 60 },
        (__, syntax) => `1.2.840.10008.1.2.4.${syntax}.${index}.1.2.3`,
      ),
    }));
    const packets = [...conversation.opened()];
    new PduRedactor(true, (pdu) => packets.push(...conversation.pdu('requestor', pdu))).push(
      associateRq({ contexts }),
    );
    expect(packets.length).toBeGreaterThan(5);
    const file = fileOf(...packets.map((packet) => packetBlock(0, NOW_MS, packet)));
    const pdus = await dissect(file, '_ws.col.Info');
    expect(pdus.at(-1)).toContain('A-ASSOCIATE request');
  });

  it('shows interface, time and comment of a packet', async () => {
    const conversation = new Conversation(
      { address: '10.1.2.3', port: 5 },
      { address: '10.1.2.4', port: 104 },
    );
    const file = fileOf(
      packetBlock(1, NOW_MS, conversation.ended('requestor'), 'refused: ünknown'),
      statisticsBlock(1, NOW_MS, { received: 8, dropped: 7 }),
    );
    expect(await dissect(file, 'frame.interface_name', 'frame.time_epoch', 'frame.comment')).toEqual([
      'archive\t1796040000.250000000\trefused: ünknown',
    ]);
    const { output } = await runProcess('capinfos', [file], { deadlineMs: 60_000 });
    expect(output).toMatch(/Number of interfaces in file: 2/);
  });
});

describe('blocks', () => {
  it('are found in any part of a file, whole ones only', () => {
    const packet = { recorded: Buffer.alloc(41), length: 1000 };
    const blocks = [
      sectionBlock({ application: 'A', comment: '' }),
      packetBlock(1, NOW_MS, packet),
      packetBlock(0, NOW_MS, packet, 'a comment'),
    ];
    const bytes = Buffer.concat(blocks);
    const ends = [blocks[0]!.length, blocks[0]!.length + blocks[1]!.length, bytes.length];
    expect([...wholeBlocks(bytes)]).toEqual([
      { end: ends[0], packetOf: undefined },
      { end: ends[1], packetOf: 1 },
      { end: ends[2], packetOf: 0 },
    ]);
    expect([...wholeBlocks(bytes.subarray(0, -1))]).toHaveLength(2);
    expect([...wholeBlocks(Buffer.alloc(40))]).toEqual([]);
  });

  it('have a length that four divides', () => {
    for (const comment of ['', 'a', 'ab', 'abc', 'abcd']) {
      const block = packetBlock(0, NOW_MS, { recorded: Buffer.alloc(comment.length), length: 9 }, comment);
      expect(block.length % 4).toBe(0);
      expect(block.readUInt32LE(block.length - 4)).toBe(block.length);
    }
  });
});

it('a packet records no more than what is shown', () => {
  const conversation = new Conversation({ address: '10.1.2.3', port: 5 }, { address: '10.1.2.4', port: 104 });
  const bytes = new RedactedBytes();
  bytes.keep(commandSet(store));
  bytes.blank(10_000_000);
  const [packet] = conversation.pdu('requestor', bytes);
  expect(packet!.recorded.length).toBeLessThan(300);
  expect(packet!.length).toBe(40 + bytes.length);
});
