/**
 * What the gateway proposes to the upstream for an inbound request, and what it answers for the upstream's answer
 * (PS3.8 §7.1, PS3.7 Annex D.3). Pure. Both PDUs are encoded again from what was decoded.
 */
import { isForGet } from '../dimse/permissions';
import { encodeAssociateAc, encodeAssociateRq } from '../pdu/associate';
import type {
  AssociateAc,
  AssociateRq,
  PresentationContextAc,
  PresentationContextRq,
  UserInformation,
} from '../pdu/types';
import { APPLICATION_CONTEXT_NAME, ContextResult, IMPLEMENTATION_CLASS_UID } from '../pdu/types';
import { normaliseAeTitle } from '../text/aeTitle';
import { ProtocolError } from './protocolError';

/** Item 55H, at most 16 characters. */
export const IMPLEMENTATION_VERSION_NAME = 'AEGIS';

export interface AcceptedContext {
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
}
/** What is taken of an upstream's answer. */
type Answer = Pick<AssociateAc, 'presentationContexts' | 'userInformation'>;

/** Stands for the answer of an upstream that was not asked. */
export const UNASKED: Answer = {
  presentationContexts: [],
  userInformation: {
    maxPduLength: 0,
    implementationClassUid: '',
    roleSelections: [],
    extendedNegotiations: [],
    commonExtendedNegotiations: [],
  },
};

/** The presentation contexts on which messages may flow, by id. */
export type AcceptedContexts = ReadonlyMap<number, AcceptedContext>;

export interface UpstreamRequestOptions {
  /** Rewrites the called AE title; undefined leaves the one of the request. */
  readonly calledAeTitle?: string | undefined;
  /** The same for the calling one. */
  readonly callingAeTitle?: string | undefined;
  readonly passUserIdentity: boolean;
  /** What the gateway announces in item 51H on the upstream leg. */
  readonly maxPduLength: number;
}

/**
 * The request towards the upstream: titles, contexts, roles and extended negotiation of the inbound request. Its
 * asynchronous operations window (53H) is left out, so that one operation at a time is agreed on both legs
 * (DCMTK and Orthanc abort when another command comes during a C-FIND); its user identity (58H) is left out
 * unless the configuration says otherwise, because this leg is in the clear.
 */
export function upstreamRequest(rq: AssociateRq, options: UpstreamRequestOptions): AssociateRq {
  const { asynchronousOperations, userIdentity, userIdentityResponse, implementationVersionName, ...passed } =
    rq.userInformation;
  return {
    protocolVersion: 1,
    // As policy compared them: an archive in C reads a title up to its first NUL, so before "CT1" it sees nothing.
    calledAeTitle: normaliseAeTitle(options.calledAeTitle ?? rq.calledAeTitle),
    callingAeTitle: normaliseAeTitle(options.callingAeTitle ?? rq.callingAeTitle),
    applicationContextName: APPLICATION_CONTEXT_NAME,
    presentationContexts: proposedContexts(rq),
    userInformation: {
      ...passed,
      maxPduLength: options.maxPduLength,
      implementationClassUid: passed.implementationClassUid || IMPLEMENTATION_CLASS_UID,
      // Archives log it as it is.
      ...(implementationVersionName && /^[\x20-\x7e]+$/.test(implementationVersionName)
        ? { implementationVersionName: implementationVersionName.slice(0, 16) }
        : {}),
      ...(options.passUserIdentity && userIdentity !== undefined ? { userIdentity } : {}),
    },
  };
}

/** A request of which some contexts were refused before anybody was asked, and why, by abstract syntax. */
export interface NarrowedRequest<Reason> {
  readonly rq: AssociateRq;
  readonly refused: ReadonlyMap<string, Reason>;
}

/**
 * Refuses the contexts that are of no use, as a user rejects them (PS3.8 Table 9-18, result 1), and leaves out what else
 * was asked for these classes. Where no context would be left, none is refused: the answers to the requests then say
 * what is not allowed, and "no context accepted" does not.
 */
export function withoutUseless<Reason>(
  rq: AssociateRq,
  uselessBecause: ((abstractSyntax: string, isScpOnly: boolean) => Reason | undefined) | undefined,
): NarrowedRequest<Reason> {
  if (uselessBecause === undefined) return { rq, refused: new Map() };
  const { presentationContexts, userInformation } = rq;
  const roles = new Map(userInformation.roleSelections.map((role) => [role.sopClassUid, role]));
  // Without it, the role is the mistake of a device that stores all the same: DCMTK and Orthanc let it.
  const asksToGet = presentationContexts.some(({ abstractSyntax }) => isForGet(abstractSyntax));
  const syntaxes = new Set(proposedContexts(rq).map(({ abstractSyntax }) => abstractSyntax));
  const refused = new Map<string, Reason>();
  for (const abstractSyntax of syntaxes) {
    const role = roles.get(abstractSyntax);
    const reason = uselessBecause(abstractSyntax, asksToGet && role?.scp === true && !role.scu);
    if (reason !== undefined) refused.set(abstractSyntax, reason);
  }
  if (refused.size === 0 || refused.size === syntaxes.size) return { rq, refused: new Map() };
  const isKept = ({ sopClassUid }: { readonly sopClassUid: string }) => !refused.has(sopClassUid);
  const narrowed: AssociateRq = {
    ...rq,
    presentationContexts: presentationContexts.map((context) =>
      refused.has(context.abstractSyntax)
        ? { ...context, refusal: context.refusal ?? ContextResult.UserRejection }
        : context,
    ),
    userInformation: {
      ...userInformation,
      roleSelections: userInformation.roleSelections.filter(isKept),
      extendedNegotiations: userInformation.extendedNegotiations.filter(isKept),
      commonExtendedNegotiations: userInformation.commonExtendedNegotiations.filter(isKept),
    },
  };
  return { rq: narrowed, refused };
}

