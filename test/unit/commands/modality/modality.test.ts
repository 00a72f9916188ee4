import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ExitCode } from '../../../../src/errors';
import { localAddresses } from '../../../../src/policy/localAddresses';
import { testCertificates } from '../../../support/certificates';
import { SpyUpstream } from '../../../support/spyUpstream';
import { type ModalityFile, modalityFile } from './modalityFile';

const certificates = testCertificates();
const ca = certificates.issue('Modality CA', { isCa: true });
const server = certificates.issue('pacs', { issuer: ca, names: ['pacs.example.org'] });

let site: ModalityFile;

beforeEach(() => {
  site = modalityFile({ server, ca });
});

function written() {
  return readFileSync(site.file, 'utf8');
}

const ct2 = ['add', 'ct2', '--calling', 'CT2', '--from', '10.1.2.11', '--allow', 'store', '--no-sheet'];

describe('aegis modality list', () => {
  it('shows the entries in the order of the file', async () => {
    await site.run([...ct2, '--listener', 'plain', '--mode', 'observe', '--address', 'ct2:104']);
    const { exitCode, printed } = await site.run(['list']);
    expect(exitCode).toBe(ExitCode.Done);
    const rows = printed
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ['NAME', 'CALLING AE TITLES', 'FROM', 'LISTENERS', 'CERTIFICATE', 'ALLOW', 'MODE', 'ADDRESS'],
      ['ct1', 'CT1', '10.1.2.10', 'tls (TLS)', 'any', 'echo, store', 'enforce', '-'],
      ['ct2', 'CT2', '10.1.2.11', 'plain (plain)', 'any', 'store', 'observe', 'ct2:104'],
    ]);
  });

  it.each([
    ['--valid-until', '2020-01-31', 'until 2020-01-31, the end of that day in UTC: it is over'],
    ['--valid-from', '2199-01-31', 'from 2199-01-31: not yet'],
    ['--valid-until', '2199-01-31', 'until 2199-01-31, the end of that day in UTC'],
  ])('says whether an entry counts now: %s %s', async (option, time, expected) => {
    await site.run([...ct2, '--listener', 'plain', option, time]);
    const { printed } = await site.run(['list']);
    expect(printed.trimEnd().split('\n').at(-1)).toMatch(new RegExp(`  ${expected}$`));
    expect((await site.run(['show', 'ct2'])).printed.replace(/\s+/g, ' ')).toContain(expected);
  });

  it('has all of it as JSON', async () => {
    const { printed } = await site.run(['list'], '--json');
    expect(JSON.parse(printed)).toEqual({
      modalities: [
        {
          presentationContexts: 'allowed',
          name: 'ct1',
          callingAeTitle: ['CT1'],
          dataSets: 'verify',
          from: ['10.1.2.10'],
          allow: ['echo', 'store'],
          mode: 'enforce',
        },
      ],
    });
  });
});

describe('the loopback address from which a modality reaches the archive', () => {
  beforeEach(() => {
    const withAddresses = written().replace('"servers":', '"localAddress": "per-modality", "servers":');
    writeFileSync(site.file, withAddresses);
  });
  const address = localAddresses(['ct1']).get('ct1')!;

  it('is listed', async () => {
    const { printed } = await site.run(['list']);
    const [header, ct1] = printed.trimEnd().split('\n');
    expect(header).toMatch(/ +LOCAL ADDRESS$/);
    expect(ct1).toMatch(new RegExp(` +${address}$`));
    const json = JSON.parse((await site.run(['list'], '--json')).printed);
    expect(json.modalities[0].localAddress).toBe(address);
  });

  it('is shown', async () => {
    expect((await site.run(['show', 'ct1'])).printed).toMatch(
      new RegExp(` +reaches the archive +from ${address}\\n`),
    );
    expect(JSON.parse((await site.run(['show', 'ct1'], '--json')).printed).localAddress).toBe(address);
  });
});

