/** A tar archive of small text files (POSIX.1 ustar), compressed. Made whole in memory. Reads and writes nothing. */
import { gzipSync } from 'node:zlib';

export interface TarEntry {
  /** At most 100 characters. */
  readonly name: string;
  readonly content: string;
}

const BLOCK_BYTES = 512;
const CHECKSUM_OFFSET = 148;

export function tarGzip(entries: readonly TarEntry[], modified: Date): Buffer {
  const blocks = entries.flatMap(({ name, content }) => {
    const bytes = Buffer.from(content);
    const padded = Math.ceil(bytes.length / BLOCK_BYTES) * BLOCK_BYTES;
    return [headerOf(name, bytes.length, modified), Buffer.concat([bytes], padded)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]));
}

function headerOf(name: string, length: number, modified: Date): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0, 100);
  header.write(octal(0o600, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(length, 11), 124);
  header.write(octal(Math.floor(modified.getTime() / 1000), 11), 136);
  header.write('0', 156);
  header.write('ustar\u000000', 257);
  // The sum counts its own field as spaces.
  header.fill(' ', CHECKSUM_OFFSET, CHECKSUM_OFFSET + 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, CHECKSUM_OFFSET);
  return header;
}
