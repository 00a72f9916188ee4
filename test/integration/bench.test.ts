/**
 * The benchmark runs and writes its report; what the numbers are is nobody's business here. With the peers that are
 * installed, and without those that take seconds to start.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/processes';

const run = promisify(execFile);
const repository = resolve(__dirname, '../..');
const workloads = [
  'ct-storescp',
  'bulk',
  'first-seconds',
  'get',
  'large-instance',
  'echo',
  'find',
  'associations',
  'idle',
  'start',
  'size',
  'modalities',
];

describe('npm run bench', () => {
  it('measures every workload through Aegis and writes what it found', async () => {
    const output = temporaryFolder();
    const node = (...words: string[]) => run(process.execPath, words, { cwd: repository });
    await node(require.resolve('typescript/bin/tsc'), '--project', 'tsconfig.bench.json');
    const options = ['--quick', '--only', workloads.join(','), '--peers', 'none,haproxy,aegis'];
    await node('dist-bench/bench/main.js', ...options, '--output', output);
    const report = readFileSync(join(output, 'results.md'), 'utf8');
    const rows = report.split('\n').filter((line) => line.startsWith('| **Aegis'));
    // One for each workload but `associations`, which has two; ct-storescp needs DCMTK.
    expect(rows.length).toBeGreaterThanOrEqual(workloads.length);
    for (const row of rows) expect(row).toMatch(/\| [\d.,]+ \|/);
    const charts = [...report.matchAll(/^!\[.*\]\((.*)\)$/gm)];
    expect(charts.map(([, file]) => file)).toEqual(['charts/size.svg', 'charts/modalities.svg']);
    for (const [, file] of charts)
      expect(readFileSync(join(output, file!), 'utf8')).toContain('>Aegis</text>');
  }, 240_000);

  it('attacks the gateway beside fifty modalities', async () => {
    const output = temporaryFolder();
    const options = ['--quick', '--only', 'floods', '--attacks', 'refused-4', '--output', output];
    await run(process.execPath, ['dist-bench/bench/main.js', ...options], { cwd: repository });
    const report = readFileSync(join(output, 'results.md'), 'utf8');
    expect(report).toMatch(/\| 4 pipeline refused commands \| [\d.,∞]+ \|/);
  }, 120_000);
});
