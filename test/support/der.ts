/**
 * Owns just enough DER (X.690) to write certificates and revocation lists for tests. Written for the tests and
 * not shared with src, so that a mistake there cannot hide behind the same mistake here.
 */

/** One element: tag, length in the shortest form, content. */
export function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(evenHex(content.length.toString(16)), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}

export function sequence(...items: Buffer[]): Buffer {
  return der(0x30, ...items);
}

export function set(...items: Buffer[]): Buffer {
  return der(0x31, ...items);
}

export function octetString(content: Buffer): Buffer {
  return der(0x04, content);
}

export function utf8String(text: string): Buffer {
  return der(0x0c, Buffer.from(text));
}

export function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]));
}

export function nothing(): Buffer {
  return der(0x05);
}

/** Context-specific and constructed, as EXPLICIT tags are. */
export function explicit(tag: number, content: Buffer): Buffer {
  return der(0xa0 | tag, content);
}

/** Context-specific and primitive, as IMPLICIT tags of strings are. */
export function implicit(tag: number, content: Buffer): Buffer {
  return der(0x80 | tag, content);
}

/** A positive INTEGER, given in hex. */
export function integer(hex: string): Buffer {
  const bytes = Buffer.from(evenHex(hex), 'hex');
  return der(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return der(0x03, Buffer.from([unusedBits]), content);
}

/** UTCTime; for dates before 2050 only. */
export function utcTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}

/** `1.2.840.…` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return der(0x06, Buffer.from(bytes));
}

export function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function evenHex(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}
