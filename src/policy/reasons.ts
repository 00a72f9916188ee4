/**
 * The one list of reasons. A reason decides the answer on the wire, the audit line, the metric label and the section in
 * docs/reasons.md. Codes never change: dashboards and scripts rely on them. When a reason applies is not decided here.
 */
import { abort, close, reject, status, tlsAlert, type WireAnswer } from './wireAnswer';

/** What to do, where several reasons want the same. */
const SEE_DETAIL = 'update or configure the device; the detail says what it sent';
const ASK_DEVICE = 'look at the log of the device; try "aegis modality test NAME"';
const TRY_ARCHIVE = 'the detail says why; "aegis echo" with the name of the upstream shows more';
const SERVER_CERTIFICATE = 'issue one for servers, e.g. with "aegis pki server"';
const ASK_ARCHIVE = 'look at the log of the archive; try "aegis check"';

interface ReasonEntry {
  readonly wire: WireAnswer;
  /** One sentence for the audit log and for `aegis explain`: what was wrong, in words. */
  readonly text: string;
  /** What to do about it, in one line, for `aegis log` and the terminal. docs/reasons.md says it at length. */
  readonly remedy: string;
  /** Where the archive calls and the device is called, if that is something else. */
  readonly egressRemedy?: string;
  /** Where it is about the way to the archive, if that is something else. */
  readonly archiveRemedy?: string;
}

