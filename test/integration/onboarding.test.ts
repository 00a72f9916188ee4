/**
 * A device that nobody knows yet, from its first refusal to its first association: `aegis modality pending`, `aegis
 * modality approve` and `aegis status` against a real gateway process that begins with an empty allowlist.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanEntry } from '../../src/commands/modality/approve';
import { registerApprove, registerPending } from '../../src/commands/modality/modality';
import { registerStatus } from '../../src/commands/status/status';
import type { RegisterCommand } from '../../src/terminal/command';
import { testCertificates } from '../support/certificates';
import { runCommand } from '../support/commandLine';
import { encodeElement, explicitLittleEndian, uidValue } from '../support/dataElements';
import { proposedContext } from '../support/dicomBytes';
import type { ConfigurationInput } from '../support/gateway';
import { GatewayProcess } from '../support/gatewayProcess';
import { freePort, startProcess, temporaryFolder } from '../support/processes';
import { RawScu } from '../support/rawScu';
import { SpyUpstream } from '../support/spyUpstream';
import { SopClass } from '../support/uids';

const TOKEN = '0123456789abcdef';
const cli = resolve(__dirname, '../../dist/cli.js');
const certificates = testCertificates();
const contexts = [proposedContext(1, SopClass.Verification), proposedContext(3, SopClass.CTImageStorage)];
/** What the gateway looks at: the SOP class and the instance. The spy accepts the first transfer syntax. */
const dataSet = Buffer.concat([
  encodeElement(explicitLittleEndian, 0x0008, 0x0016, 'UI', uidValue(SopClass.CTImageStorage)),
  encodeElement(explicitLittleEndian, 0x0008, 0x0018, 'UI', uidValue('1.2.3')),
]);

let spy: SpyUpstream;
beforeAll(async () => {
  spy = await SpyUpstream.start();
});

/** Writes the entry into the JSON file; editing text in place is not what is tested here. */
const writeEntry: PlanEntry = async (file, name, entry) => ({
  diff: `+ ${name}\n`,
  save: async () => {
    const configuration = JSON.parse(readFileSync(file, 'utf8'));
    configuration.modalities[name] = entry;
    writeFileSync(file, JSON.stringify(configuration));
  },
});

const registerVerbs: RegisterCommand = (program, context) => {
  const modality = program.command('modality');
  registerPending(modality, context);
  registerApprove(modality, context, writeEntry);
};

function run(gateway: { readonly configurationFile: string }, ...words: readonly string[]) {
  return runCommand(words.includes('status') ? registerStatus : registerVerbs, [
    '--config',
    gateway.configurationFile,
    ...words,
  ]);
}

