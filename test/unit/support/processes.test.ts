import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freePort, runProcess, startProcess, temporaryFolder } from '../../support/processes';

function node(script: string) {
  return startProcess(process.execPath, ['-e', script]);
}

describe('a process of a test', () => {
  it('resolves when it prints what is waited for, also in pieces', async () => {
    const started = node(
      'process.once("SIGHUP", () => { console.log("dy 42"); process.exit(); }); setInterval(() => {}, 1000); process.stdout.write("rea")',
    );
    await started.waitForOutput(/rea/);
    started.kill('SIGHUP');
    const [, number] = await started.waitForOutput(/ready (\d+)/);
    expect(number).toBe('42');
    expect(await started.exited).toEqual({ exitCode: 0, signal: null });
  });

  it('rejects with its output when it ends without printing what is waited for', async () => {
    const started = node('console.error("no such file"); process.exit(3)');
    await expect(started.waitForOutput(/ready/)).rejects.toThrow('no such file');
    expect((await started.exited).exitCode).toBe(3);
  });

  it('rejects when the program does not exist', async () => {
    const started = startProcess('no-such-program', []);
    await expect(started.waitForOutput(/ready/)).rejects.toThrow('ENOENT');
  });

  it('rejects when nothing is printed in time, and can then be stopped', async () => {
    const started = node('setInterval(() => {}, 1000)');
    await expect(started.waitForOutput(/ready/, 50)).rejects.toThrow('within 50 ms');
    expect(await started.stop()).toEqual({ exitCode: null, signal: 'SIGTERM' });
    expect(started.isRunning).toBe(false);
  });

  it('is waited for until it listens', async () => {
    const port = await freePort();
    const started = node(`require('net').createServer().listen(${port}, '127.0.0.1')`);
    await started.waitForPort(port);
    await started.stop();
  });

  it('is killed when it takes longer than its deadline', async () => {
    const script = ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'];
    await expect(runProcess(process.execPath, script, { deadlineMs: 300 })).rejects.toThrow('within 300 ms');
  });
});

describe('a free port', () => {
  it('is one that can be listened on', async () => {
    const server = createServer().listen(await freePort(), '127.0.0.1');
    await once(server, 'listening');
    server.close();
  });
});

describe('a temporary folder', () => {
  it('exists until the end of the test file', () => {
    expect(existsSync(temporaryFolder())).toBe(true);
  });
});
