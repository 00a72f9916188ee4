import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { registerOrthanc } from '../../../../src/commands/orthanc/orthanc';
import { parseSourceText } from '../../../../src/config/sourceText';
import { ExitCode } from '../../../../src/errors';
import { runCommand } from '../../../support/commandLine';
import { temporaryFolder } from '../../../support/processes';
import { openTerminal, type Terminal } from '../../../support/terminal';

const folder = temporaryFolder();
const gateway = join(folder, 'aegis.jsonc');
writeFileSync(
  gateway,
  JSON.stringify({
    listeners: [{ name: 'plain', port: 11112 }],
    upstreams: { ORTHANC: { servers: ['127.0.0.1:4242'] } },
    egress: {},
    modalities: {
      ct1: { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' },
      ws1: { callingAeTitle: 'WS1', from: '10.1.2.20', listeners: 'plain', allow: ['find', 'move'] },
      mr1: { callingAeTitle: 'MR1', from: '10.1.2.30', listeners: 'plain', allow: 'store' },
    },
  }),
);

/** As people have it: comments, an order and a layout of their own, both forms of entries, a variable. */
const ORTHANC = `{
  // Our archive.
  "Name" : "\${HOSTNAME:-archive}",
  "DicomAet" : "ORTHANC", /* as printed on the sheet */

  "DicomAlwaysAllowStore" : true, // since 2019
  "DicomModalities" : {
    // Room 1
    "ct1" : [ "CT1", "10.1.2.10", 104, "GenericNoUniversalWildcard" ],

    // By another name than in the gateway
    "workstation" : { "AET" : "WS1", "Host" : "10.1.2.20", "Port" : 11112, "Timeout" : 60, "UseDicomTls" : true },
    // Of the research group
    "lab" : [ "LAB", "10.9.9.9", 104 ]
  },
  "Plugins" : [ ] // none
}
`;

function fresh(text = ORTHANC): string {
  const file = join(temporaryFolder(), 'orthanc.json');
  writeFileSync(file, text);
  return file;
}

function exportInto(file: string, ...more: string[]) {
  return runCommand(registerOrthanc, ['--config', gateway, ...more, 'orthanc', 'export', '--into', file]);
}

function written(file: string, ...more: string[]) {
  return runCommand(registerOrthanc, [
    ...['--config', gateway, 'orthanc', 'export', '--into', file, '--yes', ...more],
  ]);
}

function settingsOf(file: string): Record<string, unknown> {
  const { value, faults } = parseSourceText(readFileSync(file, 'utf8'));
  expect(faults).toEqual([]);
  return value as Record<string, unknown>;
}

describe('aegis orthanc export --into', () => {
  it('changes values where they stand, and keeps comments, order, and what only Orthanc uses', async () => {
    const file = fresh();
    chmodSync(file, 0o640);
    const { printed } = await written(file);
    const text = readFileSync(file, 'utf8');
    for (const comment of ORTHANC.match(/\/\/.*|\/\*.*?\*\//g)!) expect(text).toContain(comment);
    expect(text).toContain(`"Name" : "\${HOSTNAME:-archive}"`);
    expect(text).toContain('"DicomAlwaysAllowStore" : false, // since 2019');
    const { DicomModalities, ...settings } = settingsOf(file);
    expect(Object.keys(settings).slice(0, 4)).toEqual([
      'Name',
      'DicomAet',
      'DicomAlwaysAllowStore',
      'Plugins',
    ]);
    expect(settings).toMatchObject({ DicomAlwaysAllowEcho: false, DicomCheckCalledAet: true });
    const egress = { Host: '127.0.0.1', Port: 4243 };
    expect(DicomModalities).toMatchObject({
      ct1: { ...egress, AET: 'CT1', AllowStore: true, Manufacturer: 'GenericNoUniversalWildcard' },
      workstation: {
        ...egress,
        AET: 'WS1',
        AllowMove: true,
        AllowStore: false,
        Timeout: 60,
        UseDicomTls: false,
      },
      lab: ['LAB', '10.9.9.9', 104],
      mr1: { ...egress, AET: 'MR1' },
      aegis: { ...egress, AET: 'AEGIS' },
    });
    expect(Object.keys(DicomModalities as object)).toEqual(['ct1', 'workstation', 'lab', 'mr1', 'aegis']);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(join(file, '..'))).toEqual(['orthanc.json']);
    expect(printed).toContain(
      '-  "DicomAlwaysAllowStore" : true, // since 2019\n+  "DicomAlwaysAllowStore" : false,',
    );
    expect(printed).toContain(`${file} was written: 2 entries changed, 2 entries added\n`);
  });

  it('writes nothing the second time', async () => {
    const file = fresh();
    await written(file);
    const text = readFileSync(file, 'utf8');
    expect((await written(file)).printed).toBe(`${file} says all of it already; nothing was written\n`);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('names an entry that the gateway does not know, with its place, and lets it stay', async () => {
    const file = fresh();
    const { printedErrors } = await written(file);
    expect(printedErrors).toContain(
      `note: ${file}:14:5 DicomModalities.lab stays, but the gateway exports no entry "lab" for "LAB"; remove it`,
    );
  });

  it('adds no setting that another file beside it has: Orthanc would not start', async () => {
    const file = fresh();
    writeFileSync(join(file, '..', 'http.json'), '{ "RemoteAccessAllowed": true }');
    const { printedErrors } = await written(file);
    expect(settingsOf(file)).not.toHaveProperty('RemoteAccessAllowed');
    expect(printedErrors).toMatch(/RemoteAccessAllowed is in http.json; set it to false there/);
  });

  it.each([
    ['{\n  "DicomAet" "X"\n}', /^\S+orthanc.json:2:14 /],
    ['{ "DicomModalities": { "ct1": ["CT1"] } }', /^\S+:1:31 DicomModalities.ct1 has 1 item;/],
    ['{ "DicomAet": "A", "DicomAet": "B" }', /^\S+:1:20 duplicate key "DicomAet"/],
    [`{\n "DicomPort": \${PORT:-4242} }`, /^\S+:2:15 has a variable outside of a string/],
    ['', /is empty/],
  ])('leaves %j alone, and says where it is wrong', async (text, message) => {
    const file = fresh(text);
    await expect(written(file)).rejects.toMatchObject({
      exitCode: ExitCode.Usage,
      message: expect.stringMatching(message),
    });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('writes nothing where nobody can be asked', async () => {
    const file = fresh();
    await expect(exportInto(file)).rejects.toMatchObject({
      exitCode: ExitCode.Failed,
      message: 'nothing was written: there is nobody to ask; give --yes',
    });
    await expect(exportInto(file, '--json')).rejects.toMatchObject({ exitCode: ExitCode.Failed });
    expect(readFileSync(file, 'utf8')).toBe(ORTHANC);
  });

  it('reports for machines', async () => {
    const { printed } = await runCommand(registerOrthanc, [
      ...['--config', gateway, '--json', 'orthanc', 'export', '--into', fresh(), '--yes'],
    ]);
    expect(JSON.parse(printed)).toMatchObject({
      isChanged: true,
      changed: ['ct1', 'workstation'],
      added: ['mr1', 'aegis'],
      notes: expect.arrayContaining([expect.objectContaining({ setting: 'DicomModalities.lab', line: 14 })]),
    });
  });

  describe('on a terminal', () => {
    let terminal: Terminal;
    beforeEach(() => {
      terminal = openTerminal();
    });
    afterEach(() => terminal.close());

    it('asks after it has shown the change', async () => {
      const file = fresh();
      terminal.answers = ['n'];
      await expect(exportInto(file)).rejects.toThrow('nothing was written');
      expect(readFileSync(file, 'utf8')).toBe(ORTHANC);
      terminal.answers = ['y'];
      await exportInto(file);
      expect(settingsOf(file)).toMatchObject({ DicomAlwaysAllowStore: false });
      expect(terminal.asked).toContain('write this (y/n) [n]: ');
    });
  });
});
