import { describe, expect, it } from '@jest/globals';
import { parseSourceText } from '../../../src/config/sourceText';
import { OperatorError } from '../../../src/errors';
import { type ExportOptions, exportOrthanc } from '../../../src/orthanc/export';
import { keptFrom } from '../../../src/orthanc/exportEntries';
import { formatExport, notesOnVersion } from '../../../src/orthanc/exportText';
import { parseOrthancVersion } from '../../../src/orthanc/version';
import { localAddresses } from '../../../src/policy/localAddresses';
import { gateway, orthanc, type TestGatewayConfiguration } from './orthancFiles';

const CT1 =
  '"ct1": { "callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["echo", "store"], "address": { "host": "10.1.2.10", "port": 104 } }';
const US1 = '"us1": { "callingAeTitle": "US1", "from": "10.1.4.20", "allow": ["findWorklist", "mpps"] }';

interface Entry {
  readonly AET: string;
  readonly Host: string;
  readonly Port: number;
  readonly [key: string]: unknown;
}

interface Settings {
  readonly DicomModalities: Readonly<Record<string, Entry>>;
  readonly [setting: string]: unknown;
}

function exported(
  { configuration, policy }: TestGatewayConfiguration,
  options: ExportOptions & { version?: string; keep?: string } = {},
) {
  const result = exportOrthanc(configuration, policy, options);
  const version = options.version === undefined ? undefined : parseOrthancVersion(options.version)!;
  const kept = options.keep === undefined ? {} : { orthancOnly: keptFrom(orthanc(options.keep)) };
  const text = formatExport(result, { file: 'aegis.jsonc', version, ...kept });
  const { value, faults } = parseSourceText(text);
  expect(faults).toEqual([]);
  const settings = value as Settings;
  return {
    text,
    settings,
    entries: settings.DicomModalities,
    notes: [...result.notes, ...notesOnVersion(result, version)],
  };
}

