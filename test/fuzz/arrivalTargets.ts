/** What comes first on a connection, before DICOM: PROXY headers, and TLS or what is not. */
import type { Server as TlsServer } from 'node:tls';
import { AddressLimits } from '../../src/net/addressLimits';
import { Arrival } from '../../src/net/arrival';
import { decodeProxyHeader } from '../../src/net/proxyProtocol';
import { describeFirstBytes, looksLikeTls } from '../../src/net/wrongProtocol';
import { AddressSet, canonicalAddress } from '../../src/text/addresses';
import { FakeSocket } from '../support/fakeSocket';
import { echoRequestBody, pdu } from '../support/pduBytes';
import type { Random } from './random';
import { Finding, type FuzzTarget, pieces } from './target';

const V2 = '0d0a0d0a000d0a515549540a';
const associateRq = pdu(1, echoRequestBody()).bytes;
const clientHello = Buffer.from('16030100050100000100', 'hex');
const proxyHeaders = [
  Buffer.from('PROXY TCP4 10.1.2.10 10.0.0.1 40000 2762\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 65535\r\n'),
  Buffer.from('PROXY UNKNOWN ffff::1 what ever\r\n'),
  Buffer.from(`${V2}2111000c0a01020a0a0000019c400aca`, 'hex'),
  Buffer.from(`${V2}21210024${'20010db8'.padEnd(64, '0')}00010002`, 'hex'),
  Buffer.from(`${V2}20000000`, 'hex'),
  Buffer.from(`${V2}2111000f0a01020a0a0000019c400aca040000`, 'hex'),
];
const MAX_HEADER_BYTES = 536;

export const proxyTarget: FuzzTarget = {
  name: 'proxy',
  invariant: 'the same verdict however much has come; decided within 536 bytes; an address that is one',
  seeds: proxyHeaders.map((header) => Buffer.concat([header, associateRq])),
  words: [
    'PROXY ',
    'TCP4',
    'TCP6',
    'UNKNOWN',
    ' ',
    '\r\n',
    '::ffff:10.1.2.10',
    '%eth0',
    '65536',
    '010.1.2.3',
  ],
  check(input, random) {
    const whole = decodeProxyHeader(input);
    if (whole.kind === 'incomplete' && input.length >= MAX_HEADER_BYTES)
      throw new Finding('it waits for ever');
    for (let look = 0; look < 4; look += 1) {
      const length = random.below(Math.min(input.length, MAX_HEADER_BYTES) + 1);
      const part = decodeProxyHeader(input.subarray(0, length));
      if (part.kind !== 'incomplete' && JSON.stringify(part) !== JSON.stringify(whole)) {
        throw new Finding(`${JSON.stringify(part)} after ${length} bytes, and ${JSON.stringify(whole)}`);
      }
    }
    if (whole.kind !== 'complete') return;
    if (whole.headerBytes > input.length) throw new Finding('it takes bytes that have not come');
    const { source } = whole;
    if (source !== undefined && canonicalAddress(source.address) === undefined) {
      throw new Finding(`${source.address} is not an address`);
    }
  },
};

class ArrivingSocket extends FakeSocket {
  readonly remoteAddress = '10.0.0.5';
  readonly remotePort = 40000;
  readonly bytesRead = 1;

  /** A chunk is the reader's own at this stage: connections share a buffer once they have an association. */
  override emit(event: string, ...values: unknown[]): boolean {
    const [chunk] = values;
    return super.emit(event, ...(event === 'data' ? [Buffer.from(chunk as Buffer)] : values));
  }
}

interface End {
  readonly outcome: string;
  /** What the one who takes the connection over gets to read. */
  readonly rest: string;
}

const limits = new AddressLimits();
const trustedProxies = new AddressSet(['10.0.0.5']);

/** What becomes of a connection that sends these pieces. Bits of `kind`: 1 a TLS listener, 2 behind a proxy. */
function arrive(kind: number, sent: readonly Buffer[]): End {
  const isTls = (kind & 1) === 1;
  const socket = new ArrivingSocket();
  const outcomes: string[] = [];
  const tlsServer = {
    emit: (_event: string, raw: unknown) => {
      if (raw !== socket) throw new Finding('another socket went to TLS');
      outcomes.push(`TLS ${arrival.sourceAddress}`);
    },
  } as unknown as TlsServer;
  const arrival = new Arrival(socket.asSocket, {
    name: 'fuzzed',
    handlers: {
      admitAddress: (address) =>
        address.startsWith('10.') ? { allowed: true } : { allowed: false, reason: 'source-address-unknown' },
      connected: ({ sourceAddress }) => outcomes.push(`connected ${sourceAddress}`),
      refused: ({ reason, sourceAddress, detail }) =>
        outcomes.push(`refused ${reason} ${sourceAddress} ${isTls ? '' : detail}`),
    },
    trustedProxies: (kind & 2) === 2 ? trustedProxies : undefined,
    handshakeMs: 60_000,
    tlsServer: () => (isTls ? tlsServer : undefined),
    claim: (address) =>
      limits.claim(address, { maxPending: 10, connectionsPerSecond: 0, connectionsPerSecondOfAll: 0 }),
    settled: () => {},
  });
  socket.isPaused = true;
  arrival.begin();
  socket.deliver(...sent);
  if (outcomes.length > 1) throw new Finding(`it ended twice: ${outcomes.join(', ')}`);
  const [outcome = 'waiting'] = outcomes;
  const bytes = Buffer.concat(sent);
  const rest = bytes.subarray(bytes.length - socket.undeliveredBytes).toString('hex');
  socket.destroy();
  // Ends its deadline and its claim, as the end of the connection would.
  socket.emit('close');
  if (outcome === 'waiting' || outcome.startsWith('TLS')) arrival.refuse('tls-closed');
  return { outcome, rest: outcome.startsWith('refused') ? '' : rest };
}

function checkArrival(input: Buffer, random: Random): void {
  const kind = (input[0] ?? 0) & 3;
  const bytes = input.subarray(1, 2000);
  if (bytes.length === 0) return;
  const whole = arrive(kind, [bytes]);
  const cut = arrive(
    kind,
    pieces(bytes, random).filter(({ length }) => length > 0),
  );
  if (JSON.stringify(whole) !== JSON.stringify(cut)) {
    throw new Finding(`another end when cut: ${JSON.stringify([whole, cut])}`);
  }
  const rest = Buffer.from(whole.rest, 'hex');
  if (whole.outcome.startsWith('TLS') && !looksLikeTls(rest)) throw new Finding('plain bytes went to TLS');
  if (kind !== 3 && whole.outcome.startsWith('TLS') && !rest.equals(bytes))
    throw new Finding('bytes are missing');
  const words = describeFirstBytes(bytes);
  if (!/^[\x20-\x7e]{1,80}$/.test(words)) throw new Finding(`it is shown as ${JSON.stringify(words)}`);
}

export const arrivalTarget: FuzzTarget = {
  name: 'arrival',
  invariant:
    'one end for each connection, the same however it is cut; TLS gets what begins as TLS, all of it',
  seeds: [0, 1, 2, 3].flatMap((kind) =>
    [associateRq, clientHello, ...proxyHeaders.map((header) => Buffer.concat([header, clientHello]))].map(
      (bytes) => Buffer.concat([Buffer.of(kind), bytes]),
    ),
  ),
  check: checkArrival,
};
