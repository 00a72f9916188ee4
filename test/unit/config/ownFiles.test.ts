import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inspectOwnFiles } from '../../../src/config/ownFiles';
import { formatPath } from '../../../src/text/problems';
import { configurationOf } from '../../support/policyOf';
import { temporaryFolder } from '../../support/processes';

const folder = temporaryFolder();

function file(name: string, content: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

function inspect(keys: Parameters<typeof configurationOf>[1]) {
  return inspectOwnFiles(configurationOf({}, keys)).map(
    ({ path, message }) => `${formatPath(path)} ${message}`,
  );
}

describe('files of the gateway itself', () => {
  it('need not be named', () => {
    expect(inspect({ admin: {} })).toEqual([]);
  });
});

describe('the audit file', () => {
  const inspectAudit = (name: string) => inspect({ audit: { file: name } });

  it('may be there or be made', () => {
    expect(inspectAudit(join(folder, 'new.jsonl'))).toEqual([]);
    expect(inspectAudit(file('old.jsonl', ''))).toEqual([]);
  });

  it('needs its folder', () => {
    expect(inspectAudit(join(folder, 'none', 'audit.jsonl'))).toEqual([
      `audit.file the folder ${join(folder, 'none')} does not exist; make it, or name another file`,
    ]);
  });

  (process.getuid?.() === 0 ? it.skip : it)('needs a folder that can be written where it is rotated', () => {
    const kept = temporaryFolder();
    const name = join(kept, 'audit.jsonl');
    writeFileSync(name, '');
    chmodSync(kept, 0o500);
    expect(inspect({ audit: { file: name } })).toEqual([]);
    expect(inspect({ audit: { file: name, rotate: { days: 1 } } })).toEqual([
      `audit.file ${kept} cannot be written; let the account that runs aegis write it`,
    ]);
    chmodSync(kept, 0o700);
  });

  it('needs a folder that can be written', () => {
    const noFolder = file('no-folder', '');
    expect(inspectAudit(join(noFolder, 'audit.jsonl'))).toEqual([
      `audit.file ${noFolder} cannot be written; let the account that runs aegis write it`,
    ]);
  });
});

it('files that are folders are reported, as the start would', () => {
  const advice = `${folder} is a folder; name a file, or move the folder away`;
  expect(inspect({ audit: { file: folder }, pending: { file: folder } })).toEqual([
    `audit.file ${advice}`,
    `pending.file ${advice}`,
  ]);
});

describe('the file of the pending callers', () => {
  it('may be there or be made', () => {
    expect(inspect({ pending: { file: join(folder, 'pending.json') } })).toEqual([]);
    expect(inspect({ pending: { file: file('there.json', '{}') } })).toEqual([]);
  });

  it('needs its folder, also where the file is not there yet', () => {
    expect(inspect({ pending: { file: join(folder, 'none', 'pending.json') } })).toEqual([
      `pending.file the folder ${join(folder, 'none')} does not exist; make it, or name another file`,
    ]);
  });
});

describe('the folder of the state', () => {
  const inspectState = (stateDirectory: string) => inspect({ stateDirectory });

  it('is for its owner alone to write, because it says who is locked out', () => {
    const state = temporaryFolder();
    chmodSync(state, 0o755);
    expect(inspectState(state)).toEqual([]);
    chmodSync(state, 0o775);
    expect(inspectState(state)).toEqual([
      `stateDirectory others than its owner can write the folder ${state}, and so end a lock or put back an older revocation list; run "chmod 700 ${state}"`,
    ]);
  });

  it('may be there or be made, with those above it', () => {
    expect(inspectState(folder)).toEqual([]);
    expect(inspectState(join(folder, 'none', 'state'))).toEqual([]);
  });

  it('is warned of where it cannot be made or written', () => {
    const noFolder = file('state-file', '');
    const advice =
      'so nothing outlives a restart: locks, fetched revocation lists, the inventory, counters, the history of the page, the last addresses of devices, the end of the audit chain, what waits for the syslog server; let the account that runs aegis write it, or name another folder';
    expect(inspectState(noFolder)).toContain(
      `stateDirectory the folder ${noFolder} cannot be written, ${advice}`,
    );
    expect(inspectState(join(noFolder, 'state'))).toContain(
      `stateDirectory the folder ${join(noFolder, 'state')} cannot be made, ${advice}`,
    );
  });

  it('is an error there with a syslog server, whose messages wait in it', () => {
    const severityWith = (audit: object) => {
      const stateDirectory = file('not-a-folder', '');
      const [finding] = inspectOwnFiles(configurationOf({}, { stateDirectory, audit }));
      return finding?.severity;
    };
    expect(severityWith({})).toBe('warning');
    expect(severityWith({ syslog: { server: '127.0.0.1:514', protocol: 'udp' } })).toBeUndefined();
  });
});

describe('the file of locks', () => {
  it('is shown with what it shuts out, and is an error where it cannot be understood', () => {
    const state = temporaryFolder();
    const locks = join(state, 'locks.json');
    const lock = { modality: 'ct9', reason: 'stolen', since: '2026-11-30T11:00:00.000Z' };
    writeFileSync(locks, JSON.stringify({ version: 1, locks: [lock] }));
    expect(inspect({ stateDirectory: state })).toEqual([
      'modalities.ct9 is not an entry, but is locked since 2026-11-30 11:00 UTC: "stolen"; end that with "aegis modality unlock"',
    ]);
    writeFileSync(locks, '{}');
    expect(inspect({ stateDirectory: state })).toEqual([
      `stateDirectory ${locks} cannot be understood, so it is not known which modalities are locked; correct it, or delete it to end every lock`,
    ]);
  });
});

describe('the file of the token', () => {
  const TOKEN = 'a'.repeat(16);
  const inspectToken = (path: string) => inspect({ admin: { tokenFile: path } });

  it('is fine with one token that only its owner reads', () => {
    expect(inspectToken(file('good.token', `${TOKEN}\n`))).toEqual([]);
  });

  it('is refused when others can read it', () => {
    const path = file('open.token', TOKEN, 0o644);
    expect(inspectToken(path)).toEqual([
      `admin.tokenFile ${path} has mode 644, so others than its owner have access to the token; run "chmod 600 ${path}"`,
    ]);
  });

  it.each([
    ['short', 'a'.repeat(15)],
    ['with a space', `${TOKEN} ${TOKEN}`],
    ['on two lines', `${TOKEN}\n${TOKEN}\n`],
  ])('is refused with a token that is %s, which is not shown', (name, token) => {
    const path = file(`${name}.token`, token);
    const [finding] = inspectToken(path);
    expect(finding).toContain(`${path} holds no token; accepted are 16 to 512 printable ASCII characters`);
    expect(finding).not.toContain('aaa');
  });

  it('is named where it is missing', () => {
    const path = join(folder, 'none.token');
    expect(inspectToken(path)).toEqual([`admin.tokenFile ${path} does not exist; correct the path`]);
  });
});

describe('the files of alerts', () => {
  const inspectAlerts = (secretFile: string, passwordFile: string) =>
    inspect({
      alerts: {
        webhooks: [{ url: 'https://alerts.example', secretFile }],
        mail: { server: 'smtp://m.example', user: 'u', passwordFile, from: 'a@b', to: 'c@d' },
      },
    });

  it('may hold a secret and a password', () => {
    expect(
      inspectAlerts(file('webhook.secret', '0123456789abcdef\n'), file('mail.password', 'p w\n')),
    ).toEqual([]);
  });

  it('are private, there, and hold what they should', () => {
    expect(
      inspectAlerts(file('shared.secret', '0123456789abcdef', 0o644), file('empty.password', '\n')),
    ).toEqual([
      expect.stringMatching(/^alerts\.webhooks\[0\]\.secretFile .* has mode 644/),
      expect.stringMatching(/^alerts\.mail\.passwordFile .* holds no password; write it there, on one line$/),
    ]);
    expect(inspectAlerts(join(folder, 'none'), file('two.password', 'a\nb'))).toEqual([
      expect.stringMatching(/^alerts\.webhooks\[0\]\.secretFile .*none.*/),
      expect.stringMatching(/^alerts\.mail\.passwordFile .* holds no password/),
    ]);
  });
});
