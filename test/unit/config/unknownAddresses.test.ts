/** Where the system does not say which addresses the machine has, as a unit without AF_NETLINK makes it. */
import { expect, it, jest } from '@jest/globals';
import { ct1, problemsOf, VALID } from './brokenConfiguration';

jest.mock('node:os', () => ({
  ...jest.requireActual<typeof import('node:os')>('node:os'),
  networkInterfaces: () => {
    throw new Error('uv_interface_addresses returned Unknown system error 97');
  },
}));

it('still accepts the configuration', () => {
  expect(problemsOf(ct1(VALID))).toEqual([]);
});
