import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { describe, expect, it, jest } from '@jest/globals';
import type { TlsProfile } from '../../../src/config/schema';
import { tlsProfiles } from '../../../src/net/tlsProfiles';
import { testCertificates } from '../../support/certificates';
import { onCleanUp } from '../../support/cleanUp';
import { openTestListener, testTlsMaterial } from '../../support/testListener';

const certificates = testCertificates();
const { rsaServer, server } = certificates;

/** What the profile agrees on with a client, or the reason for which it does not. */
async function agreed(profile: TlsProfile, options: ConnectionOptions): Promise<string> {
  const isLegacy = profile === 'aes-legacy';
  const tls = testTlsMaterial(certificates, {
    profile,
    certificate: isLegacy ? [rsaServer.certificateFile] : [rsaServer.certificateFile, server.certificateFile],
    privateKey: isLegacy ? [rsaServer.privateKeyFile] : [rsaServer.privateKeyFile, server.privateKeyFile],
  });
  const listener = await openTestListener({ tls });
  const { cert, key } = certificates.rsaClient;
  const client = tlsConnect({
    port: listener.port,
    host: '127.0.0.1',
    ca: [certificates.ca.cert],
    cert,
    key,
    ...options,
  });
  client.on('error', () => {});
  onCleanUp(() => void client.destroy());
  const outcome = await listener.next();
  if (outcome.kind === 'refused') return outcome.refusal.reason;
  const { tls: facts } = outcome.connection;
  return `${facts?.protocol} ${facts?.cipher}`;
}

/** A client of TLS 1.2 with one suite. */
function tls12(suite: string): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ciphers: `${suite}:@SECLEVEL=0`,
  };
}

function tls13(suite: string): ConnectionOptions {
  return { minVersion: 'TLSv1.3', ciphers: suite };
}

function old(version: 'TLSv1' | 'TLSv1.1'): ConnectionOptions {
  return {
    minVersion: version,
    maxVersion: version,
    ciphers: 'ALL:@SECLEVEL=0',
  };
}

const ECDSA_GCM = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const DHE_GCM = 'DHE-RSA-AES128-GCM-SHA256';
const CHACHA = 'ECDHE-RSA-CHACHA20-POLY1305';
const CBC = 'ECDHE-RSA-AES128-SHA256';
const RSA_EXCHANGE = 'AES128-SHA';

describe('a TLS profile', () => {
  const cases: [TlsProfile, string, ConnectionOptions, string][] = [
    ['bcp195', 'everything', {}, 'TLSv1.3 TLS_AES_256_GCM_SHA384'],
    [
      'bcp195',
      'weakest suite first',
      { maxVersion: 'TLSv1.2', ciphers: `${ECDSA_GCM}:ECDHE-ECDSA-AES256-GCM-SHA384` },
      'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    ],
    ['bcp195', ECDSA_GCM, tls12(ECDSA_GCM), 'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    ['bcp195', DHE_GCM, tls12(DHE_GCM), 'tls-cipher'],
    ['bcp195', CHACHA, tls12(CHACHA), 'tls-cipher'],
    ['bcp195', CBC, tls12(CBC), 'tls-cipher'],
    ['bcp195', RSA_EXCHANGE, tls12(RSA_EXCHANGE), 'tls-cipher'],
    ['bcp195', 'TLS 1.1', old('TLSv1.1'), 'tls-version'],
    ['bcp195', 'TLS 1.0', old('TLSv1'), 'tls-version'],
    ['bcp195-modified', CHACHA, tls12(CHACHA), 'TLSv1.2 TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'],
    [
      'bcp195-modified',
      'ECDHE-ECDSA-AES256-CCM',
      tls12('ECDHE-ECDSA-AES256-CCM'),
      'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_256_CCM',
    ],
    [
      'bcp195-modified',
      'TLS_AES_128_CCM_SHA256',
      tls13('TLS_AES_128_CCM_SHA256'),
      'TLSv1.3 TLS_AES_128_CCM_SHA256',
    ],
    ['bcp195', 'TLS_AES_128_CCM_SHA256', tls13('TLS_AES_128_CCM_SHA256'), 'tls-cipher'],
    ['bcp195-modified', DHE_GCM, tls12(DHE_GCM), 'tls-cipher'],
    ['bcp195-nd', DHE_GCM, tls12(DHE_GCM), 'TLSv1.2 TLS_DHE_RSA_WITH_AES_128_GCM_SHA256'],
    ['bcp195-nd', 'everything', {}, 'TLSv1.3 TLS_AES_256_GCM_SHA384'],
    ['bcp195-nd', RSA_EXCHANGE, tls12(RSA_EXCHANGE), 'tls-cipher'],
    ['bcp195-nd', 'TLS 1.1', old('TLSv1.1'), 'tls-version'],
    ['bcp195-extended', DHE_GCM, tls12(DHE_GCM), 'TLSv1.2 TLS_DHE_RSA_WITH_AES_128_GCM_SHA256'],
    ['bcp195-extended', ECDSA_GCM, tls12(ECDSA_GCM), 'TLSv1.2 TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    ['bcp195-extended', 'TLS 1.3', { minVersion: 'TLSv1.3' }, 'tls-version'],
    ['aes-legacy', RSA_EXCHANGE, tls12(RSA_EXCHANGE), 'TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA'],
    ['aes-legacy', 'TLS 1.0', old('TLSv1'), 'TLSv1 TLS_RSA_WITH_AES_128_CBC_SHA'],
    ['aes-legacy', ECDSA_GCM, tls12(ECDSA_GCM), 'tls-cipher'],
  ];

  it.each(cases)('%s answers a client that offers %s', async (profile, _offer, options, expected) => {
    expect(await agreed(profile, options)).toBe(expected);
  });

  it.each(Object.entries(tlsProfiles))(
    '%s says all itself and leaves nothing to defaults',
    (_name, profile) => {
      expect(profile.clause).toMatch(/^PS3\.15 B\.\d+$/);
      expect(profile.options.minVersion).toBeDefined();
      expect(profile.options.ciphers).toMatch(/:@SECLEVEL=\d$/);
      expect(profile.options.honorCipherOrder).toBe(true);
    },
  );

  it('has the post-quantum group first where OpenSSL has it, and the classical ones', () => {
    const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
    const hasPostQuantum = major > 3 || (major === 3 && minor >= 5);
    const expected = `${hasPostQuantum ? '*X25519MLKEM768:*' : ''}X25519:P-256:P-384:P-521`;
    for (const profile of ['bcp195', 'bcp195-modified', 'bcp195-nd'] as const) {
      expect(tlsProfiles[profile].options.ecdhCurve).toBe(expected);
    }
    expect(tlsProfiles['bcp195-extended'].options.maxVersion).toBe('TLSv1.2');
  });

  it('warns of aes-legacy alone', () => {
    const warned = Object.entries(tlsProfiles).filter(([, { warning }]) => warning !== undefined);
    expect(warned.map(([name]) => name)).toEqual(['aes-legacy']);
  });
});

it('leaves no error of OpenSSL behind for the next private key', () => {
  const key = readFileSync(server.privateKeyFile);
  jest.isolateModules(() => {
    require('../../../src/net/tlsProfiles');
  });
  expect(createPrivateKey(key).type).toBe('private');
});
