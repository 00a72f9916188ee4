/**
 * One hole after the other is planted into a configuration that has none, and has to be found at its place.
 */
import { describe, expect, it } from '@jest/globals';
import { exportOrthanc } from '../../../src/orthanc/export';
import { formatExport } from '../../../src/orthanc/exportText';
import { type LintOptions, lint } from '../../../src/orthanc/lint';
import { parseOrthancVersion } from '../../../src/orthanc/version';
import { gateway, orthanc, orthancWith } from './orthancFiles';

const sound: Readonly<Record<string, string>> = {
  DicomAlwaysAllowEcho: 'false',
  DicomAlwaysAllowStore: 'false',
  DicomCheckCalledAet: 'true',
};

function closedEntry(keys: Record<string, unknown> = {}): Record<string, unknown> {
  return {
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
    ...keys,
  };
}

/** The sound configuration with some settings replaced (undefined: left out), one a line from line 2 on. */
function file(settings: Readonly<Record<string, unknown>> = {}): string {
  const merged = { ...sound, ...settings };
  const lines = Object.entries(merged)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${JSON.stringify(key)}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
  return `{\n${lines.join(',\n')}\n}`;
}

/** `at` is what the text has at the place of the finding. */
type Found = readonly [severity: string, code: string, at: string, setting: string];

function tokenAt(text: string, line: number, column: number): string {
  const rest = text.split('\n')[line - 1]?.slice(column - 1) ?? '';
  return /^(?:"[^"]*"|\d+|[[{])/.exec(rest)?.[0] ?? rest;
}

function found(text: string, options: LintOptions & { version?: never } = {}, version?: string): Found[] {
  const parsed = version === undefined ? undefined : parseOrthancVersion(version)!;
  return lint(orthanc(text), { isBehindFirewall: true, ...options, version: parsed }).map(
    ({ severity, code, line, column, setting }): Found => [
      severity,
      code,
      tokenAt(text, line, column),
      setting,
    ],
  );
}

function modality(keys: Record<string, unknown>) {
  return { DicomModalities: { ct1: closedEntry(keys) } };
}

