/** `aegis pki inspect`: what is in a file, in words. Needs no CA. */
import { ExitCode } from '../../errors';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { countOf, safeLines } from '../../text/quote';
import type {
  Currency,
  Inspected,
  InspectedCertificate,
  InspectedPrivateKey,
  InspectedRequest,
  InspectedRevocationList,
} from '../../x509/inspected';
import { inspectFile } from '../../x509/inspection';
import { row, rows } from './reportText';
import { type FilePasswordOptions, print, readFilePassword } from './verb';

export interface InspectOptions extends GlobalOptions, FilePasswordOptions {}

export async function inspect(context: CommandContext, options: InspectOptions, file: string): Promise<void> {
  const contents = await inspectFile(file, (what) => readFilePassword(file, what, options));
  context.exit(contents.every(isUsable) ? ExitCode.Done : ExitCode.Failed);
  print(context, options, { file, contents }, () => reportInspection(file, options.config, contents));
}

/** Whether a peer, or the CA, would take it today. */
function isUsable(inspected: Inspected): boolean {
  switch (inspected.kind) {
    case 'certificate':
    case 'revocation-list':
      return inspected.currency === 'current';
    case 'certification-request':
      return inspected.problems.length === 0;
    case 'pkcs12':
      return inspected.contents.every(isUsable);
    default:
      return true;
  }
}

function reportInspection(file: string, configuration: string, contents: readonly Inspected[]): string {
  const flat = contents.flatMap((inspected): readonly Plain[] =>
    inspected.kind === 'pkcs12' ? inspected.contents : [inspected],
  );
  const container = contents.flatMap((inspected) =>
    inspected.kind === 'pkcs12'
      ? [`PKCS#12 file, encrypted with ${inspected.ciphers.join(', ') || 'nothing'}`, '']
      : [],
  );
  return safeLines([
    ...container,
    ...flat.flatMap((inspected, index) => [...(index === 0 ? [] : ['']), ...wordsOf(inspected)]),
    ...nextStep(file, configuration, flat),
  ]);
}

type Plain = Exclude<Inspected, { readonly kind: 'pkcs12' }>;

function wordsOf(inspected: Plain): string[] {
  switch (inspected.kind) {
    case 'certificate':
      return certificateWords(inspected);
    case 'private-key':
      return privateKeyWords(inspected);
    case 'public-key':
      return [`public key, ${inspected.key}`, row('public key', inspected.spkiFingerprint)];
    case 'certification-request':
      return requestWords(inspected);
    case 'revocation-list':
      return revocationListWords(inspected);
  }
}

function certificateWords(certificate: InspectedCertificate): string[] {
  const { isAuthority, isSelfSigned, keyUsage, extendedKeyUsage } = certificate;
  return [
    isAuthority ? 'certificate of a CA' : 'certificate',
    row('subject', certificate.subject || 'none'),
    ...rows('names', certificate.names),
    row('issuer', isSelfSigned ? 'itself' : certificate.issuer),
    row('valid from', minute(certificate.notBefore)),
    row(
      'expires',
      `${minute(certificate.notAfter)}, ${remaining(certificate.currency, certificate.daysLeft)}`,
    ),
    row('key', `${certificate.key}, signed with ${certificate.signatureAlgorithm}`),
    row('key usage', keyUsage?.join(', ') ?? 'not limited'),
    row('purposes', isAuthority && extendedKeyUsage === undefined ? 'issuing' : purposes(extendedKeyUsage)),
    row('serial number', certificate.serialNumber),
    row('fingerprint', certificate.fingerprint),
    row('public key', certificate.spkiFingerprint),
  ];
}

const purposeNames: Readonly<Record<string, string>> = { serverAuth: 'TLS server', clientAuth: 'TLS client' };

function purposes(usages: readonly string[] | undefined): string {
  return usages?.map((usage) => purposeNames[usage] ?? usage).join(', ') ?? 'not limited';
}

function privateKeyWords({ isEncrypted, key, spkiFingerprint }: InspectedPrivateKey): string[] {
  const title = `private key${key === undefined ? '' : `, ${key}`}${isEncrypted ? ', encrypted' : ''}`;
  return spkiFingerprint === undefined ? [title] : [title, row('public key', spkiFingerprint)];
}

function requestWords(request: InspectedRequest): string[] {
  return [
    'certification request',
    row('subject', request.subject || 'none'),
    ...rows('asks for', request.names),
    ...rows('and for', request.furtherWishes),
    row('key', `${request.key}, signed with ${request.signatureAlgorithm}`),
    row('public key', request.spkiFingerprint),
    ...(request.problems.length === 0
      ? [row('signature', 'good: the sender of the request has the key')]
      : request.problems.map((problem) => row('problem', problem))),
  ];
}

function revocationListWords(list: InspectedRevocationList): string[] {
  const { nextUpdate, daysLeft, currency, revoked } = list;
  return [
    'certificate revocation list (CRL)',
    row('issuer', list.issuer),
    ...(list.number === undefined ? [] : [row('number', String(BigInt(`0x${list.number}`)))]),
    row('issued', minute(list.thisUpdate)),
    row(
      'next update',
      nextUpdate === undefined ? 'not said' : `${minute(nextUpdate)}, ${remaining(currency, daysLeft ?? 0)}`,
    ),
    row('signed with', list.signatureAlgorithm),
    row('revoked', revoked.length === 0 ? 'nothing' : countOf(revoked.length, 'certificate')),
    ...revoked.map(({ serialNumber, revokedAt, reason }) =>
      row(
        '',
        `${serialNumber}  ${minute(revokedAt.toISOString())}${reason === undefined ? '' : `  ${reason}`}`,
      ),
    ),
  ];
}

function remaining(currency: Currency, daysLeft: number): string {
  if (currency === 'expired') return `EXPIRED ${countOf(-daysLeft - 1, 'day')} ago`;
  return currency === 'not-yet-valid' ? 'NOT VALID YET' : `in ${countOf(daysLeft, 'day')}`;
}

/** `2027-01-02 03:04 UTC`. */
function minute(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}

function nextStep(file: string, configuration: string, contents: readonly Plain[]): string[] {
  const [first] = contents;
  const certificate = contents.find((inspected) => inspected.kind === 'certificate');
  if (first?.kind === 'certification-request') {
    return first.problems.length === 0 ? ['', 'next:', `  aegis pki sign ${file}`] : [];
  }
  if (first?.kind === 'revocation-list') {
    return first.currency === 'expired'
      ? ['', 'next: fetch the new list of this CA; if aegis pki issued it, run aegis pki renew crl']
      : [];
  }
  if (first?.kind === 'private-key' && first.key === undefined) {
    return ['', 'next: give its passphrase with --password-file to see more'];
  }
  if (certificate === undefined) return [];
  if (certificate.currency === 'expired')
    return ['', 'next: renew it; if aegis pki issued it, run aegis pki renew <NAME>'];
  if (certificate.isAuthority) {
    return [
      '',
      `next: name it as "trustedCertificates" in ${configuration}, if its certificates are to be trusted`,
    ];
  }
  if (certificate.extendedKeyUsage?.includes('clientAuth') === false) {
    return ['', `next: name it as "certificate" in a listener of ${configuration}`];
  }
  return [
    '',
    `next: to name it in the entry of a modality in ${configuration}`,
    `    "certificate": ${JSON.stringify(certificate.spkiFingerprint)}`,
  ];
}
