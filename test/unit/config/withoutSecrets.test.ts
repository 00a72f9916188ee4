import { describe, expect, it } from '@jest/globals';
import { secretsIn, withoutSecrets } from '../../../src/config/withoutSecrets';

describe('withoutSecrets', () => {
  it('puts a word in place of each secret, at every depth', () => {
    const configuration = {
      admin: { host: '127.0.0.1', token: 'abcdefghijklmnop', tokenFile: '/etc/aegis/token' },
      alerts: [
        { password: 'one', webhook: { hmacSecret: 'two', passphrase: ['three'], keyPassword: 'four' } },
      ],
    };
    expect(withoutSecrets(configuration)).toEqual({
      admin: { host: '127.0.0.1', token: '(secret)', tokenFile: '/etc/aegis/token' },
      alerts: [
        {
          password: '(secret)',
          webhook: { hmacSecret: '(secret)', passphrase: ['(secret)'], keyPassword: '(secret)' },
        },
      ],
    });
  });

  it('leaves of an address where it goes to', () => {
    const of = (url: string) => (withoutSecrets({ url }) as { url: string }).url;
    expect(of('https://hooks.example/services/T0/B0/XXXX')).toBe('https://hooks.example/(secret)');
    expect(of('redis://user:word@redis.example:6379')).toBe('redis://redis.example:6379/(secret)');
    expect(of('https://hooks.example/')).toBe('https://hooks.example/');
    expect(of('127.0.0.1:4242')).toBe('127.0.0.1:4242');
    expect(of('sha256:AA:BB')).toBe('sha256:AA:BB');
  });

  it('keeps everything else as it is', () => {
    const configuration = { workers: 2, strict: false, missing: undefined, none: null, list: ['CT1', 3] };
    expect(withoutSecrets(configuration)).toEqual(configuration);
  });
});

describe('secretsIn', () => {
  it('finds what withoutSecrets hides, and nothing else', () => {
    const url = 'https://hooks.example/services/T0';
    const configuration = {
      admin: { host: '127.0.0.1', token: 'abcdefghijklmnop', tokenFile: '/etc/aegis/token' },
      alerts: { webhooks: [{ url, name: 'chat' }], passwords: ['one', ''] },
    };
    expect(secretsIn(configuration)).toEqual(['abcdefghijklmnop', url, 'one']);
  });
});
