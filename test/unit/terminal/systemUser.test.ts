import os from 'node:os';
import { afterEach, expect, it, jest } from '@jest/globals';
import { systemUser } from '../../../src/terminal/systemUser';

const sudoUser = process.env.SUDO_USER;

afterEach(() => {
  jest.restoreAllMocks();
  if (sudoUser === undefined) delete process.env.SUDO_USER;
  else process.env.SUDO_USER = sudoUser;
});

it('is nobody, and no failure, in a container whose account has no name', () => {
  delete process.env.SUDO_USER;
  jest.spyOn(os, 'userInfo').mockImplementation(() => {
    throw new Error('uv_os_get_passwd returned ENOENT');
  });
  expect(systemUser()).toBeUndefined();
});

it('names the person behind sudo', () => {
  jest.spyOn(os, 'userInfo').mockReturnValue({ ...os.userInfo(), username: 'root' } as never);
  process.env.SUDO_USER = 'alice';
  expect(systemUser()).toBe('alice as root');
  process.env.SUDO_USER = 'root';
  expect(systemUser()).toBe('root');
});
