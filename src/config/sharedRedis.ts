/**
 * What is wrong with `shared` although every key has the right shape: parts that do not fit together, a way that is not
 * safe, a password that cannot be read. Also where the server is. Reaches nobody.
 */
import { OperatorError } from '../errors';
import { type HostAndPort, isLoopback } from '../text/hostAndPort';
import type { Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import { hostOf, readPassword } from './alertChannels';
import type { Configuration } from './schema';
import type { SharedConfiguration } from './schemaShared';

type RedisConfiguration = SharedConfiguration['redis'];

const DEFAULT_PORT = 6379;
const PATH = ['shared', 'redis'] as const;

/** Where it is, and which of its databases is used. */
export function redisServer({ url }: RedisConfiguration): HostAndPort & { readonly database: number } {
  const { port, pathname } = new URL(url);
  return {
    host: hostOf(url),
    port: port === '' ? DEFAULT_PORT : Number(port),
    database: Number(pathname.slice(1)),
  };
}

/** Undefined where there is none. Throws OperatorError where its file cannot be used. */
export function redisPassword({ password, passwordFile }: RedisConfiguration): string | undefined {
  return passwordFile === undefined ? password : readPassword(passwordFile);
}

export function* checkShared({ shared }: Configuration): Generator<Finding> {
  if (shared === undefined) return;
  const { redis } = shared;
  const { url, user, password, passwordFile, tls, allowRemotePlaintext } = redis;
  const isTls = url.startsWith('rediss:');
  if (isTls && tls === undefined) {
    const message = 'is missing; name trustedCertificates of the server, or use redis://';
    yield { path: [...PATH, 'tls'], message };
  }
  if (!isTls && tls !== undefined) {
    const message = 'would have no effect: url is redis://; use rediss://, or leave it out';
    yield { path: [...PATH, 'tls'], message };
  }
  if (password !== undefined && passwordFile !== undefined) {
    const message =
      'is given although password is; leave one of them out (AEGIS__SHARED__REDIS__PASSWORD sets password)';
    yield { path: [...PATH, 'passwordFile'], message };
  }
  const hasPassword = password !== undefined || passwordFile !== undefined;
  if (user !== undefined && !hasPassword) {
    const message = 'is given without a password; set passwordFile';
    yield { path: [...PATH, 'user'], message };
  }
  if (isLoopback(redisServer(redis).host)) return;
  if (!isTls && !allowRemotePlaintext) {
    const message =
      'is redis:// beyond loopback, so the password would cross the network in the clear; use rediss://, or set allowRemotePlaintext';
    yield { path: [...PATH, 'url'], message };
  }
  if (!hasPassword && tls?.certificate === undefined) {
    const message =
      'needs neither a password nor a certificate, so anybody who reaches it can take every place; set passwordFile';
    yield { path: PATH, message, severity: 'warning' };
  }
}

/** Of the file that `shared` names. */
export function* inspectRedisPassword({ shared }: Configuration): Generator<Finding> {
  if (shared?.redis.passwordFile === undefined) return;
  try {
    redisPassword(shared.redis);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    yield { path: [...PATH, 'passwordFile'], message: escapeUnsafe(error.message), kind: 'file' };
  }
}
