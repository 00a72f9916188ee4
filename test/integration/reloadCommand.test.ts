/**
 * `aegis reload` and the offer of it, against a real gateway process: by its admin token, by its PID file, and where there
 * is neither, or no gateway.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { registerModality } from '../../src/commands/modality/modality';
import { registerReload } from '../../src/commands/reload/reload';
import { ExitCode } from '../../src/errors';
import { runCommand } from '../support/commandLine';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, startProcess, temporaryFolder } from '../support/processes';
import { SpyUpstream } from '../support/spyUpstream';
import { openTerminal, type Terminal } from '../support/terminal';
import { waitFor } from '../support/waiting';

const TOKEN = '0123456789abcdef';
const { isTTY } = process.stdin;
let archive: SpyUpstream;

beforeAll(async () => {
  archive = await SpyUpstream.start();
});
beforeEach(() => {
  process.stdin.isTTY = false;
});
afterEach(() => {
  process.stdin.isTTY = isTTY;
});

function configurationWith(changes: Partial<ConfigurationInput> = {}): ConfigurationInput {
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: `127.0.0.1:${archive.port}` } },
    modalities: { ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo' } },
    ...changes,
  };
}

async function start(configuration: ConfigurationInput): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(configuration);
  if (configuration.admin !== undefined) await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function withToken(): Promise<ConfigurationInput> {
  return configurationWith({ admin: { port: await freePort(), token: TOKEN } });
}

function reload(file: string, ...options: string[]) {
  return runCommand(registerReload, ['--config', file, ...options, 'reload']);
}

function modality(file: string, ...words: string[]) {
  return runCommand(registerModality, ['--config', file, 'modality', ...words]);
}

const addCt2 = [
  'add',
  '--calling',
  'CT2',
  '--from',
  '127.0.0.1',
  '--allow',
  'echo',
  '--listener',
  'plain',
  '--no-sheet',
];

describe('aegis reload with an admin token', () => {
  it('shows what is different, in words and for a machine', async () => {
    const configuration = await withToken();
    const { configurationFile: file } = await start(configuration);
    const { ct1 } = configuration.modalities;
    writeFileSync(
      file,
      JSON.stringify({ ...configuration, modalities: { ct1: { ...ct1, allow: ['echo', 'find'] } } }),
    );
    expect(await reload(file)).toMatchObject({
      exitCode: ExitCode.Done,
      printed: `the gateway has reloaded ${file}\n  modality "ct1" changed: allow + "find"\n`,
      printedErrors: '',
    });
    expect((await reload(file)).printed).toBe(`the gateway has reloaded ${file}: nothing has changed\n`);
    expect(JSON.parse((await reload(file, '--json')).printed)).toMatchObject({
      ...{ by: 'admin', isReloaded: true, file, problems: [], changes: [], ended: 0 },
    });
  });

  it('reports with their places why the gateway refused the configuration', async () => {
    const configuration = await withToken();
    const gateway = await start(configuration);
    const { configurationFile: file } = gateway;
    const broken = JSON.stringify(configuration, undefined, 2).replace(
      '"from": "127.0.0.1"',
      '"from": "127.0.0"',
    );
    writeFileSync(file, broken);
    const line = broken.slice(0, broken.indexOf('"from"')).split('\n').length;
    const refused = `the gateway refused ${file}; it goes on with its old configuration`;
    await expect(reload(file)).rejects.toMatchObject({
      message: `${file}:${line}:15 modalities.ct1.from "127.0.0" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted\n${refused}`,
      exitCode: ExitCode.Failed,
    });
    const json = await reload(file, '--json');
    expect(json.exitCode).toBe(ExitCode.Failed);
    expect(JSON.parse(json.printed)).toMatchObject({ isReloaded: false, problems: [{ line, column: 15 }] });

    // Too broken to find the gateway with.
    writeFileSync(file, broken.replace('"modalities": {', '"modalities" {'));
    await expect(reload(file)).rejects.toMatchObject({
      message: expect.stringMatching(/:\d+:\d+ .*\nthe gateway was not asked, because it would refuse .*;/),
      exitCode: ExitCode.Failed,
    });
    expect(JSON.parse((await reload(file, '--json')).printed)).toMatchObject({
      by: 'check',
      isReloaded: false,
    });
  });

  it('notices that the gateway runs from another file', async () => {
    const configuration = await withToken();
    const { configurationFile } = await start(configuration);
    const copy = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(copy, `${readFileSync(configurationFile, 'utf8')}// mine\n`);
    await expect(reload(copy)).rejects.toMatchObject({
      message: expect.stringContaining(
        `reloaded ${configurationFile}, which does not say what ${copy} says;`,
      ),
      exitCode: ExitCode.Failed,
    });
  });

  it('says in words that no gateway runs', async () => {
    const file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(await withToken()));
    await expect(reload(file)).rejects.toMatchObject({
      message: expect.stringMatching(
        /ECONNREFUSED.*\nstart it with "aegis start"; if it runs, admin was changed/,
      ),
      exitCode: ExitCode.Failed,
    });
  });
});

describe('aegis reload with a PID file', () => {
  const startWithPidFile = async () => {
    const folder = temporaryFolder();
    const pidFile = join(folder, 'aegis.pid');
    const configuration = configurationWith({ pidFile, audit: { file: join(folder, 'audit.jsonl') } });
    const gateway = await start(configuration);
    await waitFor('the PID file', () => existsSync(pidFile));
    return { pidFile, configuration, gateway, file: gateway.configurationFile };
  };

  it('sends SIGHUP, and says what it cannot know and where to look', async () => {
    const { pidFile, gateway, file } = await startWithPidFile();
    const { exitCode, printed } = await reload(file);
    expect(exitCode).toBe(ExitCode.Done);
    expect(printed.split('\n')).toEqual([
      `SIGHUP was sent to the gateway, process ${readFileSync(pidFile, 'utf8').trim()}`,
      `a signal gets no answer: whether it took ${file} over is not known here`,
      'look for "configuration.reloaded" or "configuration.rejected"',
      `  in ${join(dirname(pidFile), 'audit.jsonl')}, or`,
      '  in what the gateway prints: journalctl -u aegis -n 20',
      '',
    ]);
    await gateway.event('configuration.reloaded');
  });

  it('sends none where the configuration is wrong', async () => {
    const { gateway, configuration, file } = await startWithPidFile();
    writeFileSync(file, JSON.stringify({ ...configuration, modalities: {} }));
    await expect(reload(file)).rejects.toMatchObject({
      message: expect.stringMatching(
        /modalities is empty[\s\S]*\nthe gateway was not asked, because it would refuse/,
      ),
      exitCode: ExitCode.Failed,
    });
    writeFileSync(file, JSON.stringify(configuration));
    await reload(file);
    await gateway.event('configuration.reloaded');
    expect(gateway.auditLines.filter(({ event }) => event === 'configuration.rejected')).toEqual([]);
  });

  it('follows the file to its new place, and takes it away in the end', async () => {
    const { pidFile, gateway, configuration, file } = await startWithPidFile();
    const moved = join(dirname(pidFile), 'moved.pid');
    writeFileSync(file, JSON.stringify({ ...configuration, pidFile: moved }));
    gateway.process.kill('SIGHUP');
    await waitFor('the new PID file', () => existsSync(moved) && !existsSync(pidFile));
    await reload(file);
    gateway.process.kill('SIGTERM');
    await gateway.process.exited;
    expect(existsSync(moved)).toBe(false);
    await expect(reload(file)).rejects.toMatchObject({
      message: `no gateway runs: ${moved} names no process that is one; start it with "aegis start"`,
      exitCode: ExitCode.Failed,
    });
  });

  it('signals nobody but a gateway: numbers are used again', async () => {
    const { pidFile, gateway, file } = await startWithPidFile();
    gateway.process.kill('SIGKILL');
    await gateway.process.exited;
    const innocent = startProcess(process.execPath, [
      '-e',
      'setInterval(() => {}, 1000); console.log(process.pid)',
    ]);
    const [, pid] = await innocent.waitForOutput(/^(\d+)\n/);
    writeFileSync(pidFile, `${pid}\n`);
    await expect(reload(file)).rejects.toMatchObject({ message: expect.stringMatching(/^no gateway runs/) });
    writeFileSync(pidFile, '-1\n');
    await expect(reload(file)).rejects.toMatchObject({
      message: `${pidFile} holds no process ID; correct pidFile`,
      exitCode: ExitCode.Failed,
    });
  });
});

it('is wrong usage where the configuration leads to no gateway', async () => {
  const { configurationFile: file } = await start(configurationWith());
  await expect(reload(file)).rejects.toMatchObject({
    message: expect.stringContaining('has neither an admin token nor pidFile'),
    exitCode: ExitCode.Usage,
  });
});

describe('a change of the allowlist', () => {
  let terminal: Terminal | undefined;
  afterEach(() => {
    terminal?.close();
    terminal = undefined;
  });

  it('shows the line to type, or reloads with --reload', async () => {
    const { configurationFile: file } = await start(await withToken());
    expect((await modality(file, ...addCt2)).printed).toContain(`\nnext:\n  aegis --config ${file} reload\n`);
    const elsewhere = ['--move-destination', 'ELSEWHERE'];
    const changed = await modality(file, 'set', 'ct2', '--allow', '+find', ...elsewhere, '--reload');
    // The command and the gateway both find it.
    expect(changed.printedErrors.match(/has no effect, because "move" is not in allow/g)).toHaveLength(1);
    expect(changed.printed).toContain(
      `the gateway has reloaded ${file}\n  modality "ct2" added: CT2 from 127.0.0.1, allow echo, find\n`,
    );
    const removed = await runCommand(registerModality, [
      ...['--config', file, '--json', 'modality', 'remove', 'ct2', '--reload'],
    ]);
    expect(JSON.parse(removed.printed)).toMatchObject({
      isWritten: true,
      reload: { isReloaded: true, changes: ['modality "ct2" removed'] },
    });
  });

  it('asks on a terminal, and takes anything but yes for no', async () => {
    const { configurationFile: file } = await start(await withToken());
    terminal = openTerminal();
    terminal.answers = [''];
    const added = await modality(file, ...addCt2);
    expect(terminal.asked).toContain('Reload the running gateway now? [y/N]: ');
    expect(added.printed).toContain(`\nnext:\n  aegis --config ${file} reload\n`);
    terminal.answers = ['y'];
    const removed = await modality(file, 'remove', 'ct2');
    expect(removed.printed).toMatch(/\nthe gateway has reloaded .*: nothing has changed\n$/);
  });

  it('asks nothing where no gateway runs, and says what to start', async () => {
    const file = join(temporaryFolder(), 'aegis.jsonc');
    writeFileSync(file, JSON.stringify(await withToken()));
    terminal = openTerminal();
    expect((await modality(file, ...addCt2)).printed).toContain(`\nnext:\n  aegis --config ${file} start\n`);
    expect(terminal.asked).toBe('');
    await expect(modality(file, 'remove', 'ct2', '--reload')).rejects.toMatchObject({
      message: expect.stringMatching(
        / was written all the same; reload later with "aegis --config \S+ reload"$/,
      ),
      exitCode: ExitCode.Failed,
    });
  });
});
