import { describe, expect, it } from '@jest/globals';
import { configurationSchema } from '../../../src/config/schema';
import { checkShared, redisServer } from '../../../src/config/sharedRedis';
import { withoutSecrets } from '../../../src/config/withoutSecrets';

const tls = { trustedCertificates: 'ca.crt' };

function problemsOf(redis: object): string[] {
  const { shared } = configurationSchema.pick({ shared: true }).parse({ shared: { redis } });
  return [...checkShared({ shared } as Parameters<typeof checkShared>[0])].map(
    ({ path, message }) => `${path.slice(2).join('.')} ${message}`,
  );
}

describe('shared.redis', () => {
  it.each<[object, RegExp[]]>([
    [{ url: 'redis://127.0.0.1' }, []],
    [{ url: 'rediss://redis.example:6380/1', user: 'aegis', passwordFile: 'p', tls }, []],
    [{ url: 'rediss://redis.example', passwordFile: 'p' }, [/^tls is missing/]],
    [{ url: 'redis://localhost', tls }, [/^tls would have no effect/]],
    [{ url: 'redis://localhost', password: 'a', passwordFile: 'b' }, [/^passwordFile is given although/]],
    [{ url: 'redis://localhost', user: 'a' }, [/^user is given without a password/]],
    [{ url: 'redis://redis.example', password: 'a' }, [/^url is redis:\/\/ beyond loopback/]],
    [{ url: 'redis://redis.example', password: 'a', allowRemotePlaintext: true }, []],
    [{ url: 'rediss://redis.example', tls }, [/anybody who reaches it/]],
  ])('%j', (redis, problems) => {
    expect(problemsOf(redis)).toEqual(problems.map((problem) => expect.stringMatching(problem)));
  });

  it.each(['redis://user:secret@host', 'http://host', 'redis://', 'redis://host/a', 'secret'])(
    'refuses %s without showing it',
    (url) => {
      const { error } = configurationSchema.pick({ shared: true }).safeParse({ shared: { redis: { url } } });
      expect(error?.issues[0]?.message).toMatch(/is not an address such as/);
      expect(error?.issues[0]?.message).not.toContain('secret');
    },
  );

  it('has a port and a database by default, and hides the password', () => {
    const redis = { url: 'redis://[::1]', password: 'secret' };
    const { shared } = configurationSchema.pick({ shared: true }).parse({ shared: { redis } });
    expect(redisServer(shared!.redis)).toEqual({ host: '::1', port: 6379, database: 0 });
    expect(JSON.stringify(withoutSecrets({ shared }))).not.toContain('secret"');
    expect(JSON.stringify(withoutSecrets({ shared }))).toContain('(secret)');
  });
});
