/**
 * Who asks for a reload over the admin HTTP: what the command line says of itself in headers, and what the gateway knows.
 * Proves nothing beyond the token, which the door has seen.
 */
import type { FastifyRequest } from 'fastify';
import type { ReloadRequester } from '../audit/events';
import type { Configuration } from '../config/schema';

const COMMAND_HEADER = 'aegis-command';
const USER_HEADER = 'aegis-user';
/** Names of commands and accounts are shorter. What is longer would only fill the log. */
const MAX_CLAIM_LENGTH = 64;

/** The headers of a request. They are ASCII, so the texts are percent-encoded. */
export function requesterHeaders({ command, systemUser }: ReloadRequester): Record<string, string> {
  return {
    ...(command === undefined ? {} : { [COMMAND_HEADER]: encodeURIComponent(command) }),
    ...(systemUser === undefined ? {} : { [USER_HEADER]: encodeURIComponent(systemUser) }),
  };
}

export function reloadRequester(
  { headers, ip }: Pick<FastifyRequest, 'headers' | 'ip'>,
  admin: Configuration['admin'],
): ReloadRequester {
  const command = claimIn(headers[COMMAND_HEADER]);
  const systemUser = claimIn(headers[USER_HEADER]);
  return {
    by: 'admin',
    token: admin?.tokenFile === undefined ? 'admin.token' : 'admin.tokenFile',
    sourceAddress: ip,
    ...(command === undefined ? {} : { command }),
    ...(systemUser === undefined ? {} : { systemUser }),
  };
}

/** The audit log escapes it. */
function claimIn(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    return decodeURIComponent(header).slice(0, MAX_CLAIM_LENGTH);
  } catch {
    return undefined;
  }
}