async function configurationWith(changes: Partial<ConfigurationInput> = {}): Promise<ConfigurationInput> {
  const { certificateFile: certificate, privateKeyFile: privateKey } = certificates.server;
  const trustedCertificates = certificates.ca.certificateFile;
  return {
    listeners: [
      { name: 'tls', host: '127.0.0.1', port: 0, tls: { certificate, privateKey, trustedCertificates } },
      { name: 'plain', host: '127.0.0.1', port: 0 },
    ],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${spy.port}`] } },
    modalities: {},
    unknownAddresses: 'reject',
    admin: { port: await freePort(), token: TOKEN },
    timeouts: { closeSeconds: 0.5 },
    ...changes,
  };
}

async function start(changes: Partial<ConfigurationInput> = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(await configurationWith(changes));
  await gateway.process.waitForOutput(/\(admin HTTP\)\n/);
  return gateway;
}

async function call(gateway: GatewayProcess, client = certificates.client): Promise<RawScu> {
  const { cert, key } = client;
  const scu = await RawScu.connect({
    port: gateway.port('tls'),
    tls: { ca: certificates.ca.cert, cert, key, servername: 'localhost' },
  });
  await scu.associate({ calling: 'CT9', called: 'ARCHIVE', contexts });
  return scu;
}

function audited(gateway: GatewayProcess, event: string, times = 1) {
  return gateway.process.waitForOutput(new RegExp(`("event":"${event}"[^]*?){${times}}\\n`));
}

async function idOfOnly(gateway: GatewayProcess): Promise<string> {
  const { printed } = await run(gateway, '--json', 'modality', 'pending');
  const { callers } = JSON.parse(printed);
  expect(callers).toHaveLength(1);
  return callers[0].id;
}

describe('a device that nobody knows', () => {
  it('is refused, listed, approved, let in with what was named, and off the list', async () => {
    const gateway = await start();
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const listed = await run(gateway, 'modality', 'pending');
    const id = await idOfOnly(gateway);
    expect(listed.printed).toContain(`${id.slice(0, 4)}  CT9@127.0.0.1 to ARCHIVE\n`);
    expect(listed.printed).toContain('reason       calling-ae-title-unknown: ');
    expect(listed.printed).toContain(
      'proposes     Verification, CTImageStorage; for all of it, it needs echo,store\n',
    );

    const approved = await run(gateway, 'modality', 'approve', id, '--allow', 'store');
    expect(approved.printed).toBe(
      `+ ct9\nmodalities.ct9 was added to ${gateway.configurationFile}\nthe gateway has reloaded it\n`,
    );
    const { modalities } = JSON.parse(readFileSync(gateway.configurationFile, 'utf8'));
    expect(modalities).toEqual({
      ct9: {
        callingAeTitle: 'CT9',
        from: '127.0.0.1',
        certificate: expect.stringMatching(/^spki-sha256:[0-9A-F:]{95}$/),
        allow: ['store'],
      },
    });
    expect((await run(gateway, 'modality', 'pending')).printed).toBe('no pending callers\n');

    const scu = await call(gateway);
    await audited(gateway, 'association.accepted');
    const instance = { sopClassUid: SopClass.CTImageStorage, sopInstanceUid: '1.2.3', dataSet };
    expect(await scu.store(3, instance)).toBe(0);
    await scu.release();
    const stranger = certificates.issue('stranger', { issuer: certificates.ca });
    await call(gateway, stranger);
    await audited(gateway, 'association.rejected', 2);
    const { printed } = await run(gateway, 'modality', 'pending');
    expect(printed).toContain('reason       certificate-mismatch: ');
    expect(printed).toContain('(entry ct9)');
    await expect(
      run(gateway, 'modality', 'approve', await idOfOnly(gateway), '--allow', 'store'),
    ).rejects.toThrow(
      /^no new entry would help: it has an entry, but shows another certificate; if that is right, add "spki-sha256:[0-9A-F:]{95}" to certificate of modalities\.ct9$/,
    );
  });

  it('is let in by nothing that only looks', async () => {
    const gateway = await start();
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const before = readFileSync(gateway.configurationFile, 'utf8');
    const { printed } = await run(
      gateway,
      'modality',
      'approve',
      await idOfOnly(gateway),
      '--allow',
      'echo',
      '--dry-run',
    );
    expect(printed).toBe('+ ct9\nnothing was written (--dry-run)\n');
    expect(readFileSync(gateway.configurationFile, 'utf8')).toBe(before);
    await expect(run(gateway, 'modality', 'approve', await idOfOnly(gateway))).rejects.toThrow(
      /^name what it may do: --allow with one or more of echo, find/,
    );
    expect(readFileSync(gateway.configurationFile, 'utf8')).toBe(before);
    await call(gateway);
    await audited(gateway, 'association.rejected', 2);
  });

  it('goes off the list unapproved', async () => {
    const gateway = await start();
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const id = await idOfOnly(gateway);
    expect((await run(gateway, 'modality', 'pending', '--remove', id)).printed).toBe(
      `${id} is no longer listed\n`,
    );
    await expect(run(gateway, 'modality', 'pending', '--remove', id)).rejects.toMatchObject({ exitCode: 1 });
    expect((await run(gateway, 'modality', 'pending')).printed).toBe('no pending callers\n');
  });

  it('can be approved without a token: the operator is asked to reload', async () => {
    const gateway = await start({ admin: { port: await freePort() } });
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const { printed } = await run(gateway, 'modality', 'approve', await idOfOnly(gateway), '--allow', 'echo');
    expect(printed).toMatch(/\nnext: systemctl reload aegis +\(or "kill -HUP PID"/);
    await expect(
      run(gateway, 'modality', 'approve', await idOfOnly(gateway), '--allow', 'echo'),
    ).rejects.toMatchObject({
      exitCode: 1,
      message: `nothing was written: modalities.ct9 of ${gateway.configurationFile} lets it in already; next: aegis --config ${gateway.configurationFile} reload`,
    });
    gateway.process.kill('SIGHUP');
    await gateway.process.waitForOutput(/was reloaded/);
    const scu = await call(gateway);
    await audited(gateway, 'association.accepted');
    expect((await run(gateway, 'modality', 'pending')).printed).toBe('no pending callers\n');
    await scu.release();
  });

  it('can be approved while the gateway does not run, from the file', async () => {
    const file = join(temporaryFolder(), 'pending.json');
    const gateway = await start({ pending: { file } });
    await call(gateway);
    await audited(gateway, 'association.rejected');
    await gateway.process.stop();
    const { printed } = await run(gateway, 'modality', 'approve', await idOfOnly(gateway), '--allow', 'echo');
    expect(printed).toContain('modalities.ct9 was added');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ version: 1, callers: [] });
  });

  it('is not said to be let in by a gateway that runs from another file', async () => {
    const gateway = await start();
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const copy = join(temporaryFolder(), 'copy.json');
    copyFileSync(gateway.configurationFile, copy);
    const id = await idOfOnly(gateway);
    await expect(
      run({ configurationFile: copy }, 'modality', 'approve', id, '--allow', 'echo'),
    ).rejects.toMatchObject({
      exitCode: 1,
      message: `the entry was written to ${copy}, but the gateway at http://127.0.0.1:${gateway.port('admin HTTP')} does not have it: it runs from ${gateway.configurationFile}, which says something else; add the entry there (--config), then reload`,
    });
    expect(await idOfOnly(gateway)).toBe(id);
  });

  it('is let in by a gateway that took the file over before the request to do so', async () => {
    const gateway = await start();
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const early: PlanEntry = async (...planned) => {
      const { diff, save } = await writeEntry(...planned);
      return {
        diff,
        save: async () => {
          await save!();
          gateway.process.kill('SIGHUP');
          await gateway.process.waitForOutput(/was reloaded/);
        },
      };
    };
    const register: RegisterCommand = (program, context) =>
      registerApprove(program.command('modality'), context, early);
    const { printed } = await runCommand(register, [
      ...['--config', gateway.configurationFile],
      ...['modality', 'approve', await idOfOnly(gateway), '--allow', 'echo'],
    ]);
    expect(printed).toContain('the gateway has reloaded it\n');
  });

  it('learns that the gateway does not take the file over', async () => {
    const gateway = await start();
    await call(gateway);
    await audited(gateway, 'association.rejected');
    const id = await idOfOnly(gateway);
    writeFileSync(
      gateway.configurationFile,
      readFileSync(gateway.configurationFile, 'utf8').replace('"timeouts"', '"workers": 2, "timeouts"'),
    );
    const approving = run(gateway, 'modality', 'approve', id, '--allow', 'echo');
    await expect(approving).rejects.toThrow(
      /^the gateway did not take .* over; its running configuration stays$/,
    );
  });
});

