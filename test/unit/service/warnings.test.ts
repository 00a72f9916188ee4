import { describe, expect, it } from '@jest/globals';
import { openFilesWarning } from '../../../src/service/warnings';

describe('the warning of a low limit of open files', () => {
  it('counts two sockets for each association, and some files more', () => {
    expect(openFilesWarning(100, 264)).toBeUndefined();
    expect(openFilesWarning(100, 263)).toBe(
      'this process may open 263 files, limits.maxAssociations 100 can need 264; with all files open, ' +
        'connections without an association are closed. Allow more (LimitNOFILE=264 in the unit of systemd, ulimit -n 264 in a shell), ' +
        'or lower limits.maxAssociations',
    );
  });
});
