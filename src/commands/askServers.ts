/**
 * Whether the servers beside the archive can be reached, for `aegis check`: syslog, and Redis. The gateway starts without
 * them, so what is wrong with them is a warning. Changes nothing there.
 */
import { unreachableBecause } from '../atna/transport';
import type { Configuration } from '../config/schema';
import { redisServer } from '../config/sharedRedis';
import { OperatorError } from '../errors';
import { formatHostAndPort } from '../text/hostAndPort';
import type { Finding } from '../text/problems';
import { escapeUnsafe } from '../text/quote';
import type { CheckProgress } from './checkProgress';

export async function askSyslog(
  { audit: { syslog } }: Configuration,
  progress: CheckProgress | undefined,
): Promise<Finding[]> {
  if (syslog === undefined) return [];
  const { server, protocol } = syslog;
  try {
    const why = await unreachableBecause(syslog);
    if (why !== undefined) {
      const message = escapeUnsafe(
        `${server} cannot be reached: ${why}; until it can, messages wait on the disk: start it, or correct the address or tls`,
      );
      return [{ path: ['audit', 'syslog', 'server'], message, severity: 'warning', kind: 'upstream' }];
    }
    // Of UDP, nobody knows.
    if (protocol !== 'udp') progress?.reached('syslog', server);
    return [];
  } catch (error) {
    // Reported with the files.
    if (error instanceof OperatorError) return [];
    throw error;
  }
}

export async function askRedis(
  { shared }: Configuration,
  progress: CheckProgress | undefined,
): Promise<Finding[]> {
  if (shared === undefined) return [];
  const server = formatHostAndPort(redisServer(shared.redis));
  const { redisFault } = await import('../shared/store');
  const why = await redisFault(shared);
  if (why === undefined) {
    progress?.reached('Redis', server);
    return [];
  }
  const meanwhile =
    shared.whileAway === 'alone' ? 'each gateway keeps the limits by itself' : 'nobody is let in';
  const message = escapeUnsafe(
    `${server} cannot be used: ${why}; until it can, ${meanwhile}: start it, or correct url, user, password or tls`,
  );
  return [{ path: ['shared', 'redis', 'url'], message, severity: 'warning', kind: 'upstream' }];
}