describe('lint of a configuration of Orthanc', () => {
  it('finds nothing where there is nothing', () => {
    expect(found(file())).toEqual([]);
    expect(found(file(modality({})))).toEqual([]);
  });

  it.each<readonly [Record<string, unknown>, ...Found]>([
    // What is left out is found where the file begins.
    [{ DicomAlwaysAllowEcho: undefined }, 'hole', 'always-allow', '{', 'DicomAlwaysAllowEcho'],
    [{ DicomAlwaysAllowStore: undefined }, 'hole', 'always-allow', '{', 'DicomAlwaysAllowStore'],
    [
      { DicomAlwaysAllowEcho: true },
      'hole',
      'always-allow',
      '"DicomAlwaysAllowEcho"',
      'DicomAlwaysAllowEcho',
    ],
    [
      { DicomAlwaysAllowStore: true },
      'hole',
      'always-allow',
      '"DicomAlwaysAllowStore"',
      'DicomAlwaysAllowStore',
    ],
    [
      { DicomAlwaysAllowFind: true },
      'hole',
      'always-allow',
      '"DicomAlwaysAllowFind"',
      'DicomAlwaysAllowFind',
    ],
    [
      { DicomAlwaysAllowFindWorklist: true },
      'hole',
      'always-allow',
      '"DicomAlwaysAllowFindWorklist"',
      'DicomAlwaysAllowFindWorklist',
    ],
    [{ DicomAlwaysAllowGet: true }, 'hole', 'always-allow', '"DicomAlwaysAllowGet"', 'DicomAlwaysAllowGet'],
    [
      { DicomAlwaysAllowMove: true },
      'hole',
      'always-allow',
      '"DicomAlwaysAllowMove"',
      'DicomAlwaysAllowMove',
    ],
    [
      { DicomCheckCalledAet: false },
      'warning',
      'called-ae-title',
      '"DicomCheckCalledAet"',
      'DicomCheckCalledAet',
    ],
    [{ DicomCheckCalledAet: undefined }, 'warning', 'called-ae-title', '{', 'DicomCheckCalledAet'],
    [
      { DicomModalitiesInDatabase: true },
      'hole',
      'modalities-in-database',
      '"DicomModalitiesInDatabase"',
      'DicomModalitiesInDatabase',
    ],
    [{ DicomTlsEnabled: true }, 'hole', 'dicom-tls', '"DicomTlsEnabled"', 'DicomTlsEnabled'],
    [{ DicomServerEnabled: false }, 'info', 'dicom-port', '"DicomServerEnabled"', 'DicomServerEnabled'],
    [{ DicomTlsEnabled: 0 }, 'hole', 'not-accepted', '"DicomTlsEnabled"', 'DicomTlsEnabled'],
    [{ ExecuteLuaEnabled: true }, 'warning', 'lua-over-http', '"ExecuteLuaEnabled"', 'ExecuteLuaEnabled'],
    [
      { DicomCheckCallingAet: true },
      'warning',
      'unknown-setting',
      '"DicomCheckCallingAet"',
      'DicomCheckCallingAet',
    ],
    [
      { DicomAlwaysAllowStor: false },
      'warning',
      'unknown-setting',
      '"DicomAlwaysAllowStor"',
      'DicomAlwaysAllowStor',
    ],
    [{ SomePlugin: {} }, 'info', 'unknown-setting', '"SomePlugin"', 'SomePlugin'],
    [{ MultitenantDicom: { Servers: [] } }, 'hole', 'plugin', '"MultitenantDicom"', 'MultitenantDicom'],
    [{ DicomWeb: { Enable: true } }, 'warning', 'plugin', '"DicomWeb"', 'DicomWeb'],
    [{ Transfers: {} }, 'warning', 'plugin', '"Transfers"', 'Transfers'],
    [{ Plugins: ['/usr/share/orthanc/plugins'] }, 'info', 'plugin', '"Plugins"', 'Plugins'],
    [{ OrthancPeers: { p: ['http://peer/'] } }, 'hole', 'peers', '[', 'OrthancPeers.p'],
    [{ OrthancPeers: { p: { Url: 'https://u:p@peer:8042/' } } }, 'warning', 'peers', '{', 'OrthancPeers.p'],
    [
      { OrthancPeersInDatabase: true },
      'warning',
      'peers',
      '"OrthancPeersInDatabase"',
      'OrthancPeersInDatabase',
    ],
    [modality({ Host: '10.1.2.10' }), 'hole', 'modality-host', '"10.1.2.10"', 'DicomModalities.ct1.Host'],
    [
      modality({ Host: 'ct1.example', UseDicomTls: true }),
      'hole',
      'modality-host',
      '"ct1.example"',
      'DicomModalities.ct1.Host',
    ],
    [
      modality({ UseDicomTls: true }),
      'warning',
      'dicom-tls',
      '"UseDicomTls"',
      'DicomModalities.ct1.UseDicomTls',
    ],
    [modality({ AllowMove: undefined }), 'warning', 'permission-default', '{', 'DicomModalities.ct1'],
    [
      modality({ AllowQuery: false }),
      'hole',
      'unknown-key',
      '"AllowQuery"',
      'DicomModalities.ct1.AllowQuery',
    ],
    [modality({ AlowMove: false }), 'hole', 'unknown-key', '"AlowMove"', 'DicomModalities.ct1.AlowMove'],
    [
      modality({ Manufactur: 'GE' }),
      'warning',
      'unknown-key',
      '"Manufactur"',
      'DicomModalities.ct1.Manufactur',
    ],
    [
      { DicomModalities: { ct1: ['CT1', '127.0.0.1', 0] } },
      'hole',
      'not-accepted',
      '0',
      'DicomModalities.ct1[2]',
    ],
  ])('finds %j', (settings, ...expected) => {
    expect(found(file(settings))).toEqual([expected]);
  });

  it('reports that the DICOM port is open, unless a firewall is named', () => {
    expect(lint(orthanc(file({ DicomPort: 104 })))).toEqual([
      expect.objectContaining({ severity: 'warning', code: 'dicom-port', line: 5, setting: 'DicomPort' }),
    ]);
  });

  it('says what it is, what follows and what to do', () => {
    const [finding] = lint(orthanc(file({ DicomAlwaysAllowStore: undefined })), { isBehindFirewall: true });
    expect(finding!.message).toBe(
      'is not set, which means true: C-STORE of any AE title from any address, whatever AllowStore and DicomCheckModalityHost say; set it to false',
    );
  });

  it.each([
    ['DicomAlwaysAllowStor', 'did you mean "DicomAlwaysAllowStore"?'],
    ['dicommodalities', 'did you mean "DicomModalities"?'],
    ['DicomCheckCallingAet', 'calling AE titles are checked against DicomModalities'],
  ])('suggests what was meant by %s', (setting, suggestion) => {
    const [finding] = lint(orthanc(file({ [setting]: {} })), { isBehindFirewall: true });
    expect(finding!.message).toContain(suggestion);
  });

  it('reports a key that is there twice and a variable that is not set', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a reference for Orthanc
    const text = '{ "DicomAlwaysAllowStore": false, "DicomAlwaysAllowStore": true,\n "Name": "${NOTHING}" }';
    const findings = lint(orthancWith({}, text), { isBehindFirewall: true });
    expect(findings.filter(({ code }) => code === 'doubtful-text')).toEqual([
      expect.objectContaining({ severity: 'hole', line: 1, column: 35 }),
      expect.objectContaining({ severity: 'warning', line: 2, column: 11 }),
    ]);
  });

  it('is in the order of the files and of their text', () => {
    const findings = lint(orthanc(file({ DicomCheckCalledAet: false }), '{ "DicomTlsEnabled": true }'));
    expect(findings.map(({ file: name, code }) => [name, code])).toEqual([
      ['a.json', 'dicom-port'],
      ['a.json', 'called-ae-title'],
      ['b.json', 'dicom-tls'],
    ]);
  });
});

