import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from '@jest/globals';
import { receive, SHARED_BYTES } from '../../../src/net/sharedReads';
import { SLAB_BYTES } from '../../../src/pdu/slabs';
import { testCertificates } from '../../support/certificates';
import { onCleanUp } from '../../support/cleanUp';
import { openTestListener, testTlsMaterial } from '../../support/testListener';
import { waitFor } from '../../support/waiting';

const certificates = testCertificates();

/** A connection that the gateway has accepted, and its other end. */
async function connection(kind: 'plain' | 'TLS'): Promise<{ accepted: Socket; peer: Socket }> {
  const listener = await openTestListener(kind === 'TLS' ? { tls: testTlsMaterial(certificates) } : {});
  const { cert, key } = certificates.client;
  const address = { port: listener.port, host: '127.0.0.1' };
  const peer =
    kind === 'plain' ? connect(address) : connectTls({ ...address, ca: [certificates.ca.cert], cert, key });
  onCleanUp(() => void peer.destroy());
  peer.on('error', () => {});
  const { socket: accepted } = await listener.nextConnection();
  return { accepted, peer };
}

/**
 * Bytes on a connection of their own, sent and received. What came to other sockets before them, and is read at all,
 * has been read by then.
 */
async function roundTrip(): Promise<void> {
  const { accepted, peer } = await connection('plain');
  const received = recorder();
  receive(accepted, received.take);
  peer.write('round trip');
  await received.untilBytes('round trip'.length);
}

/** Copies of all that came, as one text or whole. */
function recorder() {
  const chunks: Buffer[] = [];
  const memories = new Set<ArrayBufferLike>();
  return {
    take: (chunk: Buffer) => {
      memories.add(chunk.buffer);
      chunks.push(Buffer.from(chunk));
    },
    memories,
    get bytes() {
      return Buffer.concat(chunks);
    },
    async untilBytes(count: number) {
      const whole = () => Buffer.concat(chunks);
      await waitFor(
        () => `${count} bytes instead of ${whole().length}`,
        () => whole().length >= count,
      );
      return whole();
    },
  };
}

describe.each(['plain', 'TLS'] as const)('a %s socket', (kind) => {
  it('brings every byte in order', async () => {
    const { accepted, peer } = await connection(kind);
    const sent = randomBytes(3_000_001);
    const received = recorder();
    receive(accepted, received.take);
    peer.write(sent);
    expect((await received.untilBytes(sent.length)).equals(sent)).toBe(true);
  });

  it('reads into the memory that all others read into', async () => {
    const [one, other] = [await connection(kind), await connection('plain')];
    const [fromOne, fromOther] = [recorder(), recorder()];
    receive(one.accepted, fromOne.take);
    receive(other.accepted, fromOther.take);
    one.peer.write('one');
    other.peer.write('other');
    expect((await fromOne.untilBytes(3)).toString()).toBe('one');
    expect((await fromOther.untilBytes(5)).toString()).toBe('other');
    expect([...fromOne.memories]).toEqual([...fromOther.memories]);
  });

  it('hands on what was read ahead first, then the rest, then the end', async () => {
    const { accepted, peer } = await connection(kind);
    // Read ahead as Node does: into the stream, which is paused.
    peer.write('early ');
    accepted.read(0);
    await waitFor('what is read ahead', () => accepted.readableLength > 0);
    const received = recorder();
    let atEnd: string | undefined;
    accepted.once('end', () => {
      atEnd = received.bytes.toString();
    });
    receive(accepted, received.take);
    expect(received.bytes.length).toBe(0); // not before the caller is ready
    peer.end('late');
    await waitFor('the end', () => atEnd !== undefined);
    expect(atEnd).toBe('early late');
  });

  it('hands on what was read ahead before an end that has come too', async () => {
    const { accepted, peer } = await connection(kind);
    peer.end('all');
    accepted.read(0);
    await waitFor('what is read ahead', () => accepted.readableEnded || accepted.readableLength > 0);
    await roundTrip();
    const received = recorder();
    let atEnd: string | undefined;
    accepted.once('end', () => {
      atEnd = received.bytes.toString();
    });
    receive(accepted, received.take);
    await waitFor('the end', () => atEnd !== undefined);
    expect(atEnd).toBe('all');
  });

  it('stops while it is paused', async () => {
    const { accepted, peer } = await connection(kind);
    const received = recorder();
    receive(accepted, received.take);
    peer.write('one');
    await received.untilBytes(3);
    accepted.pause();
    peer.write('two');
    await roundTrip();
    expect(received.bytes.toString()).toBe('one');
    accepted.resume();
    expect((await received.untilBytes(6)).toString()).toBe('onetwo');
  });
});

it('a stream that has no shared reads is read as usual', async () => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  stream.push('early ');
  const received = recorder();
  receive(stream as unknown as Socket, received.take);
  stream.push('late');
  stream.push(null);
  await once(stream, 'end');
  expect(received.bytes.toString()).toBe('early late');
});

it('what one read brings fits into one slab, with the headers of PDUs of 4 KB', () => {
  const headers = Math.ceil(SHARED_BYTES / 4096) * 12;
  expect(SHARED_BYTES + headers).toBeLessThanOrEqual(SLAB_BYTES);
});
