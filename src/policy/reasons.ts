/**
 * The one list of reasons. A reason decides the answer on the wire, the audit line, the metric label and the section in
 * docs/reasons.md. Codes never change: dashboards and scripts rely on them. When a reason applies is not decided here.
 */
import { formatStatus } from '../dimse/commands';

/** What the peer sees. Numbers are those of PS3.8 Table 9-21, PS3.8 Table 9-26 and PS3.7 Annex C. */
export type WireAnswer =
  /** The connection is closed without a DICOM byte. */
  | { readonly kind: 'close' }
  /** A TLS alert, then close. */
  | { readonly kind: 'tlsAlert' }
  /** A-ASSOCIATE-RJ with these three bytes (PS3.8 §9.3.4). */
  | { readonly kind: 'reject'; readonly result: number; readonly source: number; readonly reason: number }
  /** A-ASSOCIATE-RJ with the very bytes that the upstream sent. */
  | { readonly kind: 'rejectAsUpstream' }
  /** A-ASSOCIATE-AC in which every presentation context is refused; the association stays. */
  | { readonly kind: 'acceptNothing' }
  /** A DIMSE response with this status; the association stays (PS3.7 Annex C). */
  | { readonly kind: 'status'; readonly status: number }
  /** A-ABORT with the source and reason that the other side sent. */
  | { readonly kind: 'abortAsPeer' }
  /** A-ABORT, source 2 (service-provider) with this reason (PS3.8 §9.3.8). */
  | { readonly kind: 'abort'; readonly reason: number };

const close = { kind: 'close' } as const;
const tlsAlert = { kind: 'tlsAlert' } as const;

function reject(result: number, source: number, reason: number) {
  return { kind: 'reject', result, source, reason } as const;
}

function status(code: number) {
  return { kind: 'status', status: code } as const;
}

function abort(reason: number) {
  return { kind: 'abort', reason } as const;
}

interface ReasonEntry {
  readonly wire: WireAnswer;
  /** One sentence for the audit log and for `aegis explain`: what was wrong, in words. */
  readonly text: string;
}

