/**
 * The reader of a command's output may stop reading (`aegis modality list | head`). The command ends without a stack trace.
 */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
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
});
