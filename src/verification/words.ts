/** What a step of a verification came to, in one line. */
import { transferSyntaxKeyword } from '../dimse/transferSyntaxes';
import type { TlsFacts } from '../net/inboundConnection';
import { formatAbort, formatRejection } from '../pdu/smallPdus';
import type { AssociateAc } from '../pdu/types';
import type { VerificationFailure, VerificationOptions, VerificationStep } from './verification';
import type { PeerEvent } from './verificationPeer';

export function describeTls({ protocol, cipher, group }: TlsFacts): string {
  return [protocol, cipher, ...(group === undefined ? [] : [group])].join(' ');
}

export function describeAcceptance({ userInformation }: AssociateAc, transferSyntax: string): string {
  const { implementationClassUid, implementationVersionName, maxPduLength } = userInformation;
  const implementation = implementationVersionName ?? implementationClassUid;
  const facts = [
    transferSyntaxKeyword(transferSyntax) ?? transferSyntax,
    `longest PDU ${maxPduLength === 0 ? 'unlimited' : `${maxPduLength} bytes`}`,
    ...(implementation === '' ? [] : [`implementation ${implementation}`]),
  ];
  return `accepted: ${facts.join(', ')}`;
}

type Failure = Pick<VerificationStep, 'text' | 'rejection' | 'abort' | 'alert'> & {
  failure: VerificationFailure;
};

export function describeFailure(event: PeerEvent, { timeoutMs }: VerificationOptions): Failure {
  switch (event.kind) {
    case 'rejected':
      return { failure: 'rejected', text: formatRejection(event.rj), rejection: event.rj };
    case 'aborted':
      return { failure: 'aborted', text: formatAbort(event.abort), abort: event.abort };
    case 'closed':
      // With TLS 1.3 the peer judges our certificate after the handshake, as we see it.
      return event.alert === undefined
        ? {
            failure: 'closed',
            text: `the peer closed the connection without an answer${codeText(event.code)}`,
          }
        : {
            failure: 'closed',
            text: `the peer closed with the TLS alert "${event.alert}"`,
            alert: event.alert,
          };
    case 'speaksTls':
      return { failure: 'speaksTls', text: 'the peer answered in TLS' };
    case 'malformed':
      return { failure: 'malformed', text: `the peer sent ${event.text}` };
    case 'silent':
      return { failure: 'silent', text: `no answer within ${timeoutMs / 1000} s` };
    default:
      return {
        failure: 'malformed',
        text: `the peer sent a PDU that is not expected here (${event.kind})`,
      };
  }
}

function codeText(code: string | undefined): string {
  return code === undefined ? '' : ` (${code})`;
}
