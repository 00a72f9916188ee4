import { describe, expect, it } from '@jest/globals';
import { parseConfiguration } from '../../../src/config/load';
import { parseSourceText } from '../../../src/config/sourceText';
import type { OrthancConfiguration } from '../../../src/orthanc/configuration';
import { type ImportOptions, importOrthanc } from '../../../src/orthanc/import';
import { formatConfiguration, formatFragment } from '../../../src/orthanc/importText';
import { testCertificates } from '../../support/certificates';
import { orthanc } from './orthancFiles';

const CLOSED =
  '"DicomAlwaysAllowEcho": false, "DicomAlwaysAllowStore": false, "DicomCheckCalledAet": true, "DicomCheckModalityHost": true';

function modalities(entries: string, settings = CLOSED) {
  return orthanc(`{ ${settings}, "DicomModalities": { ${entries} } }`);
}

/** The import as the gateway reads it, and what it says about it. */
function imported(configuration: OrthancConfiguration, options: Partial<ImportOptions> = {}) {
  const result = importOrthanc(configuration, { keepDefaults: false, ...options });
  const text = formatConfiguration(result, ['a.json'], 'config/aegis.jsonc');
  const reading = parseConfiguration(text, 'config/aegis.jsonc', {});
  return {
    text,
    errors: reading.problems.filter(({ severity }) => severity === 'error'),
    configuration: reading.configuration!,
    notes: result.notes.map(
      ({ severity, line, column, setting, message }) => `${severity} ${line}:${column} ${setting} ${message}`,
    ),
  };
}