export const reasons = {
  // Gate 1: the connection.
  'source-address-unknown': { wire: close, text: 'nobody may connect from the source address' },
  'connection-limit': { wire: close, text: 'too many connections of this address have no association yet' },
  'connection-rate': {
    wire: close,
    text: 'this address opens connections faster than an address may, and too many of them wait',
  },
  'descriptors-exhausted': {
    wire: close,
    text: 'the gateway has all files open that it may, and this connection had no association',
  },
  'proxy-protocol-untrusted': {
    wire: close,
    text: 'the listener takes connections from its trusted proxies only',
  },
  'proxy-protocol-invalid': {
    wire: close,
    text: 'the connection did not begin with a valid PROXY protocol header',
  },
  'plain-on-tls-port': {
    wire: close,
    text: 'plain DICOM (or something else that is not TLS) came to a TLS listener',
  },
  'tls-on-plain-port': { wire: close, text: 'a TLS client came to a plain listener' },

  // Gate 2: TLS. Node closes without an alert where a certificate was shown and is refused.
  'certificate-missing': { wire: tlsAlert, text: 'the peer showed no certificate' },
  'certificate-untrusted': { wire: close, text: 'the certificate is not signed by a trusted CA' },
  'certificate-expired': { wire: close, text: 'the certificate has expired' },
  'certificate-not-yet-valid': { wire: close, text: 'the certificate is not valid yet' },
  'certificate-revoked': { wire: close, text: 'the certificate is on the revocation list' },
  'certificate-purpose': { wire: close, text: 'the certificate is not meant for this use' },
  'certificate-invalid': { wire: close, text: 'the certificate is malformed, too weak or badly signed' },
  'crl-expired': {
    wire: close,
    text: 'the revocation list is past its next update, so no certificate can be trusted',
  },
  'crl-missing': { wire: close, text: 'no revocation list covers the issuer of the certificate' },
  'crl-invalid': {
    wire: close,
    text: 'the revocation list is not valid for the issuer of the certificate',
  },
  'crl-scope': {
    wire: close,
    text: 'the revocation lists of its issuer are for other certificates',
  },
  'tls-version': { wire: tlsAlert, text: 'the peer offers no TLS version that the profile accepts' },
  'tls-cipher': { wire: tlsAlert, text: 'the peer offers no cipher suite that the profile accepts' },
  'tls-application-protocol': {
    wire: tlsAlert,
    text: 'the peer asks for other application protocols than "dicom"',
  },
  'tls-handshake-timeout': { wire: close, text: 'the TLS handshake did not end in time' },
  'tls-handshake-failed': { wire: tlsAlert, text: 'the TLS handshake failed' },
  'tls-closed': { wire: close, text: 'the peer closed the connection during the TLS handshake' },

  // Gate 3: the association.
  'protocol-version': { wire: reject(1, 2, 2), text: 'the protocol version is not version 1' },
  'application-context': { wire: reject(1, 1, 2), text: 'the application context is not the one of DICOM' },
  'calling-ae-title-unknown': { wire: reject(1, 1, 3), text: 'the calling AE title is in no modality entry' },
  'source-address-mismatch': {
    wire: reject(1, 1, 3),
    text: 'the calling AE title is known, but not from this address',
  },
  'listener-not-allowed': {
    wire: reject(1, 1, 3),
    text: 'the modality may not use this listener',
  },
  'certificate-mismatch': {
    wire: reject(1, 1, 3),
    text: 'the certificate is not one that the modality entry names',
  },
  'called-ae-title-unknown': { wire: reject(1, 1, 7), text: 'the called AE title leads nowhere' },
  'called-ae-title-not-allowed': { wire: reject(1, 1, 7), text: 'the modality may not call this AE title' },
  'association-limit': { wire: reject(2, 3, 2), text: 'the limit of concurrent associations is reached' },
  'upstream-unavailable': {
    wire: reject(2, 3, 1),
    text: 'the upstream is down, refuses connections or did not answer in time',
  },
  'upstream-protocol-error': {
    wire: reject(2, 3, 1),
    text: 'the upstream answered the association request with something that DICOM does not allow',
  },
  'presentation-contexts-unusable': {
    wire: { kind: 'acceptNothing' },
    text: 'every presentation context was refused, and the upstream was not connected to',
  },
  draining: { wire: reject(2, 3, 1), text: 'the gateway is shutting down' },
  'upstream-rejected': { wire: { kind: 'rejectAsUpstream' }, text: 'the upstream rejected the association' },

  // Gate 4: the command.
  'command-not-allowed': {
    wire: status(0x0124),
    text: 'the entry of the modality does not allow this command',
  },
  'sop-class-not-allowed': { wire: status(0x0122), text: 'the modality may not store this SOP class' },
  'move-destination-not-allowed': {
    wire: status(0xa801),
    text: 'the modality may not move instances to this destination',
  },
  'data-set-mismatch': {
    wire: status(0xa900),
    text: 'the data set is not of the SOP class or instance that its command names, or cannot be read',
  },
  'command-unknown': { wire: status(0x0211), text: 'the standard does not define this command field' },
  'command-set-sop-class-mismatch': {
    wire: status(0x0122),
    text: 'the SOP class of a command is not the one of its presentation context',
  },
  'command-set-refused': {
    wire: status(0x0212),
    text: 'the command set of a request is ambiguous, incomplete or contradicts itself',
  },
  'sop-class-uid-invalid': { wire: status(0x0118), text: 'the SOP class of a request is not a UID' },
  'sop-instance-uid-invalid': {
    wire: status(0x0117),
    text: 'the SOP instance UID of a request is too long or has characters that cannot be printed',
  },

  // Protocol errors: bytes.
  'pdu-type-unknown': { wire: abort(1), text: 'PS3.8 does not define this PDU type' },
  'pdu-length-invalid': { wire: abort(6), text: 'the PDU length is out of bounds' },
  'pdu-associate-malformed': { wire: abort(6), text: 'an A-ASSOCIATE PDU is malformed' },
  'pdu-presentation-context-invalid': {
    wire: abort(6),
    text: 'a message came on a presentation context that was not accepted',
  },
  'pdu-pdv-invalid': { wire: abort(6), text: 'a PDV has a length that does not fit its PDU' },
  'pdu-pdv-order': {
    wire: abort(5),
    text: 'a fragment came out of order: wrong kind, or not on the presentation context of its message',
  },
  'pdu-pdv-empty': { wire: abort(6), text: 'too many empty fragments in a row' },
  'pdu-data-set-odd': { wire: abort(6), text: 'a data set has an odd number of bytes' },
  'pdu-max-length-unusable': {
    wire: abort(6),
    text: 'the maximum length that the peer announced leaves no room for a fragment',
  },

  // Protocol errors: command sets.
  'command-set-malformed': { wire: abort(6), text: 'a command set is malformed or ambiguous' },
  'command-set-too-long': { wire: abort(6), text: 'a command set is longer than the limit' },
  'command-set-incomplete': {
    wire: abort(6),
    text: 'a command set lacks an element that its command requires',
  },
  // Protocol errors: states.
  'state-pdu-unexpected': {
    wire: abort(2),
    text: 'the PDU is not expected in this state of the association',
  },
  'state-release-in-message': { wire: abort(2), text: 'a release was requested in the middle of a message' },
  'state-response-unexpected': {
    wire: abort(5),
    text: 'a response came without an outstanding request',
  },
  'state-request-unexpected': {
    wire: abort(5),
    text: 'the upstream sent a request that nothing allows it to send',
  },
  'state-message-id-in-use': {
    wire: abort(5),
    text: 'a request reuses the message ID of an outstanding one',
  },
  'state-operations-limit': {
    wire: abort(5),
    text: 'too many operations are outstanding on one association',
  },

  // Time.
  'artim-timeout': {
    wire: close,
    text: 'no complete A-ASSOCIATE-RQ came in time, or the peer did not close in time',
  },
  'idle-timeout': { wire: abort(0), text: 'the association was idle for too long' },
  'age-limit': { wire: abort(0), text: 'the association was older than an association may be' },
  'place-yielded': {
    wire: abort(0),
    text: 'the association was idle, and another modality waited for its place at the upstream',
  },
  'stall-timeout': {
    wire: abort(0),
    text: 'a PDU did not become complete, or a peer did not take its bytes, in time',
  },
  'response-timeout': { wire: abort(0), text: 'the response to a command did not come in time' },
  'response-missing': {
    wire: abort(0),
    text: 'the upstream confirmed the release, or closed, without the response to a command',
  },
  'release-timeout': { wire: abort(0), text: 'the upstream did not answer the release in time' },

  // The other side went away.
  'modality-aborted': { wire: { kind: 'abortAsPeer' }, text: 'the modality aborted the association' },
  'modality-closed': { wire: abort(0), text: 'the modality closed the connection without a release' },
  'archive-aborted': {
    wire: { kind: 'abortAsPeer' },
    text: 'the archive aborted the association that it requested through egress',
  },
  'archive-closed': {
    wire: abort(0),
    text: 'the archive closed the connection that it opened to egress without a release',
  },
  'upstream-aborted': { wire: { kind: 'abortAsPeer' }, text: 'the upstream aborted the association' },
  'upstream-closed': { wire: abort(0), text: 'the upstream closed the connection without a release' },
  'upstream-released': {
    wire: abort(0),
    text: 'the upstream released the association, which only the other side may do',
  },
  'gateway-stopped': { wire: abort(0), text: 'the gateway stopped before the association ended' },
  'gateway-error': { wire: abort(0), text: 'a defect of the gateway; please report it' },
} as const satisfies Record<string, ReasonEntry>;

