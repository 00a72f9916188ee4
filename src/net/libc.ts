/**
 * Functions of the C library that Node has no name for, by the optional package koffi; with them, datagrams to an AF_UNIX
 * socket, and copies of descriptors. Linux only. Knows nothing of what is sent.
 */

const AF_UNIX = 1;
/** From sys/socket.h; the same on every architecture that Node runs on. */
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
/** Of fcntl: a copy that children do not get. */
const F_DUPFD_CLOEXEC = 1030;
/** sun_path in sys/un.h. */
const MAX_PATH_BYTES = 108;

/** Sends a text; false where nobody took it. */
export type SendDatagram = (text: string) => boolean;

/** `address` is a path, or a name behind `@` in the abstract space. Throws where koffi cannot be loaded. */
export function openDatagramSocket(address: string): SendDatagram {
  const path = Buffer.from(address.startsWith('@') ? `\0${address.slice(1)}` : address);
  if (path.length > MAX_PATH_BYTES || !/^[@/]/.test(address))
    throw new Error('its address is not one of AF_UNIX');
  const socket = libcFunction('int socket(int domain, int type, int protocol)');
  const sendto = libcFunction(
    'long sendto(int fd, const void *text, size_t length, int flags, const void *address, unsigned int size)',
  );
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) throw new Error('the system gives no socket');
  // The family is a number of this machine in two bytes.
  const target = Buffer.concat([Buffer.from(new Uint16Array([AF_UNIX]).buffer), path]);
  return (text) => {
    const bytes = Buffer.from(text);
    return sendto(fd, bytes, bytes.length, MSG_DONTWAIT_NOSIGNAL, target, target.length) === bytes.length;
  };
}

/** Another descriptor for the same socket. Throws where koffi cannot be loaded, or the descriptor is not open. */
export function copyDescriptor(fd: number): number {
  const copy = libcFunction('int fcntl(int fd, int command, int argument)')(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw new Error(`descriptor ${fd} is not open`);
  return copy;
}

/** `signature` is that of C, with a number as its result. Throws where koffi cannot be loaded. */
export function libcFunction(signature: string): (...values: unknown[]) => number {
  const koffi = require('koffi') as typeof import('koffi');
  return koffi.load(null).func(signature);
}