/** Those that can be passed on; may be none. */
export function proposedContexts(rq: AssociateRq): readonly PresentationContextRq[] {
  return rq.presentationContexts.filter(({ refusal }) => refusal === undefined);
}

/**
 * The same as bytes. Throws ProtocolError where user information that fills its item to the last byte leaves no
 * room for our own (its length has 16 bits).
 */
export function encodedUpstreamRequest(rq: AssociateRq, options: UpstreamRequestOptions): Buffer {
  try {
    return encodeAssociateRq(upstreamRequest(rq, options));
  } catch (error) {
    if (error instanceof RangeError) throw new ProtocolError('pdu-associate-malformed', error.message);
    throw error;
  }
}

/**
 * The contexts that the upstream accepted, of those that were proposed to it. One that was not proposed is dropped. One
 * that is accepted with a transfer syntax that was not proposed counts as refused, or the two legs would disagree.
 */
export function acceptedContexts(rq: AssociateRq, ac: Answer): Map<number, AcceptedContext> {
  const proposed = new Map(proposedContexts(rq).map((context) => [context.id, context]));
  const accepted = new Map<number, AcceptedContext>();
  for (const { id, result, transferSyntax } of ac.presentationContexts) {
    const context = proposed.get(id);
    if (result !== ContextResult.Acceptance || context?.transferSyntaxes.includes(transferSyntax) !== true) {
      continue;
    }
    accepted.set(id, { abstractSyntax: context.abstractSyntax, transferSyntax });
  }
  return accepted;
}

/**
 * The contexts on which the peer that asked is answered: those that were accepted, and those that the gateway refused as
 * a user. Who asks on one of these all the same hears why it is not allowed, and the association stays.
 */
export function answeredContexts(rq: AssociateRq, accepted: AcceptedContexts): AcceptedContexts {
  const refused = rq.presentationContexts.filter(({ refusal }) => refusal === ContextResult.UserRejection);
  if (refused.length === 0) return accepted;
  const answered = new Map(accepted);
  for (const { id, abstractSyntax } of refused) answered.set(id, { abstractSyntax, transferSyntax: '' });
  return answered;
}

/**
 * The answer to the inbound request: our own refusals, the upstream's answer for every context that was proposed to it,
 * and roles and extended negotiation where they were asked for, never more. A context that the upstream left out, or
 * accepted in a way that nobody asked for, counts as refused without a reason.
 */
export function inboundAnswer(rq: AssociateRq, ac: Answer, maxPduLength: number): AssociateAc {
  const accepted = acceptedContexts(rq, ac);
  const results = new Map(ac.presentationContexts.map(({ id, result }) => [id, result]));
  const presentationContexts = rq.presentationContexts.map(({ id, refusal }): PresentationContextAc => {
    const context = accepted.get(id);
    if (context !== undefined) {
      return { id, result: ContextResult.Acceptance, transferSyntax: context.transferSyntax };
    }
    const result = refusal ?? (results.get(id) || ContextResult.NoReason);
    return { id, result, transferSyntax: '' };
  });
  return {
    protocolVersion: 1,
    calledAeTitle: rq.calledAeTitle,
    callingAeTitle: rq.callingAeTitle,
    applicationContextName: APPLICATION_CONTEXT_NAME,
    presentationContexts,
    userInformation: answeredUserInformation(rq.userInformation, ac.userInformation, maxPduLength),
  };
}

/** The same as bytes. Throws ProtocolError where the upstream's user information leaves no room for our own. */
export function encodedInboundAnswer(rq: AssociateRq, ac: Answer, maxPduLength: number): Buffer {
  try {
    return encodeAssociateAc(inboundAnswer(rq, ac, maxPduLength));
  } catch (error) {
    if (error instanceof RangeError) throw new ProtocolError('upstream-protocol-error', error.message);
    throw error;
  }
}

function answeredUserInformation(
  asked: UserInformation,
  answered: UserInformation,
  maxPduLength: number,
): UserInformation {
  const askedRoles = new Map(asked.roleSelections.map((role) => [role.sopClassUid, role]));
  const askedExtensions = new Set(asked.extendedNegotiations.map((item) => item.sopClassUid));
  const wantsIdentityResponse = asked.userIdentity?.positiveResponseRequested === true;
  return {
    maxPduLength,
    implementationClassUid: IMPLEMENTATION_CLASS_UID,
    implementationVersionName: IMPLEMENTATION_VERSION_NAME,
    roleSelections: answered.roleSelections.flatMap((role) => {
      const askedRole = askedRoles.get(role.sopClassUid);
      if (askedRole === undefined) return [];
      return [{ ...role, scu: role.scu && askedRole.scu, scp: role.scp && askedRole.scp }];
    }),
    extendedNegotiations: answered.extendedNegotiations.filter((item) =>
      askedExtensions.has(item.sopClassUid),
    ),
    commonExtendedNegotiations: [],
    ...(wantsIdentityResponse && answered.userIdentityResponse !== undefined
      ? { userIdentityResponse: answered.userIdentityResponse }
      : {}),
  };
}