describe('lint of the REST API', () => {
  const http = (settings: Record<string, unknown>, version?: string) =>
    found(file({ RemoteAccessAllowed: true, ...settings }), {}, version).map(([severity, code]) => [
      severity,
      code,
    ]);
  const users = { RegisteredUsers: { admin: 'x93kd' } };

  it.each<readonly [string, Record<string, unknown>, string | undefined, ...(readonly string[])]>([
    ['without authentication', { AuthenticationEnabled: false }, undefined, 'hole', 'http-open'],
    ['without authentication, by the default of old versions', users, '1.5.7', 'hole', 'http-open'],
    ['with the user that Orthanc makes', {}, undefined, 'hole', 'http-password'],
    [
      'with a password like the name',
      { RegisteredUsers: { orthanc: 'orthanc' } },
      undefined,
      'hole',
      'http-password',
    ],
    ['with the sample', { RegisteredUsers: { alice: 'alicePassword' } }, undefined, 'hole', 'http-password'],
    ['with users', users, undefined, 'warning', 'http-remote'],
    [
      'on loopback, without authentication',
      { AuthenticationEnabled: false, HttpBindAddresses: ['127.0.0.1', '::1'] },
      undefined,
      'warning',
      'http-open',
    ],
    [
      'on other addresses too',
      { AuthenticationEnabled: false, HttpBindAddresses: ['127.0.0.1', '10.0.0.1'] },
      undefined,
      'hole',
      'http-open',
    ],
  ])('finds it open to others %s', (_how, settings, version, ...expected) => {
    expect(http(settings, version)).toEqual([expected]);
  });

  it('takes the plugin that authorizes each request for authentication', () => {
    expect(http({ AuthenticationEnabled: false, Authorization: {} })).toEqual([['warning', 'http-remote']]);
  });

  it('does not rely on addresses that the version cannot bind to', () => {
    const settings = { AuthenticationEnabled: false, HttpBindAddresses: ['127.0.0.1'] };
    expect(http(settings, '1.12.9')).toEqual([
      ['hole', 'http-open'],
      ['warning', 'too-new'],
    ]);
  });

  it('finds nothing where only this machine gets to it, or nobody', () => {
    expect(http({ RemoteAccessAllowed: false, AuthenticationEnabled: false })).toEqual([]);
    expect(http({ HttpServerEnabled: false, AuthenticationEnabled: false })).toEqual([]);
    expect(http({ ...users, HttpBindAddresses: ['127.0.0.1'] })).toEqual([]);
  });

  it('never shows a password', () => {
    const settings = { RemoteAccessAllowed: true, RegisteredUsers: { alice: 'alicePassword' } };
    const peers = { OrthancPeers: { p: ['http://u:secret@peer/', 'u', 'secret'] } };
    expect(JSON.stringify(lint(orthanc(file({ ...settings, ...peers }))))).not.toMatch(
      /alicePassword|secret/,
    );
  });
});

