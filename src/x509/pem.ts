/**
 * PEM (RFC 7468): labelled blocks of base64 as DER and back. Knows nothing of what is in them.
 */

export interface PemBlock {
  /** As between the dashes, e.g. `CERTIFICATE`. */
  readonly label: string;
  /** With its dashes, as node:crypto takes it. */
  readonly pem: string;
}

/** Every block, in the order of the file. Text around them is passed over. Throws RangeError where one has no end. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const beginning = /-----BEGIN ([A-Z0-9 ]+)-----/g;
  for (let found = beginning.exec(text); found !== null; found = beginning.exec(text)) {
    const [opening, label] = found;
    const closing = `-----END ${label}-----`;
    // The next dashes are its own end: another block must not lend it one.
    const end = text.indexOf('-----', found.index + opening.length);
    if (!text.startsWith(closing, end)) throw new RangeError(`the PEM block "${label}" is cut short`);
    beginning.lastIndex = end + closing.length;
    blocks.push({ label: label!, pem: text.slice(found.index, beginning.lastIndex) });
  }
  return blocks;
}

/** The bytes of a block. */
export function derOf({ pem }: PemBlock): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}

/** The bytes of every block with this label. */
export function pemContents(text: string, label: string): Buffer[] {
  return pemBlocks(text).flatMap((block) => (block.label === label ? [derOf(block)] : []));
}

export function encodePem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
