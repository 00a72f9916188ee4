/**
 * Keeps docs/onboarding.md true to the code: which columns there are, and what its spreadsheet is said to do.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { registerModality } from '../../../src/commands/modality/modality';
import { NAME_COLUMN } from '../../../src/onboarding/csvTable';
import { entryFields } from '../../../src/onboarding/entryFields';
import { runCommand } from '../../support/commandLine';
import { temporaryFolder } from '../../support/processes';

const root = resolve(__dirname, '../../..');
const page = readFileSync(join(root, 'docs/onboarding.md'), 'utf8');

describe('docs/onboarding.md', () => {
  it('names every column, and no other; those of timeouts as one', () => {
    const table = /^\| Column \| Holds \|\n\|---\|---\|\n((?:\|.*\n)+)/m.exec(page)![1]!;
    const named = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(.+?)`/g)]);
    const columns = entryFields.map(({ column }) => column.replace(/^timeouts\..*/, 'timeouts.*'));
    expect(named.map(([, column]) => column)).toEqual([...new Set([NAME_COLUMN, ...columns])]);
  });

  it('shows each listener that a command of it names', () => {
    const blocks = [...page.matchAll(/```jsonc\n([\s\S]*?)```/g)].map(([, block]) => block);
    const named = [...page.matchAll(/--listener (\w+)/g)].map(([, name]) => name!);
    expect(named).toContain('plain');
    for (const name of named) expect(blocks.join()).toContain(`"name": "${name}"`);
  });

  it('shows what importing its spreadsheet prints', async () => {
    const folder = temporaryFolder();
    const [, csv] = /```csv\n([\s\S]*?)```/.exec(page)!;
    // The entry of the page, which the table has as it is but for its certificate.
    const ct2 = {
      callingAeTitle: 'CT2',
      from: '127.0.0.1',
      certificate: 'cn:ct2',
      allow: ['echo', 'store'],
      address: { host: '127.0.0.1', port: 11113 },
    };
    const tls = { certificate: 'server.crt', privateKey: 'server.key', trustedCertificates: 'ca.crt' };
    const configuration = {
      listeners: [{ name: 'tls', port: 2762, tls }],
      upstreams: { ORTHANC: { servers: '127.0.0.1:4242' } },
      modalities: { ct2 },
    };
    writeFileSync(join(folder, 'aegis.jsonc'), JSON.stringify(configuration));
    writeFileSync(join(folder, 'modalities.csv'), csv!);
    const options = ['--config', join(folder, 'aegis.jsonc'), 'modality', 'import'];
    const json = await runCommand(registerModality, ['--json', ...options, join(folder, 'modalities.csv')]);
    const { rows, errors } = JSON.parse(json.printed);
    const words = { add: 'add', keep: 'unchanged', refuse: 'error', change: 'change' };
    for (const { line, action, name } of rows) {
      expect(page).toMatch(new RegExp(`^${line} +${words[action as keyof typeof words]} +${name}$`, 'm'));
    }
    expect(errors).toHaveLength(3);
    for (const error of errors) expect(page).toContain(`error: ${error}\n`);
  });
});