describe('aegis modality show', () => {
  it('says it in words, with the listeners and the certificate that they show', async () => {
    const { printed } = await site.run(['show', 'ct1']);
    expect(printed).toContain(`ct1, ${site.file}:17\n`);
    expect(printed).toMatch(/ +may do +echo, store\n/);
    expect(printed).toMatch(/ +may call +every upstream \(ORTHANC\)\n/);
    expect(printed).toContain(
      'tls, port 2762, TLS 1.2 or TLS 1.3 (bcp195, PS3.15 B.12), asks for a certificate',
    );
    expect(printed).toContain(`sha256:${server.x509.fingerprint256}`);
  });

  it('warns of what check warns of', async () => {
    writeFileSync(site.file, site.text.replace('["echo", "store"]', '[]').replace('"CT1"', '"ORTHANC"'));
    const { printed } = await site.run(['show', 'ct1']);
    expect(printed).toMatch(/^warning: .*modalities\.ct1 allows no command/m);
    expect(printed).toMatch(/^warning: "ORTHANC" is a factory default/m);
  });

  it('says what was probably meant', async () => {
    await expect(site.run(['show', 'tc1'])).rejects.toMatchObject({
      message: expect.stringContaining('did you mean "ct1"?'),
      exitCode: ExitCode.Usage,
    });
  });
});

