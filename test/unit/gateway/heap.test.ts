import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { transformSync } from '@swc/core';
import { settleHeap } from '../../../src/gateway/heap';

const source = readFileSync(join(__dirname, '../../../src/gateway/heap.ts'), 'utf8');
const { code } = transformSync(source, {
  jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
  module: { type: 'commonjs' },
});

function turn() {
  return new Promise(setImmediate);
}

/** In a process of its own, which has not grown yet: the bytes of the young generation when a million objects survived. */
function youngBytesAfter(begin: string): number {
  const program = `${code}
    ${begin};
    setImmediate(() => {
      const surviving = Array.from({ length: 1_000_000 }, (_, index) => ({ index }));
      const spaces = require('node:v8').getHeapSpaceStatistics();
      process.stdout.write(String(spaces.find(({ space_name }) => space_name === 'new_space').space_size * !!surviving));
    });`;
  return Number(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' }));
}

// Both fail where a later V8 has it no more.

it('frees what nobody holds any more', async () => {
  const garbage = Array.from({ length: 10 }, () => new WeakRef(new Array<number>(1000).fill(0)));
  // A weak reference holds its target until the turn that made it is over.
  await turn();
  settleHeap();
  await turn();
  expect(garbage.filter((reference) => reference.deref() !== undefined)).toEqual([]);
});

it('keeps the young generation small, whatever survives', () => {
  const unsettled = youngBytesAfter('');
  expect(unsettled).toBeGreaterThan(8 * 1024 * 1024);
  expect(youngBytesAfter('exports.settleHeap()')).toBeLessThan(unsettled / 3);
});
