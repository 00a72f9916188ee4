/**
 * The timeouts of one association: each has a global value, and an entry of the allowlist or an upstream may have one of
 * its own. What runs before the caller is known, and the drain, are global only.
 */
import * as z from 'zod';
import { seconds } from './schemaValues';

function off(what: string) {
  return z.number().min(0).max(1_000_000).default(0).describe(what);
}

export const associationTimeouts = {
  closeSeconds: seconds(5, 'For the peer to close after the last PDU of an association.'),
  upstreamConnectSeconds: seconds(10, 'For TCP to the upstream.'),
  upstreamAssociationSeconds: seconds(30, 'For the upstream to answer the A-ASSOCIATE-RQ.'),
  upstreamQueueSeconds: seconds(30, 'For a place at an upstream that has all the associations it may have.'),
  pduSeconds: seconds(60, 'From the first to the last byte of one PDU, and from a command to its data set.'),
  stallSeconds: seconds(60, 'For a peer to take bytes that wait for it.'),
  idleSeconds: seconds(300, 'An open association without any PDU.'),
  responseSeconds: seconds(60, 'From a forwarded request to its response.'),
  retrieveResponseSeconds: seconds(600, 'The same for C-MOVE and C-GET, between two responses.'),
  releaseSeconds: seconds(5, 'For the upstream to answer a release.'),
  maxAgeSeconds: off('An association, busy or not: it ends between two messages. 0: no limit.'),
  minBytesPerSecond: off('What a peer must send inside a message, on average over a minute. 0: no limit.'),
};

type WithoutDefault<Timeouts> = {
  -readonly [Name in keyof Timeouts]: Timeouts[Name] extends z.ZodDefault<infer Value>
    ? z.ZodExactOptional<Value>
    : never;
};

/** What is left out here has no default of its own: the global value holds. */
function withoutDefaults(timeouts: typeof associationTimeouts) {
  return Object.fromEntries(
    Object.entries(timeouts).map(([name, schema]) => [
      name,
      schema
        .removeDefault()
        .exactOptional()
        .describe(schema.description ?? ''),
    ]),
  ) as WithoutDefault<typeof associationTimeouts>;
}

export const ownTimeouts = z.strictObject(withoutDefaults(associationTimeouts)).optional();
