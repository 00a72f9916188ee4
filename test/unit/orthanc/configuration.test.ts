// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references such as ${PORT} are for Orthanc
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { OperatorError } from '../../../src/errors';
import { booleanSetting, dicomAet, dicomPort } from '../../../src/orthanc/configuration';
import { loadOrthancConfiguration } from '../../../src/orthanc/load';
import { parseModalities } from '../../../src/orthanc/modality';
import { temporaryFolder } from '../../support/processes';
import { orthanc, orthancWith } from './orthancFiles';

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(OperatorError);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('files of Orthanc', () => {
  it('may have comments of both kinds and trailing commas', () => {
    const { settings } = orthanc('{ // one\n "Name": "A // b", /* two\n */ "LuaScripts": [ "x", ], }');
    expect(settings).toEqual({ Name: 'A // b', LuaScripts: ['x'] });
  });

  // What Orthanc 1.10.1 makes of each.
  it.each([
    ['"a ${FOO} b"', 'a hello b'],
    ['${PORT}', 4242],
    ['"${NONE:-q r}"', 'q r'],
    ['"${NONE:-a:b}"', 'a:b'],
    ['${NONE:-"104"}', 104],
    ['"${NONE:-\'s}t\'}"', 's}t'],
    ['"${A-B}"', 'dash'],
    ['"${FOO:-d}"', 'hello'],
    ['"${FOO:x}"', '${FOO:x}'],
    ['"${NONE:-}"', ''],
    ['"${NONE:-${FOO}}"', '${FOO}'],
    ['"$FOO"', '$FOO'],
    ['"${NONE}x"', 'x'],
  ])('replace variables in the text as Orthanc does: %s', (written, value) => {
    const { settings } = orthancWith({ FOO: 'hello', PORT: '4242', 'A-B': 'dash' }, `{ "Name": ${written} }`);
    expect(settings.Name).toEqual(value);
  });

  it('have their places where they are in the file, whatever variables and comments made of it', () => {
    const configuration = orthancWith(
      { LONG: 'x'.repeat(100), SHORT: '' },
      '{ /* a\n ${NOTHING} */ "Name": "${LONG}${SHORT}", "DicomAet": "A", // c\n "DicomPort": ${NONE:-104} }',
    );
    expect(configuration.placeOf([], 'Name')).toEqual({ file: 'a.json', line: 2, column: 16 });
    expect(configuration.placeOf([], 'DicomAet')).toEqual({ file: 'a.json', line: 2, column: 43 });
    expect(configuration.placeOf(['DicomAet'])).toEqual({ file: 'a.json', line: 2, column: 55 });
    expect(configuration.placeOf(['DicomPort'])).toEqual({ file: 'a.json', line: 3, column: 15 });
    expect(configuration.placeOf([], 'DicomTlsEnabled')).toEqual({ file: 'a.json', line: 1, column: 1 });
    expect(configuration.doubts).toEqual([]);
  });

  it('may name variables that are not set, which is reported', () => {
    const { doubts } = orthanc('{ "Name": "${NOTHING}", // ${COMMENT}\n "DicomAet": "${NONE:-A}" }');
    expect(doubts).toEqual([
      expect.objectContaining({
        line: 1,
        column: 12,
        message: expect.stringContaining('"NOTHING" is not set'),
      }),
    ]);
  });

  it('are one configuration together', () => {
    const configuration = orthanc('{ "DicomAet": "A" }', '{\n "DicomPort": 104 }');
    expect([dicomAet(configuration), dicomPort(configuration)]).toEqual(['A', 104]);
    expect(configuration.placeOf(['DicomPort'])).toEqual({ file: 'b.json', line: 2, column: 15 });
  });

  it('have the defaults of Orthanc', () => {
    const configuration = orthanc('{}');
    expect([dicomAet(configuration), dicomPort(configuration)]).toEqual(['ORTHANC', 4242]);
    expect(booleanSetting(configuration, 'DicomAlwaysAllowStore')).toBe(true);
    expect(booleanSetting(configuration, 'DicomAlwaysAllowFind')).toBe(false);
  });

  it('are refused where Orthanc does not start either, every fault at once', () => {
    const message = messageOf(() =>
      orthanc(
        '{ "Name": "a", "DicomAet": "A" }',
        '{ "DicomAet": "B", "Name": "b" }',
        '[]',
        ' ',
        '{ "X": nul }',
      ),
    );
    expect(message.split('\n')).toEqual([
      'c.json:1:1 is a list; an object of settings is expected',
      'd.json:1:1 is empty; an object of settings is expected',
      'e.json:1:8 "nul" is not JSON; keys and texts stand in double quotes',
      expect.stringMatching(/^b\.json:1:3 DicomAet is at a\.json:1:16 already, and Orthanc does not start/),
      expect.stringMatching(/^b\.json:1:20 Name is at a\.json:1:3 already/),
    ]);
  });

  it('tell of a key that is there twice', () => {
    expect(orthanc('{ "Name": "a", "Name": "b" }').doubts).toEqual([
      expect.objectContaining({ kind: 'duplicate', line: 1, column: 16 }),
    ]);
  });

  it('are those of a folder, without its folders and other files', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'b.JSON'), '{ "DicomPort": 104 }');
    writeFileSync(join(folder, 'a.json'), '{ "DicomAet": "A" }');
    writeFileSync(join(folder, 'a.json.bak'), '{ "DicomAet": "B" }');
    mkdirSync(join(folder, 'c.json'));
    const { settings, files } = loadOrthancConfiguration([folder], {});
    expect(settings).toEqual({ DicomAet: 'A', DicomPort: 104 });
    expect(files).toEqual([join(folder, 'a.json'), join(folder, 'b.JSON')]);
  });

  it('never end in anything but words, whatever is in them', () => {
    const pieces = ['{', '}', '[', ']', '"', ':', ',', '\\', '//', '/*', '*/', '${', '${A:-', '\n', 'A', '1'];
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 }))), (parts) => {
        try {
          orthancWith({ A: '"a": 1' }, parts.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(OperatorError);
        }
      }),
    );
  });

  it('have to be there', () => {
    const folder = temporaryFolder();
    expect(messageOf(() => loadOrthancConfiguration([folder], {}))).toMatch(
      /has no \.json file; name the file/,
    );
    expect(messageOf(() => loadOrthancConfiguration([join(folder, 'x.json')], {}))).toMatch(
      /x\.json does not exist; name the file or folder that Orthanc is started with$/,
    );
    writeFileSync(join(folder, 'y.json'), '{}');
    expect(messageOf(() => loadOrthancConfiguration([join(folder, 'y.json/x')], {}))).toMatch(
      /cannot be read: a part of its path is not a folder \(ENOTDIR\); correct the path$/,
    );
  });
});

