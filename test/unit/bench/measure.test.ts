import { describe, expect, it } from '@jest/globals';
import { median, percentile, ratioOf, ratioOfRounds, takeTurns } from '../../../bench/measure';

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

describe('the ratio of many rounds', () => {
  it('is their mean, within an interval that comes from how they differ', () => {
    // The logarithms are ±0.02: a standard deviation of 0.0231, and t of 3 degrees of freedom is 3.18.
    const { ratio, low, high } = ratioOfRounds([1.02, 1.02, 1 / 1.02, 1 / 1.02]);
    expect(ratio).toBeCloseTo(1, 6);
    expect([low, high]).toEqual([expect.closeTo(0.9643, 3), expect.closeTo(1.0371, 3)]);
  });

  it('says how many rounds an interval of ±2 % takes', () => {
    const disturbed = Array.from({ length: 20 }, (_, round) => (round % 2 === 0 ? 1.1 : 1 / 1.1));
    expect(ratioOfRounds(disturbed).roundsNeeded).toBe(92);
    expect(ratioOfRounds([1, 1, 1]).roundsNeeded).toBe(0);
  });

  it('has no interval of a single round', () => {
    expect(ratioOfRounds([2])).toEqual({
      ratio: 2,
      low: Number.NaN,
      high: Number.NaN,
      roundsNeeded: Number.NaN,
    });
  });
});
