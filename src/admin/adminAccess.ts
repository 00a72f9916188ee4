/**
 * Who may ask the admin HTTP what. On loopback everybody who is on this machine may look; what changes anything needs
 * the token, and beyond loopback everything does. Knows no routes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readBearerToken } from '../config/bearerToken';
import type { Configuration } from '../config/schema';
import { isLoopbackAddress } from '../text/addresses';

type AdminConfiguration = NonNullable<Configuration['admin']>;

/** Methods that change nothing (RFC 9110 §9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

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

  /** A hook that answers whoever may not ask; before the body is read. */
  readonly check = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (this.#isLoopback && !isNamedByAddress(request.headers.host)) {
      return reply.code(403).send({ error: 'the host has to be an IP address or localhost' });
    }
    if (this.#isLoopback && (request.is404 || safeMethods.has(request.method))) return undefined;
    if (this.#digest === undefined) {
      return reply.code(403).send({ error: 'admin.token is not configured, so nothing can be changed' });
    }
    if (this.#matches(request.headers.authorization)) return undefined;
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send({ error: 'the token is missing or wrong' });
  };

  /** Digests have one length, so the time of the comparison says nothing, not even how long the token is. */
  #matches(authorization: string | undefined): boolean {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    return (
      given !== undefined && this.#digest !== undefined && timingSafeEqual(digestOf(given), this.#digest)
    );
  }
}

/**
 * A page of a foreign site can make a browser on this machine ask here, under a name of its own that leads to
 * 127.0.0.1 (DNS rebinding), and read the answer. It cannot make it say that it asks an address.
 */
function isNamedByAddress(host: string | undefined): boolean {
  // HTTP/1.0, which no browser speaks.
  if (host === undefined) return true;
  const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name.toLowerCase() === 'localhost';
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();
