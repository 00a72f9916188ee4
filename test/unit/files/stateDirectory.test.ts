import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';
import { stateFile, writeStateFile } from '../../../src/files/stateDirectory';
import { temporaryFolder } from '../../support/processes';

it('makes the folder for its owner alone, and replaces its files whole', async () => {
  const directory = join(temporaryFolder(), 'kept', 'state');
  await writeStateFile(directory, 'locks.json', 'one');
  await writeStateFile(directory, 'locks.json', 'two');
  const file = stateFile(directory, 'locks.json');
  expect(readFileSync(file, 'utf8')).toBe('two');
  expect(readdirSync(directory)).toEqual(['locks.json']);
  expect([directory, dirname(directory), file].map((path) => statSync(path).mode & 0o777)).toEqual([
    0o700, 0o700, 0o600,
  ]);
});

it('names the folder that cannot be made', async () => {
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  const directory = join(file, 'state');
  await expect(writeStateFile(directory, 'locks.json', '')).rejects.toThrow(`${directory} `);
});