export const reasons = {
  // Gate 1: the connection.
  'source-address-unknown': {
    wire: close,
    text: 'nobody may connect from the source address',
    remedy: 'add the address to "from" of its entry, or route it without NAT',
    egressRemedy: 'add the address of the archive to egress.from',
  },
  'connection-limit': {
    wire: close,
    text: 'too many connections of this address have no association yet',
    remedy: 'find what connects from there: a device does not open so many',
  },
  'connection-rate': {
    wire: close,
    text: 'connections come faster than they may, from this address or from all together',
    remedy: 'find what connects so often; or raise connectionsPerSecondPerAddress in "limits"',
  },
  penalty: {
    wire: close,
    text: 'the peer is in the penalty box: too many of its last requests were refused, or it used a canary',
    remedy: 'see what it did in the log; "penalty.exempt" lets an address out',
  },
  'descriptors-exhausted': {
    wire: close,
    text: 'the gateway has all files open that it may, and this connection had no association',
    remedy: 'raise the limit of open files of the gateway (LimitNOFILE)',
  },
  'proxy-protocol-untrusted': {
    wire: close,
    text: 'the listener takes connections from its trusted proxies only',
    remedy: 'add the load balancer to trustedProxies, or go through it',
  },
  'proxy-protocol-invalid': {
    wire: close,
    text: 'the connection did not begin with a valid PROXY protocol header',
    remedy: 'make the load balancer send the header (send-proxy)',
  },
  'plain-on-tls-port': {
    wire: close,
    text: 'plain DICOM (or something else that is not TLS) came to a TLS listener',
    remedy: 'turn TLS on in the device, or give it the plain port',
  },
  'tls-on-plain-port': {
    wire: close,
    text: 'a TLS client came to a plain listener',
    remedy: 'give the device the port of a TLS listener, usually 2762',
  },

  // Gate 2: TLS. Node closes without an alert where a certificate was shown and is refused.
  'certificate-missing': {
    wire: tlsAlert,
    text: 'the peer showed no certificate',
    remedy: 'install one on the device, e.g. of "aegis pki client NAME"',
  },
  'certificate-untrusted': {
    wire: close,
    text: 'the certificate is not signed by a trusted CA',
    remedy: 'install one of a trusted CA, or add its CA to trustedCertificates',
    archiveRemedy: 'add the CA of the archive to trustedCertificates of upstreams.*.tls',
  },
  'certificate-expired': {
    wire: close,
    text: 'the certificate has expired',
    remedy: 'renew it, e.g. with "aegis pki renew NAME", and install it on the device',
    archiveRemedy: 'renew the certificate of the archive, and install it there',
  },
  'certificate-not-yet-valid': {
    wire: close,
    text: 'the certificate is not valid yet',
    remedy: 'check the clocks of this machine and of the one that issued it',
  },
  'certificate-revoked': {
    wire: close,
    text: 'the certificate is on the revocation list',
    remedy: 'if the device should get in, install its new certificate',
    egressRemedy: 'install a new certificate on the device',
    archiveRemedy: 'install a new certificate on the archive',
  },
  'certificate-purpose': {
    wire: close,
    text: 'the certificate is not meant for this use',
    remedy: 'issue one for clients, e.g. with "aegis pki client NAME"',
    egressRemedy: SERVER_CERTIFICATE,
    archiveRemedy: SERVER_CERTIFICATE,
  },
  'certificate-invalid': {
    wire: close,
    text: 'the certificate is malformed, too weak or badly signed',
    remedy: 'issue a new one, e.g. with "aegis pki client NAME"',
    egressRemedy: SERVER_CERTIFICATE,
    archiveRemedy: SERVER_CERTIFICATE,
  },
  'crl-expired': {
    wire: close,
    text: 'the revocation list is past its next update, so no certificate can be trusted',
    remedy: 'get the new list of the CA, e.g. with "aegis pki renew crl", and reload',
  },
  'crl-missing': {
    wire: close,
    text: 'no revocation list covers the issuer of the certificate',
    remedy: 'add the list of its issuer to crl; "aegis status" shows why one is missing',
  },
  'crl-invalid': {
    wire: close,
    text: 'the revocation list is not valid for the issuer of the certificate',
    remedy: 'check the clock of this machine and the list of its issuer',
  },
  'crl-scope': {
    wire: close,
    text: 'the revocation lists of its issuer are for other certificates',
    remedy: 'add the list of its issuer that is for it to crl',
  },
  'tls-version': {
    wire: tlsAlert,
    text: 'the peer offers no TLS version that the profile accepts',
    remedy: 'turn TLS 1.2 or 1.3 on in the device, or choose another profile',
  },
  'tls-cipher': {
    wire: tlsAlert,
    text: 'the peer offers no cipher suite that the profile accepts',
    remedy: 'update the device, or choose a profile that has its ciphers',
  },
  'tls-application-protocol': {
    wire: tlsAlert,
    text: 'the peer asks for other application protocols than "dicom"',
    remedy: 'use a DICOM client: this is not a port for browsers',
  },
  'tls-handshake-timeout': {
    wire: close,
    text: 'the TLS handshake did not end in time',
    remedy: 'check the network between, e.g. with "aegis echo" from there',
    archiveRemedy: TRY_ARCHIVE,
  },
  'tls-handshake-failed': {
    wire: tlsAlert,
    text: 'the TLS handshake failed',
    remedy: 'the detail says why; try "aegis echo" with the same certificate',
    archiveRemedy: TRY_ARCHIVE,
  },
  'tls-closed': {
    wire: close,
    text: 'the peer closed the connection during the TLS handshake',
    remedy: 'if it is a device, install the CA of the gateway on it',
  },

  // Gate 3: the association.
  'protocol-version': {
    wire: reject(1, 2, 2),
    text: 'the protocol version is not version 1',
    remedy: 'update the device: it does not speak DICOM as of PS3.8',
  },
  'application-context': {
    wire: reject(1, 1, 2),
    text: 'the application context is not the one of DICOM',
    remedy: 'update the device: it does not speak DICOM as of PS3.7',
  },
  canary: {
    wire: reject(1, 1, 3),
    text: 'the peer used an AE title that no device has, which is there to find attackers',
    remedy: 'find the machine with this address: it tries out AE titles',
  },
  'calling-ae-title-unknown': {
    wire: reject(1, 1, 3),
    text: 'the calling AE title is in no modality entry',
    remedy: 'correct its AE title, or let it in: "aegis modality pending"',
    egressRemedy: 'add the AE title of the archive to egress.callingAeTitle',
  },
  'source-address-mismatch': {
    wire: reject(1, 1, 3),
    text: 'the calling AE title is known, but not from this address',
    remedy: 'add the address to "from" of the entry if it is that device',
  },
  'listener-not-allowed': {
    wire: reject(1, 1, 3),
    text: 'the modality may not use this listener',
    remedy: 'use the port of another listener, or add it to "listeners"',
  },
  'certificate-mismatch': {
    wire: reject(1, 1, 3),
    text: 'the certificate is not one that the modality entry names',
    remedy: 'if it is that device, let its certificate in: "aegis modality pending"',
    egressRemedy: 'correct serverName or pin in "address.tls" of its entry',
    archiveRemedy: 'correct serverName or pin in upstreams.*.tls, or the address',
  },
  'modality-locked': {
    wire: reject(1, 1, 3),
    text: 'the modality is locked',
    remedy: 'see why: "aegis modality show NAME"; then "aegis modality unlock NAME"',
  },
  'entry-not-valid-now': {
    wire: reject(1, 1, 3),
    text: 'the entry of the modality is not valid yet, or no longer',
    remedy: 'if it may go on, set another validUntil (or validFrom) of its entry',
  },
  'called-ae-title-unknown': {
    wire: reject(1, 1, 7),
    text: 'the called AE title leads nowhere',
    remedy: 'correct the called AE title on the device, or add that upstream',
    egressRemedy: 'give the entry with this AE title an "address"',
  },
  'called-ae-title-not-allowed': {
    wire: reject(1, 1, 7),
    text: 'the modality may not call this AE title',
    remedy: 'add the title to "calledAeTitle" of the entry if it may',
  },
  'association-limit': {
    wire: reject(2, 3, 2),
    text: 'a limit of associations is reached',
    remedy: 'see who holds them with "aegis status"; or raise the limit that "detail" names',
  },
  'shared-unavailable': {
    wire: reject(2, 3, 1),
    text: 'Redis cannot be asked for the limits, and shared.whileAway is "closed"',
    remedy: 'look at the Redis server; the line shared.down of the log says why it is away',
  },
  'upstream-unavailable': {
    wire: reject(2, 3, 1),
    text: 'the upstream is down, refuses connections or did not answer in time',
    remedy: 'start the archive, or correct its address; "aegis check" tries it',
    egressRemedy: 'see whether the device runs: "aegis modality test NAME"',
  },
  'modality-not-seen': {
    wire: reject(2, 3, 1),
    text: 'the modality has not come with its certificate from an address of its entry',
    remedy: 'send a C-ECHO from the device; its address is known from then on',
  },
  'upstream-protocol-error': {
    wire: reject(2, 3, 1),
    text: 'the upstream answered the association request with something that DICOM does not allow',
    remedy: 'check what listens there: "aegis check" tries it',
    egressRemedy: ASK_DEVICE,
  },
  'presentation-contexts-unusable': {
    wire: { kind: 'acceptNothing' },
    text: 'every presentation context was refused, and the upstream was not connected to',
    remedy: 'correct the UIDs in the settings of the device; the detail names them',
  },
  draining: {
    wire: reject(2, 3, 1),
    text: 'the gateway is shutting down',
    remedy: 'nothing: the device may try again when the gateway runs',
  },
  'upstream-rejected': {
    wire: { kind: 'rejectAsUpstream' },
    text: 'the upstream rejected the association',
    remedy: 'let Orthanc know the modality: "aegis orthanc export"',
    egressRemedy: 'let the device know the AE title of the archive',
  },

  // Gate 4: the command.
  'command-not-allowed': {
    wire: status(0x0124),
    text: 'the entry of the modality does not allow this command',
    remedy: 'if the device may do this, add the command to "allow" of its entry',
  },
  'sop-class-not-allowed': {
    wire: status(0x0122),
    text: 'the modality may not store this SOP class',
    remedy: 'if it may store this, add it to "storeSopClasses" of its entry',
  },
  'move-destination-not-allowed': {
    wire: status(0xa801),
    text: 'the modality may not move instances to this destination',
    remedy: 'if it may send there, add it to "moveDestinations" of its entry',
  },
  'data-set-mismatch': {
    wire: status(0xa900),
    text: 'the data set is not of the SOP class or instance that its command names, or cannot be read',
    remedy: 'update the device; if it must be, set "dataSets" of its entry to "observe"',
  },
  'store-rule': {
    wire: status(0xa900),
    text: 'a rule of the entry refuses this image, or cannot be decided',
    remedy: 'if it should come, change "storeRules"; "aegis explain --file" tries a file',
  },
  'command-unknown': {
    wire: status(0x0211),
    text: 'the standard does not define this command field',
    remedy: SEE_DETAIL,
  },
  'command-set-sop-class-mismatch': {
    wire: status(0x0122),
    text: 'the SOP class of a command is not the one of its presentation context',
    remedy: SEE_DETAIL,
  },
  'command-set-refused': {
    wire: status(0x0212),
    text: 'the command set of a request is ambiguous, incomplete or contradicts itself',
    remedy: SEE_DETAIL,
  },
  'sop-class-uid-invalid': {
    wire: status(0x0118),
    text: 'the SOP class of a request is not a UID',
    remedy: SEE_DETAIL,
  },
  'sop-instance-uid-invalid': {
    wire: status(0x0117),
    text: 'the SOP instance UID of a request is too long or has characters that cannot be printed',
    remedy: SEE_DETAIL,
  },

  // Protocol errors: bytes.
  'pdu-type-unknown': { wire: abort(1), text: 'PS3.8 does not define this PDU type', remedy: SEE_DETAIL },
  'pdu-length-invalid': { wire: abort(6), text: 'the PDU length is out of bounds', remedy: SEE_DETAIL },
  'pdu-associate-malformed': { wire: abort(6), text: 'an A-ASSOCIATE PDU is malformed', remedy: SEE_DETAIL },
  'pdu-presentation-context-invalid': {
    wire: abort(6),
    text: 'a message came on a presentation context that was not accepted',
    remedy: SEE_DETAIL,
  },
  'pdu-pdv-invalid': {
    wire: abort(6),
    text: 'a PDV has a length that does not fit its PDU',
    remedy: SEE_DETAIL,
  },
  'pdu-pdv-order': {
    wire: abort(5),
    text: 'a fragment came out of order: wrong kind, or not on the presentation context of its message',
    remedy: SEE_DETAIL,
  },
  'pdu-pdv-empty': { wire: abort(6), text: 'too many empty fragments in a row', remedy: SEE_DETAIL },
  'pdu-data-set-odd': { wire: abort(6), text: 'a data set has an odd number of bytes', remedy: SEE_DETAIL },
  'pdu-max-length-unusable': {
    wire: abort(6),
    text: 'the maximum length that the peer announced leaves no room for a fragment',
    remedy: SEE_DETAIL,
  },

  // Protocol errors: command sets.
  'command-set-malformed': {
    wire: abort(6),
    text: 'a command set is malformed or ambiguous',
    remedy: SEE_DETAIL,
  },
  'command-set-too-long': {
    wire: abort(6),
    text: 'a command set is longer than the limit',
    remedy: SEE_DETAIL,
  },
  'command-set-incomplete': {
    wire: abort(6),
    text: 'a command set lacks an element that its command requires',
    remedy: SEE_DETAIL,
  },
  // Protocol errors: states.
  'state-pdu-unexpected': {
    wire: abort(2),
    text: 'the PDU is not expected in this state of the association',
    remedy: SEE_DETAIL,
  },
  'state-release-in-message': {
    wire: abort(2),
    text: 'a release was requested in the middle of a message',
    remedy: SEE_DETAIL,
  },
  'state-response-unexpected': {
    wire: abort(5),
    text: 'a response came without an outstanding request',
    remedy: 'update the peer that answered; the detail says what it sent',
  },
  'state-request-unexpected': {
    wire: abort(5),
    text: 'the upstream sent a request that nothing allows it to send',
    remedy: 'update the archive; the detail says what it sent',
  },
  'state-message-id-in-use': {
    wire: abort(5),
    text: 'a request reuses the message ID of an outstanding one',
    remedy: SEE_DETAIL,
  },
  'state-operations-limit': {
    wire: abort(5),
    text: 'too many operations are outstanding on one association',
    remedy: 'lower the number of parallel requests on the device',
  },

  // Time.
  'artim-timeout': {
    wire: close,
    text: 'no complete A-ASSOCIATE-RQ came in time, or the peer did not close in time',
    remedy: 'see what connects and says nothing: a port scanner or a broken device',
  },
  'idle-timeout': {
    wire: abort(0),
    text: 'the association was idle for too long',
    remedy: 'let the device release sooner, or raise timeouts.idleSeconds',
  },
  'age-limit': {
    wire: abort(0),
    text: 'the association was older than an association may be',
    remedy: 'nothing: the device begins again; raise timeouts.maxAgeSeconds if it is right',
  },
  'place-yielded': {
    wire: abort(0),
    text: 'the association was idle, and another modality waited for its place at the upstream',
    remedy: 'nothing: the device begins again; raise maxAssociations if it happens often',
  },
  'stall-timeout': {
    wire: abort(0),
    text: 'a PDU did not become complete, or a peer did not take its bytes, in time',
    remedy: 'check the network and the load of both ends',
  },
  'response-timeout': {
    wire: abort(0),
    text: 'the response to a command did not come in time',
    remedy: 'see why the archive is slow, or raise timeouts.responseSeconds',
    egressRemedy: 'see why the device is slow, or raise timeouts.responseSeconds',
  },
  'response-missing': {
    wire: abort(0),
    text: 'the upstream confirmed the release, or closed, without the response to a command',
    remedy: ASK_ARCHIVE,
    egressRemedy: ASK_DEVICE,
  },
  'release-timeout': {
    wire: abort(0),
    text: 'the upstream did not answer the release in time',
    remedy: ASK_ARCHIVE,
    egressRemedy: ASK_DEVICE,
  },

  // The other side went away.
  'modality-aborted': {
    wire: { kind: 'abortAsPeer' },
    text: 'the modality aborted the association',
    remedy: ASK_DEVICE,
  },
  'modality-closed': {
    wire: abort(0),
    text: 'the modality closed the connection without a release',
    remedy: ASK_DEVICE,
  },
  'archive-aborted': {
    wire: { kind: 'abortAsPeer' },
    text: 'the archive aborted the association that it requested through egress',
    remedy: ASK_ARCHIVE,
  },
  'archive-closed': {
    wire: abort(0),
    text: 'the archive closed the connection that it opened to egress without a release',
    remedy: ASK_ARCHIVE,
  },
  'upstream-aborted': {
    wire: { kind: 'abortAsPeer' },
    text: 'the upstream aborted the association',
    remedy: ASK_ARCHIVE,
    egressRemedy: ASK_DEVICE,
  },
  'upstream-closed': {
    wire: abort(0),
    text: 'the upstream closed the connection without a release',
    remedy: ASK_ARCHIVE,
    egressRemedy: ASK_DEVICE,
  },
  'upstream-released': {
    wire: abort(0),
    text: 'the upstream released the association, which only the other side may do',
    remedy: ASK_ARCHIVE,
    egressRemedy: ASK_DEVICE,
  },
  'gateway-stopped': {
    wire: abort(0),
    text: 'the gateway stopped before the association ended',
    remedy: 'nothing: the device may try again when the gateway runs',
  },
  'gateway-error': {
    wire: abort(0),
    text: 'a defect of the gateway; please report it',
    remedy: 'report it with the lines of its connection: "aegis log --connection ID"',
  },
} as const satisfies Record<string, ReasonEntry>;

