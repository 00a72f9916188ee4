/**
 * The audit log as an auditor finds it: written by a gateway with two workers that was rotated, reloaded, restarted and
 * killed under load. `aegis audit verify` finds nothing there, and each thing that is then done to it.
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, jest } from '@jest/globals';
import { rotatedFilesOf } from '../../src/audit/rotatedFiles';
import { registerAudit } from '../../src/commands/audit/audit';
import { runCommand } from '../support/commandLine';
import { CommandField, proposedContext } from '../support/dicomBytes';
import { plainConfiguration } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';
import { waitFor } from '../support/waiting';

jest.setTimeout(90_000);

/** Echoes until the gateway is gone or it is enough. */
async function echoes(
  gateway: GatewayProcess,
  answered: { count: number },
  isOver: () => boolean,
): Promise<void> {
  try {
    const contexts = [proposedContext(1, SopClass.Verification)];
    const scu = await RawScu.associated(gateway.port('plain'), { contexts });
    while (!isOver()) {
      await scu.sendRequest(1, {
        CommandField: CommandField.CEchoRq,
        AffectedSOPClassUID: SopClass.Verification,
      });
      await scu.readMessage();
      answered.count += 1;
    }
    await scu.release();
  } catch {
    // killed
  }
}

describe('the audit log of two workers', () => {
  it('is one chain over rotation, SIGHUP, restart and SIGKILL, and shows what is done to it', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'audit.jsonl');
    const key = join(folder, 'site.key');
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
    const spy = await SpyUpstream.start({ keepsBytes: false });
    const configuration = plainConfiguration(
      spy.port,
      { allow: 'echo' },
      {
        ...{ workers: 2, stateDirectory: join(folder, 'state') },
        audit: {
          file,
          rotate: { maxBytes: 65_536, keep: 500 },
          chain: { key, everySeconds: 0.2 },
          allowed: false,
        },
      },
    );
    const rounds = [
      async (gateway: GatewayProcess) => {
        renameSync(file, `${file}-20261130`);
        gateway.process.kill('SIGHUP');
        await gateway.process.waitForOutput(/was reloaded/);
        await gateway.process.stop();
      },
      async (gateway: GatewayProcess) => {
        gateway.process.kill('SIGKILL');
        await gateway.process.exited;
      },
      async (gateway: GatewayProcess) => await gateway.process.stop(),
    ];
    let configurationFile = '';
    for (const end of rounds) {
      const gateway = await GatewayProcess.start(configuration);
      ({ configurationFile } = gateway);
      const answered = { count: 0 };
      let isOver = false;
      const over = Array.from({ length: 8 }, () => echoes(gateway, answered, () => isOver));
      await waitFor('answers', () => answered.count > 700);
      const ending = end(gateway);
      isOver = end !== rounds[1];
      await Promise.all([ending, ...over]);
    }
    const verify = async () => {
      const { exitCode, printed } = await runCommand(registerAudit, [
        ...['--json', '--config', configurationFile],
        ...['audit', 'verify'],
      ]);
      return { exitCode, ...(JSON.parse(printed) as { faults: object[]; lines: number; signed: object }) };
    };
    expect(await verify()).toMatchObject({
      ...{ exitCode: 0, faults: [], signed: { verified: true, signatures: expect.any(Number) } },
    });
    expect(rotatedFilesOf(file).length).toBeGreaterThan(5);
    const victim = `${file}.3`;
    const text = readFileSync(victim, 'latin1');
    const lines = text.split('\n').slice(0, -1);
    const tampering: readonly [string, string[]][] = [
      ['missing', [...lines.slice(0, 10), ...lines.slice(11)]],
      [
        'changed',
        lines.map((line, index) =>
          index === 10 ? line.replace('"status":"0x0000"', '"status":"0x0001"') : line,
        ),
      ],
      ['moved', [...lines.slice(0, 10), lines[11]!, lines[10]!, ...lines.slice(12)]],
      ['missing', lines.slice(0, 10)],
    ];
    for (const [kind, changed] of tampering) {
      writeFileSync(victim, `${changed.join('\n')}\n`);
      const { exitCode, faults } = await verify();
      expect({ exitCode, faults }).toMatchObject({ exitCode: 1, faults: [{ kind }] });
    }
    writeFileSync(victim, text);
    const end = readFileSync(file, 'latin1');
    writeFileSync(
      file,
      end
        .split('\n')
        .slice(0, -3)
        .map((line) => `${line}\n`)
        .join(''),
    );
    expect(await verify()).toMatchObject({ exitCode: 1, faults: [{ kind: 'missing', file }] });
  });
});
