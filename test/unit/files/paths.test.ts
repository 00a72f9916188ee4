import { posix, win32 } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { areSameFile, configuredPath } from '../../../src/files/paths';

describe('a path in a configuration', () => {
  it.each([
    [win32, 'config', 'certs\\server.key', '../certs/server.key'],
    [win32, 'config', 'config\\ca.crt', 'ca.crt'],
    [win32, 'C:\\aegis\\config', 'C:\\aegis\\certs\\server.key', 'C:/aegis/certs/server.key'],
    [win32, 'C:\\aegis', '\\\\server\\share\\ca.crl', '//server/share/ca.crl'],
    [posix, 'config', 'certs/server.key', '../certs/server.key'],
    [posix, 'config', 'config', '.'],
    [posix, '/etc/aegis', '/var/log/aegis/audit.jsonl', '/var/log/aegis/audit.jsonl'],
    [posix, '/etc/aegis', '/etc/aegis/a\\b.crt', '/etc/aegis/a\\b.crt'],
  ])('is absolute as it was given, else relative to its folder (%#)', (system, folder, path, expected) => {
    expect(configuredPath(folder, path, system)).toBe(expected);
    // And leads back to the file.
    expect(system.resolve(folder, expected)).toBe(system.resolve(path));
  });
});

describe('two looks at one file', () => {
  it('are the same by number and volume; on Windows by number, where Node may leave the volume out', () => {
    const [file, unknown, other] = [
      { dev: 7, ino: 1 },
      { dev: 0, ino: 1 },
      { dev: 7, ino: 2 },
    ];
    expect(areSameFile(file, { ...file }, 'linux')).toBe(true);
    expect(areSameFile(file, unknown, 'linux')).toBe(false);
    expect(areSameFile(file, unknown, 'win32')).toBe(true);
    expect(areSameFile(file, other, 'win32')).toBe(false);
  });
});
