import { X509Certificate } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { loadConfiguration } from '../../../../src/config/load';
import { readIssuedLog } from '../../../../src/pki/issuedLog';
import { publicKeyFingerprint } from '../../../../src/x509/fingerprints';
import { authorityFolders } from '../../../support/authorityFolder';
import { testCertificates } from '../../../support/certificates';
import { type ModalityFile, modalityFile } from './modalityFile';

const newAuthority = authorityFolders();
const HEADER = 'name,callingAeTitle,from,allow,host,port,listeners,certificate\n';
let site: ModalityFile;
let directory: string;
let sheetDirectory: string;

beforeEach(async () => {
  site = modalityFile({
    ...testCertificates(),
    more: '\n  "contact": { "name": "PACS team", "phone": "+41 44 1" },',
  });
  ({ directory } = await newAuthority());
  sheetDirectory = join(site.folder, 'sheets');
  process.stdin.isTTY = false;
});

function importing(rows: string, ...options: readonly string[]) {
  const file = join(site.folder, 'm.csv');
  writeFileSync(file, HEADER + rows);
  const folders = ['--dir', directory, '--sheet-dir', sheetDirectory];
  return site.run(['import', file, '--issue-certificates', '--sheets', ...folders, ...options]);
}

function snapshot() {
  return { files: readdirSync(directory).sort(), text: readFileSync(site.file, 'utf8'), log: issuedLog() };
}

function issuedLog(): string {
  return readFileSync(join(directory, 'issued.jsonl'), 'utf8');
}

async function refused(words: string | RegExp, rows: string, ...options: readonly string[]): Promise<void> {
  const before = snapshot();
  await expect(importing(rows, ...options)).rejects.toThrow(words);
  expect(snapshot()).toEqual(before);
  expect(existsSync(join(sheetDirectory, 'ct2.html'))).toBe(false);
}

/** Resolves once keys are being made: from then on, Ctrl-C is heard. */
async function issuing(): Promise<void> {
  const listeners = process.listenerCount('SIGINT');
  while (process.listenerCount('SIGINT') === listeners) await new Promise(setImmediate);
}

const CT2 = 'ct2,CT2,10.1.2.11,echo store,10.1.2.11,104,,\n';
const US1 = 'us1,US1,10.1.4.1,echo store,,,plain,\n';

describe('aegis modality import --issue-certificates --sheets', () => {
  it('writes entries, certificates and sheets of all rows, and pins each certificate in its entry', async () => {
    const { printed } = await importing(`${CT2}mr1,MR1,10.1.2.12,store,,,tls,\n${US1}`);
    expect(printed).toContain('3 rows: 3 to add');
    expect(printed).toContain(`  certificates  2 in ${directory}`);
    expect(printed).toContain(`  sheets        3 in ${sheetDirectory}`);
    const { modalities } = loadConfiguration(site.file).configuration;
    for (const name of ['ct2', 'mr1']) {
      const certificate = new X509Certificate(readFileSync(join(directory, `${name}.crt`)));
      expect(modalities[name]?.certificate).toEqual([publicKeyFingerprint(certificate.publicKey)]);
      expect(existsSync(join(directory, `${name}.p12.password`))).toBe(true);
      const html = readFileSync(join(sheetDirectory, `${name}.html`), 'utf8');
      expect(html).toContain(certificate.fingerprint256.slice(0, 47));
    }
    const { issued } = await readIssuedLog(join(directory, 'issued.jsonl'));
    expect(issued.map(({ name }) => name).sort()).toEqual(['ct2', 'mr1']);
    expect(issued.find(({ name }) => name === 'ct2')?.names).toEqual(['ct2', '10.1.2.11']);
  });

  it('issues none for a device without TLS, and none where the row names one', async () => {
    await importing(`${US1}ct3,CT3,10.1.2.13,store,,,,cn:ct3\n`);
    const { modalities } = loadConfiguration(site.file).configuration;
    expect(modalities.us1?.certificate).toBeUndefined();
    expect(modalities.ct3?.certificate).toEqual(['cn:ct3']);
    expect(issuedLog()).toBe('');
  });

  it('gives entries without a certificate one with --update only', async () => {
    const row = 'ct1,CT1,10.1.2.10,echo store,,,,\n';
    await importing(row);
    expect(issuedLog()).toBe('');
    await importing(row, '--update', '--force');
    expect(loadConfiguration(site.file).configuration.modalities.ct1?.certificate).toHaveLength(1);
  });

  it('shows with --dry-run what it would do, and writes nothing', async () => {
    const before = snapshot();
    const { printed } = await importing('ct1,CT1,10.1.2.10,echo store,,,,\n', '--dry-run', '--update');
    expect(printed).toContain('certificate (none) -> (of the certificate that will be issued)');
    expect(printed).toContain('1 certificate to issue');
    expect(snapshot()).toEqual(before);
  });

  it('writes nothing at all where one row is wrong', async () => {
    await refused('m.csv:3 from "nowhere"', `${CT2}ct3,CT3,nowhere,store,,,,\n`);
    await refused(
      'm.csv:3 name "CT 3" cannot name a client certificate',
      `${CT2}CT 3,CT3,10.1.2.13,store,,,,\n`,
    );
  });

  it('writes nothing where a certificate or a sheet exists, or the configuration changes meanwhile', async () => {
    writeFileSync(join(directory, 'ct2.crt'), 'of somebody else');
    await refused(/m\.csv:2 name .*ct2\.crt exists/, CT2);
    const before = snapshot();
    const running = importing('ct4,CT4,10.1.2.14,store,,,,\n');
    const ended = expect(running).rejects.toThrow('was changed by somebody else meanwhile');
    await issuing();
    writeFileSync(site.file, `${site.text}// edited\n`);
    await ended;
    expect({ ...snapshot(), text: site.text }).toEqual(before);
    expect(existsSync(sheetDirectory)).toBe(false);
  });

  it('prints contact and phone on the sheets', async () => {
    await importing(CT2);
    for (const form of ['html', 'md']) {
      expect(readFileSync(join(sheetDirectory, `ct2.${form}`), 'utf8')).toMatch(/PACS team, phone \+41 44 1/);
    }
  });

  it('leaves nothing behind after Ctrl-C', async () => {
    const before = snapshot();
    const rows = Array.from({ length: 12 }, (_, at) => `m${at},M${at},10.1.3.${at},store,,,,\n`).join('');
    const listeners = process.listenerCount('SIGINT');
    const running = importing(rows);
    const ended = expect(running).rejects.toThrow('interrupted; nothing was written');
    await issuing();
    process.emit('SIGINT');
    await ended;
    expect(snapshot()).toEqual(before);
    expect(existsSync(sheetDirectory)).toBe(false);
    expect(process.listenerCount('SIGINT')).toBe(listeners);
  });
});
