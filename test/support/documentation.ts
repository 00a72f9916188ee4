/**
 * Code blocks of the documentation, for tests that run what it shows.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');

/** The one block of this language under the heading, as it is shown. Throws where there is another number of them. */
export function shownBlock(page: string, heading: string, language: string): string {
  const text = readFileSync(join(root, page), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const blocks = [...section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter(
    ([, found]) => found === language,
  );
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    throw new Error(`${page} has ${blocks.length} blocks of ${language} under ${heading}`);
  }
  return block[2]!;
}
