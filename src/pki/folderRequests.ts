/**
 * Signs certification requests of devices that make their keys themselves: reads and checks the request, decides which
 * names the certificate gets, and writes NAME.crt. The key never comes here.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readBytes } from '../files/read';
import { existingOf } from '../files/write';
import { quoteValue } from '../text/quote';
import { type CertificationRequest, decodeCertificationRequest } from '../x509/certificationRequest';
import { publicKeyFingerprint } from '../x509/fingerprints';
import { derOf, pemBlocks } from '../x509/pem';
import type { CertificateAuthority } from './authority';
import { authorityFiles, findReplaced, pemPaths, readAuthorityCertificate, readKeyFile } from './folder';
import { pkcs12Paths, recordAndWrite, type WrittenCertificates } from './folderCertificates';
import { findNamesOfOthers, type NameOfOther, readIssuedLog, revokedKeyOf } from './issuedLog';
import { certify, clientNames, type Purpose } from './leafCertificates';
import { parseClientName, parseSubjectNames } from './subjectNames';

export interface SigningOptions {
  /** Name of the device: common name and file name. Default: the common name of the request. */
  readonly name?: string | undefined;
  /** DNS names and IP addresses instead of those of the request. */
  readonly names?: readonly string[] | undefined;
  readonly purpose: Purpose;
  readonly force?: boolean | undefined;
}

/** What the certificate will be, decided before anything is signed. */
export interface SigningPlan {
  readonly name: string;
  readonly names: readonly string[];
  readonly purpose: Purpose;
  readonly publicKey: KeyObject;
  readonly replacedFiles: readonly string[];
  readonly namesOfOthers: readonly NameOfOther[];
  /** The device's key lies in the folder, too. */
  readonly hasKeyFile: boolean;
}

/**
 * Decides on a request. Throws OperatorError where the request cannot be signed, where its name for the device
 * cannot be used, or where files are in the way.
 */
export async function planSigning(
  directory: string,
  request: CertificationRequest,
  options: SigningOptions,
): Promise<SigningPlan> {
  if (request.problems.length > 0) {
    throw new OperatorError(`the request cannot be signed: ${request.problems.join('; ')}`, ExitCode.Failed);
  }
  await refuseAuthorityKey(directory, request.publicKey);
  const log = await readIssuedLog(authorityFiles(directory).issuedLog);
  const revoked = revokedKeyOf(log, request.publicKey);
  if (revoked !== undefined) {
    throw new OperatorError(
      `the request cannot be signed: its key was revoked on ${revoked.date} with certificate ${revoked.serialNumber} of ${quoteValue(revoked.name)}; have the device make another key`,
      ExitCode.Failed,
    );
  }
  const name = options.name === undefined ? nameOf(request) : parseClientName(options.name);
  const wanted = options.names ?? checkedNamesOf(request);
  const names = options.purpose === 'client' ? clientNames(name, wanted) : parseSubjectNames(wanted);
  if (names.length === 0 && options.purpose === 'server') {
    throw new OperatorError(
      'the request has neither a DNS name nor an IP address, which a server needs; give them with --name',
    );
  }
  const hasKeyFile = await refuseForeignKey(directory, name, request.publicKey);
  const [certificateFile] = pemPaths(directory, name);
  return {
    name,
    names,
    purpose: options.purpose,
    publicKey: request.publicKey,
    replacedFiles: await findReplaced(
      [certificateFile],
      options.force,
      'choose another name with --as, or replace it with --force',
    ),
    namesOfOthers: findNamesOfOthers(log, name, names),
    hasKeyFile,
  };
}

/** Issues NAME.crt as planned. */
export async function signAsPlanned(
  directory: string,
  authority: CertificateAuthority,
  plan: SigningPlan,
  notAfter: Date | undefined,
): Promise<WrittenCertificates> {
  const certificate = certify(authority, { ...plan, commonName: plan.name, notAfter });
  const written = await recordAndWrite(
    directory,
    { name: plan.name, kind: plan.purpose },
    [{ fileName: plan.name, certificate, hasKeyFile: plan.hasKeyFile }],
    [],
  );
  return { ...written, replacedFiles: plan.replacedFiles };
}

