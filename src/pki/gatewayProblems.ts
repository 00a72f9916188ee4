/**
 * What is wrong with a certificate of the gateway that somebody else has issued, each a sentence with what to do. Judges
 * what it is given; touches no disk.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { formatDay } from '../text/moments';
import { quoteValue } from '../text/quote';
import { keyProblem, RSA_PSS, signatureAlgorithmOf } from '../x509/algorithms';
import { decodeCertificate, purposeProblem, validityOf } from '../x509/certificate';
import { isSelfSigned } from '../x509/certificateTrust';
import type { OrderedChain } from '../x509/chain';
import { subjectNamesOf } from '../x509/extensions';
import { formatName } from '../x509/names';

/** Of the certificate itself. `wanted`: names that it must have. */
export function* certificateProblems(
  leaf: X509Certificate,
  wanted: readonly string[],
  now: Date,
): Generator<string> {
  if (leaf.ca) {
    yield 'it is the certificate of a CA; ask for one of the template "Web Server" or its like, not "Subordinate CA"';
  }
  const names = namesOf(leaf);
  const lacking = wanted.filter((name) => !isFor(leaf, name));
  if (names.length === 0) {
    yield 'it has no subjectAltName, so peers that compare names refuse it; the template of the CA has to take the names from the request';
  } else if (lacking.length > 0) {
    yield `it is not for ${lacking.join(', ')}, but for ${names.join(', ')}; the template of the CA has to take the names from the request. If these are right, name each with --name`;
  }
  const purpose = purposeProblem(leaf, 'serverAuth');
  if (purpose !== undefined) yield `${purpose}; ask for one of a template with "Server Authentication"`;
  const weak = keyProblem(leaf.publicKey);
  if (weak !== undefined) yield weak;
  yield* validityProblems(leaf, 'it', now);
}

/** Of what leads to its root. */
export function* chainProblems(
  { chain, root }: OrderedChain,
  candidates: readonly X509Certificate[],
  now: Date,
): Generator<string> {
  const last = chain.at(-1)!;
  if (isSelfSigned(last)) {
    if (chain.length === 1) yield 'it is self-signed: no CA has issued it';
    return;
  }
  const roots = candidates.filter(isSelfSigned);
  // Without a root, the last issuer that is missing is taken for it: CAs often leave it out.
  if (root === undefined && (chain.length === 1 || roots.length > 0))
    yield missingIssuer(last, candidates, roots);
  for (const authority of [...chain.slice(1), ...(root === undefined ? [] : [root])]) {
    yield* validityProblems(authority, `its CA ${subjectOf(authority)}`, now);
  }
  for (const certificate of chain) {
    const { name, isForgeable, digest } = algorithmOf(certificate);
    const isPss = decodeCertificate(certificate.raw).signatureAlgorithm === RSA_PSS;
    if (isForgeable !== true && (digest !== undefined || isPss)) continue;
    yield `${subjectOf(certificate)} is signed with ${name}, which peers refuse; the CA has to sign with SHA-256 or better`;
  }
}

function algorithmOf({ raw }: X509Certificate) {
  return signatureAlgorithmOf(decodeCertificate(raw).signatureAlgorithm);
}

function missingIssuer(
  last: X509Certificate,
  candidates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): string {
  const issuer = formatName(decodeCertificate(last.raw).issuer);
  const sameName = candidates.find((candidate) => subjectOf(candidate) === quoteValue(issuer));
  if (sameName !== undefined) {
    return `${subjectOf(last)} was signed by the CA ${quoteValue(issuer)}, but with another key than that of the certificate that is there; get the current certificate of that CA`;
  }
  const whose = roots.length === 0 ? 'its CA' : 'the intermediate CA';
  return `the certificate of ${whose} ${quoteValue(issuer)} is missing; get it from the CA ("certutil -ca.cert FILE" there), and name its file too`;
}

function* validityProblems(certificate: X509Certificate, what: string, now: Date): Generator<string> {
  const { notBefore, notAfter } = validityOf(certificate);
  if (now > notAfter) yield `${what} expired on ${formatDay(notAfter)}`;
  if (now < notBefore) {
    yield `${what} is not valid before ${notBefore.toISOString()}, and here it is ${now.toISOString()}; check both clocks, or wait`;
  }
}

function isFor(certificate: X509Certificate, name: string): boolean {
  const found =
    isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name);
  return found !== undefined;
}

/** DNS names and IP addresses. */
export function namesOf({ raw }: X509Certificate): string[] {
  return subjectNamesOf(decodeCertificate(raw).extensions).flatMap(({ kind, text }) =>
    kind === 'other' ? [] : [text],
  );
}

/** Quoted: somebody else has written it. */
export function subjectOf({ raw }: X509Certificate): string {
  return quoteValue(formatName(decodeCertificate(raw).subject));
}
