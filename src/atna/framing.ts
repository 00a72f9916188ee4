/** Messages one behind the other, each with its length in front of it: RFC 5425 §4.3. On the wire and on the disk. */

/** Digits of the length in front of a message, and the space behind them. */
const MAX_HEADER_BYTES = 8;
const SPACE = 0x20;

export function framed(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `, 'latin1'), message]));
}

/** Of the message that begins there, with its header; undefined where none does. */
export function lengthAt(bytes: Buffer, at: number): number | undefined {
  const space = bytes.subarray(at, at + MAX_HEADER_BYTES).indexOf(SPACE);
  const text = bytes.toString('latin1', at, at + Math.max(space, 0));
  return /^[1-9]\d*$/.test(text) ? space + 1 + Number(text) : undefined;
}

/** Where the last whole message ends. */
export function endOfMessages(bytes: Buffer): number {
  let end = 0;
  for (let length = lengthAt(bytes, end); length !== undefined; length = lengthAt(bytes, end)) {
    if (end + length > bytes.length) break;
    end += length;
  }
  return end;
}

/** From that place on, up to the first that is damaged. One that is cut counts. */
export function countMessages(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = from; at < bytes.length; count += 1) {
    const length = lengthAt(bytes, at);
    if (length === undefined) break;
    at += length;
  }
  return count;
}
