/**
 * Acknowledges the received part of an incomplete PDU at once (Linux). DCMTK, and Orthanc with it, leaves Nagle's
 * algorithm on and writes a PDU in two pieces. The second piece waits for the acknowledgement of the first, which the
 * kernel delays by some 40 ms. See docs/decisions/0009-quick-acknowledgement.md. Does not know when a PDU is complete.
 */
import type { Socket } from 'node:net';
import { libcFunction } from './libc';

/** From linux/in.h and linux/tcp.h. */
const IPPROTO_TCP = 6;
const TCP_QUICKACK = 12;
/** The option's value, a C int of 1 (Linux on little and big endian alike takes any that is not 0). */
const ON = Buffer.from(new Int32Array([1]).buffer);

type SetSocketOption = (fd: number, level: number, option: number, value: Buffer, length: number) => number;

export interface QuickAck {
  /** One line for the log: on, or why not. */
  readonly description: string;
  /**
   * Sends the acknowledgement that the kernel delays, if there is one. The option does not last: call it again whenever a
   * read ended inside a PDU. It takes about a microsecond and never throws.
   */
  acknowledge(socket: Socket): void;
}

/** `loadLibrary` loads koffi, which is optional. */
export function loadQuickAck(
  mode: 'auto' | 'off',
  platform: NodeJS.Platform = process.platform,
  loadLibrary: () => SetSocketOption = loadSetSocketOption,
): QuickAck {
  if (mode === 'off') return withoutQuickAck('off by configuration (tcp.quickAck)');
  if (platform !== 'linux') return withoutQuickAck('off: only Linux has TCP_QUICKACK');
  try {
    const setSocketOption = loadLibrary();
    return {
      description: 'on',
      acknowledge(socket) {
        const fd = fileDescriptor(socket);
        if (fd >= 0) setSocketOption(fd, IPPROTO_TCP, TCP_QUICKACK, ON, ON.length);
      },
    };
  } catch (error) {
    const { message } = error as Error;
    return withoutQuickAck(`off: the optional package koffi cannot be loaded (${message.split('\n')[0]})`);
  }
}

function withoutQuickAck(description: string): QuickAck {
  return { description, acknowledge() {} };
}

function loadSetSocketOption(): SetSocketOption {
  return libcFunction(
    'int setsockopt(int fd, int level, int option, const void *value, unsigned int length)',
  );
}

/** Node has no public name for it. A TLS socket has that of the TCP socket underneath. -1 once closed. */
function fileDescriptor(socket: Socket): number {
  const { _handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return _handle?.fd ?? -1;
}