describe('lint of entries that share an AE title', () => {
  const shared = (settings: Record<string, unknown> = {}) =>
    file({ DicomModalities: { a: closedEntry(), b: closedEntry({ AET: 'ct1' }) }, ...settings });
  const old = { DicomAlwaysAllowFind: undefined };

  it.each<readonly [string, Record<string, unknown>, string | undefined]>([
    ['warning', {}, undefined],
    ['hole', { DicomCheckModalityHost: true }, undefined],
    ['warning', {}, '1.7.3'],
    ['hole', {}, '1.7.4'],
    ['hole', {}, '1.8.2'],
    ['hole', {}, '1.9.2'],
    ['warning', {}, '1.9.3'],
    ['warning', {}, '1.13.0'],
    ['hole', { DicomCheckModalityHost: true }, '1.13.0'],
  ])('finds a %s with %j in version %s', (severity, settings, version) => {
    const findings = found(shared({ ...old, ...settings }), {}, version);
    expect(findings.filter(([, code]) => code === 'duplicate-ae-title')).toEqual([
      [severity, 'duplicate-ae-title', '"ct1"', 'DicomModalities.b.AET'],
    ]);
  });

  it('finds none where Orthanc tells them apart', () => {
    expect(found(shared({ StrictAetComparison: true }))).toEqual([]);
  });
});

describe('lint for a version', () => {
  it('names what the version does not know', () => {
    const text = file({ DicomAlwaysAllowFind: false, ...modality({ LocalAet: 'ME' }) });
    expect(found(text, {}, '1.8.2').map(([, code, , setting]) => [code, setting])).toEqual([
      ['too-new', 'DicomAlwaysAllowFind'],
      ['too-new', 'DicomModalities.ct1.AllowFindWorklist'],
      ['too-new', 'DicomModalities.ct1.LocalAet'],
    ]);
    expect(found(text, {}, '1.10.0')).toEqual([]);
  });
});

