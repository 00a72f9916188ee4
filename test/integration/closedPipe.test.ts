/**
 * The reader of a command's output may stop reading (`aegis modality list | head`). The command ends without a stack trace.
 */
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { onCleanUp } from '../support/cleanUp';
import { runProcess, temporaryFolder } from '../support/processes';

const cli = resolve(__dirname, '../../dist/cli.js');
const file = join(temporaryFolder(), 'aegis.jsonc');

beforeAll(() => {
  // More than a pipe holds.
  const modalities = Object.fromEntries(
    Array.from({ length: 3000 }, (_, index) => [
      `modality-with-a-long-name-${index}`,
      { callingAeTitle: `CT${index}`, from: '10.1.2.10', allow: ['echo', 'store'] },
    ]),
  );
  const listeners = [{ name: 'plain', port: 104 }];
  const upstreams = { ARCHIVE: { servers: ['127.0.0.1:4242'] } };
  writeFileSync(file, JSON.stringify({ listeners, upstreams, modalities }));
});

describe('a closed pipe', () => {
  it.each([['modality list'], ['modality export'], ['--json modality list']])(
    'ends "aegis %s" quietly',
    async (command) => {
      const line = `"${process.execPath}" "${cli}" --config "${file}" ${command} | head -c 100`;
      const { output } = await runProcess('bash', ['-c', line]);
      expect(output).toHaveLength(100);
    },
  );

  it('leaves a gateway serving whose words nobody reads any more, and it ends as usual', async () => {
    const gatewayFile = join(temporaryFolder(), 'aegis.jsonc');
    const configuration = {
      listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
      upstreams: { ARCHIVE: { servers: '127.0.0.1:4242' } },
      modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } },
    };
    writeFileSync(gatewayFile, JSON.stringify(configuration));
    const gateway = spawn(process.execPath, [cli, '--config', gatewayFile, 'start'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onCleanUp(async () => {
      gateway.kill('SIGKILL');
    });
    const exited = once(gateway, 'exit');
    for await (const [text] of on(gateway.stderr, 'data')) if (String(text).includes('listening on')) break;
    gateway.stderr.destroy();
    gateway.kill('SIGHUP');
    for await (const [line] of on(gateway.stdout, 'data')) {
      if (String(line).includes('configuration.reloaded')) break;
    }
    gateway.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
