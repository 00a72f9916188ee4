/**
 * `GET /api/v1/explain`: what would happen to a peer, by the code of `aegis explain` and with the locks of now. It reads no
 * file: a certificate is that of a pending caller. Decides nothing.
 */
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { AuditEvent } from '../audit/events';
import type { Configuration } from '../config/schema';
import type { PeerCertificate } from '../policy/certificate';
import { compilePolicy } from '../policy/compile';
import { decideUntrusted } from '../policy/decide';
import { type ExplainQuery, explain } from '../policy/explain';
import { contextNotes, type ExplanationReport, explanationReport } from '../policy/explanationReport';
import { type ModalityLock, withLocks } from '../policy/locks';
import { type PeerQuestion, prepareQuestion, QuestionError } from '../policy/peerQuestion';
import type { Policy } from '../policy/policy';
import type { ReasonCode } from '../policy/reasons';
import { isCertificateReason } from '../policy/refusedCertificates';
import type { PendingCaller } from './pendingCaller';
import { shownCertificate } from './pendingEntry';

/** Longer than a UID; an AE title is shorter. */
const text = z.string().max(128);

const parameters = z.strictObject({
  calling: text.optional(),
  called: text.optional(),
  from: text.optional(),
  pending: text.optional(),
  modality: text.optional(),
  listener: text.optional(),
  command: z.union([text.transform((one) => [one]), z.array(text).max(16)]).optional(),
  sopClass: text.optional(),
  moveDestination: text.optional(),
});

const NOT_ACCEPTED =
  'the parameters are calling, called and from, or pending (an ID), or modality (a name); and if you like listener, command (up to 16 times), sopClass and moveDestination';

export interface ExplainSources {
  readonly configuration: Configuration;
  readonly locks: readonly ModalityLock[];
  pending(id: string): PendingCaller | undefined;
  /** The line of the last association of a modality. */
  accepted(modality: string): AuditEvent | undefined;
}

/** A peer as it came last: what it is asked about where the question does not say. */
interface KnownPeer {
  readonly question: PeerQuestion;
  readonly certificate?: PeerCertificate;
  /** What TLS refused the certificate for. */
  readonly refusal?: ReasonCode;
}

export function addExplainRoute(server: FastifyInstance, sources: () => ExplainSources): void {
  const policies = new Policies();
  server.get('/api/v1/explain', async (request, reply) => {
    const { success, data } = parameters.safeParse(request.query);
    if (!success) return reply.code(400).send({ error: NOT_ACCEPTED });
    const { pending, modality, ...asked } = data;
    const current = sources();
    const peer = knownPeer(current, { pending, modality });
    if (peer === undefined && (pending ?? modality) !== undefined) {
      const error =
        pending === undefined
          ? 'this modality has not been let in since the start; give calling, called and from'
          : 'there is no such pending caller; it may have been let in';
      return reply.code(404).send({ error });
    }
    const question = { ...peer?.question, ...asked };
    if (!isWhole(question)) return reply.code(400).send({ error: NOT_ACCEPTED });
    const nowMs = Date.now();
    const policy = withLocks(policies.of(current.configuration, nowMs), current.locks, nowMs);
    try {
      return explanationOf(policy, question, peer);
    } catch (error) {
      if (!(error instanceof QuestionError)) throw error;
      return reply.code(400).send({ error: `${error.part} ${error.message}` });
    }
  });
}

function knownPeer(
  sources: ExplainSources,
  { pending, modality }: { readonly pending: string | undefined; readonly modality: string | undefined },
): KnownPeer | undefined {
  const caller = pending === undefined ? undefined : sources.pending(pending);
  if (caller !== undefined) {
    const { certificate, reason } = caller;
    return {
      question: questionOf(caller),
      ...(certificate === undefined ? {} : { certificate: shownCertificate(certificate) }),
      ...(isCertificateReason(reason) ? { refusal: reason } : {}),
    };
  }
  const accepted = modality === undefined ? undefined : sources.accepted(modality);
  if (accepted === undefined) return undefined;
  const { tls } = accepted;
  return {
    question: questionOf(accepted),
    ...(tls?.fingerprint256 === undefined ? {} : { certificate: shownCertificate(tls) }),
  };
}

function questionOf({
  callingAeTitle = '',
  calledAeTitle = '',
  sourceAddress = '',
  listener,
}: AuditEvent | PendingCaller): PeerQuestion {
  return { calling: callingAeTitle, called: calledAeTitle, from: sourceAddress, listener };
}

function isWhole(
  question: {
    readonly [Part in keyof PeerQuestion]?: PeerQuestion[Part] | undefined;
  },
): question is PeerQuestion {
  const { calling, called, from } = question;
  return calling !== undefined && called !== undefined && from !== undefined;
}

function explanationOf(
  policy: Policy,
  question: PeerQuestion,
  { certificate, refusal }: Partial<KnownPeer> = {},
): ExplanationReport {
  const { association, commands, notes } = prepareQuestion(policy, question, (part) => part);
  // An entry may have been given its key since.
  const isPinned = certificate?.untrusted !== undefined && decideUntrusted(policy, certificate).allowed;
  const query: ExplainQuery = {
    association: { ...association, ...(certificate === undefined ? {} : { certificate }) },
    commands,
    ...(refusal === undefined || isPinned ? {} : { certificateRefusal: refusal }),
  };
  const explanation = explain(policy, query);
  const names = explanation.failed?.reason === 'certificate-mismatch' ? [NAMES_UNKNOWN] : [];
  return explanationReport(query, explanation, [...notes, ...contextNotes(explanation), ...names]);
}

const NAMES_UNKNOWN =
  'of certificates, the gateway keeps fingerprints and no names; "aegis explain --certificate FILE" looks at all of one';

/** To compile 10,000 entries takes a moment in which nothing is relayed, so it is done once for each configuration. */
class Policies {
  #configuration: Configuration | undefined;
  #policy: Policy | undefined;

  of(configuration: Configuration, nowMs: number): Policy {
    if (
      this.#policy === undefined ||
      this.#configuration !== configuration ||
      nowMs >= this.#policy.validUntilMs
    ) {
      this.#policy = compilePolicy(configuration, nowMs).policy;
      this.#configuration = configuration;
    }
    return this.#policy;
  }
}
