/**
 * Decides what a request to the admin HTTP may do. On loopback, everybody on this machine may look, and changes need the
 * token. Beyond loopback, everything needs the token, but for routes that are public. Knows no routes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readBearerToken } from '../config/bearerToken';
import type { Configuration } from '../config/schema';
import { isLoopbackAddress } from '../text/addresses';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Also on loopback, and also where nothing is changed. */
    wantsToken?: boolean;
  }
}

type AdminConfiguration = NonNullable<Configuration['admin']>;

/** Methods that change nothing (RFC 9110 §9.2.1). */
const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export class AdminAccess {
  readonly #isLoopback: boolean;
  /** Of the token; absent where there is none. */
  readonly #digest: Buffer | undefined;

  /** Throws OperatorError where the file of the token cannot be used. */
  constructor({ host, token, tokenFile }: AdminConfiguration) {
    this.#isLoopback = isLoopbackAddress(host);
    const wanted = token ?? (tokenFile === undefined ? undefined : readBearerToken(tokenFile));
    this.#digest = wanted === undefined ? undefined : digestOf(wanted);
  }

  /** A hook that refuses a request that is not allowed, before its body is read. */
  readonly check = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (this.#isLoopback && !isNamedByAddress(request.headers.host)) {
      return reply.code(403).send({ error: 'the host has to be an IP address or localhost' });
    }
    if (isOfForeignPage(request)) {
      return reply.code(403).send({ error: 'a page of another site may not ask' });
    }
    if (request.routeOptions.config.isPublic === true) return undefined;
    if (this.#isLoopback && (request.is404 || isOpen(request))) return undefined;
    if (this.#digest === undefined) {
      return reply.code(403).send({ error: 'admin.token is not configured, so nothing can be changed' });
    }
    if (this.#matches(request.headers.authorization)) return undefined;
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send({ error: 'the token is missing or wrong' });
  };

  /** Digests have one length, so the time of the comparison reveals nothing, not even how long the token is. */
  #matches(authorization: string | undefined): boolean {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    return (
      given !== undefined && this.#digest !== undefined && timingSafeEqual(digestOf(given), this.#digest)
    );
  }
}

/** Changes nothing, and shows what everybody on this machine may see. */
function isOpen({ method, routeOptions }: FastifyRequest): boolean {
  return SAFE_METHODS.has(method) && routeOptions.config.wantsToken !== true;
}

/**
 * Stops DNS rebinding: a foreign web page gives its own name the address 127.0.0.1, and a browser on this machine then
 * lets it ask here and read the answer. But the browser names that host, and never an address.
 */
function isNamedByAddress(host: string | undefined): boolean {
  // HTTP/1.0, which no browser speaks.
  if (host === undefined) return true;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name.toLowerCase() === 'localhost';
}

/**
 * A foreign web page cannot read answers, but its questions cost: it could take all streams of events. Browsers say where
 * a question comes from (Fetch Metadata); what else asks says nothing. A link that somebody follows is let through.
 */
function isOfForeignPage({ headers }: FastifyRequest): boolean {
  return headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-dest'] !== 'document';
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
