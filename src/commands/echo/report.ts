/**
 * What `aegis echo` prints of a verification: a line for each step, and after a failure what to try next.
 */

import { PIN_MISMATCH } from '../../net/dial';
import { formatHostAndPort } from '../../text/hostAndPort';
import { escapeUnsafe } from '../../text/quote';
import type {
  VerificationReport,
  VerificationStep,
  VerificationStepName,
} from '../../verification/verification';
import type { EchoTarget } from './target';

export interface Echo {
  readonly target: EchoTarget;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly report: VerificationReport;
}

const stepTitles: Readonly<Record<VerificationStepName, string>> = {
  tcp: 'TCP',
  tls: 'TLS',
  association: 'association',
  echo: 'C-ECHO',
  release: 'release',
};

export function echoText({ target, callingAeTitle, calledAeTitle, report }: Echo): string {
  const { kind, title, host, port, tls } = target;
  const how = tls === undefined ? 'plain' : 'TLS';
  const who = kind === 'address' ? how : `${title}, ${how}`;
  const lines = [`${callingAeTitle} to ${calledAeTitle} at ${formatHostAndPort({ host, port })} (${who})`];
  for (const step of report.steps) {
    const { name, isOk, durationMs, text } = step;
    const time = `${durationMs.toFixed(1)} ms`.padStart(10);
    lines.push(`  ${isOk ? 'ok    ' : 'failed'}  ${stepTitles[name].padEnd(11)} ${time}  ${text}`);
    lines.push(
      ...[...certificateLines(step), ...hints(step, target)].map((line) => `${' '.repeat(34)}${line}`),
    );
  }
  return `${lines.map(escapeUnsafe).join('\n')}\n`;
}

/** The same for machines. */
export function echoJson({ target, callingAeTitle, calledAeTitle, report }: Echo): object {
  const { kind, host, port, tls } = target;
  const steps = report.steps.map(({ isOk, ...step }) => ({ ok: isOk, ...step }));
  return {
    ok: report.isOk,
    kind,
    host,
    port,
    isTls: tls !== undefined,
    callingAeTitle,
    calledAeTitle,
    steps,
  };
}

function certificateLines({ tls }: VerificationStep): string[] {
  if (tls === undefined) return [];
  return [
    `certificate ${tls.subject ?? ''}, valid until ${tls.notAfter ?? ''}`,
    `issued by ${tls.issuer ?? ''}`,
    `sha256:${tls.fingerprint256 ?? ''}`,
    `spki-sha256:${tls.spkiSha256 ?? ''}`,
  ];
}

/** What usually is the matter, and the option or command that shows it. */
function hints({ name, failure, code, alert, rejection }: VerificationStep, target: EchoTarget): string[] {
  const { kind, tls } = target;
  if (name === 'tcp' && failure !== undefined && kind === 'gateway') {
    return ['the gateway does not seem to run: aegis start'];
  }
  switch (failure) {
    case 'tlsFailed':
      return tlsHints(code, target);
    case 'speaksTls':
      return ['this is a TLS port: add --tls'];
    case 'closed':
      if (alert !== undefined)
        return ['it wants another client certificate: --certificate FILE --private-key FILE'];
      return tls === undefined ? ['a TLS port closes like this: try --tls'] : [ADDRESS_HINT];
    case 'rejected':
      return rejection?.source === 1 ? rejectionHints(rejection.reason, kind) : [];
    case 'status':
      return kind === 'gateway' ? ['a modality needs "echo" in its allow list for this'] : [];
    default:
      return [];
  }
}

const ADDRESS_HINT = 'a gateway closes like this where the source address is in no entry';

function tlsHints(code: string | undefined, { tls }: EchoTarget): string[] {
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER') return ['this is no TLS port: give host:port without --tls'];
  if (code === 'ECONNRESET') return [`a plain port closes like this; ${ADDRESS_HINT}`];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return ['if that name is right: --server-name NAME'];
  if (code === PIN_MISMATCH)
    return ['if this is the right device: put the new fingerprint into address.tls.pin'];
  if (tls?.trustedCertificates.length === 0) return ['name the CA that signed its certificate: --ca FILE'];
  return [];
}

function rejectionHints(reason: number, kind: EchoTarget['kind']): string[] {
  const hints: string[] = [];
  if (reason === 3)
    hints.push('the peer has to list this calling AE title, and often its address: --calling AET');
  if (reason === 7) hints.push('the peer has to have this called AE title: --called AET');
  if (kind === 'gateway')
    hints.push('"aegis explain" says which gate refuses; the audit log holds the reason');
  return hints;
}