describe('DicomModalities', () => {
  const parse = (entries: string) =>
    parseModalities(orthanc(`{ "DicomModalities": { ${entries} } }`).settings.DicomModalities);

  it('has entries in array form and in object form', () => {
    const { modalities, findings } = parse(`
      "a": ["CT1", "10.0.0.1", 104], "b": ["CT2", "10.0.0.2", "105", "GE"],
      "c": { "AET": "CT3", "Host": "ct3", "Port": 106, "AllowStore": false, "UseDicomTls": true, "LocalAet": "ME",
             "Manufacturer": "Vitrea", "Timeout": 9, "AllowTranscoding": false, "AllowEcoh": true }`);
    expect(findings).toEqual([]);
    expect(modalities).toMatchObject([
      {
        name: 'a',
        aeTitle: 'CT1',
        host: '10.0.0.1',
        port: 104,
        allow: {},
        useDicomTls: false,
        orthancOnly: {},
      },
      { name: 'b', aeTitle: 'CT2', port: 105, orthancOnly: { Manufacturer: 'GE' } },
      {
        ...{
          name: 'c',
          aeTitle: 'CT3',
          host: 'ct3',
          port: 106,
          allow: { AllowStore: false },
          useDicomTls: true,
        },
        ...{ localAet: 'ME', orthancOnly: { Manufacturer: 'Vitrea', Timeout: 9, AllowTranscoding: false } },
        unknownKeys: ['AllowEcoh'],
      },
    ]);
    expect(modalities.map((modality) => modality.pathOf('Host').at(-1))).toEqual([1, 1, 'Host']);
  });

  it.each([
    ['"a": ["CT1", "10.0.0.1"]', 'has 2 items'],
    ['"a": [1, "10.0.0.1", 104]', '1 is not a string'],
    ['"a": ["CT1", "10.0.0.1", 65535]', '65535 is not a port'],
    ['"a": ["CT1", "10.0.0.1", "0x10"]', '"0x10" is not a port'],
    ['"a": { "AET": "CT1", "Port": 104 }', 'has no Host'],
    [
      '"a": { "AET": "CT1", "Host": "x", "Port": 104, "AllowStore": 1 }',
      '1 is not accepted; accepted is true or false',
    ],
    ['"a b": ["CT1", "10.0.0.1", 104]', '"a b" is not a name of a modality'],
    ['"a": "CT1"', 'is "CT1"; accepted is a list or an object'],
  ])('says why Orthanc does not take %s', (entry, message) => {
    expect(parse(entry).findings).toEqual([
      expect.objectContaining({ message: expect.stringContaining(message) }),
    ]);
  });
});
