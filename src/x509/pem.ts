/**
 * PEM (RFC 7468): labelled blocks of base64 as DER and back. Knows nothing of what is in them.
 */

export interface PemBlock {
  /** As between the dashes, e.g. `CERTIFICATE`. */
  readonly label: string;
  /** With its dashes, as node:crypto takes it. */
  readonly pem: string;
}

/** Every block, in the order of the file. Text around them is left alone. Throws where one has no end. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  const beginning = /^-----BEGIN ([A-Z0-9 ]+)-----/gm;
  for (let found = beginning.exec(text); found !== null; found = beginning.exec(text)) {
    const closing = `-----END ${found[1]}-----`;
    const end = text.indexOf(closing, found.index);
    if (end === -1) throw new RangeError(`the PEM block "${found[1]}" is cut short`);
    beginning.lastIndex = end + closing.length;
    blocks.push({ label: found[1]!, pem: text.slice(found.index, beginning.lastIndex) });
  }
  return blocks;
}

/** The bytes of a block. */
export const derOf = ({ pem }: PemBlock): Buffer =>
  Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');

/** The bytes of every block with this label. */
export const pemContents = (text: string, label: string): Buffer[] =>
  pemBlocks(text).flatMap((block) => (block.label === label ? [derOf(block)] : []));

export function encodePem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
