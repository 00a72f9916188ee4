import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { packageByProgram } from '../../support/peers';
import { runProcess } from '../../support/processes';

const root = join(__dirname, '../../..');

async function runWithoutPeers(environment: Record<string, string>) {
  const { exitCode, output } = await runProcess(
    process.execPath,
    [join(root, 'node_modules/jest/bin/jest.js'), '--testMatch', '**/missingPeer.fixture.ts'],
    { workingDirectory: root, environment, deadlineMs: 60_000 },
  );
  return { exitCode, output, lastLines: output.trimEnd().split('\n').slice(-2) };
}

describe('a suite whose peers are missing', () => {
  it('is skipped, and named at the end of the run with the packages that it needs', async () => {
    const { exitCode, lastLines } = await runWithoutPeers({ CI: '' });
    expect(lastLines).toEqual([
      'Skipped: missingPeer.fixture.ts › a suite: needs the Debian package tshark, dcmtk',
      'Tests: 1 passed, 0 failed',
    ]);
    expect(exitCode).toBe(0);
  });

  it('fails in continuous integration', async () => {
    const { exitCode, output, lastLines } = await runWithoutPeers({ CI: 'true' });
    expect(output).toContain('tshark, storescu, echoscu missing; install the Debian packages tshark, dcmtk');
    expect(lastLines[1]).toBe('Tests: 1 passed, 1 failed');
    expect(exitCode).toBe(1);
  });
});

describe('scripts/install-test-peers.sh', () => {
  it('installs every package that a suite may need', () => {
    const script = readFileSync(join(root, 'scripts/install-test-peers.sh'), 'utf8');
    const installed = [.../^([a-z0-9-]+) \S+$/gm[Symbol.matchAll](script)].map(([, name]) => name);
    expect(installed).toEqual(expect.arrayContaining(Object.values(packageByProgram)));
  });
});
