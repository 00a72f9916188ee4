import { describe, expect, it } from '@jest/globals';
import { durationOption } from '../../../src/text/moments';

describe('an option that takes a duration', () => {
  const days = durationOption('--days', { unit: 'days', min: 1, max: 3650 });
  const seconds = durationOption('--watch', { unit: 'seconds', min: 0.1, max: 3600 });

  it('takes whole days, and fractions of seconds', () => {
    expect(['1', '30', '3650'].map(days)).toEqual([1, 30, 3650]);
    expect(['0.1', '2', '3600'].map(seconds)).toEqual([0.1, 2, 3600]);
  });

  it.each(['', ' ', '0', '1.5', '-1', '3651', '1e2', 'x', 'NaN'])('refuses "%s" as days', (text) => {
    expect(() => days(text)).toThrow(
      `--days ${JSON.stringify(text)} is not a number of days; accepted is 1 to 3650`,
    );
  });

  it.each(['', ' ', '0', '-1', '3600.1', 'Infinity', 'NaN', 'x'])('refuses "%s" as seconds', (text) => {
    expect(() => seconds(text)).toThrow(/is not a number of seconds; accepted is 0\.1 to 3600$/);
  });
});
