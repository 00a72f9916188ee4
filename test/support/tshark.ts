/**
 * An independent opinion on recorded bytes: Wireshark's DICOM dissector. Nothing is captured: a transcript is
 * written as a pcap file of one TCP connection, so no privileges are needed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PduSplitter } from './dicomReading';
import { runProcess, temporaryFolder } from './processes';
import type { Transcript } from './transcript';

/** Rejects when Wireshark finds a malformed packet, or an error, in the DICOM of this connection. */
export async function expectNoMalformed(transcript: Transcript): Promise<void> {
  const filter = '_ws.malformed || _ws.expert.severity == "Error"';
  const findings = await tshark(transcript, ['-Y', filter, '-O', 'dicom']);
  if (findings !== '') throw new Error(`wireshark finds malformed DICOM:\n${findings}`);
}

/** One line for each PDU, as Wireshark reads it, e.g. `A-ASSOCIATE request TESTSCU --> ORTHANC`. */
export async function dissect(transcript: Transcript): Promise<string[]> {
  const output = await tshark(transcript, ['-Y', 'dicom', '-T', 'fields', '-e', '_ws.col.Info']);
  return output.split('\n').filter((line) => line !== '');
}

async function tshark(transcript: Transcript, display: readonly string[]): Promise<string> {
  const file = join(temporaryFolder(), 'transcript.pcap');
  writeFileSync(file, pcap(transcript));
  const common = [
    '-r',
    file,
    '-d',
    `tcp.port==${ACCEPTOR_PORT},dicom`,
    '-o',
    'tcp.desegment_tcp_streams:TRUE',
  ];
  const { exitCode, output } = await runProcess('tshark', [...common, ...display], { deadlineMs: 60_000 });
  if (exitCode !== 0) throw new Error(`tshark: exit code ${exitCode}\n${output}`);
  return output
    .split('\n')
    .filter((line) => !line.startsWith('Running as user'))
    .join('\n')
    .trim();
}

const REQUESTOR_PORT = 40_000;
const ACCEPTOR_PORT = 11_112;
/** Less than what an IPv4 packet can hold (65535 with its two headers of 20 bytes). */
const SEGMENT_BYTES = 32_768;
/** LINKTYPE_RAW: packets begin with the IP header. */
const LINK_TYPE_RAW = 101;

const SYN = 0x02;
const ACK = 0x10;

function pcap(transcript: Transcript): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(0xffff, 16);
  header.writeUInt32LE(LINK_TYPE_RAW, 20);

  const packets: Buffer[] = [];
  const nextSequence = { requestor: 0, acceptor: 0 };
  const add = (from: 'requestor' | 'acceptor', flags: number, payload: Buffer) => {
    const to = from === 'requestor' ? 'acceptor' : 'requestor';
    packets.push(packet(packets.length, from, nextSequence[from], nextSequence[to], flags, payload));
    nextSequence[from] += (flags & SYN) === 0 ? payload.length : 1;
  };
  const nothing = Buffer.alloc(0);
  add('requestor', SYN, nothing);
  add('acceptor', SYN | ACK, nothing);
  add('requestor', ACK, nothing);
  for (const { from, bytes } of pdusOf(transcript)) {
    for (let offset = 0; offset < bytes.length; offset += SEGMENT_BYTES) {
      add(from, ACK, bytes.subarray(offset, offset + SEGMENT_BYTES));
    }
  }
  return Buffer.concat([header, ...packets]);
}

/** The same bytes, cut at the ends of PDUs, so that each has packets, and a line of `dissect`, of its own. */
function pdusOf(transcript: Transcript): Transcript {
  const splitters = { requestor: new PduSplitter(), acceptor: new PduSplitter() };
  const whole = transcript.flatMap(({ from, bytes }) =>
    splitters[from].push(bytes).map((pdu) => ({ from, bytes: pdu })),
  );
  const unfinished = (['requestor', 'acceptor'] as const).map((from) => ({
    from,
    bytes: splitters[from].rest,
  }));
  return [...whole, ...unfinished];
}

/** A pcap record with an IPv4 and a TCP header (RFC 791, RFC 9293); no checksums, Wireshark does not ask. */
function packet(
  index: number,
  from: 'requestor' | 'acceptor',
  sequence: number,
  acknowledgement: number,
  flags: number,
  payload: Buffer,
): Buffer {
  const ports = from === 'requestor' ? [REQUESTOR_PORT, ACCEPTOR_PORT] : [ACCEPTOR_PORT, REQUESTOR_PORT];
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(ports[0]!, 0);
  tcp.writeUInt16BE(ports[1]!, 2);
  tcp.writeUInt32BE(sequence, 4);
  tcp.writeUInt32BE((flags & ACK) === 0 ? 0 : acknowledgement, 8);
  tcp[12] = 5 << 4;
  tcp[13] = flags;
  tcp.writeUInt16BE(0xffff, 14);

  const ip = Buffer.alloc(20);
  ip[0] = 0x45;
  ip.writeUInt16BE(ip.length + tcp.length + payload.length, 2);
  ip[8] = 64;
  ip[9] = 6;
  ip.set(from === 'requestor' ? [10, 0, 0, 1, 10, 0, 0, 2] : [10, 0, 0, 2, 10, 0, 0, 1], 12);

  const bytes = Buffer.concat([ip, tcp, payload]);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(index, 0);
  record.writeUInt32LE(bytes.length, 8);
  record.writeUInt32LE(bytes.length, 12);
  return Buffer.concat([record, bytes]);
}
