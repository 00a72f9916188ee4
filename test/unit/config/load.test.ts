// biome-ignore-all lint/suspicious/noTemplateCurlyInString: a reference such as ${PORT} is for the configuration
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadConfiguration, parseConfiguration } from '../../../src/config/load';
import { ExitCode, OperatorError } from '../../../src/errors';
import { ConfigurationError } from '../../../src/text/problems';
import { problemsOf } from './brokenConfiguration';

const folder = mkdtempSync(join(tmpdir(), 'aegis-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const valid = `{
  // Comments are welcome,
  "listeners": [{ "name": "tls", "port": 2762, "tls": {
    "certificate": ["server.crt", "/etc/aegis/rsa.crt"], "privateKey": ["keys/server.key", "../rsa.key"],
    "trustedCertificates": "ca.crt", "crl": "ca.crl" } }],
  "upstreams": { "ORTHANC": { "servers": ["127.0.0.1:4242"] } },
  "modalities": { "ct1": {
    "callingAeTitle": " CT1 ", "from": "10.1.2.10", "allow": "store",
    "address": { "host": "10.1.2.10", "port": 104, "tls": { "trustedCertificates": "ca.crt" } },
  } }, /* and trailing commas too */
}`;

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

function parse(text: string, env: NodeJS.ProcessEnv = {}) {
  const { configuration, problems } = parseConfiguration(text, 'a.jsonc', env);
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return configuration!;
}

function errorOf(action: () => unknown): ConfigurationError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return error as ConfigurationError;
  }
  throw new Error('nothing was thrown');
}

describe('a configuration file', () => {
  it('may name the one server of an upstream without a list', () => {
    const { upstreams } = parse(valid.replace('["127.0.0.1:4242"]', '"127.0.0.1:4242"'));
    expect(upstreams.ORTHANC?.servers).toEqual(['127.0.0.1:4242']);
    expect(problemsOf({ 3: '"upstreams": { "ORTHANC": { "servers": "127.0.0.1" } },' })).toEqual([
      'a.jsonc:3:40 upstreams.ORTHANC.servers "127.0.0.1" is not an address such as 127.0.0.1:4242 or [::1]:4242',
    ]);
  });

  it('may have comments, trailing commas, single values for lists, a byte order mark and any line ends', () => {
    const file = write('valid.jsonc', `\ufeff${valid.replaceAll('\n', '\r\n')}`);
    const { configuration, problems } = loadConfiguration(file, {});
    expect(problems).toEqual([]);
    expect(configuration.modalities.ct1).toMatchObject({
      callingAeTitle: ['CT1'],
      from: ['10.1.2.10'],
      allow: ['store'],
      mode: 'enforce',
    });
    expect(configuration).toMatchObject({ strictAeTitles: false, timeouts: { artimSeconds: 30 } });
  });

  it('names files relative to its own folder', () => {
    const { configuration } = loadConfiguration(write('valid.jsonc', valid), {});
    expect(configuration.listeners[0]!.tls).toMatchObject({
      certificate: [join(folder, 'server.crt'), '/etc/aegis/rsa.crt'],
      privateKey: [join(folder, 'keys/server.key'), join(folder, '../rsa.key')],
      trustedCertificates: [join(folder, 'ca.crt')],
      crl: [join(folder, 'ca.crl')],
    });
    expect(configuration.modalities.ct1!.address!.tls!.trustedCertificates).toEqual([join(folder, 'ca.crt')]);
  });

  it('names the audit file relative to its own folder, wherever the name came from', () => {
    const env = { AEGIS__AUDIT__FILE: 'audit.jsonl' };
    expect(loadConfiguration(write('valid.jsonc', valid), env).configuration.audit.file).toBe(
      join(folder, 'audit.jsonl'),
    );
  });

  it('has upstreams and modalities in which a name from the network finds entries only', () => {
    const { upstreams, modalities } = parse(valid);
    expect(upstreams.constructor).toBeUndefined();
    expect(modalities.toString).toBeUndefined();
  });

  it('may have a modality called constructor', () => {
    const { modalities } = parse(valid.replace('"ct1"', '"constructor"'));
    expect(Object.keys(modalities)).toEqual(['constructor']);
  });

  it('counts lines and columns after CRLF and in UTF-16 units', () => {
    const { problems } = parseConfiguration('{\r\n"𝄞": 1, "listeners": 5 }', 'a.jsonc', {});
    expect(problems.find(({ path }) => path === 'listeners')).toMatchObject({ line: 2, column: 23 });
  });

  it('that does not exist says which and what to do', () => {
    const file = join(folder, 'none.jsonc');
    expect(errorOf(() => loadConfiguration(file)).message).toBe(
      `${file} does not exist; make one with "aegis init", or name another file with --config`,
    );
  });

  it('that is a folder says so', () => {
    mkdirSync(join(folder, 'folder'));
    expect(errorOf(() => loadConfiguration(join(folder, 'folder'))).message).toContain('is a folder');
  });

  it('of more than 16 MiB is not read', () => {
    const file = write('long.jsonc', '');
    truncateSync(file, 16 * 1024 * 1024 + 1);
    expect(errorOf(() => loadConfiguration(file)).message).toContain('has more than 16 MiB');
  });

  it('that is not UTF-8 says so', () => {
    const file = write('latin1.jsonc', Buffer.from('{ "R\xf6ntgen": 1 }', 'latin1'));
    expect(errorOf(() => loadConfiguration(file)).message).toBe(
      `${file} is not UTF-8; save it in that encoding`,
    );
  });
});

describe('problems', () => {
  it('are thrown together: a line for each error, a list with their places, exit code 2', () => {
    const file = write('broken.jsonc', valid.replace('10.1.2.10"', 'ct1"').replace('2762', '-1'));
    const error = errorOf(() => loadConfiguration(file, {}));
    expect(error).toBeInstanceOf(OperatorError);
    expect(error.exitCode).toBe(ExitCode.Usage);
    expect(error.message.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      `${file}:3:42 listeners[0].port`,
      `${file}:8:40 modalities.ct1.from`,
    ]);
    expect(error.problems[0]).toEqual({
      file,
      line: 3,
      column: 42,
      path: 'listeners[0].port',
      message: '-1 is out of range; accepted is a whole number from 0 to 65535',
      severity: 'error',
      kind: 'configuration',
    });
  });

  it('that are warnings do not stop a configuration from being used', () => {
    const { configuration, problems } = loadConfiguration(
      write('warned.jsonc', valid.replace('"store"', '[]')),
      {},
    );
    expect(configuration.modalities.ct1!.allow).toEqual([]);
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([['warning', 'modalities.ct1']]);
  });

  it('leave what made sense, so that the rest can be checked in the same run', () => {
    const { configuration } = parseConfiguration(valid.replace('10.1.2.10"', 'ct1"'), 'a.jsonc', {});
    expect(configuration?.listeners).toHaveLength(1);
    expect(Object.keys(configuration?.modalities ?? {})).toEqual([]);
  });

  it('found elsewhere get their place too', () => {
    const { place } = parseConfiguration(valid, 'a.jsonc', { AEGIS__AUDIT__FILE: 'x' });
    expect(
      place([
        { path: ['audit', 'file'], message: 'c' },
        { path: ['listeners', 0, 'tls', 'privateKey', 1], message: 'b', severity: 'warning', kind: 'file' },
        { path: ['listeners', 0, 'tls', 'trustedCertificates', 0], message: 'a' },
      ]).map(({ file, line, column, path }) => [file, line, column, path]),
    ).toEqual([
      ['a.jsonc', 4, 92, 'listeners[0].tls.privateKey[1]'],
      ['a.jsonc', 5, 28, 'listeners[0].tls.trustedCertificates'],
      ['environment variable AEGIS__AUDIT__FILE', undefined, undefined, 'audit.file'],
    ]);
  });
});

describe('references to environment variables', () => {
  it('are replaced anywhere in a text, several times, with defaults', () => {
    const text = valid.replace('"10.1.2.10", "allow"', '["${NET}.${HOST:-7}", "${NET}.${EMPTY}8"], "allow"');
    expect(parse(text, { NET: '10.1.2', EMPTY: '' }).modalities.ct1!.from).toEqual(['10.1.2.7', '10.1.2.8']);
  });

  it('are not looked for in what they are replaced by', () => {
    const { configuration, problems } = parseConfiguration(valid.replace('" CT1 "', '"${A}"'), 'a.jsonc', {
      A: '${B}',
      B: 'CT1',
    });
    expect(problems).toEqual([]);
    expect(configuration?.modalities.ct1?.callingAeTitle).toEqual(['${B}']);
  });

  it('give numbers and booleans where only those are accepted', () => {
    const text = valid
      .replace('2762', '"${PORT}"')
      .replace('"modalities"', '"strictAeTitles": "${STRICT}", $&');
    const { listeners, strictAeTitles } = parse(text, { PORT: '2763', STRICT: 'true' });
    expect([listeners[0]!.port, strictAeTitles]).toEqual([2763, true]);
  });

  it('leave texts that look like numbers what they are', () => {
    expect(parse(valid.replace('" CT1 "', '"${A}"'), { A: '123' }).modalities.ct1!.callingAeTitle).toEqual([
      '123',
    ]);
  });
});

describe('overrides by environment variables', () => {
  const overridden = (env: NodeJS.ProcessEnv) => parse(valid, env);

  it('set any key, in any case, with or without underscores', () => {
    const configuration = overridden({
      AEGIS__LISTENERS__0__PORT: '2763',
      AEGIS__STRICT_AE_TITLES: 'true',
      AEGIS__modalities__CT1__CALLINGAETITLE: '["CT1", "CT2"]',
      AEGIS__MODALITIES__CT1__MAX_ASSOCIATIONS: '4',
      AEGIS__TIMEOUTS__IDLESECONDS: '2.5',
      PATH: '/bin',
      AEGIS_CONFIG: 'other',
    });
    expect(configuration).toMatchObject({
      strictAeTitles: true,
      listeners: [{ port: 2763 }],
      modalities: { ct1: { callingAeTitle: ['CT1', 'CT2'], maxAssociations: 4 } },
      timeouts: { idleSeconds: 2.5 },
    });
  });

  it('find a name with other characters than variables have', () => {
    const text = valid.replace('"ct1"', '"CT-Room 1"');
    const { modalities } = parse(text, { AEGIS__MODALITIES__CT_ROOM_1__MODE: 'observe' });
    expect(modalities['CT-Room 1']!.mode).toBe('observe');
  });

  it('add entries, with their names as given, and items', () => {
    const configuration = overridden({
      AEGIS__UPSTREAMS__Backup__SERVERS: '["127.0.0.1:4243"]',
      AEGIS__LISTENERS__1__NAME: 'plain',
      AEGIS__LISTENERS__1__PORT: '11112',
      AEGIS__UPSTREAMS__ORTHANC__SERVERS__1: '127.0.0.1:4244',
    });
    expect(Object.keys(configuration.upstreams)).toEqual(['ORTHANC', 'Backup']);
    expect(configuration.upstreams.ORTHANC!.servers).toEqual(['127.0.0.1:4242', '127.0.0.1:4244']);
    expect(configuration.listeners[1]).toMatchObject({ name: 'plain', port: 11112, host: '0.0.0.0' });
  });

  it('take a single value for the first item of a list', () => {
    const { modalities } = overridden({ AEGIS__MODALITIES__CT1__FROM__1: '10.1.2.11' });
    expect(modalities.ct1!.from).toEqual(['10.1.2.10', '10.1.2.11']);
  });

  it('set a whole list before its items, and items in their order', () => {
    const servers = Array.from({ length: 12 }, (_, index) => `127.0.0.1:${5000 + index}`);
    const items = servers.map((server, index) => [`AEGIS__UPSTREAMS__ORTHANC__SERVERS__${index}`, server]);
    const env = Object.fromEntries([...items.reverse(), ['AEGIS__UPSTREAMS__ORTHANC__SERVERS', '[]']]);
    expect(overridden(env).upstreams.ORTHANC!.servers).toEqual(servers);
  });

  it('leave texts that are JSON what they are where a text is wanted', () => {
    const { modalities } = overridden({ AEGIS__MODALITIES__CT1__CALLINGAETITLE: '123' });
    expect(modalities.ct1!.callingAeTitle).toEqual(['123']);
  });

  it('reach no prototype', () => {
    expect(problemsOf({}, { AEGIS__MODALITIES__CONSTRUCTOR__PROTOTYPE: '1' })).not.toEqual([]);
    expect(problemsOf({}, { AEGIS__MODALITIES: '{ "__proto__": { "mode": "observe" } }' })).not.toEqual([]);
    expect(({} as Record<string, unknown>).mode).toBeUndefined();
  });
});

describe('whatever the text is', () => {
  /** Loads the text; anything but a configuration or a ConfigurationError fails the property. */
  const survives = (text: string, env: NodeJS.ProcessEnv = {}) => {
    const file = write('fuzz.jsonc', text);
    try {
      expect(loadConfiguration(file, env).configuration).toBeDefined();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      expect(error.problems.length).toBeGreaterThan(0);
      for (const line of error.message.split('\n'))
        expect(line).toMatch(/^(.*fuzz\.jsonc|environment variable )/);
    }
  };

  it('loading ends with a configuration or with problems', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => survives(text)),
      { numRuns: 300 },
    );
  });

  it('so does loading a valid text with pieces cut out, doubled or replaced', () => {
    const pieces = [
      '"',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '\\',
      '//',
      '/*',
      'null',
      '-1',
      '1e999',
      '"__proto__":1,',
      '""',
      '${',
      '\n',
      '\u0000',
    ];
    const edit = fc.record({
      at: fc.nat(valid.length),
      cut: fc.nat(40),
      insert: fc.oneof(fc.constantFrom(...pieces), fc.json({ maxDepth: 2 }), fc.constant('')),
    });
    const edited = fc
      .array(edit, { minLength: 1, maxLength: 4 })
      .map((edits) =>
        edits.reduce((text, { at, cut, insert }) => text.slice(0, at) + insert + text.slice(at + cut), valid),
      );
    fc.assert(
      fc.property(edited, (text) => survives(text)),
      { numRuns: 1000 },
    );
  });

  it('so does loading with any override', () => {
    const segment = fc.constantFrom(
      'LISTENERS',
      '0',
      'TLS',
      'CT1',
      'MODALITIES',
      'FROM',
      '',
      '__proto__',
      'x',
      'constructor',
    );
    const name = fc.array(segment, { maxLength: 5 }).map((segments) => `AEGIS__${segments.join('__')}`);
    fc.assert(
      fc.property(fc.dictionary(name, fc.oneof(fc.json({ maxDepth: 2 }), fc.string())), (env) =>
        survives(valid, { ...env }),
      ),
      { numRuns: 500 },
    );
  });
});
