/**
 * Commands that read recorded traffic: what another configuration would do with it, and what nobody used.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { registerCheck } from '../../../src/commands/check';
import { registerModality } from '../../../src/commands/modality/modality';
import { registerReload } from '../../../src/commands/reload/reload';
import type { RegisterCommand } from '../../../src/terminal/command';
import { runCommand } from '../../support/commandLine';
import { temporaryFolder } from '../../support/processes';

const FIND = 'StudyRootQueryRetrieveInformationModelFind';
const DAY_MS = 24 * 60 * 60 * 1000;

let config: string;
let audit: string;

function configure(ct1: object, rest: object = {}) {
  const entry = {
    callingAeTitle: 'CT1',
    from: '10.1.2.10',
    listeners: 'plain',
    allow: ['echo', 'find', 'move'],
  };
  writeFileSync(
    config,
    JSON.stringify({
      listeners: [{ name: 'plain', port: 11112 }],
      upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
      modalities: { ct1: { ...entry, ...ct1 } },
      audit: { file: audit },
      ...rest,
    }),
  );
}

/** The lines of requests of CT1, days ago. */
function line(event: string, facts: object, daysAgo = 1) {
  const outcome = /refused|rejected/.test(event) ? 'denied' : 'allowed';
  return JSON.stringify({
    time: new Date(Date.now() - daysAgo * DAY_MS).toISOString(),
    event,
    outcome,
    modality: 'ct1',
    listener: 'plain',
    direction: 'ingress',
    sourceAddress: '10.1.2.10',
    callingAeTitle: 'CT1',
    calledAeTitle: 'ORTHANC',
    ...facts,
  });
}

const find = { command: 'C-FIND', sopClass: FIND };

beforeEach(() => {
  const folder = temporaryFolder();
  config = join(folder, 'aegis.jsonc');
  audit = join(folder, 'audit.jsonl');
});

const register: RegisterCommand = (program, context) => {
  for (const each of [registerCheck, registerModality, registerReload]) each(program, context);
};

async function run(...words: string[]) {
  return await runCommand(register, ['--config', config, ...words]);
}

describe('aegis check --against', () => {
  it('says what would be refused, and what would newly be allowed', async () => {
    configure({ allow: ['echo', 'store'] });
    writeFileSync(
      audit,
      [
        line('association.accepted', {}),
        line('command.completed', find),
        line('command.completed', find),
        line('command.refused', {
          command: 'C-STORE',
          sopClass: 'CTImageStorage',
          reason: 'command-not-allowed',
          count: 7,
        }),
        line('connection.refused', { modality: undefined, reason: 'tls-version' }),
        '',
      ].join('\n'),
    );
    const { exitCode, printed } = await run('check', '--against', audit);
    expect(printed).toContain('would refuse ct1 2 times (command-not-allowed: C-FIND)\n');
    expect(printed).toContain('would newly allow ct1 7 times (was command-not-allowed: C-STORE)\n');
    expect(printed).toContain('nothing else changes\n');
    expect(printed).toContain('tls-version (1)');
    expect(exitCode).toBe(1);
    const json = JSON.parse((await run('--json', 'check', '--against', audit)).printed) as object;
    expect(json).toMatchObject({
      ok: false,
      judged: 10,
      wouldRefuse: [{ modality: 'ct1', reason: 'command-not-allowed', command: 'C-FIND', commands: 2 }],
      wouldAllow: [{ modality: 'ct1', command: 'C-STORE', commands: 7 }],
      notJudged: { 'tls-version': 1 },
    });
  });

  it('ends with 0 where nothing changes, and reads compressed files', async () => {
    configure({});
    const file = `${audit}.2.gz`;
    writeFileSync(
      file,
      gzipSync(`${line('association.accepted', {})}\n${line('command.completed', find)}\n`),
    );
    const { exitCode, printed } = await run('check', '--against', file);
    expect(printed).toMatch(/^nothing changes\n/);
    expect(exitCode).toBe(0);
  });

  it('does not take the images of a C-GET for the C-STORE of the modality', async () => {
    configure({ allow: ['get'] });
    const image = { command: 'C-STORE', sopClass: 'CTImageStorage', requestor: 'upstream' };
    const lines = [line('association.accepted', {}), line('command.completed', image)];
    writeFileSync(audit, lines.join('\n'));
    const { exitCode, printed } = await run('check', '--against', audit);
    expect(printed).toMatch(/^nothing changes\n/);
    expect(printed).toContain('images of a C-GET, and reports (1)');
    expect(exitCode).toBe(0);
    const own = line('command.completed', { ...image, requestor: undefined });
    writeFileSync(audit, [...lines, own].join('\n'));
    expect((await run('check', '--against', audit)).printed).toContain('would refuse ct1 1 time');
  });

  it('counts the commands of an association that would be refused', async () => {
    configure({ from: '10.9.9.9' });
    writeFileSync(audit, [line('association.accepted', {}), line('command.completed', find), ''].join('\n'));
    const { exitCode, printed } = await run('reload', '--dry-run');
    expect(printed).toContain('would refuse ct1: 1 association and 1 command (source-address-unknown)\n');
    expect(exitCode).toBe(1);
  });

  it('takes a certificate without a trusted CA for its pin alone, as the gateway does', async () => {
    const tls = { certificate: 'server.crt', privateKey: 'server.key', trustedCertificates: 'ca.crt' };
    const listeners = [{ name: 'tls', port: 2762, tls }];
    const fingerprint256 = Array.from({ length: 32 }, () => 'AB').join(':');
    const shown = { fingerprint256, subject: 'CN=ct1', untrusted: 'it signed itself' };
    writeFileSync(audit, line('association.accepted', { listener: 'tls', tls: shown }));
    configure({ listeners: 'tls', certificate: `sha256:${fingerprint256}` }, { listeners });
    expect(await run('check', '--against', audit)).toMatchObject({ exitCode: 0 });
    for (const [change, rest, reason] of [
      [{ certificate: 'cn:ct1' }, {}, 'certificate-untrusted'],
      [{}, { unknownAddresses: 'reject' }, 'certificate-mismatch'],
    ] as const) {
      configure({ listeners: 'tls', ...change }, { listeners, ...rest });
      const { printed, exitCode } = await run('check', '--against', audit);
      expect(printed).toContain(`would refuse ct1: 1 association (${reason})`);
      expect(exitCode).toBe(1);
    }
  });

  it('says what rests on facts that the log lacks', async () => {
    const tls = { certificate: 's.crt', privateKey: 's.key', trustedCertificates: 'ca.crt' };
    configure(
      { listeners: 'tls', certificate: 'dns:ct1.example' },
      { listeners: [{ name: 'tls', port: 2762, tls }] },
    );
    const shown = { listener: 'tls', tls: { fingerprint256: 'AA:BB', subject: 'CN=ct1' } };
    writeFileSync(audit, `${line('association.accepted', shown)}\n`);
    const { exitCode, printed } = await run('check', '--against', audit);
    expect(printed).toMatch(/^nothing changes\n[\s\S]*note: the log has no DNS names/);
    expect(exitCode).toBe(0);
  });
});

