/** What is in the file of `aegis support-bundle` where no gateway runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { registerSupportBundle } from '../../../src/commands/supportBundle';
import { runCommand } from '../../support/commandLine';
import { freePort, temporaryFolder } from '../../support/processes';

it('has no token, although an older version wrote it into the log', async () => {
  const folder = temporaryFolder();
  const [configuration, file] = [join(folder, 'aegis.jsonc'), join(folder, 'bundle.tar.gz')];
  const token = '0123456789abcdef0123456789abcdef';
  const audit = { file: join(folder, 'audit.jsonl') };
  writeFileSync(
    configuration,
    JSON.stringify({
      listeners: [{ name: 'plain', port: 11112 }],
      upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
      modalities: { ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' } },
      admin: { port: await freePort(), token },
      audit,
    }),
  );
  const line = {
    time: '2026-11-30T10:00:00.000Z',
    event: 'configuration.rejected',
    outcome: 'failed',
    changes: [`admin.token "before" → "${token}"`],
  };
  writeFileSync(audit.file, `${JSON.stringify(line)}\n`);
  await runCommand(registerSupportBundle, ['--config', configuration, 'support-bundle', file]);
  const text = gunzipSync(readFileSync(file)).toString();
  expect(text).toContain('admin.token \\"before\\" → \\"(secret)\\"');
  expect(text).not.toContain(token);
});
