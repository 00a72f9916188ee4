/**
 * `aegis modality approve` at a terminal, for a gateway that does not run: the list comes from its file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parsePermissions } from '../../../../src/commands/modality/approve';
import { registerModality } from '../../../../src/commands/modality/modality';
import { runCommand } from '../../../support/commandLine';
import { pendingCaller } from '../../../support/pendingCaller';
import { temporaryFolder } from '../../../support/processes';
import { openTerminal, type Terminal } from '../../../support/terminal';

const text = `{
  "listeners": [{ "name": "plain", "port": 11112 }],
  "upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },
  "unknownAddresses": "reject",
  "pending": { "file": "pending.json" },
  "modalities": {}
}
`;

let file: string;
let terminal: Terminal;
beforeEach(() => {
  const folder = temporaryFolder();
  file = join(folder, 'aegis.jsonc');
  writeFileSync(file, text);
  writeFileSync(join(folder, 'pending.json'), JSON.stringify({ version: 1, callers: [pendingCaller] }), {
    mode: 0o600,
  });
  terminal = openTerminal();
});
afterEach(() => terminal.close());

function approve(...options: string[]) {
  return runCommand(registerModality, [
    '--config',
    file,
    'modality',
    'approve',
    pendingCaller.id,
    ...options,
  ]);
}

describe('aegis modality approve on a terminal', () => {
  it('asks again after an answer that it cannot use, and whether to write it', async () => {
    terminal.answers = ['', 'echo stor', 'echo store', 'y'];
    const { printed } = await approve();
    expect(printed).toContain('modalities.ct9 was added');
    expect(terminal.asked).toContain('  no command is named; accepted are echo, find');
    expect(terminal.asked).toContain('  "stor" is not a command; accepted are echo, find');
    expect(terminal.asked).toContain('write this (y/n) [y]: ');
    expect(readFileSync(file, 'utf8')).toContain('"allow": ["echo", "store"]');
  });

  it('writes nothing without a yes', async () => {
    terminal.answers = ['echo', 'n'];
    await expect(approve()).rejects.toMatchObject({ message: 'nothing was written', exitCode: 1 });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('asks nothing where options say everything', async () => {
    expect((await approve('--allow', 'echo')).printed).toContain('modalities.ct9 was added');
    expect(terminal.asked).toBe('');
  });
});

describe('a list of permissions', () => {
  it.each([
    ['echo,store', ['echo', 'store']],
    [' find  move, find', ['find', 'move']],
  ])('is read from %j', (text, permissions) => {
    expect(parsePermissions(text)).toEqual(permissions);
  });

  it.each([
    ['', /^no command is named; accepted are echo, find/],
    [' , ', /^no command is named; accepted are echo, find/],
    ['echo,all', /^"all" is not a command; accepted are echo, find/],
    ['*', /^"\*" is not a command; accepted are echo, find/],
  ])('is refused when it is %j: nothing is allowed by mistake', (text, message) => {
    expect(() => parsePermissions(text)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(message), exitCode: 2 }),
    );
  });
});
