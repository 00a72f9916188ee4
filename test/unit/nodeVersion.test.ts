import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { engines } from '../../package.json';

const check = join(__dirname, '../../src/nodeVersion.cjs');

/** Runs the check in a process that says it is another version. */
function runAs(version: string) {
  const asVersion = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); require('${check}')`;
  return spawnSync(process.execPath, ['-e', asVersion], { encoding: 'utf8' });
}

describe('the check of the version of Node.js', () => {
  it.each(['18.20.8', '20.18.3', '8.0.0'])('refuses %s in words', (version) => {
    const { status, stderr, stdout } = runAs(version);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`error: Aegis needs Node.js 20.19 or later, but this is Node.js ${version} (`);
    expect(stderr).toContain('Install Node.js 24 or 22');
  });

  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0', '100.0.0'])('lets %s pass without a word', (version) => {
    expect(runAs(version)).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('asks for the version that package.json asks for', () => {
    expect(engines.node).toBe('>=20.19');
  });
});
