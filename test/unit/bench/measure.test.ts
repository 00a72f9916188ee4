import { describe, expect, it } from '@jest/globals';
import { median, pairedRatio, percentile, ratioOf, takeTurns } from '../../../bench/measure';

function quiet(rounds: number) {
  return { rounds, say: () => {} };
}

describe('taking turns', () => {
  it('gives each contender a turn in each round, and begins each round with another one', async () => {
    const order: string[] = [];
    const contender = (name: string) => ({
      name,
      title: name,
      measure: async (round: number) => {
        order.push(`${name}${round}`);
        return { seconds: round };
      },
    });
    const rows = await takeTurns([contender('a'), contender('b')], quiet(2));
    expect(order).toEqual(['a0', 'b0', 'b1', 'a1']);
    expect(rows).toEqual([
      { name: 'a', title: 'a', samples: [{ seconds: 0 }, { seconds: 1 }], failure: undefined },
      { name: 'b', title: 'b', samples: [{ seconds: 0 }, { seconds: 1 }], failure: undefined },
    ]);
  });

  it('leaves out a contender that failed, says why, and goes on with the others', async () => {
    let attempts = 0;
    const failing = {
      name: 'a',
      title: 'a',
      measure: async () => {
        attempts += 1;
        throw new Error('it refused');
      },
    };
    const other = { name: 'b', title: 'b', measure: async () => ({ seconds: 1 }) };
    const [first, second] = await takeTurns([failing, other], quiet(3));
    expect(attempts).toBe(1);
    expect(first).toMatchObject({ samples: [], failure: 'it refused' });
    expect(second!.samples).toHaveLength(3);
  });
});

describe('medians and ratios', () => {
  it('takes the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 100])).toBe(3);
    expect(median([4, 1, 2, 100])).toBe(3);
  });

  it('has no median of nothing, nor of what was not measured', () => {
    expect(median([])).toBeNaN();
    expect(median([1, Number.NaN, 3])).toBeNaN();
  });

  it('takes ratios within rounds: a machine that is slow for one round is slow for both', () => {
    expect(ratioOf([10, 40, 12], [5, 20, 6])).toBe(2);
    expect(ratioOf([10], [])).toBeNaN();
  });

  it('finds percentiles of ascending values', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentile(values, 0.5)).toBe(51);
    expect(percentile(values, 0.99)).toBe(100);
    expect(percentile([], 0.5)).toBeNaN();
  });
});

describe('ratios of pairs', () => {
  it('are the median, within an interval that one disturbed pair does not move far', () => {
    const under = Array.from({ length: 100 }, () => 10);
    const over = under.map((value, pair) => value * (1 + pair / 1000));
    const { ratio, low, high } = pairedRatio([...over.slice(0, 99), 1e9], under);
    expect(ratio).toBeCloseTo(1.0495, 4);
    expect([low, high]).toEqual([expect.closeTo(1.039, 3), expect.closeTo(1.06, 3)]);
  });

  it('have the whole range as interval where there are few, and none without any', () => {
    expect(pairedRatio([1, 3], [1, 1])).toEqual({ ratio: 2, low: 1, high: 3 });
    expect(pairedRatio([], []).ratio).toBeNaN();
  });
});
