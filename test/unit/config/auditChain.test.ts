import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { changesOfProcess } from '../../../src/config/changes';
import { loadConfiguration } from '../../../src/config/load';
import { inspectOwnFiles } from '../../../src/config/ownFiles';
import { temporaryFolder } from '../../support/processes';

const folder = temporaryFolder();

function load(audit: unknown) {
  const file = join(folder, 'aegis.jsonc');
  const ct1 = { callingAeTitle: 'CT1', from: '10.1.2.10', listeners: 'plain', allow: 'store' };
  const upstreams = { ORTHANC: { servers: ['127.0.0.1:4242'] } };
  const listeners = [{ name: 'plain', port: 11112 }];
  writeFileSync(file, JSON.stringify({ listeners, upstreams, modalities: { ct1 }, audit }));
  return loadConfiguration(file).configuration;
}

describe('audit.chain', () => {
  it.each([
    [undefined, { everySeconds: 60 }],
    [true, { everySeconds: 60 }],
    [false, undefined],
    [
      { key: 'audit.key', everySeconds: 5 },
      { key: join(folder, 'audit.key'), everySeconds: 5 },
    ],
  ])('%j becomes %j', (chain, expected) => {
    expect(load({ file: 'audit.jsonl', chain }).audit.chain).toEqual(expected);
  });

  it.each([
    ['yes', /audit\.chain .*true, false or an object/],
    [{ kee: 'audit.key' }, /audit\.chain.*did you mean "key"/],
    [{ everySeconds: 0 }, /audit\.chain\.everySeconds/],
  ])('is not %j', (chain, message) => {
    expect(() => load({ file: 'audit.jsonl', chain })).toThrow(message);
  });

  it('signs nothing without a file', () => {
    expect(() => load({ chain: { key: 'audit.key' } })).toThrow(/audit\.chain\.key .*set audit\.file/);
    expect(load({ chain: true }).audit.file).toBeUndefined();
  });

  it.each([
    ['AEGIS__AUDIT__CHAIN', 'false', undefined],
    [
      'AEGIS__AUDIT__CHAIN__KEY',
      'other.key',
      expect.objectContaining({ key: expect.stringMatching(/other\.key$/) }),
    ],
  ])('is overridden by %s=%s', (name, value, expected) => {
    process.env[name] = value;
    try {
      expect(load({ file: 'audit.jsonl' }).audit.chain).toEqual(expected);
    } finally {
      delete process.env[name];
    }
  });

  it('needs a restart to change', () => {
    const file = 'audit.jsonl';
    expect(changesOfProcess(load({ file }), load({ file, chain: false }))).toEqual(['audit.chain']);
  });

  it('needs a key that can sign, and that nobody else can read', () => {
    const key = join(folder, 'site.key');
    const write = (type: 'ed25519' | 'x25519', mode: number) => {
      const { privateKey } = generateKeyPairSync(type as 'ed25519');
      writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }));
      chmodSync(key, mode);
    };
    const inspect = () =>
      inspectOwnFiles(load({ file: 'audit.jsonl', chain: { key } })).map(({ message }) => message);
    write('ed25519', 0o600);
    expect(inspect()).toEqual([]);
    write('ed25519', 0o644);
    expect(inspect()).toEqual([expect.stringContaining('chmod 600')]);
    write('x25519', 0o600);
    expect(inspect()).toEqual([expect.stringContaining('cannot sign (x25519)')]);
  });
});
