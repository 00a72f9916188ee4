import { describe, expect, it } from '@jest/globals';
import { type ReasonCode, reasons, remedyOf } from '../../../src/policy/reasons';

describe('what to do', () => {
  it.each(Object.keys(reasons) as ReasonCode[])('is known for %s, and is one line', (reason) => {
    for (const direction of ['ingress', 'egress'] as const) {
      expect(remedyOf(reason, direction)).toMatch(/^[ -~]{10,80}$/);
    }
  });
});
