/** The version of this program, as its package says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export function productVersion(): string {
  const file = join(__dirname, '../../package.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