describe('lint beside the configuration of the gateway', () => {
  const ct1 =
    '"ct1": { "callingAeTitle": "CT1", "from": "10.1.2.10", "allow": ["echo", "store"], "address": { "host": "10.1.2.10", "port": 104 } }';
  const behind = (parts: Partial<Parameters<typeof gateway>[0]> = {}) => {
    const { configuration, policy } = gateway({ modalities: ct1, ...parts });
    return { expected: exportOrthanc(configuration, policy, { upstream: 'ORTHANC' }) };
  };
  const perModality = '"ORTHANC": { "servers": ["127.0.0.1:4242"], "localAddress": "per-modality" }';

  it('finds nothing in what the gateway exports', () => {
    for (const upstreams of ['"ORTHANC": { "servers": ["127.0.0.1:4242"] }', perModality]) {
      for (const version of [undefined, '1.8.2', '1.12.0']) {
        const options = behind({ upstreams });
        const parsed = version === undefined ? {} : { version: parseOrthancVersion(version)! };
        const text = formatExport(options.expected, { file: 'aegis.jsonc', ...parsed });
        expect(found(text, options, version)).toEqual([]);
      }
    }
  });

  it('finds where the two do not agree on TLS, and clients without a certificate', () => {
    const tls = '"tls": { "trustedCertificates": "ca.crt" }';
    const overTls = behind({ upstreams: `"ORTHANC": { "servers": ["10.0.0.5:4242"], ${tls} }` });
    const text = formatExport(overTls.expected, { file: 'aegis.jsonc' });
    expect(text).toContain('"DicomTlsEnabled": true');
    expect(found(text, overTls)).toEqual([]);
    const inTheClear = text.replace('"DicomTlsEnabled": true', '"DicomTlsEnabled": false');
    expect(found(inTheClear, overTls)).toMatchObject([
      ['hole', 'dicom-tls', '"DicomTlsEnabled"', 'DicomTlsEnabled'],
    ]);
    const ofAnyone = text.replace(
      '"DicomTlsEnabled": true',
      '"DicomTlsEnabled": true, "DicomTlsRemoteCertificateRequired": false',
    );
    const key = 'DicomTlsRemoteCertificateRequired';
    expect(found(ofAnyone, overTls)).toMatchObject([['warning', 'dicom-tls', `"${key}"`, key]]);
  });

  it.each<readonly [Record<string, unknown>, ...Found]>([
    [modality({ Port: 104 }), 'hole', 'modality-port', '104', 'DicomModalities.ct1.Port'],
    [modality({ Host: '127.0.0.2' }), 'hole', 'modality-port', '4243', 'DicomModalities.ct1.Port'],
    [modality({ Host: '10.1.2.10' }), 'hole', 'modality-host', '"10.1.2.10"', 'DicomModalities.ct1.Host'],
    [
      modality({ UseDicomTls: true }),
      'hole',
      'dicom-tls',
      '"UseDicomTls"',
      'DicomModalities.ct1.UseDicomTls',
    ],
    [modality({ AllowMove: true }), 'hole', 'permission-wider', '{', 'DicomModalities.ct1'],
    [modality({ AllowMove: undefined }), 'hole', 'permission-wider', '{', 'DicomModalities.ct1'],
    [modality({ AET: 'CT9' }), 'hole', 'modality-unknown', '{', 'DicomModalities.ct1'],
    [modality({ LocalAet: 'ROUTER' }), 'hole', 'local-aet', '"LocalAet"', 'DicomModalities.ct1.LocalAet'],
    [{ DicomAet: '"PACS"' }, 'hole', 'called-ae-title', '"DicomAet"', 'DicomAet'],
  ])('finds %j', (settings, ...expected) => {
    expect(found(file(settings), behind())).toEqual([expected]);
  });

  it('finds no fault with a LocalAet that egress takes', () => {
    const listed = behind({ rest: '"egress": { "callingAeTitle": "ROUTER" }' });
    expect(found(file(modality({ LocalAet: 'ROUTER' })), listed)).toEqual([]);
    expect(found(file(modality({ LocalAet: 'ORTHANC' })), behind())).toEqual([]);
  });

  it('finds a check of addresses that does not go with where the gateway comes from', () => {
    const checked = { DicomCheckModalityHost: true };
    const other = { DicomModalities: { ct1: closedEntry({ Host: '127.0.0.2' }) } };
    const codes = (settings: Record<string, unknown>, options: LintOptions & { version?: never }) =>
      found(file(settings), options).map(([severity, code]) => `${severity} ${code}`);
    expect(codes({ ...checked, ...other }, behind())).toEqual([
      'hole modality-host-check',
      'hole modality-port',
    ]);
    expect(codes({ ...checked, ...other }, {})).toEqual(['warning modality-host-check']);
    expect(codes({ ...checked, ...modality({}) }, behind())).toEqual([]);
    expect(codes({ ...checked, ...other }, behind({ upstreams: perModality }))).toEqual([
      'hole modality-port',
    ]);
  });

  it('lets AllowFind stand for worklists where the version has nothing else', () => {
    const options = behind({ modalities: ct1.replace('"store"', '"store", "findWorklist"') });
    const text = file(modality({ AllowFind: true, AllowFindWorklist: undefined }));
    expect(found(text, options, '1.9.7')).toEqual([]);
    expect(found(text, options, '1.10.0').map(([, code]) => code)).toEqual(['permission-wider']);
  });

  it('finds a check of the called AE title that refuses some of the titles of the gateway', () => {
    const upstreams =
      '"ORTHANC": { "servers": ["127.0.0.1:4242"] }, "OLD": { "servers": ["127.0.0.1:4242"] }';
    expect(found(file(), behind({ upstreams })).map(([, code]) => code)).toEqual(['called-ae-title']);
    expect(found(file({ DicomCheckCalledAet: false }), behind({ upstreams }))).toEqual([]);
  });
});
