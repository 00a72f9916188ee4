/** `aegis check` beside a gateway that runs: its ports are its own, and nobody else's. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerCheck } from '../../src/commands/check';
import { runCommand } from '../support/commandLine';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, temporaryFolder } from '../support/processes';
import { SpyUpstream } from '../support/spyUpstream';

// Elsewhere nothing says who has a port.
const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

async function configurationWith(rest: Partial<ConfigurationInput>): Promise<ConfigurationInput> {
  const archive = await SpyUpstream.start();
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: await freePort() }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archive.port}`] } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } },
    egress: { port: await freePort() },
    ...rest,
  };
}

async function portProblems(file: string) {
  const { printed } = await runCommand(registerCheck, ['--config', file, '--json', 'check']);
  const { problems } = JSON.parse(printed) as { problems: { kind: string; path: string; message: string }[] };
  return problems.filter(({ kind }) => kind === 'port');
}

describeOnLinux('aegis check beside a running gateway', () => {
  it.each([1, 2])(
    'takes the ports of this configuration for its own, with %i process(es)',
    async (workers) => {
      const configuration = await configurationWith({ workers });
      const gateway = await GatewayProcess.start(configuration);
      expect(await portProblems(gateway.configurationFile)).toEqual([]);
    },
  );

  it('names the gateway of another configuration', async () => {
    const configuration = await configurationWith({});
    const gateway = await GatewayProcess.start(configuration);
    const file = join(temporaryFolder(), 'other.jsonc');
    writeFileSync(file, JSON.stringify(configuration));
    const words = `is in use by another gateway (PID ${gateway.process.pid}, ${gateway.configurationFile}); stop it or choose another port`;
    expect(await portProblems(file)).toEqual([
      expect.objectContaining({ path: 'listeners[0].port', message: expect.stringContaining(words) }),
      expect.objectContaining({ path: 'egress.port', message: expect.stringContaining(words) }),
    ]);
  });

  it('opens the ports for a moment only', async () => {
    const configuration = await configurationWith({});
    const file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(configuration));
    expect(await portProblems(file)).toEqual([]);
    const gateway = await GatewayProcess.start(configuration);
    expect(gateway.port('plain')).toBe(configuration.listeners[0]?.port);
  });
});