export type ReasonCode = keyof typeof reasons;

/** What the peer is answered for this reason. */
export function wireAnswer(reason: ReasonCode): WireAnswer {
  return reasons[reason].wire;
}

/**
 * The answer in the words and numbers of the standard: `A-ASSOCIATE-RJ result 1, source 1, reason 3`,
 * `C-MOVE-RSP status 0xA801; the association stays`. The command is that of the request, as `C-MOVE`; without it the
 * response has no name.
 */
export function formatWireAnswer(answer: WireAnswer, command?: string): string {
  switch (answer.kind) {
    case 'close':
      return 'the connection is closed without a DICOM byte';
    case 'tlsAlert':
      return 'a TLS alert, then the connection is closed';
    case 'reject':
      return `A-ASSOCIATE-RJ result ${answer.result}, source ${answer.source}, reason ${answer.reason}`;
    case 'rejectAsUpstream':
      return 'A-ASSOCIATE-RJ with the result, source and reason of the upstream';
    case 'acceptNothing':
      return 'A-ASSOCIATE-AC in which every presentation context is refused';
    case 'status': {
      const response = command === undefined ? 'a DIMSE response' : `${command}-RSP`;
      return `${response} status ${formatStatus(answer.status)}; the association stays`;
    }
    case 'abortAsPeer':
      return 'A-ABORT with the source and reason that the other side sent';
    case 'abort':
      return `A-ABORT source 2, reason ${answer.reason}`;
  }
}

/** The outcome of one gate. `wouldDeny` is set where an entry in observe mode let pass what it would refuse. */
export type Decision =
  | { readonly allowed: true; readonly wouldDeny?: ReasonCode }
  | { readonly allowed: false; readonly reason: ReasonCode };
