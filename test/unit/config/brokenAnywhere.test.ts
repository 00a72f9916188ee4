/** A configuration with a fault at any one place is never taken, and its problems have places. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { type Node, parseTree } from 'jsonc-parser';
import { parseConfiguration } from '../../../src/config/load';
import { formatProblem } from '../../../src/text/problems';

const example = readFileSync(join(__dirname, '../../../config/aegis.example.jsonc'), 'utf8')
  // With what is commented out.
  .replace(/^( *)\/\/ (( *"\w+": .*,)|( *\},?)|( *"\w+": \{))$/gm, '$1$2');

/** Everything in it but the names of properties, the whole first. */
function valuesOf(node: Node): Node[] {
  if (node.type === 'property') return valuesOf(node.children![1]!);
  return [node, ...(node.children ?? []).flatMap(valuesOf)];
}

const whole = parseTree(example)!;
const values = valuesOf(whole).filter((node) => node !== whole);
/** None of them is accepted anywhere. */
const faults = ['null', '{ "noSuchKey": 1 }'];

it('refuses a wrong value in each of its places, and names the place: 300 configurations and more', () => {
  const broken = values.flatMap(({ offset, length }) =>
    faults.map((fault) => example.slice(0, offset) + fault + example.slice(offset + length)),
  );
  expect(broken.length).toBeGreaterThan(300);
  for (const text of broken) {
    const errors = parseConfiguration(text, 'a.jsonc', {}).problems.filter(
      ({ severity }) => severity === 'error',
    );
    if (errors.length === 0) throw new Error(`taken: ${text}`);
    expect(errors.map(formatProblem).join('\n')).toMatch(/^a\.jsonc:\d+:\d+ /);
  }
});