describe('aegis modality pending', () => {
  it('says what keeps strangers off the list', async () => {
    const ct1 = { callingAeTitle: 'CT1', from: '127.0.0.1', allow: 'echo' } as const;
    const gateway = await start({ unknownAddresses: 'close', modalities: { ct1 } });
    expect((await run(gateway, 'modality', 'pending')).printed).toBe(
      'no pending callers\n\nnote: addresses that are in no entry are closed before they say who they are, and are not listed: set unknownAddresses to "reject" while you wait for new ones\n',
    );
  });

  it('says that no list is kept', async () => {
    const configurationFile = join(temporaryFolder(), 'aegis.jsonc');
    const { admin: _, ...configuration } = await configurationWith();
    writeFileSync(configurationFile, JSON.stringify(configuration));
    await expect(run({ configurationFile }, 'modality', 'pending')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('has neither admin nor pending.file'),
    });
  });
});

describe('aegis status', () => {
  it('is 0 for a gateway that is ready', async () => {
    const gateway = await start();
    const { exitCode, printed } = await run(gateway, 'status');
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^ready: aegis \d+\.\d+\.\d+, up /);
    const json = await run(gateway, '--json', 'status');
    expect(JSON.parse(json.printed)).toMatchObject({
      isReady: true,
      listeners: [{ name: 'tls' }, { name: 'plain' }],
    });
  });

  it('is 1 for one that is not ready', async () => {
    const gateway = await start({ upstreams: { ARCHIVE: { servers: [`127.0.0.1:${await freePort()}`] } } });
    const { exitCode, printed } = await run(gateway, 'status');
    expect(exitCode).toBe(1);
    expect(printed).toMatch(/^NOT READY \(no upstream answers\): aegis /);
  });

  it('is 1 where nothing answers, and says so', async () => {
    const gateway = await start();
    await gateway.process.stop();
    await expect(run(gateway, 'status')).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringMatching(
        /^the gateway cannot be asked at http:.*: nothing listens there \(ECONNREFUSED\)/,
      ),
    });
  });

  it('needs a configuration that is readable enough, not one without a fault', async () => {
    const gateway = await start();
    const text = readFileSync(gateway.configurationFile, 'utf8');
    writeFileSync(gateway.configurationFile, text.replace('"modalities": {}', '"modalities": { "ct1": {} }'));
    expect((await run(gateway, 'status')).exitCode).toBe(0);
    writeFileSync(gateway.configurationFile, '{');
    await expect(run(gateway, 'status')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(
        /closing brace } is expected here\nuntil that is fixed, name the admin HTTP of the running gateway: --url /,
      ),
    });
  });

  it('watches until it is stopped, also while the gateway is away', async () => {
    const gateway = await start();
    const watching = startProcess(process.execPath, [
      cli,
      '--config',
      gateway.configurationFile,
      'status',
      '--watch',
      '0.1',
    ]);
    await watching.waitForOutput(/(ready: aegis [\s\S]*){3}/);
    await gateway.process.stop();
    await watching.waitForOutput(/(error: the gateway cannot be asked [\s\S]*){2}/);
    expect(await watching.stop('SIGINT')).toEqual({ exitCode: 1, signal: null });
  });

  it('asks a URL without a configuration', async () => {
    const gateway = await start();
    const url = `http://127.0.0.1:${gateway.port('admin HTTP')}`;
    expect((await run({ configurationFile: '/none' }, 'status', '--url', url)).exitCode).toBe(0);
    await expect(run({ configurationFile: '/none' }, 'status', '--url', 'ftp://x')).rejects.toMatchObject({
      exitCode: 2,
    });
  });

  it('with --alive asks whether it runs, not whether it is ready, as the health check of the image does', async () => {
    const gateway = await start({ upstreams: { ARCHIVE: { servers: [`127.0.0.1:${await freePort()}`] } } });
    const url = `http://127.0.0.1:${gateway.port('admin HTTP')}`;
    const words = ['status', '--alive', '--url', url] as const;
    // Its configuration may be half edited.
    expect(await run({ configurationFile: '/none' }, ...words)).toMatchObject({
      exitCode: 0,
      printed: `the gateway at ${url} runs\n`,
    });
    expect((await run(gateway, '--json', 'status', '--alive')).printed).toBe('{"isAlive":true}\n');
    await gateway.process.stop();
    await expect(run({ configurationFile: '/none' }, ...words)).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('does it run, with "admin"?'),
    });
  });

  it('asks beyond loopback with the token of the configuration', async () => {
    const gateway = await start({ admin: { host: '0.0.0.0', port: await freePort(), token: TOKEN } });
    expect((await run(gateway, 'status')).exitCode).toBe(0);
    const text = readFileSync(gateway.configurationFile, 'utf8');
    writeFileSync(gateway.configurationFile, text.replace(TOKEN, `${TOKEN}-of-another`));
    const refused = run(gateway, 'status');
    await expect(refused).rejects.toMatchObject({
      exitCode: 1,
      message: expect.stringContaining('wants a token, or another one'),
    });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining(TOKEN) });
  });
});
