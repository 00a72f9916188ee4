/**
 * From a pending caller to the entry that would let it in, or to what has to be done instead. Pure: asks nothing,
 * writes nothing, and allows no command that was not named.
 */
import type { CommandPermission, Configuration } from '../config/schema';
import { permissionForService } from '../dimse/permissions';
import { sopClassUid } from '../dimse/sopClasses';
import type { CertificateFacts } from '../net/inboundConnection';
import { APPLICATION_CONTEXT_NAME } from '../pdu/types';
import type { PeerCertificate } from '../policy/certificate';
import { compilePolicy } from '../policy/compile';
import { decideAssociation } from '../policy/decide';
import type { ReasonCode } from '../policy/reasons';
import { reasons } from '../policy/reasons';
import { isCertificateReason } from '../policy/refusedCertificates';
import { aeTitleKey, normaliseAeTitle } from '../text/aeTitle';
import { formatPath } from '../text/problems';
import { quoteChoices, quoteValue } from '../text/quote';
import { type PendingCaller, refusedCommands } from './pendingCaller';

/** An entry as it is written: single values stand for lists. */
export interface ApprovedEntry {
  readonly callingAeTitle: string;
  readonly from: string;
  readonly calledAeTitle?: string;
  readonly listeners?: string;
  readonly certificate?: string;
  readonly allow: readonly CommandPermission[];
}

export interface Approval {
  readonly allow: readonly CommandPermission[];
  /** Whether the certificate that it showed is required from now on; undefined: if it showed one. */
  readonly isCertificatePinned?: boolean | undefined;
}

/** An entry, and what the operator has to know about it. */
export interface EntryProposal {
  readonly entry: ApprovedEntry;
  readonly notes: readonly string[];
}

/** The entry for exactly this caller: its title, its one address, its listener, its certificate. */
export function entryOf(
  caller: PendingCaller,
  configuration: Configuration,
  approval: Approval,
): EntryProposal {
  const { callingAeTitle, sourceAddress, listener, isTls, certificate } = caller;
  const notes: string[] = [];
  const called = calledOf(caller, configuration, notes);
  const isTrusted = certificate?.untrusted === undefined;
  const pin = approval.isCertificatePinned === false && isTrusted ? undefined : pinOf(certificate);
  if (certificate === undefined) {
    const how = isTls ? 'shows no certificate' : 'comes without TLS';
    notes.push(`it ${how}: any machine that can send from its address can take its place`);
  } else if (pin === undefined) {
    notes.push('any certificate that the listener trusts is accepted, because none is pinned');
  } else if (!isTrusted) {
    notes.push(
      'its key alone is trusted, and no CA: first compare the fingerprint with the one that the device shows',
    );
  }
  const entry = {
    callingAeTitle: normaliseAeTitle(callingAeTitle),
    from: sourceAddress,
    ...(called === undefined ? {} : { calledAeTitle: called }),
    // Every TLS listener is the default; a plain one has to be named.
    ...(isTls ? {} : { listeners: listener }),
    ...(pin === undefined ? {} : { certificate: pin }),
    allow: approval.allow,
  };
  return { entry, notes };
}

/** The upstream that it called, where there are others that it would be let into too. */
function calledOf(
  { calledAeTitle }: PendingCaller,
  { upstreams, strictAeTitles }: Configuration,
  notes: string[],
): string | undefined {
  const titles = Object.keys(upstreams);
  const key = aeTitleKey(calledAeTitle, strictAeTitles);
  const called = titles.find((title) => aeTitleKey(title, strictAeTitles) === key);
  if (called === undefined) {
    notes.push(
      `it calls ${quoteValue(calledAeTitle)}, which is not an upstream and will be rejected; set the called AE title of the device to ${quoteChoices(titles)}`,
    );
  }
  return titles.length > 1 ? called : undefined;
}

/** The key rather than the certificate: it stays when the certificate is renewed with the same key. */
function pinOf(certificate: PendingCaller['certificate']): string | undefined {
  if (certificate === undefined) return undefined;
  const { spkiSha256, fingerprint256 } = certificate;
  return spkiSha256 === undefined ? `sha256:${fingerprint256}` : `spki-sha256:${spkiSha256}`;
}

/** These say that no entry is the caller's; what is refused later is refused to an entry. */
const identityReasons: ReadonlySet<ReasonCode> = new Set([
  'calling-ae-title-unknown',
  'source-address-mismatch',
  'listener-not-allowed',
  'certificate-mismatch',
] satisfies ReasonCode[]);

/**
 * The entry of the file that lets the caller in, although the gateway that refused it did not have it yet; undefined
 * where there is none. Of its certificate only fingerprints are known.
 */
