/**
 * The reader of a command's output may stop reading (`aegis modality list | head`). The command ends without a stack trace.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { runProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

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
  it.each([1, 2])('does not keep a gateway from its end, with %d worker(s)', async (workers) => {
    const spy = await SpyUpstream.start();
    const gateway = await GatewayProcess.start(plainConfiguration(spy.port, {}, { workers }));
    gateway.process.closeStdout();
    gateway.process.closeStderr();
    // Both write then: the line of the reload, and words for the operator.
    gateway.process.kill('SIGHUP');
    const scu = await RawScu.connect({ port: gateway.port('plain') });
    const contexts = [proposedContext(1, SopClass.Verification)];
    expect(await scu.associate({ calling: 'CT1', called: 'ARCHIVE', contexts })).toMatchObject({
      kind: 'accepted',
    });
    await scu.release();
    expect(await gateway.process.stop()).toEqual({ exitCode: 0, signal: null });
  });

  it.each([['modality list'], ['modality export'], ['--json modality list']])(
    'ends "aegis %s" quietly',
    async (command) => {
      const line = `"${process.execPath}" "${cli}" --config "${file}" ${command} | head -c 100`;
      const { output } = await runProcess('bash', ['-c', line]);
      expect(output).toHaveLength(100);
    },
  );
});
