/** `aegis modality set`: what it changes, what it leaves, and what it refuses. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../../../../src/config/load';
import { ExitCode } from '../../../../src/errors';
import { testCertificates } from '../../../support/certificates';
import { type ModalityFile, modalityFile } from './modalityFile';

const certificates = testCertificates();
const ca = certificates.issue('Modality CA', { isCa: true });
const server = certificates.issue('pacs', { issuer: ca, names: ['pacs.example.org'] });
const { isTTY } = process.stdin;

let site: ModalityFile;

beforeEach(() => {
  process.stdin.isTTY = false;
  site = modalityFile({
    server,
    ca,
    ct1: `
      "mode": "observe", // on trial
      "maxAssociations": 2,`,
  });
});

afterEach(() => {
  process.stdin.isTTY = isTTY;
});

function set(...options: string[]) {
  return site.run(['set', ...options]);
}

function written() {
  return readFileSync(site.file, 'utf8');
}

function entry() {
  return parseConfiguration(written(), site.file, {}).configuration?.modalities.ct1;
}

describe('aegis modality set', () => {
  it('changes the keys that options name, shows the change, and keeps every comment', async () => {
    const { exitCode, printed } = await set(
      'ct1',
      '--from',
      '10.1.2.11,10.1.2.12',
      '--max-associations',
      '4',
    );
    expect(exitCode).toBe(ExitCode.Done);
    expect(entry()).toMatchObject({
      callingAeTitle: ['CT1'],
      from: ['10.1.2.11', '10.1.2.12'],
      maxAssociations: 4,
      mode: 'observe',
    });
    expect(written().match(/\/\/.*/g)).toEqual(site.text.match(/\/\/.*/g));
    expect(printed).toContain('-      "from": "10.1.2.10",\n');
    expect(printed).toContain('+      "from": ["10.1.2.11", "10.1.2.12"],\n');
    expect(printed).toContain(`changed modalities.ct1 in ${site.file}\n`);
  });

  it('replaces a list, or adds to it with + and takes away with -', async () => {
    await set('ct1', '--allow', '+find,+move', '--allow', '-echo');
    expect(entry()?.allow).toEqual(['store', 'find', 'move']);
    await set('ct1', '--allow', 'echo');
    expect(entry()?.allow).toEqual(['echo']);
    await expect(set('ct1', '--allow', '+find,store')).rejects.toThrow(
      '--allow has items with + or - and others without; name the changes, or the whole list',
    );
    await expect(set('ct1', '--egress-allow', '+echo')).rejects.toThrow(
      '--egress-allow +echo: the entry has no such list to change; name the whole list',
    );
    await expect(set('ct9', '--allow', '+echo')).rejects.toThrow(/^"ct9" is not a modality of /);
  });

  it('takes an AE title that begins with a sign for what it is', async () => {
    await set('ct1', '--calling', '+CT', '--calling', '-CT');
    expect(entry()?.callingAeTitle).toEqual(['+CT', '-CT']);
  });

  it('takes keys out with --unset, back to their defaults', async () => {
    await set('ct1', '--unset', 'max-associations', '--unset', 'mode');
    expect(entry()).toMatchObject({ mode: 'enforce' });
    expect(entry()).not.toHaveProperty('maxAssociations');
    await set('ct1', '--address', '10.1.2.10:104');
    await set('ct1', '--unset', 'address');
    expect(entry()).not.toHaveProperty('address');
    await expect(set('ct1', '--unset', 'from', '--unset', 'mod')).rejects.toThrow(
      '--unset from: an entry needs it; set it to another value instead\n--unset "mod" is not a key of an entry; did you mean mode?',
    );
  });

  it('reports every fault by its option, and leaves the file as it was', async () => {
    await expect(
      set('ct1', '--calling', 'SEVENTEEN-LETTERS', '--from', '10.1.2', '--allow', 'stor'),
    ).rejects.toThrow(
      [
        '--calling "SEVENTEEN-LETTERS" is 17 characters; AE titles have 1 to 16',
        '--from "10.1.2" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted',
        '--allow "stor" is not accepted; did you mean "store"?',
      ].join('\n'),
    );
    await expect(set('ct2', '--allow', 'store')).rejects.toThrow(
      `"ct2" is not a modality of ${site.file}; did you mean "ct1"?`,
    );
    await expect(set('ct1')).rejects.toThrow('name what to change, such as --allow echo,store');
    await expect(set('ct1', '--listener', 'tsl')).rejects.toThrow(/--listener "tsl" is not a listener/);
    expect(written()).toBe(site.text);
  });

  it('never leaves an entry that another one overlaps', async () => {
    await site.run(['add', '--calling', 'CT2', '--from', '10.1.2.10', '--allow', 'echo', '--no-sheet']);
    const before = written();
    await expect(set('ct2', '--calling', 'CT1')).rejects.toThrow(/overlaps modalities\.ct1/);
    expect(written()).toBe(before);
  });

  it('writes nothing with --dry-run, nor where the entry says it already', async () => {
    expect((await set('ct1', '--allow', '+find', '--dry-run')).printed).toMatch(
      /\+ {6}"allow": \["echo", "store", "find"\]\n[\s\S]*\nnothing was written \(--dry-run\)\n$/,
    );
    expect((await set('ct1', '--allow', 'echo,store')).printed).toBe(
      `modalities.ct1 of ${site.file} says this already\n`,
    );
    expect(written()).toBe(site.text);
  });

  it('says the same to a machine', async () => {
    const { printed } = await site.run(['set', 'ct1', '--allow', '+find'], '--json');
    expect(JSON.parse(printed)).toMatchObject({
      ...{
        ok: true,
        isWritten: true,
        name: 'ct1',
        file: site.file,
        reload: null,
        warnings: expect.any(Array),
      },
      entry: { allow: ['echo', 'store', 'find'] },
    });
  });
});
