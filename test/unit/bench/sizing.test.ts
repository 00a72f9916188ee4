/** Keeps docs/sizing.md true: its numbers are those of the simulation, and the costs are not below what was measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { markdownTable } from '../../../bench/report/markdown';
import { COLUMNS, costs, HOSPITAL, needOf, rowOf, simulate, trafficOf } from '../../../bench/sizing';

const root = join(__dirname, '../../..');
const page = readFileSync(join(root, 'docs/sizing.md'), 'utf8');
const results = readFileSync(join(root, 'bench/results.md'), 'utf8');

/** A cell of results.md: the row of Aegis with this name, in the section that begins so. */
function measured(section: string, row: string, column: number): number {
  const [, text = ''] = results.split(`\n## ${section}`);
  const line = text.split('\n').find((each) => each.startsWith(`| **${row}**`)) ?? '';
  return Number(line.split('|')[column + 1]?.trim());
}

describe('the simulation', () => {
  it('draws the same hour for the same seed, and about the same for another', () => {
    const first = simulate(HOSPITAL, 10, 1);
    expect(simulate(HOSPITAL, 10, 1)).toEqual(first);
    const other = simulate(HOSPITAL, 10, 2);
    expect(other).not.toEqual(first);
    expect(other.mean.cores / first.mean.cores).toBeCloseTo(1, 0);
  });

  it('agrees with the formula that a person does by hand', () => {
    const hospitals = 100;
    const { mean, gbPerDay, associationsPerSecond } = simulate(HOSPITAL, hospitals);
    const gbPerSecond = (gbPerDay * 0.12) / 3600;
    const byHand = gbPerSecond * 2.5 + associationsPerSecond * 0.004;
    expect(byHand / mean.cores).toBeGreaterThan(0.9);
    expect(byHand / mean.cores).toBeLessThan(1.5);
  });

  it('needs more for more: a longer worklist, more hospitals', () => {
    const [one, ten] = [simulate(HOSPITAL, 1), simulate(HOSPITAL, 10)];
    expect(needOf(ten).memoryMb).toBeGreaterThan(needOf(one).memoryMb);
    const polls = trafficOf({ ...HOSPITAL, worklistSeconds: 10 }).find(({ name }) => name === 'worklist')!;
    expect(polls.associationsPerDay).toBe(31 * 8640);
  });
});

describe('docs/sizing.md', () => {
  it('has the numbers of the simulation', () => {
    const rows = [1, 10, 100, 500].map((count) =>
      rowOf(count === 1 ? '1 hospital' : `${count} hospitals`, simulate(HOSPITAL, count)),
    );
    expect(page).toContain(markdownTable(COLUMNS, rows));
  });

  it('names the devices of the simulation', () => {
    for (const { name, count, studiesPerDay, instances, mbPerInstance } of HOSPITAL.devices) {
      expect(page).toContain(`| ${name} | ${count} | ${studiesPerDay} | ${instances} | ${mbPerInstance} |`);
    }
  });

  it('counts with costs that are not below what was measured, and has them', () => {
    expect(costs.associationCpuMs).toBeGreaterThanOrEqual(
      measured('Associations per second', 'Aegis, RSA', 3),
    );
    expect(costs.cpuSecondsPerGb).toBeGreaterThanOrEqual(
      measured('200 CT slices of 0.5 MB from storescu to Orthanc with', 'Aegis', 3),
    );
    expect(costs.messageCpuMs).toBeGreaterThanOrEqual(measured('C-ECHO on a warm', 'Aegis', 3) / 1000);
    expect(costs.answerCpuMs).toBeGreaterThanOrEqual(measured('C-FIND with 1000', 'Aegis', 3) / 1000);
    expect(costs.associationKb).toBeGreaterThanOrEqual(measured('1000 idle associations', 'Aegis', 3));
    for (const cost of ['2 ms', '2 s', '0.1 ms', '0.01 ms', '100 KB', '100 MB']) {
      expect(page).toContain(`| ${cost} |`);
    }
  });
});