export type ReasonCode = keyof typeof reasons;

/** No entry fits: another one, or another key in it, would change the decision of gate 3. */
export const REASONS_OF_ENTRIES = [
  'calling-ae-title-unknown',
  'source-address-mismatch',
  'listener-not-allowed',
  'certificate-mismatch',
  'called-ae-title-unknown',
  'called-ae-title-not-allowed',
] as const satisfies readonly ReasonCode[];

/** There is an entry, and a command of it was refused. */
export const REASONS_OF_COMMANDS = [
  'command-not-allowed',
  'sop-class-not-allowed',
  'move-destination-not-allowed',
] as const satisfies readonly ReasonCode[];

/** What to do about it. Undefined for what is not a reason, such as one of a newer gateway. */
export function remedyOf(reason: ReasonCode, about?: 'ingress' | 'egress' | 'archive'): string | undefined {
  if (!Object.hasOwn(reasons, reason)) return undefined;
  const { remedy, egressRemedy, archiveRemedy }: ReasonEntry = reasons[reason];
  if (about === 'archive') return archiveRemedy ?? remedy;
  return about === 'egress' ? (egressRemedy ?? remedy) : remedy;
}

/** What the peer is answered for this reason. */
export function wireAnswer(reason: ReasonCode): WireAnswer {
  return reasons[reason].wire;
}

/** The outcome of one gate. `wouldDeny` is set where an entry in observe mode let pass what it would refuse. */
export type Decision =
  | { readonly allowed: true; readonly wouldDeny?: ReasonCode }
  | { readonly allowed: false; readonly reason: ReasonCode };
