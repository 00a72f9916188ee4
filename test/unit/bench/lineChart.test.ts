import { describe, expect, it } from '@jest/globals';
import {
  formatLineChart,
  type LineChart,
  linearTicks,
  logarithmicTicks,
  spread,
} from '../../../bench/report/lineChart';

function line(title: string, ...ys: number[]) {
  const points = ys.map((y, index) => ({ x: 10 ** index, y }));
  return { title, isOurs: title === 'Aegis', points };
}

const chart: LineChart = {
  name: 'size',
  title: 'Cost by <size>',
  note: 'A note.',
  xTitle: 'size',
  ticks: [1, 10, 100].map((value) => ({ value, label: `${value} KB` })),
  panels: [
    { title: 'CPU s', isLogarithmic: false, lines: [line('HAProxy', 4, 2, 1), line('Aegis', 4, 2, 1)] },
    { title: 'MB/s', isLogarithmic: true, lines: [line('stunnel'), line('Aegis', 1, 10, 100)] },
  ],
};

/** The points of each line that is drawn. */
function pathsOf(svg: string): number[][][] {
  return [...svg.matchAll(/class="line[^"]*" d="M([^"]+)"/g)].map(([, path]) =>
    path!.split('L').map((point) => point.split(' ').map(Number)),
  );
}

describe('a chart of lines', () => {
  const svg = formatLineChart(chart);

  it('has a line with a name and marks for each that has values', () => {
    expect(pathsOf(svg).map((path) => path.length)).toEqual([3, 3, 3]);
    expect(svg).not.toContain('>stunnel<');
    expect(svg.match(/<text class="(bold|label)"[^>]*>(Aegis|HAProxy)</g)).toHaveLength(3);
    expect(svg.match(/class="(ours|mark)"/g)).toHaveLength(9);
  });

  it('says so where nothing was measured', () => {
    const panels = [{ title: 'MB/s', isLogarithmic: true, lines: [line('Aegis')] }];
    expect(formatLineChart({ ...chart, panels })).toContain('>nothing was measured<');
  });

  it('spaces powers of ten evenly, on a logarithmic axis upwards too', () => {
    const [, , rate] = pathsOf(svg);
    const [[x0, y0], [x1, y1], [x2, y2]] = rate as [number[], number[], number[]];
    expect(x1! - x0!).toBeCloseTo(x2! - x1!, 0);
    expect(y0! - y1!).toBeCloseTo(y1! - y2!, 0);
  });

  it('begins at 0 where the axis is linear: half the cost is at half the height', () => {
    const [cost] = pathsOf(svg);
    const bottom = 104 + 240;
    expect((bottom - cost![1]![1]!) / (bottom - cost![0]![1]!)).toBeCloseTo(0.5, 2);
  });

  it('names lines that end at the same place beside each other', () => {
    const names = [...svg.matchAll(/y="([\d.]+)" text-anchor="start">(?:HAProxy|Aegis)</g)];
    const [first, second] = names.map(([, y]) => Number(y));
    expect(Math.abs(first! - second!)).toBeGreaterThanOrEqual(17);
  });

  it('says in words what it shows, and escapes it', () => {
    expect(svg).toContain(
      'Cost by &#60;size&#62;. CPU s by size: HAProxy 4 at 1 KB, 2 at 10 KB, 1 at 100 KB;',
    );
  });
});

describe('an axis', () => {
  it('has powers of ten where it is long, and 2 and 5 of each where it is short', () => {
    expect(logarithmicTicks([0.6, 4000])).toEqual([0.1, 1, 10, 100, 1000, 10000]);
    expect(logarithmicTicks([3, 40])).toEqual([2, 5, 10, 20, 50]);
    expect(logarithmicTicks([10])).toEqual([10, 20]);
  });

  it('goes from 0 to a round number where it is linear', () => {
    expect(linearTicks(0.9)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(linearTicks(181)).toEqual([0, 50, 100, 150, 200]);
  });
});

describe('names', () => {
  it('are moved apart as little as it takes, and stay above the lowest place', () => {
    expect(spread([10, 100, 12], 17, 200)).toEqual([10, 100, 27]);
    expect(spread([195, 198], 17, 200)).toEqual([183, 200]);
  });
});