export function entryThatLetsIn(caller: PendingCaller, configuration: Configuration): string | undefined {
  const { listener, sourceAddress, callingAeTitle, calledAeTitle, certificate, reason } = caller;
  if (refusedCommands.has(reason)) return undefined;
  const decision = decideAssociation(compilePolicy(configuration, Date.now()).policy, {
    ...{ listener, sourceAddress, callingAeTitle, calledAeTitle },
    protocolVersion: 1,
    applicationContextName: APPLICATION_CONTEXT_NAME,
    ...(certificate === undefined ? {} : { certificate: shownCertificate(certificate) }),
  });
  if (decision.allowed) return decision.modality.name;
  const isIdentified = decision.reason.startsWith('called-ae-title-');
  return isIdentified && identityReasons.has(reason) ? decision.modality?.name : undefined;
}

/** As far as it is known: the names in it are not. */
export function shownCertificate(certificate: CertificateFacts): PeerCertificate {
  const {
    fingerprint256 = '',
    spkiSha256 = '',
    subject = '',
    issuer = '',
    untrusted,
    key = '',
  } = certificate;
  const { serialNumber = '', notAfter: validTo = '' } = certificate;
  const known = { fingerprint256, spkiSha256, subject, issuer, dnsNames: [], serialNumber, validTo };
  return untrusted === undefined ? known : { ...known, untrusted: { why: untrusted, key, validFrom: '' } };
}

/** Why no new entry would help, with what would; undefined where one does. */
export function otherRemedy(caller: PendingCaller, { upstreams }: Configuration): string | undefined {
  const { reason, modality, callingAeTitle, calledAeTitle, certificate, commands } = caller;
  if (reason === 'certificate-untrusted' && certificate !== undefined) {
    return `its AE title is not known, because its certificate was refused (${reason}); set unknownAddresses to "reject" and let it try again, or add "${pinOf(certificate)}" to certificate of its entry`;
  }
  if (isCertificateReason(reason))
    return `its certificate was refused (${reason}); ${reasons[reason].remedy}`;
  if (aeTitleKey(callingAeTitle, true) === undefined) {
    return `${quoteValue(callingAeTitle)} is not an AE title (1 to 16 printable ASCII characters); set another one on the device`;
  }
  const entry = modality === undefined ? 'the entry that it matches' : formatPath(['modalities', modality]);
  const tried = `it has an entry, but tried what that does not allow (${commands.join(', ')}); if that is right, add it to`;
  switch (reason) {
    case 'called-ae-title-unknown':
      return `it has an entry (${entry}), but calls ${quoteValue(calledAeTitle)}, which is not an upstream; set the called AE title of the device to ${quoteChoices(Object.keys(upstreams))}, or add that upstream`;
    case 'called-ae-title-not-allowed':
      return `it has an entry; add ${quoteValue(calledAeTitle)} to calledAeTitle of ${entry}`;
    case 'certificate-mismatch':
      return certificate === undefined
        ? `it has an entry that names a certificate, but shows none; have it use a TLS listener, or correct ${entry}`
        : `it has an entry, but shows another certificate; if that is right, add "${pinOf(certificate)}" to certificate of ${entry}`;
    case 'command-not-allowed':
      return `${tried} allow of ${entry}`;
    case 'sop-class-not-allowed':
      return `${tried} storeSopClasses of ${entry}`;
    case 'move-destination-not-allowed':
      return `${tried} moveDestinations of ${entry}`;
    default:
      return undefined;
  }
}

/**
 * Why this caller cannot be approved, with what would help instead; undefined where a new entry lets it in. `approval` is
 * what is known of it: nothing before anybody was asked.
 */
export function approvalFault(
  caller: PendingCaller,
  configuration: Configuration,
  { isCertificatePinned }: Pick<Approval, 'isCertificatePinned'> = {},
): string | undefined {
  const remedy = otherRemedy(caller, configuration);
  if (remedy !== undefined) return `no new entry would help: ${remedy}`;
  const { id, certificate } = caller;
  if (isCertificatePinned === true && certificate === undefined) {
    return `${id} showed no certificate, so none can be pinned`;
  }
  if (isCertificatePinned === false && certificate?.untrusted !== undefined) {
    return `no trusted CA stands behind its certificate (${certificate.untrusted}), so it has to be pinned; do not leave it out`;
  }
  return undefined;
}

/** What it would need for all that it proposed: a hint for the operator, and no more than that. */
export function proposedPermissions({ proposedSopClasses }: PendingCaller): CommandPermission[] {
  const permissions = proposedSopClasses.flatMap((sopClass) => {
    const uid = sopClassUid(sopClass);
    const permission = uid === undefined ? undefined : permissionForService(uid);
    return permission === undefined ? [] : [permission];
  });
  return [...new Set(permissions)];
}
