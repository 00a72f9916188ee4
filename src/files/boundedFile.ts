/**
 * Reads files that come from elsewhere: never more of them than anything of their kind has, whatever they are.
 */
import { createReadStream } from 'node:fs';
import { fileError } from './atomicFiles';

/** Undefined where the file is longer than that. Throws OperatorError where it cannot be read. */
export async function readBounded(file: string, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    // `end` counts from 0 and is included: one byte more than is accepted.
    for await (const chunk of createReadStream(file, { end: maxBytes })) chunks.push(chunk);
  } catch (cause) {
    throw fileError('read', cause, file);
  }
  const content = Buffer.concat(chunks);
  return content.length > maxBytes ? undefined : content;
}
