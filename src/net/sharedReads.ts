/**
 * Reads every socket of the process into one and the same buffer. By itself Node makes a buffer for each read (with
 * TLS: for each record). It lies outside V8's heap and is garbage within a millisecond; making and freeing them costs a
 * third of the CPU of a bulk transfer. See docs/decisions/0011-shared-buffers.md. Knows nothing of what is read.
 */
import type { Socket } from 'node:net';

/**
 * The most that one read of a plain socket brings; a TLS record is 16 KB at most. One read fits into one slab
 * (pdu/slabs.ts) with its headers: TLS encrypts a single buffer where it is, but first copies several into one. When an
 * archive sends, this takes a tenth less CPU than 256 KB.
 */
export const SHARED_BYTES = 112 * 1024;

let shared: Buffer | undefined;
/** The same for every socket of the process. */
let symbols: ReadSymbols | undefined;

/**
 * What Node's own `onread` option sets. That option is for sockets that connect. Accepted sockets, and all that TLS
 * wraps, have no public way to it.
 */
interface ReadSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
}

interface SocketInternals {
  [symbol: symbol]: unknown;
  readonly _handle?: { useUserBuffer?(buffer: Buffer): void } | null;
}

/**
 * Gives everything that the socket receives to `take`, and begins to read; bytes that were read ahead come first. A chunk
 * is lent: once `take` returns, its bytes may change. Pause and resume the socket as usual. Call once for each socket.
 */
export function receive(socket: Socket, take: (chunk: Buffer) => void): void {
  if (shareReads(socket, take)) handOnReadAhead(socket, take);
  else socket.on('data', take);
  socket.resume();
}

/** Before anything else is read and before the end is reported, but not before the caller has returned. */
function handOnReadAhead(socket: Socket, take: (chunk: Buffer) => void): void {
  if (socket.readableLength === 0) return;
  const chunks: Buffer[] = [];
  process.nextTick(() => {
    for (const chunk of chunks) take(chunk);
  });
  while (socket.readableLength > 0) chunks.push(socket.read() as Buffer);
}

/** False if this Node does not have it: then each read has its own buffer, and everything else is the same. */
function shareReads(socket: Socket, take: (chunk: Buffer) => void): boolean {
  const internals = socket as unknown as SocketInternals;
  const handle = internals._handle;
  symbols ??= readSymbolsOf(socket);
  if (symbols === undefined || typeof handle?.useUserBuffer !== 'function') return false;
  shared ??= Buffer.allocUnsafeSlow(SHARED_BYTES);
  const buffer = shared;
  internals[symbols.buffer] = buffer;
  internals[symbols.callback] = (byteCount: number): boolean => {
    take(buffer.subarray(0, byteCount));
    return true;
  };
  handle.useUserBuffer(buffer);
  return true;
}

function readSymbolsOf(socket: Socket): ReadSymbols | undefined {
  const own = Object.getOwnPropertySymbols(socket);
  const find = (description: string) => own.find((symbol) => symbol.description === description);
  const buffer = find('kBuffer');
  const callback = find('kBufferCb');
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}
