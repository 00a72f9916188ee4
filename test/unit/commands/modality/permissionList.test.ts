import { describe, expect, it } from '@jest/globals';
import { parsePermissions } from '../../../../src/commands/modality/permissionList';

describe('a list of permissions', () => {
  it.each([
    ['echo,store', ['echo', 'store']],
    [' find  move, find', ['find', 'move']],
  ])('is read out of %j', (text, permissions) => {
    expect(parsePermissions(text)).toEqual(permissions);
  });

  it.each([
    ['', /^no command is named; accepted are echo, find/],
    [' , ', /^no command is named; accepted are echo, find/],
    ['echo,all', /^"all" is no command; accepted are echo, find/],
    ['*', /^"\*" is no command; accepted are echo, find/],
  ])('is refused when it is %j: nothing is allowed by mistake', (text, message) => {
    expect(() => parsePermissions(text)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), exitCode: 2 }),
    );
  });
});
