/** docs/backup.md, tried: what was saved while a gateway ran is restored for another one. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { registerAudit } from '../../src/commands/audit/audit';
import { registerModality } from '../../src/commands/modality/modality';
import { ExitCode } from '../../src/errors';
import { runCommand } from '../support/commandLine';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, runProcess, temporaryFolder } from '../support/processes';

async function configurationIn(folder: string): Promise<ConfigurationInput> {
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: `127.0.0.1:${await freePort()}` } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } },
    admin: { port: await freePort(), token: '0123456789abcdef' },
    stateDirectory: join(folder, 'var/lib/aegis'),
    audit: { file: join(folder, 'var/log/aegis/audit.jsonl') },
  };
}

it('a backup of a gateway that runs brings back its locks, and a log that verifies', async () => {
  const [live, restored] = [temporaryFolder(), temporaryFolder()];
  mkdirSync(join(live, 'var/log/aegis'), { recursive: true });
  const gateway = await GatewayProcess.start(await configurationIn(live));
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  const lock = ['modality', 'lock', 'ct1', '--reason', 'stolen'];
  await runCommand(registerModality, ['--config', gateway.configurationFile, ...lock]);

  const archive = join(live, 'aegis-backup.tar.gz');
  const save = [
    '--create',
    '--gzip',
    '--file',
    archive,
    '--directory',
    live,
    'var/lib/aegis',
    'var/log/aegis',
  ];
  expect((await runProcess('tar', save)).exitCode).toBe(0);
  const restore = ['--extract', '--gzip', '--file', archive, '--directory', restored];
  expect((await runProcess('tar', restore)).exitCode).toBe(0);
  await gateway.process.stop();

  const again = await GatewayProcess.start(await configurationIn(restored));
  const { configurationFile: file } = again;
  const list = await runCommand(registerModality, ['--config', file, 'modality', 'list']);
  expect(list.printed).toContain('until unlocked');
  await again.process.stop();
  expect(again.auditLines[0]).toMatchObject({ event: 'gateway.started', chain: { seq: 3 } });
  const verified = await runCommand(registerAudit, ['--config', file, 'audit', 'verify']);
  expect(verified).toMatchObject({ exitCode: ExitCode.Done });
}, 60_000);
