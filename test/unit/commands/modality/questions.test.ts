/** `aegis modality add` at a terminal: what it asks, asks back and asks again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../../../../src/config/load';
import { ExitCode } from '../../../../src/errors';
import { testCertificates } from '../../../support/certificates';
import { openTerminal, type Terminal } from '../../../support/terminal';
import { type ModalityFile, modalityFile } from './modalityFile';

const certificates = testCertificates();
const ca = certificates.issue('Modality CA', { isCa: true });
const server = certificates.issue('pacs', { issuer: ca, names: ['pacs.example.org'] });

let site: ModalityFile;

beforeEach(() => {
  site = modalityFile({ server, ca });
});

function add(...options: string[]) {
  return site.run(['add', ...options, '--no-sheet', '--dir', join(site.folder, 'certs')]);
}

function written() {
  return readFileSync(site.file, 'utf8');
}

function entryIn(name: string) {
  return parseConfiguration(written(), site.file, {}).configuration?.modalities[name];
}

describe('asking on a terminal', () => {
  let terminal: Terminal;

  beforeEach(() => {
    terminal = openTerminal();
  });

  afterEach(() => {
    terminal.close();
  });

  it('asks for what is left open, again after an answer that it cannot use, and whether to write it', async () => {
    terminal.answers = [
      'CT2',
      '',
      '10.1.2.300',
      '10.1.2.11 10.1.2.12',
      'echo stor',
      '',
      '',
      '',
      'cn:ct2',
      'ct2:104',
      'y',
    ];
    await add();
    expect(entryIn('ct2')).toEqual({
      callingAeTitle: ['CT2'],
      presentationContexts: 'allowed',
      dataSets: 'verify',
      from: ['10.1.2.11', '10.1.2.12'],
      certificate: ['cn:ct2'],
      allow: ['echo', 'store'],
      mode: 'enforce',
      address: { host: 'ct2', port: 104 },
    });
    expect(terminal.asked).toContain('name of the entry, for logs and commands [ct2]: ');
    expect(terminal.asked).toContain('  "10.1.2.300" is not an IP address');
    expect(terminal.asked).toContain('  "stor" is not accepted; did you mean "store"?');
    expect(terminal.answers).toEqual([]);
  });

  it('asks back where an answer could be one AE title or several', async () => {
    terminal.answers = [
      'CT 9',
      'n',
      'CT1,CT2',
      'n',
      'CT 9|',
      '',
      '10.1.2.11',
      'store',
      '',
      '',
      '',
      '',
      '',
      'y',
    ];
    await add();
    expect(terminal.asked).toContain(
      '2 AE titles, "CT" and "9", not one with a space (that is CT 9|) (y/n) [y]: ',
    );
    expect(terminal.asked).toContain(
      'one AE title with a comma, "CT1,CT2", not several (separate those with spaces) (y/n) [y]: ',
    );
    expect(entryIn('ct-9')?.callingAeTitle).toEqual(['CT 9']);
  });

  it('reports early that the entry would be mixed up with another', async () => {
    terminal.answers = ['CT1', 'other', '10.1.2.0/24', 'store', '', '', '', '', 'y'];
    await expect(add()).rejects.toThrow(/overlaps modalities\.ct1/);
    expect(terminal.asked.indexOf('  so far, it overlaps modalities.ct1: ')).toBeGreaterThan(0);
    expect(terminal.asked.indexOf('  so far, it overlaps')).toBeLessThan(
      terminal.asked.indexOf('what it may do'),
    );
  });

  it('does not ask for what options say, and writes nothing without a yes', async () => {
    terminal.answers = ['10.1.2.11', '', '', '', '', 'no'];
    await expect(add('ct2', '--calling', 'CT2', '--allow', 'store')).rejects.toMatchObject({
      message: 'nothing was written',
      exitCode: ExitCode.Failed,
    });
    expect(terminal.asked).not.toContain('calling AE title of the device');
    expect(written()).toBe(site.text);
  });
});
