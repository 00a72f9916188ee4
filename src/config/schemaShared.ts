/** What several gateways share, and where: one Redis or Valkey server. Files are named, never read, here. */
import * as z from 'zod';
import { clientTls } from './schemaModality';
import { filePath, freeName } from './schemaValues';

/** The message does not show it: it may hold a password. */
const redisUrl = z
  .string()
  .refine(isRedisUrl, {
    error:
      'is not an address such as redis://127.0.0.1:6379 or rediss://redis.example:6380/0; user and password are keys of their own',
  })
  .meta({ title: 'redis://host:port or rediss://host:port' });

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text);
  const isBare = hostname !== '' && `${username}${password}${search}${hash}` === '';
  return isBare && ['redis:', 'rediss:'].includes(protocol) && /^(\/\d{0,5})?$/.test(pathname);
}

const redis = z.strictObject({
  url: redisUrl.describe(
    'redis:// (port 6379) or rediss:// with TLS; /1 behind it chooses another database.',
  ),
  user: freeName.optional().describe('ACL user. Left out: the default user of the server.'),
  password: z
    .string({ error: ({ input }) => (input === undefined ? undefined : 'is not a text') })
    .min(1)
    .max(1024)
    .optional()
    .describe('Its password; best from AEGIS__SHARED__REDIS__PASSWORD, not in this file.'),
  passwordFile: filePath
    .optional()
    .describe('File with the password, readable by its owner only; read again at each connection.'),
  tls: clientTls.optional().describe('Required with rediss://, and only there.'),
  allowRemotePlaintext: z
    .boolean()
    .default(false)
    .describe('Allow redis:// beyond loopback: the password then crosses the network in the clear.'),
});

export const shared = z.strictObject({
  redis: redis.describe('The server that all gateways of the site share.'),
  site: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, { error: 'has 1 to 64 letters, digits, ".", "_" and "-"' })
    .default('default')
    .describe('Gateways with the same name share; its keys in Redis begin with {aegis:NAME}.'),
  whileAway: z
    .enum(['alone', 'closed'])
    .default('alone')
    .describe(
      'While Redis is away: alone, each gateway keeps all limits by itself; closed, no new association.',
    ),
  leaseSeconds: z
    .number()
    .int()
    .min(2)
    .max(300)
    .default(10)
    .describe('How long the places of a gateway that died stay taken.'),
});

export type SharedConfiguration = z.output<typeof shared>;