describe('aegis modality remove', () => {
  it('takes out one entry and shows the change', async () => {
    await site.run(ct2);
    const dry = await site.run(['remove', 'ct2', '--dry-run']);
    expect(dry.printed).toMatch(/- {4}"ct2": \{\n[\s\S]*nothing was written/);
    const { exitCode, printed } = await site.run(['remove', 'ct2']);
    expect(exitCode).toBe(ExitCode.Done);
    expect(printed).toContain('removed modalities.ct2');
    expect(written()).toBe(site.text);
  });

  it('refuses to leave an allowlist without anybody', async () => {
    await expect(site.run(['remove', 'ct1'])).rejects.toMatchObject({
      message: expect.stringContaining('modalities is empty: no one could connect'),
      exitCode: ExitCode.Usage,
    });
    expect(written()).toBe(site.text);
  });
});

describe('aegis modality import and export', () => {
  const importing = (csv: string, ...options: string[]) => {
    writeFileSync(join(site.folder, 'm.csv'), csv);
    return site.run(['import', join(site.folder, 'm.csv'), ...options]);
  };

  it('previews, then writes', async () => {
    const csv = 'name,callingAeTitle,from,allow\nct1,CT1,10.1.2.20,echo store\nct2,CT2,10.1.2.11,store\n';
    const dry = await importing(csv, '--dry-run', '--update');
    expect(dry.printed).toBe(
      `LINE  ACTION  NAME  CHANGES
2     change  ct1   from 10.1.2.10 -> 10.1.2.20
3     add     ct2

2 rows: 1 to add, 1 to change, 0 unchanged, 0 with errors
nothing was written (--dry-run)
`,
    );
    expect(written()).toBe(site.text);
    const { exitCode, printed } = await importing(csv, '--update');
    expect(exitCode).toBe(ExitCode.Done);
    expect(printed).toContain(`written to ${site.file}\n`);
    expect(written()).toContain('"from": "10.1.2.20"');
    expect((await importing(csv)).printed).toContain('already says all of this');
  });

  it('writes nothing where one row has an error, and reports all of them', async () => {
    const csv =
      'name,callingAeTitle,from,allow\nct2,CT2,10.1.2.11,store\nct3,CT3,nowhere,store\nct4,CT4,10.1.2.12,stor\n';
    await expect(importing(csv)).rejects.toMatchObject({
      message: `m.csv:3 from "nowhere" is not an IP address or a CIDR block such as 10.1.3.0/24; host names are not accepted
m.csv:4 allow "stor" is not accepted; did you mean "store"?
nothing was written`,
      exitCode: ExitCode.Usage,
    });
    expect(written()).toBe(site.text);
  });

  it('says the same as JSON', async () => {
    writeFileSync(join(site.folder, 'm.csv'), 'name,from\nct9,nowhere\n');
    const { exitCode, printed } = await site.run(['import', join(site.folder, 'm.csv')], '--json');
    expect(exitCode).toBe(ExitCode.Usage);
    expect(JSON.parse(printed)).toMatchObject({
      ok: false,
      isWritten: false,
      refuse: 1,
      rows: [{ line: 2, name: 'ct9', action: 'refuse' }],
    });
  });

  it.each([
    ['\xff', /is neither UTF-8 nor UTF-16; save it as CSV \(in Excel: "CSV UTF-8"\)/],
    [
      'PK\x03\x04 [Content_Types].xml xl/workbook.xml',
      /m\.csv is an Excel workbook \(\.xlsx\); save it as CSV/,
    ],
    [
      '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1',
      /is an Excel workbook \(\.xls, or one with a password\); save it as CSV/,
    ],
    [
      'PK\x03\x04 mimetypeapplication/vnd.oasis.opendocument.spreadsheet',
      /is an OpenDocument spreadsheet \(\.ods\); save it as CSV/,
    ],
    ['name,callingAET\n', /^m\.csv:1 unknown column "callingAET"; did you mean "callingAeTitle"\?/],
    ['name,from\n"ct2', /^m\.csv:2 has quotes that do not fit/],
    ['name,from\n', /has no row below the names/],
  ])('refuses a file that is not a table: %j', async (csv, message) => {
    writeFileSync(join(site.folder, 'm.csv'), csv, 'latin1');
    await expect(site.run(['import', join(site.folder, 'm.csv')])).rejects.toThrow(message);
  });

  it.each([
    ['', /is a folder; name the file in it$/],
    ['missing.csv', /missing\.csv does not exist; correct the path$/],
  ])('says in words why it cannot read %j', async (file, message) => {
    await expect(site.run(['import', join(site.folder, file)])).rejects.toThrow(message);
  });

  it('exports what importing leaves alone', async () => {
    await site.run([...ct2, '--calling', '=CT 2']);
    const output = join(site.folder, 'm.csv');
    const { printed } = await site.run(['export']);
    expect(printed).toContain('name,callingAeTitle,from,');
    expect((await site.run(['export', '--output', output])).printed).toContain('2 modalities written to');
    expect(statSync(output).mode & 0o777).toBe(0o600);
    expect(readFileSync(output, 'utf8')).toBe(printed);
    await expect(site.run(['export', '--output', output])).rejects.toThrow(/exists; choose another file/);
    expect((await site.run(['import', output])).printed).toContain('0 to add, 0 to change, 2 unchanged');
  });
});

describe('aegis modality test', () => {
  const audit = '\n  "audit": { "file": "audit.jsonl" },';
  const event = (facts: object) => `${JSON.stringify({ time: '2026-11-25T10:00:00.000Z', ...facts })}\n`;

  it('sends a C-ECHO to the address, and reports when it was last let in and refused', async () => {
    const spy = await SpyUpstream.start();
    site = modalityFile({
      server,
      ca,
      more: audit,
      ct1: `"address": { "host": "127.0.0.1", "port": ${spy.port} },`,
    });
    writeFileSync(
      join(site.folder, 'audit.jsonl'),
      event({
        event: 'association.accepted',
        outcome: 'allowed',
        modality: 'ct1',
        sourceAddress: '10.1.2.10',
      }) +
        event({
          event: 'association.rejected',
          outcome: 'denied',
          reason: 'source-address-mismatch',
          callingAeTitle: 'CT1',
          sourceAddress: '10.1.9.9',
        }),
    );
    const { exitCode, printed } = await site.run(['test', 'ct1']);
    expect(exitCode).toBe(ExitCode.Done);
    expect(spy.connections[0]?.associateRq?.called.trim()).toBe('CT1');
    expect(printed).toMatch(/ok +C-ECHO .*status 0x0000/);
    expect(printed).toMatch(/^last accepted +2026-11-25T10:00:00\.000Z from 10\.1\.2\.10$/m);
    expect(printed).toMatch(
      /^last refused +\S+ from 10\.1\.9\.9, association\.rejected, source-address-mismatch: /m,
    );
    expect(printed).toMatch(/^last command +never, as far as the audit log goes back$/m);
    const json = JSON.parse((await site.run(['test', 'ct1'], '--json')).printed);
    expect(json).toMatchObject({
      ok: true,
      echo: { ok: true },
      lastSeen: { denied: { sourceAddress: '10.1.9.9' } },
    });
  });

  it('fails where nobody answers', async () => {
    const spy = await SpyUpstream.start();
    const { port } = spy;
    await spy.stop();
    site = modalityFile({ server, ca, ct1: `"address": { "host": "127.0.0.1", "port": ${port} },` });
    const { exitCode, printed } = await site.run(['test', 'ct1']);
    expect(exitCode).toBe(ExitCode.Failed);
    expect(printed).toMatch(/failed +TCP/);
    expect(printed).toContain('last seen: unknown');
  });

  it('reports what was last seen of an entry without an address, and that it has none', async () => {
    site = modalityFile({ server, ca, more: audit });
    expect(existsSync(join(site.folder, 'audit.jsonl'))).toBe(false);
    await expect(site.run(['test', 'ct1'])).rejects.toMatchObject({
      message: expect.stringContaining('modalities.ct1 has no address'),
      exitCode: ExitCode.Usage,
    });
  });
});
