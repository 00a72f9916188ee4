/**
 * Reads every socket of the process into one and the same buffer. By itself Node makes a buffer for each read (with
 * TLS: for each record), outside V8's heap and garbage within a millisecond; making and freeing them costs a third of
 * the CPU of a bulk transfer. See docs/decisions/0011-shared-buffers.md.
 */
import type { Socket } from 'node:net';

/**
 * As much as one read of a plain socket brings; a TLS record is 16 KB at most. What one read brought fits into one slab
 * (pdu/slabs.ts) with its headers: TLS encrypts a single buffer where it is, and copies several into one first. A tenth
 * less CPU than with 256 KB, where an archive sends.
 */
export const SHARED_BYTES = 112 * 1024;

let shared: Buffer | undefined;
/** The same for every socket of the process. */
let symbols: ReadSymbols | undefined;

/**
 * What Node's own `onread` option sets. The option itself is for sockets that connect; those that are accepted, and
 * all that TLS wraps, have no public way to it.
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
 * Hands everything that the socket brings from now on to `take`, what was read ahead first, and begins to read. A chunk
 * is lent: once `take` returns, its bytes may change. Pause and resume the socket as usual. Call once for each socket.
 */
export function receive(socket: Socket, take: (chunk: Buffer) => void): void {
  if (shareReads(socket, take)) handOnReadAhead(socket, take);
  else socket.on('data', take);
  socket.resume();
}

/** Before anything else is read and before the end is told, but not before the caller is ready for it. */
function handOnReadAhead(socket: Socket, take: (chunk: Buffer) => void): void {
  if (socket.readableLength === 0) return;
  const chunks: Buffer[] = [];
  process.nextTick(() => {
    for (const chunk of chunks) take(chunk);
  });
  while (socket.readableLength > 0) chunks.push(socket.read() as Buffer);
}

/** False where this Node has it not: then each read has its own buffer, and everything else is the same. */
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
