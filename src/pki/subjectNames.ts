/**
 * The names that certificates are issued for: DNS names, IP addresses and names of modalities. Decides what
 * is a name; knows nothing of how a certificate carries it.
 */
import { isIP } from 'node:net';
import { OperatorError } from '../errors';
import { quoteValue } from '../text/quote';
import type { NameAttribute } from '../x509/names';

/** Names of files that `aegis pki` itself uses, and of what it renews; compared in lower case, as some file systems do. */
const RESERVED_NAMES = new Set(['ca', 'crl', 'server', 'server-ecdsa']);

/** RFC 1123 §2.1 host name; a last label of digits only would be an address with a typing error. */
export function isDnsName(text: string): boolean {
  const labels = text.split('.');
  return (
    text.length <= 253 &&
    labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)) &&
    !/^\d+$/.test(labels.at(-1) ?? '')
  );
}

/**
 * Checks DNS names and IP addresses for a certificate; returns them in lower case and without repetition.
 * Throws OperatorError for anything else, wildcards included: a certificate stands for known machines.
 */
export function parseSubjectNames(names: readonly string[]): string[] {
  for (const name of names) {
    const isAddress = isIP(name) !== 0 && !name.includes('%');
    if (!isAddress && !isDnsName(name)) {
      throw new OperatorError(
        `${quoteValue(name)} is neither a DNS name nor an IP address; accepted are names such as pacs.example.org (international names in their xn-- form, no wildcards) and addresses such as 10.1.2.3 or fd00::1`,
      );
    }
  }
  return [...new Set(names.map((name) => name.toLowerCase()))];
}

/**
 * Checks the name of a modality, which becomes the common name and the names of files. It begins with a letter
 * or digit, so that it can be neither an option nor a path out of the folder.
 */
export function parseClientName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    throw new OperatorError(
      `${quoteValue(name)} cannot name a client certificate; accepted are 1 to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit`,
    );
  }
  if (RESERVED_NAMES.has(name.toLowerCase())) {
    throw new OperatorError(
      `${quoteValue(name)} is a name that aegis pki uses itself; choose another one for the modality`,
    );
  }
  return name;
}

/** Those that CAs ask for, in the usual order; the common name comes from the first DNS name. */
const SUBJECT_ATTRIBUTES = ['C', 'ST', 'L', 'O', 'OU', 'CN'] as const;
/** ub-common-name and its like (RFC 5280, appendix A.1). */
const MAX_ATTRIBUTE_CHARACTERS = 64;

/** Takes `O=Example Hospital`. Throws OperatorError where that is not an attribute of a subject. */
export function parseSubject(texts: readonly string[], commonName: string): NameAttribute[] {
  const given = new Map<string, string[]>();
  for (const text of texts) {
    const at = text.indexOf('=');
    const name = text.slice(0, Math.max(at, 0)).trim().toUpperCase();
    const value = text.slice(at + 1).trim();
    if (!SUBJECT_ATTRIBUTES.some((known) => known === name)) {
      throw new OperatorError(
        `${quoteValue(text)} is not a part of a subject; accepted are ${SUBJECT_ATTRIBUTES.join(', ')}, each as in O=Example Hospital`,
      );
    }
    refuseAttribute(name, value);
    given.set(name, [...(given.get(name) ?? []), value]);
  }
  if (!given.has('CN')) given.set('CN', [commonName]);
  return SUBJECT_ATTRIBUTES.flatMap((name) => (given.get(name) ?? []).map((value) => [name, value] as const));
}

function refuseAttribute(name: string, value: string): void {
  if (name === 'C' && !/^[A-Za-z]{2}$/.test(value)) {
    throw new OperatorError(`${quoteValue(value)} is not a country; two letters are needed, as in C=CH`);
  }
  if (!/^[^\p{Cc}]+$/u.test(value) || [...value].length > MAX_ATTRIBUTE_CHARACTERS) {
    throw new OperatorError(
      `${name}=${quoteValue(value)} cannot be a part of a subject; accepted are 1 to ${MAX_ATTRIBUTE_CHARACTERS} printable characters`,
    );
  }
}
