/** What is wrong with an answer of `aegis init`, and the names by which others may know this machine. */
import { existsSync, statSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { hostAndPort } from '../../config/schemaValues';
import { OperatorError } from '../../errors';
import { isDnsName, parseSubjectNames } from '../../pki/subjectNames';
import type { Check } from '../../terminal/questions';
import { parseHostAndPort } from '../../text/hostAndPort';
import { escapeUnsafe, quoteValue } from '../../text/quote';
import { readCertificates, readPrivateKey } from '../../x509/tlsFiles';

type Parsing = {
  readonly success: boolean;
  readonly error?: { readonly issues: readonly { message: string }[] };
};

export function faultBy(parse: (answer: string) => Parsing): Check {
  return (answer) => parse(answer).error?.issues[0]?.message;
}

export function archiveFault(answer: string): string | undefined {
  const fault = faultBy((text) => hostAndPort.safeParse(text))(answer);
  if (fault !== undefined) return fault;
  const { port } = parseHostAndPort(answer);
  return port >= 1 && port <= 65535 ? undefined : `port ${port} is out of range; accepted is 1 to 65535`;
}

export function portFault(answer: string): string | undefined {
  if (/^\d{1,5}$/.test(answer) && Number(answer) <= 65535) return undefined;
  return `${quoteValue(answer)} is not a port; accepted is a whole number up to 65535`;
}

export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

export function namesFault(answer: string): string | undefined {
  if (wordsOf(answer).length === 0) return 'at least one is needed: the certificate is made for it';
  return faultOf(() => parseSubjectNames(wordsOf(answer)));
}

/** Throws OperatorError. */
export function refuseOtherKey(file: string, certificateFile: string): void {
  const { key } = readPrivateKey(file);
  const [certificate] = readCertificates(certificateFile).certificates;
  if (certificate.checkPrivateKey(key)) return;
  throw new OperatorError(
    `${escapeUnsafe(file)} is not the private key of ${escapeUnsafe(certificateFile)}; name the key that the certificate was issued for`,
  );
}

export function readFault(read: (file: string) => unknown): Check {
  return (file) => (file === '' ? 'is missing; name the file' : faultOf(() => read(file)));
}

function faultOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (error instanceof OperatorError) return error.message;
    throw error;
  }
}

export function kindFault(answer: string, dir: string): string | undefined {
  if (!['new', 'files', 'later'].includes(answer)) {
    return `${quoteValue(answer)} is not accepted; accepted are new, files and later`;
  }
  const authority = join(dir, 'ca.key');
  if (answer !== 'new' || !existsSync(authority)) return undefined;
  return `new: ${escapeUnsafe(authority)} exists, so there is a CA already; make certificates with "aegis pki server" and choose files, or choose another folder with --dir`;
}

export function folderFault(file: string): string | undefined {
  if (isFolder(file)) {
    return `${escapeUnsafe(file)} is a folder; name a file`;
  }
  const folder = dirname(file);
  if (isFolder(folder)) return undefined;
  return `the folder ${escapeUnsafe(folder)} does not exist; make it, or name another file`;
}

/** It need not be there: the gateway makes it. Throws OperatorError. */
export function refuseStateDirectory(path: string): void {
  if (!existsSync(path) || isFolder(path)) return;
  throw new OperatorError(`--state-directory ${escapeUnsafe(path)} is not a folder; name another place`);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Not there, or behind something that is not a folder or cannot be entered.
    return false;
  }
}

/** What others can dial: the name of this machine and its IPv4 addresses, as far as they go into a certificate. */
export function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const names = [...(isDnsName(hostname()) ? [hostname()] : []), ...addresses];
  return names.length === 0 ? ['localhost'] : names;
}