describe('the export for Orthanc', () => {
  it('mirrors what each modality may do, and leads everything through egress', () => {
    const { settings, entries, notes } = exported(gateway({ modalities: CT1 }));
    expect(entries.ct1).toEqual({
      AET: 'CT1',
      Host: '127.0.0.1',
      Port: 4243,
      AllowEcho: true,
      AllowStore: true,
      AllowFind: false,
      AllowFindWorklist: false,
      AllowGet: false,
      AllowMove: false,
      AllowStorageCommitment: false,
    });
    const { DicomModalities, ...rest } = settings;
    expect(rest).toEqual({
      DicomAet: 'ORTHANC',
      DicomCheckCalledAet: true,
      StrictAetComparison: false,
      DicomTlsEnabled: false,
      DicomAlwaysAllowEcho: false,
      DicomAlwaysAllowStore: false,
      DicomAlwaysAllowFind: false,
      DicomAlwaysAllowFindWorklist: false,
      DicomAlwaysAllowGet: false,
      DicomAlwaysAllowMove: false,
      DicomCheckModalityHost: false,
      RemoteAccessAllowed: false,
      DicomModalitiesInDatabase: false,
    });
    expect(notes).toEqual([]);
  });

  it('has an entry for the gateway itself, which may ask whether Orthanc is there', () => {
    const { aegis } = exported(gateway({ modalities: CT1 })).entries;
    const allowed = Object.entries(aegis!).filter(([, value]) => value === true);
    expect([aegis!.AET, allowed.map(([key]) => key)]).toEqual(['AEGIS', ['AllowEcho']]);
  });

  it('says that a modality without an address cannot be reached, and still exports the egress for it', () => {
    const { text, entries } = exported(gateway({ modalities: `${CT1}, ${US1}` }));
    expect(entries.us1).toMatchObject({ Host: '127.0.0.1', Port: 4243 });
    expect(text).toMatch(/\/\/ The gateway cannot reach it: what Orthanc sends there is refused\.\n\s+"us1"/);
    expect(text).not.toMatch(/refused\.\n\s+"ct1"/);
  });

  it('says that there is no egress', () => {
    const { entries, notes } = exported(gateway({ modalities: CT1, rest: '"workers": 1' }));
    expect(entries.ct1).toMatchObject({ Host: '127.0.0.1', Port: 4243 });
    expect(notes).toEqual([expect.stringContaining('the gateway has no egress')]);
  });

  it('leads to the host and port of egress, or to what Orthanc dials for it', () => {
    const configured = gateway({
      modalities: CT1,
      rest: '"egress": { "host": "0.0.0.0", "port": 5000, "allowRemotePlaintext": true }',
    });
    expect(exported(configured).entries.ct1).toMatchObject({ Host: '127.0.0.1', Port: 5000 });
    expect(exported(configured, { egressHost: 'aegis' }).entries.ct1).toMatchObject({
      Host: 'aegis',
      Port: 5000,
    });
  });

  it('says that an archive on another machine does not reach egress on this one', () => {
    const upstreams = '"ORTHANC": { "servers": ["10.0.0.5:4242"], "allowRemotePlaintext": true }';
    const configured = gateway({ modalities: CT1, upstreams });
    expect(exported(configured).notes).toEqual([
      expect.stringMatching(/^the archive at 10\.0\.0\.5:4242 is on another machine: egress has to listen/),
    ]);
    expect(exported(configured, { egressHost: '10.0.0.4' }).notes).toEqual([]);
  });

  it('says that Orthanc will not know a destination of C-MOVE that is not a modality', () => {
    const { notes } = exported(
      gateway({
        modalities: `"ws1": { "callingAeTitle": "WS1", "from": "10.1.3.1", "allow": "move",
          "moveDestinations": ["CT1", "WS9", "*"] }, ${CT1}`,
      }),
    );
    expect(notes).toEqual([expect.stringMatching(/^"ws1" may send to "WS9", which Orthanc will not know/)]);
  });

  it('has one entry for each calling AE title, and for the title that the modality listens to', () => {
    const { entries } = exported(
      gateway({
        modalities: `"ws 1": { "callingAeTitle": ["WS1", "WS1_QR", "ws1"], "from": "10.1.3.1", "allow": "find",
          "address": { "host": "10.1.3.1", "port": 104, "calledAeTitle": "WS1 SCP" } }`,
      }),
    );
    expect(Object.entries(entries).map(([name, { AET, AllowFind }]) => [name, AET, AllowFind])).toEqual([
      ['ws_1', 'WS1', true],
      ['ws_1-WS1_QR', 'WS1_QR', true],
      ['ws_1-WS1_SCP', 'WS1 SCP', false],
      ['aegis', 'AEGIS', false],
    ]);
  });

  it('makes one entry of those that share an AE title, which allows what either may', () => {
    const { text, entries, notes } = exported(
      gateway({
        modalities: `"a": { "callingAeTitle": "WS", "from": "10.1.3.1", "allow": "find" },
          "b": { "callingAeTitle": "ws", "from": "10.1.3.2", "allow": "store" }`,
      }),
    );
    expect(Object.keys(entries)).toEqual(['a', 'aegis']);
    expect(entries.a).toMatchObject({ AET: 'WS', AllowFind: true, AllowStore: true, AllowMove: false });
    expect(text).toContain('// From "a" and "b".');
    expect(notes).toEqual(['"b" shares the AE title "ws" with "a": one entry "a" allows what either may']);
  });

  it('tells them apart where the gateway does', () => {
    const { settings, entries } = exported(
      gateway({
        modalities: `"a": { "callingAeTitle": "WS", "from": "10.1.3.1", "allow": "find" },
          "b": { "callingAeTitle": "ws", "from": "10.1.3.2", "allow": "store" }`,
        rest: '"strictAeTitles": true, "egress": {}',
      }),
    );
    expect(settings.StrictAetComparison).toBe(true);
    expect(Object.keys(entries)).toEqual(['a', 'b', 'aegis']);
  });

  it('lets Orthanc allow everything to a modality in observe mode, which is let through with everything', () => {
    const { entries, notes } = exported(
      gateway({
        modalities: '"a": { "callingAeTitle": "A", "from": "10.1.3.1", "allow": "echo", "mode": "observe" }',
      }),
    );
    expect(entries.a).toMatchObject({ AllowStore: true, AllowMove: true, AllowStorageCommitment: true });
    expect(notes).toEqual([expect.stringContaining('"a" is in observe mode')]);
  });

  const perModality = '"ORTHANC": { "servers": ["127.0.0.1:4242"], "localAddress": "per-modality" }';

  it('has the address of each modality as Host, and lets Orthanc compare it', () => {
    const { settings, entries } = exported(gateway({ modalities: `${CT1}, ${US1}`, upstreams: perModality }));
    const addresses = localAddresses(['ct1', 'us1']);
    expect(entries).toMatchObject({
      ct1: { Host: addresses.get('ct1') },
      us1: { Host: addresses.get('us1') },
    });
    expect(settings.DicomCheckModalityHost).toBe(true);
  });

  it('does not, where the archive has another upstream without', () => {
    const upstreams = `${perModality.replace('}', ', "calledAeTitle": "PACS" }')}, "OLD": { "servers": ["127.0.0.1:4242"], "calledAeTitle": "PACS" }`;
    const { settings, entries } = exported(gateway({ modalities: CT1, upstreams }), { upstream: 'ORTHANC' });
    expect(settings).toMatchObject({ DicomCheckModalityHost: false, DicomCheckCalledAet: true });
    expect(entries.ct1).toMatchObject({ Host: '127.0.0.1' });
  });

  it('does not, where Orthanc would compare with one of two only', () => {
    const { settings, notes } = exported(
      gateway({
        modalities: `"a": { "callingAeTitle": "WS", "from": "10.1.3.1", "allow": "find" },
          "b": { "callingAeTitle": "WS", "from": "10.1.3.2", "allow": "store" }`,
        upstreams: perModality,
      }),
    );
    expect(settings.DicomCheckModalityHost).toBe(false);
    expect(notes.join('\n')).toContain('several modalities share "WS", and');
  });

  const two =
    '"MAIN": { "servers": ["127.0.0.1:4242"], "calledAeTitle": "PACS" }, "TEST": { "servers": ["127.0.0.1:4342"] }';

  it('is for one of several archives, and has only who may call it or be reached', () => {
    const configured = gateway({
      modalities: `"a": { "callingAeTitle": "A", "from": "10.1.3.1", "allow": "find", "calledAeTitle": "TEST" },
        "b": { "callingAeTitle": "B", "from": "10.1.3.2", "allow": "find", "calledAeTitle": "TEST",
               "address": { "host": "10.1.3.2", "port": 104 } }, ${CT1}`,
      upstreams: two,
    });
    const { settings, entries } = exported(configured, { upstream: 'main' });
    expect(settings.DicomAet).toBe('PACS');
    expect(Object.keys(entries)).toEqual(['b', 'ct1', 'aegis']);
    expect(entries.b).toMatchObject({ AllowFind: false });
    expect(Object.keys(exported(configured, { upstream: 'TEST' }).entries)).toContain('a');
  });

  it('asks which of several archives is meant', () => {
    const configured = gateway({ modalities: CT1, upstreams: two });
    expect(() => exported(configured)).toThrow(
      new OperatorError('--upstream is needed, because there are several; accepted is "MAIN" or "TEST"'),
    );
    expect(() => exported(configured, { upstream: 'X' })).toThrow(
      '--upstream "X" is not an upstream; accepted is "MAIN" or "TEST"',
    );
  });

  it('cannot let Orthanc check the called AE title where it is called by several', () => {
    const { settings, notes } = exported(
      gateway({
        modalities: CT1,
        upstreams: '"MAIN": { "servers": ["127.0.0.1:4242"] }, "OLD": { "servers": ["127.0.0.1:4242"] }',
      }),
      { upstream: 'MAIN' },
    );
    expect(settings.DicomCheckCalledAet).toBe(false);
    expect(notes).toEqual([expect.stringMatching(/^the archive is called "MAIN" and "OLD", so/)]);
  });

  it('cannot let Orthanc check the called AE title behind a catch-all, which passes on what modalities call', () => {
    const upstreams = '"*": { "servers": ["127.0.0.1:4242"] }';
    const { settings, entries, notes } = exported(
      gateway({ modalities: CT1, upstreams, rest: '"egress": { "callingAeTitle": "MAIN" }' }),
    );
    expect(settings).toMatchObject({ DicomAet: 'MAIN', DicomCheckCalledAet: false });
    expect(Object.keys(entries)).toContain('ct1');
    expect(notes).toEqual([
      expect.stringMatching(/^upstreams\["\*"\] passes on what each modality calls, so/),
    ]);
    const unknown = exported(gateway({ modalities: CT1, upstreams })).notes;
    expect(unknown[1]).toMatch(/^egress does not know the archive as "ORTHANC"; add it to egress\.callingAe/);
  });

  it('lets Orthanc check the one title that a catch-all translates to', () => {
    const upstreams = '"*": { "servers": ["127.0.0.1:4242"], "calledAeTitle": "ORTHANC" }';
    const { settings, notes } = exported(gateway({ modalities: CT1, upstreams }));
    expect(settings).toMatchObject({ DicomAet: 'ORTHANC', DicomCheckCalledAet: true });
    expect(notes).toEqual([]);
  });

  it('has those who may call a title that only the catch-all takes', () => {
    const upstreams = '"MAIN": { "servers": ["127.0.0.1:4242"] }, "*": { "servers": ["127.0.0.1:4299"] }';
    const calls = (title: string) =>
      `"ct1": { "callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["echo"], "calledAeTitle": "${title}" }`;
    const names = (title: string, upstream: string) =>
      Object.keys(exported(gateway({ modalities: calls(title), upstreams }), { upstream }).entries);
    expect(names('OLD', '*')).toContain('ct1');
    expect(names('MAIN', '*')).not.toContain('ct1');
    expect(names('MAIN', 'MAIN')).toContain('ct1');
    expect(names('OLD', 'MAIN')).not.toContain('ct1');
  });

  it('has no settings that the version does not know, and lets AllowFind stand for worklists before 1.10.0', () => {
    const { settings, entries } = exported(gateway({ modalities: US1 }), { version: '1.8.2' });
    expect(Object.keys(settings)).not.toEqual(expect.arrayContaining(['DicomAlwaysAllowFind']));
    expect(Object.keys(settings)).toEqual(
      expect.arrayContaining(['DicomAlwaysAllowStore', 'DicomModalitiesInDatabase']),
    );
    expect(Object.keys(settings)).not.toContain('DicomTlsEnabled');
    expect(entries.us1).toEqual(expect.objectContaining({ AllowFind: true, AllowStorageCommitment: false }));
    expect(Object.keys(entries.us1!)).not.toContain('AllowFindWorklist');
  });

  it('says that older versions need theirs, without a version', () => {
    const { entries, notes } = exported(gateway({ modalities: US1 }));
    expect(entries.us1).toMatchObject({ AllowFind: false, AllowFindWorklist: true });
    expect(notes).toEqual([expect.stringMatching(/^"us1" may find worklists only/)]);
  });

  it('keeps what is for Orthanc alone, by the name of the entry or its AE title', () => {
    const { entries } = exported(gateway({ modalities: `${CT1}, ${US1}` }), {
      keep: `{ "DicomModalities": { "ct1": ["X", "10.0.0.1", 104, "GE"],
        "other": { "AET": "us1", "Host": "x", "Port": 1, "Timeout": 60, "AllowStore": true } } }`,
    });
    expect(entries.ct1).toMatchObject({ AET: 'CT1', Manufacturer: 'GE' });
    expect(entries.us1).toMatchObject({ Timeout: 60, AllowStore: false });
  });
});
