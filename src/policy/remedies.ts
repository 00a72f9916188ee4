/**
 * What to do about a refusal or a failure, in one line for each reason: for `aegis log` and the terminal of the gateway.
 * docs/reasons.md says the same at length. Knows nothing of the peer that was refused.
 */
import type { ReasonCode } from './reasons';
import { certificateRemedy, isCertificateReason } from './refusedCertificates';

const SEE_DETAIL = 'update or configure the device; the detail says what it sent';
const ASK_DEVICE = 'look at the log of the device; try "aegis modality test NAME"';
const ASK_ARCHIVE = 'look at the log of the archive; try "aegis check"';

const remedies: Readonly<Partial<Record<ReasonCode, string>>> = {
  'source-address-unknown': 'add the address to "from" of its entry, or route it without NAT',
  'connection-limit': 'find what connects from there: a device does not open so many',
  'proxy-protocol-untrusted': 'add the load balancer to trustedProxies, or go through it',
  'proxy-protocol-invalid': 'make the load balancer send the header (send-proxy)',
  'plain-on-tls-port': 'turn TLS on in the device, or give it the plain port',
  'tls-on-plain-port': 'give the device the port of a TLS listener, usually 2762',
  'tls-version': 'turn TLS 1.2 or 1.3 on in the device, or choose another profile',
  'tls-cipher': 'update the device, or choose a profile that has its ciphers',
  'tls-application-protocol': 'use a DICOM client: this is not a port for browsers',
  'tls-handshake-timeout': 'check the network between, e.g. with "aegis echo" from there',
  'tls-handshake-failed': 'the detail says why; try "aegis echo" with the same certificate',
  'tls-closed': 'if it is a device, install the CA of the gateway on it',
  'protocol-version': 'update the device: it does not speak DICOM as of PS3.8',
  'application-context': 'update the device: it does not speak DICOM as of PS3.7',
  'calling-ae-title-unknown': 'correct its AE title, or let it in: "aegis modality pending"',
  'source-address-mismatch': 'add the address to "from" of the entry if it is that device',
  'listener-not-allowed': 'use the port of another listener, or add it to "listeners"',
  'certificate-mismatch': 'if it is that device, let its certificate in: "aegis modality pending"',
  'called-ae-title-unknown': 'correct the called AE title on the device, or add that upstream',
  'called-ae-title-not-allowed': 'add the title to "calledAeTitle" of the entry if it may',
  'association-limit': 'see who holds them ("aegis status"); raise maxAssociations if it is right',
  'upstream-unavailable': 'start the archive, or correct its address; "aegis check" tries it',
  'upstream-protocol-error': 'check what listens there: "aegis check" tries it',
  'presentation-contexts-unusable': 'correct the UIDs in the settings of the device; the detail names them',
  draining: 'nothing: the device may try again when the gateway runs',
  'upstream-rejected': 'let Orthanc know the modality: "aegis orthanc export"',
  'command-not-allowed': 'if the device may do this, add the command to "allow" of its entry',
  'sop-class-not-allowed': 'if it may store this, add it to "storeSopClasses" of its entry',
  'move-destination-not-allowed': 'if it may send there, add it to "moveDestinations" of its entry',
  'command-unknown': SEE_DETAIL,
  'command-set-sop-class-mismatch': SEE_DETAIL,
  'command-set-refused': SEE_DETAIL,
  'sop-class-uid-invalid': SEE_DETAIL,
  'sop-instance-uid-invalid': SEE_DETAIL,
  'pdu-type-unknown': SEE_DETAIL,
  'pdu-length-invalid': SEE_DETAIL,
  'pdu-associate-malformed': SEE_DETAIL,
  'pdu-presentation-context-invalid': SEE_DETAIL,
  'pdu-pdv-invalid': SEE_DETAIL,
  'pdu-pdv-order': SEE_DETAIL,
  'pdu-pdv-empty': SEE_DETAIL,
  'pdu-data-set-odd': SEE_DETAIL,
  'pdu-max-length-unusable': SEE_DETAIL,
  'command-set-malformed': SEE_DETAIL,
  'command-set-too-long': SEE_DETAIL,
  'command-set-incomplete': SEE_DETAIL,
  'state-pdu-unexpected': SEE_DETAIL,
  'state-release-in-message': SEE_DETAIL,
  'state-response-unexpected': 'update the peer that answered; the detail says what it sent',
  'state-request-unexpected': 'update the archive; the detail says what it sent',
  'state-message-id-in-use': SEE_DETAIL,
  'state-operations-limit': 'lower the number of parallel requests on the device',
  'artim-timeout': 'see what connects and says nothing: a port scanner or a broken device',
  'idle-timeout': 'let the device release sooner, or raise timeouts.idleSeconds',
  'stall-timeout': 'check the network and the load of both ends',
  'response-timeout': 'see why the archive is slow, or raise timeouts.responseSeconds',
  'response-missing': ASK_ARCHIVE,
  'release-timeout': ASK_ARCHIVE,
  'modality-aborted': ASK_DEVICE,
  'modality-closed': ASK_DEVICE,
  'archive-aborted': ASK_ARCHIVE,
  'archive-closed': ASK_ARCHIVE,
  'upstream-aborted': ASK_ARCHIVE,
  'upstream-closed': ASK_ARCHIVE,
  'upstream-released': ASK_ARCHIVE,
  'gateway-stopped': 'nothing: the device may try again when the gateway runs',
  'gateway-error': 'report it with the lines of its connection: "aegis log --connection ID"',
};

/** Where the archive calls and the device is called, something else helps. */
const egressRemedies: typeof remedies = {
  'source-address-unknown': 'add the address of the archive to egress.from',
  'calling-ae-title-unknown': 'add the AE title of the archive to egress.callingAeTitle',
  'called-ae-title-unknown': 'give the entry with this AE title an "address"',
  'certificate-mismatch': 'correct serverName or certificate in "address" of its entry',
  'upstream-unavailable': 'see whether the device runs: "aegis modality test NAME"',
  'upstream-protocol-error': ASK_DEVICE,
  'upstream-rejected': 'let the device know the AE title of the archive',
  'upstream-aborted': ASK_DEVICE,
  'upstream-closed': ASK_DEVICE,
  'upstream-released': ASK_DEVICE,
  'response-missing': ASK_DEVICE,
  'release-timeout': ASK_DEVICE,
  'response-timeout': 'see why the device is slow, or raise timeouts.responseSeconds',
};

/** Undefined for what is not a reason, such as one of a newer gateway. */
export function remedyOf(reason: ReasonCode, direction?: 'ingress' | 'egress'): string | undefined {
  if (direction === 'egress' && Object.hasOwn(egressRemedies, reason)) return egressRemedies[reason];
  if (isCertificateReason(reason)) return certificateRemedy(reason);
  return Object.hasOwn(remedies, reason) ? remedies[reason] : undefined;
}
