/**
 * The key `tests`: what a test asks of the policy, and what it expects. Each value has its own words for what is wrong.
 * Runs no test.
 */
import * as z from 'zod';
import { sopClassUid } from '../dimse/sopClasses';
import { egressChecks, ingressChecksWithCanaries } from '../policy/associationChecks';
import { ingressCommandChecks } from '../policy/commandChecks';
import { commandFault, sopClassFault } from '../policy/peerQuestion';
import type { ReasonCode } from '../policy/reasons';
import { aeTitle, certificateMatcher, ipAddress } from './schemaValues';

export const ALLOWED = 'allowed';

/** What a test cannot ask for: a command that exists, in an association as the standard wants it, at no special time. */
const NEVER_ASKED: readonly ReasonCode[] = [
  'protocol-version',
  'application-context',
  'modality-locked',
  'entry-not-valid-now',
  'command-unknown',
];

const expectations = [
  ...new Set(
    [...ingressChecksWithCanaries, ...egressChecks, ...ingressCommandChecks]
      .map(({ reason }) => reason)
      .filter((reason) => !NEVER_ASKED.includes(reason)),
  ),
];

export const policyTest = z.strictObject({
  modality: z
    .string()
    .min(1)
    .optional()
    .describe('Entry that is meant: what the test does not name is taken from it.'),
  calling: aeTitle.optional().describe('Calling AE title; default: the first of the entry.'),
  called: aeTitle
    .optional()
    .describe('Called AE title; default: the first that the entry may call, else the first upstream.'),
  from: ipAddress.optional().describe('Address that it comes from; default: the first of the entry.'),
  listener: z
    .string()
    .min(1)
    .optional()
    .describe('Listener, or "egress"; default: one that the entry may use, with TLS if there is one.'),
  certificate: certificateMatcher
    .optional()
    .describe('A trusted certificate that has this; default: one that the entry names.'),
  command: z
    .string()
    .refine((name) => commandFault(name) === undefined, {
      error: ({ input }) => commandFault(String(input)),
    })
    .meta({ title: 'DIMSE command' })
    .optional()
    .describe('DIMSE command, such as c-find; left out: the association alone.'),
  sopClass: z
    .string()
    .refine((text) => sopClassUid(text) !== undefined, {
      error: ({ input }) => sopClassFault(String(input)),
    })
    .meta({ title: 'SOP class' })
    .optional()
    .describe('SOP class of the command, keyword or UID; default: the usual one.'),
  moveDestination: aeTitle.optional().describe('Destination of a C-MOVE; default: the calling AE title.'),
  expect: z
    .enum([ALLOWED, 'source-address-unknown', ...expectations])
    .describe('What must come: allowed, or the reason of the refusal.'),
});