/** A device that has the key of the CA could issue certificates itself. */
async function refuseAuthorityKey(directory: string, publicKey: KeyObject): Promise<void> {
  const authority = await readAuthorityCertificate(directory);
  // Not `equals`: of keys of two kinds, Node 20 leaves an error behind that the next use of OpenSSL reports.
  if (publicKeyFingerprint(authority.publicKey) === publicKeyFingerprint(publicKey)) {
    throw new OperatorError(
      'the request cannot be signed: its key is that of the CA itself, which no device may have; have the device make a key of its own',
      ExitCode.Failed,
    );
  }
}

function nameOf({ commonNames }: CertificationRequest): string {
  const [commonName, ...others] = commonNames;
  if (commonName === undefined || others.length > 0) {
    const count = commonName === undefined ? 'no common name' : 'more than one common name';
    throw new OperatorError(`the request has ${count}; name the device with --as`);
  }
  try {
    return parseClientName(commonName);
  } catch (error) {
    throw withAdvice(error, 'name the device with --as');
  }
}

function checkedNamesOf({ names }: CertificationRequest): string[] {
  try {
    return parseSubjectNames(names);
  } catch (error) {
    throw withAdvice(error, 'give the names that it is to have with --name');
  }
}

function withAdvice(error: unknown, advice: string): unknown {
  return error instanceof OperatorError
    ? new OperatorError(`the request: ${error.message}; ${advice}`, error.exitCode)
    : error;
}

/**
 * NAME.crt must not part from its key: where NAME.key is that of another key, or NAME.p12 holds one, the name is taken.
 * Returns whether the key of the request is there.
 */
async function refuseForeignKey(directory: string, name: string, publicKey: KeyObject): Promise<boolean> {
  const [, privateKeyFile] = pemPaths(directory, name);
  const keyFile = await readKeyFile(privateKeyFile);
  const foreignFiles =
    keyFile === 'missing'
      ? await existingOf([pkcs12Paths(directory, name).pkcs12File])
      : keyFile !== 'encrypted' && !createPublicKey(keyFile.key).equals(publicKey)
        ? [privateKeyFile]
        : [];
  if (foreignFiles.length > 0) {
    throw new OperatorError(
      `${foreignFiles.join(', ')} holds another key than the request; choose another name with --as, or move the files of ${quoteValue(name)} away`,
      ExitCode.Failed,
    );
  }
  return keyFile !== 'missing';
}

/** Requests with the longest keys and a hundred names stay far below. */
const MAX_REQUEST_BYTES = 64 * 1024;
const ACCEPTED_REQUEST = 'accepted is one certification request (PKCS#10), PEM or DER; see aegis pki inspect';

/** PEM or DER. Throws OperatorError where the file holds no request, or more than one. */
export async function readRequestFile(file: string): Promise<CertificationRequest> {
  const refuse = (problem: string) =>
    new OperatorError(`${file} ${problem}; ${ACCEPTED_REQUEST}`, ExitCode.Failed);
  const content = readBytes(file, { maxBytes: MAX_REQUEST_BYTES, tooLong: ACCEPTED_REQUEST });
  try {
    const blocks = pemBlocks(content.toString('latin1'));
    if (blocks.length === 0) return decodeCertificationRequest(content);
    const requests = blocks.filter(({ label }) => label.endsWith('CERTIFICATE REQUEST'));
    const [request, ...others] = requests;
    if (request === undefined)
      throw refuse(`holds ${blocks.map(({ label }) => quoteValue(label)).join(', ')}`);
    if (others.length > 0) throw refuse(`holds ${requests.length} requests`);
    return decodeCertificationRequest(derOf(request));
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw refuse(`cannot be read (${(error as Error).message})`);
  }
}
