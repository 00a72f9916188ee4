/**
 * The names that certificates are issued for: DNS names, IP addresses and names of modalities. Decides what
 * is a name; knows nothing of how a certificate carries it.
 */
import { isIP } from 'node:net';
import { OperatorError } from '../errors';
import { quoteValue } from '../text/quote';

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