describe('aegis modality unused', () => {
  it('lists what nobody used, and the command for the smaller entry', async () => {
    configure({ moveDestinations: ['WS1', 'WS2'] });
    const move = {
      command: 'C-MOVE',
      sopClass: 'StudyRootQueryRetrieveInformationModelMove',
      moveDestination: 'WS1',
    };
    writeFileSync(
      audit,
      [
        line('association.accepted', {}, 40),
        line('association.accepted', {}),
        line('command.completed', move),
        line('command.completed', find),
        '',
      ].join('\n'),
    );
    const { exitCode, printed } = await run('modality', 'unused', '--days', '30');
    expect(printed).toContain('  nobody used allow: echo\n');
    expect(printed).toContain('  nobody used moveDestinations: WS2\n');
    expect(printed).toContain('    "allow": ["find","move"],\n');
    expect(printed).toContain('  aegis modality set --allow find --allow move --move-destination WS1 ct1\n');
    expect(exitCode).toBe(0);
  });

  it('does not count the images of a C-GET as use of store', async () => {
    configure({ allow: ['store', 'get'] });
    const get = { command: 'C-GET', sopClass: 'StudyRootQueryRetrieveInformationModelGet' };
    const image = { command: 'C-STORE', sopClass: 'CTImageStorage', requestor: 'upstream' };
    const lines = [get, image].map((facts) => line('command.completed', facts));
    writeFileSync(audit, [line('association.accepted', {}, 40), ...lines].join('\n'));
    expect((await run('modality', 'unused', '--days', '30')).printed).toContain('nobody used allow: store\n');
  });

  it('lists an entry that nobody used', async () => {
    configure({});
    writeFileSync(audit, `${line('association.accepted', {}, 40)}\n`);
    const { printed } = await run('modality', 'unused', '--days', '30');
    expect(printed).toContain('modalities.ct1: nobody used it\n  aegis modality remove ct1\n');
  });

  it('does not judge an entry that was changed in that time', async () => {
    configure({});
    const reloaded = { modality: undefined, detail: 'modality "ct1" changed: allow + "echo"' };
    writeFileSync(
      audit,
      [line('association.accepted', {}, 40), line('configuration.reloaded', reloaded, 2), ''].join('\n'),
    );
    expect((await run('modality', 'unused', '--days', '30')).printed).toContain('too new to judge');
  });

  it('says nothing where the log does not reach that far back', async () => {
    configure({});
    writeFileSync(audit, `${line('association.accepted', {}, 3)}\n`);
    await expect(run('modality', 'unused', '--days', '30')).rejects.toMatchObject({
      message: expect.stringMatching(/less than 30 days ago, so nothing can be said/),
      exitCode: 1,
    });
  });
});
