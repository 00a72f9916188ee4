import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ExitCode } from '../../../src/errors';
import { readBytes, readText, readUtf8 } from '../../../src/files/read';
import { temporaryFolder } from '../../support/processes';

function write(content: string | Buffer, mode = 0o600): string {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

describe('reading a file', () => {
  it.each([0, 1, 4095, 4096, 4097])('gives all of %i bytes, and accepts no more than the bound', (length) => {
    const content = Buffer.alloc(length, 'x');
    const file = write(content);
    expect(readBytes(file, { maxBytes: length })).toEqual(content);
    writeFileSync(file, Buffer.alloc(length + 1));
    expect(() => readBytes(file, { maxBytes: length, tooLong: 'that is too much' })).toThrow(/too much$/);
  });

  it('takes a pipe as well, which does not say how long it is', () => {
    const pipe = join(temporaryFolder(), 'pipe');
    const writer = `mkfifo -m 600 "${pipe}" && (printf 'through a pipe' > "${pipe}" &)`;
    execFileSync('sh', ['-c', writer], { stdio: 'ignore' });
    expect(readText(pipe, { secret: 'password' })).toBe('through a pipe');
  });

  it('ends at the bound where a file has no end', () => {
    expect(() => readBytes('/dev/zero', { maxBytes: 64 * 1024 })).toThrow(
      '/dev/zero has more than 64 KiB; name the right file',
    );
  });

  it('refuses a secret that others could read, and does not show it', () => {
    const file = write('hush', 0o640);
    expect(() => readText(file, { secret: 'password' })).toThrow(
      `${file} has mode 640, so others than its owner have access to the password; run "chmod 600 ${file}"`,
    );
    chmodSync(file, 0o600);
    expect(readText(file, { secret: 'password' })).toBe('hush');
  });

  const itAsRoot = process.getuid?.() === 0 ? it : it.skip;
  itAsRoot('does not advise root to lock a service out of its secret', () => {
    const file = write('hush', 0o640);
    chownSync(file, 0, 12345);
    expect(() => readText(file, { secret: 'password' })).toThrow(
      /; run this command as the account of the gateway, as in "runuser -u aegis -- aegis check"$/,
    );
  });

  it('takes a byte order mark away, and refuses what is not UTF-8 only where asked', () => {
    expect(readUtf8(write('\ufeff{}'))).toBe('{}');
    const latin1 = write(Buffer.from('R\xf6ntgen', 'latin1'));
    expect(() => readUtf8(latin1)).toThrow(`${latin1} is not UTF-8; save it in that encoding`);
    expect(readText(latin1)).toBe('R\ufffdntgen');
  });

  it('says what to do about a file that is not there, with the exit code of the caller', () => {
    const file = join(temporaryFolder(), 'none\u001b');
    const error = expect.objectContaining({
      message: expect.stringMatching(/none\\u\{1b\} does not exist; make it$/),
      exitCode: ExitCode.Usage,
      code: 'ENOENT',
    });
    expect(() => readText(file, { missing: 'make it', exitCode: ExitCode.Usage })).toThrow(error);
  });
});