describe('the import of Orthanc modalities', () => {
  it('warns of a trusted certificate of a device that may sign others', () => {
    const { issue } = testCertificates();
    const device = issue('recipe', { isCa: true, keyUsage: 0 });
    const ca = issue('Site CA', { isCa: true });
    const notesFor = (file: string) =>
      imported(
        modalities('', `${CLOSED}, "DicomTlsTrustedCertificates": ${JSON.stringify(file)}`),
      ).notes.filter((note) => note.includes('DicomTlsTrustedCertificates'));
    expect(notesFor(device.certificateFile)).toEqual([
      expect.stringMatching(/^warning .*CA:TRUE\): who has its key can pass as any modality; .*spki-sha256:/),
    ]);
    expect(notesFor(ca.certificateFile)).toEqual([]);
  });

  it("takes over the sample of the Orthanc book's page on security", () => {
    const { errors, configuration, notes } = imported(
      orthanc(`{
        "DicomModalities" : {
          "untrusted" : {
            "AET" : "CT", "Port" : 104, "Host" : "192.168.0.10",
            "AllowEcho" : false, "AllowFind" : false, "AllowMove" : false, "AllowGet" : false, "AllowStore" : true
          }
        }
      }`),
    );
    expect(errors).toEqual([]);
    expect(configuration.modalities).toMatchObject({
      untrusted: {
        callingAeTitle: ['CT'],
        from: ['192.168.0.10'],
        allow: ['store'],
        address: { host: '192.168.0.10', port: 104 },
      },
    });
    expect(configuration.upstreams).toMatchObject({ ORTHANC: { servers: ['127.0.0.1:4242'] } });
    expect(configuration.egress).toMatchObject({ host: '127.0.0.1', port: 4243 });
    expect(notes).toEqual([
      expect.stringMatching(/^note 1:1 DicomAlwaysAllowEcho is true by default, so until now every modality/),
      expect.stringMatching(/^note 1:1 DicomAlwaysAllowStore is true by default/),
      expect.stringMatching(/^warning 1:1 DicomCheckCalledAet is false by default.* now only "ORTHANC"/),
      expect.stringMatching(/^note 1:1 DicomCheckModalityHost is false by default/),
      expect.stringMatching(
        /^warning 3:25 DicomModalities\.untrusted does not have AllowFindWorklist, AllowStorageCommitment, .* add "findWorklist", "storageCommitment" as needed/,
      ),
    ]);
  });

  it('opens nothing that only a default of Orthanc opens', () => {
    const array = '"a": ["CT1", "10.0.0.1", 104]';
    expect(imported(modalities(array)).configuration.modalities.a!.allow).toEqual([]);
    const object =
      '"a": { "AET": "CT1", "Host": "10.0.0.1", "Port": 104, "AllowFind": true, "AllowNAction": true }';
    expect(imported(modalities(object)).configuration.modalities.a!.allow).toEqual(['find']);
  });

  it('opens it where that is asked for', () => {
    const entries =
      '"a": { "AET": "CT1", "Host": "10.0.0.1", "Port": 104, "AllowGet": false, "AllowEventReport": false }';
    const { configuration, notes } = imported(modalities(entries), { keepDefaults: true });
    expect(configuration.modalities.a!.allow).toEqual(['echo', 'store', 'find', 'findWorklist', 'move']);
    expect(notes).toEqual([expect.stringMatching(/has only one of AllowNAction and AllowEventReport/)]);
  });

  it('takes both settings of storage commitment, and the one that stands for both', () => {
    const entries = `
      "a": { "AET": "A", "Host": "10.0.0.1", "Port": 104, "AllowNAction": true, "AllowEventReport": true },
      "b": { "AET": "B", "Host": "10.0.0.2", "Port": 104, "AllowNAction": false, "AllowStorageCommitment": true }`;
    const { configuration } = imported(modalities(entries));
    expect(Object.values(configuration.modalities).map(({ allow }) => allow)).toEqual([
      ['storageCommitment'],
      ['storageCommitment'],
    ]);
  });

  it('lets no modality in by a host name, and says what to do', () => {
    const { text, errors, configuration, notes } = imported(modalities('"a": ["CT1", "ct1.example", 104]'), {
      keepDefaults: true,
    });
    expect(errors).toEqual([]);
    expect(configuration.modalities.a).toMatchObject({ from: [], address: { host: 'ct1.example' } });
    expect(text).toContain(
      '// The addresses of "ct1.example" have to be given: an empty list allows nobody.',
    );
    expect(notes).toEqual([
      expect.stringMatching(/^warning 1:\d+ DicomModalities\.a\[1\] "ct1\.example" is a name/),
    ]);
  });

  it('takes the addresses of a host name where they were looked up', () => {
    const { configuration, notes } = imported(modalities('"a": ["A", "a.x", 104], "b": ["B", "b.x", 104]'), {
      keepDefaults: true,
      hostAddresses: new Map([
        ['a.x', ['10.0.0.1', '::1']],
        ['b.x', undefined],
      ]),
    });
    expect(configuration.modalities).toMatchObject({ a: { from: ['10.0.0.1', '::1'] }, b: { from: [] } });
    expect(notes.join('\n')).toMatch(
      /"a\.x" is a name, and stands for 10\.0\.0\.1, ::1 today[\s\S]*cannot be resolved/,
    );
  });

  it('keeps entries that share an AE title at different addresses, with one way back to them', () => {
    const { errors, configuration, notes } = imported(
      modalities('"b": ["WS", "10.0.0.2", 104], "a": ["ws", "10.0.0.1", 104]'),
      { keepDefaults: true },
    );
    expect(errors).toEqual([]);
    expect(configuration.modalities).toMatchObject({ a: { from: ['10.0.0.1'] }, b: { from: ['10.0.0.2'] } });
    // Orthanc goes by the first name.
    expect(configuration.modalities.a!.address).toBeDefined();
    expect(configuration.modalities.b!.address).toBeUndefined();
    expect(notes).toEqual([expect.stringMatching(/DicomModalities\.b\[0\] "WS" is the AE title of "a" too/)]);
  });

  it('leaves out, as a comment, an entry that looks like another one', () => {
    const { text, errors, configuration, notes } = imported(
      modalities('"a": ["WS", "10.0.0.1", 104], "b": ["WS", "10.0.0.1", 105]'),
      { keepDefaults: true },
    );
    expect(errors).toEqual([]);
    expect(Object.keys(configuration.modalities)).toEqual(['a']);
    expect(text).toContain('// "b": {\n');
    expect(notes).toEqual([
      expect.stringMatching(/DicomModalities\.b\[0\] "a" has this AE title and address too/),
    ]);
  });

  it('goes by the names, as Orthanc does, whatever the order of the file', () => {
    const { errors, configuration } = imported(
      modalities('"b": ["WS", "10.0.0.1", 105], "c": ["WS", "10.0.0.2", 104], "a": ["WS", "10.0.0.1", 104]'),
      { keepDefaults: true },
    );
    expect(errors).toEqual([]);
    expect(
      Object.entries(configuration.modalities).map(([name, { address }]) => [name, address?.port]),
    ).toEqual([
      ['c', undefined],
      ['a', 104],
    ]);
  });

  it('compares AE titles as Orthanc does', () => {
    const entries = '"a": ["WS", "10.0.0.1", 104], "b": ["ws", "10.0.0.1", 105]';
    const { errors, configuration } = imported(modalities(entries, `${CLOSED}, "StrictAetComparison": true`));
    expect(errors).toEqual([]);
    expect(configuration.strictAeTitles).toBe(true);
    expect(Object.keys(configuration.modalities)).toEqual(['a', 'b']);
  });

  it('leaves out, as a comment, what is not an AE title', () => {
    const { text, errors, notes } = imported(modalities('"a": ["SEVENTEEN_LETTERS", "10.0.0.1", 104]'), {
      keepDefaults: true,
    });
    expect(errors.map(({ path }) => path)).toEqual(['modalities']);
    expect(text).toContain('//   "callingAeTitle": "SEVENTEEN_LETTERS",');
    expect(notes).toEqual([
      expect.stringMatching(/"SEVENTEEN_LETTERS" is not an AE title .*; the entry is left out/),
    ]);
  });

  it('takes over TLS and AE title towards the modality, and the files of DicomTls', () => {
    const { configuration } = imported(
      orthanc(`{ "DicomTlsEnabled": true, "DicomTlsCertificate": "/etc/o/o.crt", "DicomTlsPrivateKey": "o.key",
        "DicomTlsTrustedCertificates": "/etc/o/t.crt", "DicomModalities": {
          "a": { "AET": "A", "Host": "10.0.0.1", "Port": 2762, "UseDicomTls": true, "LocalAet": "ME" } } }`),
    );
    const files = { certificate: '/etc/o/o.crt', privateKey: `${process.cwd()}/o.key` };
    expect(configuration.modalities.a!.address).toMatchObject({
      callingAeTitle: 'ME',
      tls: { trustedCertificates: ['/etc/o/t.crt'], ...files },
    });
    expect(configuration.listeners[0]!.tls).toMatchObject({
      certificate: [files.certificate],
      privateKey: [files.privateKey],
      trustedCertificates: ['/etc/o/t.crt'],
    });
  });

  it('names the files that aegis pki makes, where Orthanc has none', () => {
    const { configuration } = imported(
      modalities('"a": { "AET": "A", "Host": "10.0.0.1", "Port": 2762, "UseDicomTls": true }'),
    );
    const at = (name: string) => `${process.cwd()}/certs/${name}`;
    expect(configuration.listeners[0]!.tls).toMatchObject({ certificate: [at('server.crt')] });
    expect(configuration.modalities.a!.address!.tls).toMatchObject({
      trustedCertificates: [at('ca.crt')],
      certificate: at('aegis.crt'),
      privateKey: at('aegis.key'),
    });
  });

  it('reports what stays with Orthanc, misspelt keys, and C-MOVE to others', () => {
    const { notes } = imported(
      modalities(`"a": { "AET": "A", "Host": "10.0.0.1", "Port": 104, "Manufacturer": "GE", "Timeout": 3,
        "AllowMove": true, "AllowQuery": false }, "b": ["B", "10.0.0.2", 104, "Generic"]`),
    );
    expect(notes).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^note .* DicomModalities\.a has Manufacturer, Timeout, which only Orthanc uses/,
        ),
        expect.stringMatching(/^note .* DicomModalities\.a\.AllowMove lets it send to every entry/),
        expect.stringMatching(/^warning .* DicomModalities\.a\.AllowQuery is not a key of an entry/),
      ]),
    );
    expect(notes.filter((note) => note.includes('DicomModalities.b '))).toHaveLength(1);
  });

  it('listens where neither Orthanc nor a modality of the same machine does', () => {
    const { errors, configuration } = imported(
      modalities(
        '"a": ["A", "127.0.0.1", 4243], "b": ["B", "localhost", 4244]',
        `${CLOSED}, "DicomPort": 2762`,
      ),
    );
    expect(errors).toEqual([]);
    expect([configuration.listeners[0]!.port, configuration.egress!.port]).toEqual([2763, 4245]);
  });

  it('says that the entries are in the database, or that there are none', () => {
    expect(imported(modalities('', '"DicomModalitiesInDatabase": true')).notes.join('\n')).toMatch(
      /warning 1:3 DicomModalitiesInDatabase is true, .*\/modalities\?expand/,
    );
    expect(imported(modalities('')).notes).toEqual([expect.stringMatching(/DicomModalities has no entry/)]);
  });

  it('says where each entry came from, and prints no more than the modalities without an output', () => {
    const text = formatFragment(
      importOrthanc(modalities('\n"a": ["A", "10.0.0.1", 104]'), { keepDefaults: false }),
    );
    expect(text).toContain('// From a.json:2:1.');
    const { value, faults } = parseSourceText(text);
    expect(faults).toEqual([]);
    expect(Object.keys(value as object)).toEqual(['upstreams', 'modalities']);
  });

  it('refuses to guess which of two was meant', () => {
    const entry =
      '"a": { "AET": "A", "Host": "10.0.0.1", "Port": 104, "AllowStore": true, "AllowStore": false }';
    expect(() => imported(modalities(entry))).toThrow(
      /^a\.json:1:\d+ DicomModalities\.a duplicate key "AllowStore"; it is at 1:\d+ already, keep one of them; Orthanc/,
    );
  });

  it('refuses what Orthanc refuses, with its place', () => {
    expect(() => imported(modalities('"a": ["A", "10.0.0.1"]'))).toThrow(
      /^a\.json:1:\d+ DicomModalities\.a has 2 items/,
    );
  });
});
