/**
 * What a CA that is not ours has sent back: finds the certificate that belongs to a key of the gateway, puts its chain in
 * order, and says all that is wrong with it. Writes only where nothing is: then pair, chain and, if wanted, the CA.
 */
import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ExitCode, OperatorError } from '../errors';
import { existingOf, type FileToWrite, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import { quoteValue } from '../text/quote';
import { RSA_PSS } from '../x509/algorithms';
import { decodeCertificate, validityOf } from '../x509/certificate';
import { type OrderedChain, orderChain, pemOf, refusalByOpenssl } from '../x509/chain';
import { publicKeyFingerprint } from '../x509/fingerprints';
import { formatName } from '../x509/names';
import { readCertificates } from '../x509/tlsFiles';
import {
  type CertificateSummary,
  formerPaths,
  makeFolder,
  makeFormerFolder,
  readKeyFile,
  summarize,
} from './folder';
import { readRequestFile } from './folderRequests';
import { certificateProblems, chainProblems, namesOf, subjectOf } from './gatewayProblems';
import { type GatewayFiles, gatewayFiles } from './gatewayRequest';

/** What the files hold that the CA sent, in any order. */
export interface Answer {
  readonly certificates: readonly X509Certificate[];
  /** Where the people of the CA have made the key. */
  readonly privateKeys: readonly KeyObject[];
}

export interface InstallOptions {
  /** Names that the certificate must have, instead of those of its request. */
  readonly names?: readonly string[] | undefined;
  /** Also write the CA, for `trustedCertificates`. */
  readonly isTrusted: boolean;
}

/** A key that the certificate may be for. */
interface GatewayKey {
  readonly key: KeyObject;
  readonly files: GatewayFiles;
  /** `given`: among the files of the answer. */
  readonly source: 'given' | 'request' | 'inUse';
}

/** What is in the folder already. */
interface FolderState {
  readonly keys: ReadonlyMap<string, GatewayKey>;
  readonly requests: readonly string[];
  /** Of the pairs in use and of `server-ca.crt`: a renewed certificate often comes without its chain. */
  readonly certificates: readonly X509Certificate[];
}

export interface InstalledCertificate extends CertificateSummary {
  readonly fileName: string;
  /** Names of the CAs in the file, in its order. */
  readonly intermediates: readonly string[];
  /** Subject of the root that peers must trust. */
  readonly root: string;
  /** Whether the root was there, so that the whole chain could be checked. */
  readonly isRootKnown: boolean;
  /** Copies of what was replaced. */
  readonly keptFiles: readonly string[];
  readonly warnings: readonly string[];
}

export interface Installation {
  readonly certificates: readonly InstalledCertificate[];
  /** The CA for `trustedCertificates`, where it was asked for. */
  readonly authorityFile: string | undefined;
}

/** Installs all that is good, or throws OperatorError and writes nothing. */
export async function installAnswer(
  directory: string,
  answer: Answer,
  options: InstallOptions,
  now = new Date(),
): Promise<Installation> {
  const state = await readFolder(directory, answer);
  const pairs = pairsOf(answer, state);
  const candidates = [...answer.certificates, ...state.certificates];
  const planned = pairs.map(({ leaf, gatewayKey }) => ({
    ...gatewayKey,
    ordered: orderChain(leaf, candidates, now),
  }));
  const problems: string[] = [];
  for (const { key, files, source, ordered } of planned) {
    const names = options.names ?? (await namesWanted(files, source));
    const found = [
      ...certificateProblems(ordered.chain[0], names, now),
      ...chainProblems(ordered, candidates, now),
    ];
    const { root } = ordered;
    if (found.length === 0 && root !== undefined) {
      const refusal = await refusalByOpenssl({ ...ordered, root }, key);
      if (refusal !== undefined) found.push(`a peer that trusts ${subjectOf(root)} refuses it: ${refusal}`);
    }
    problems.push(...found.map((problem) => `${subjectOf(ordered.chain[0])}: ${problem}`));
  }
  const authority = options.isTrusted
    ? authorityFile(
        directory,
        planned.map(({ ordered }) => ordered),
        state,
      )
    : undefined;
  if (typeof authority === 'string') problems.push(authority);
  if (problems.length > 0) throw refusal(problems);
  const files = authority === undefined || typeof authority === 'string' ? [] : [authority];
  const installed: InstalledCertificate[] = [];
  for (const pair of planned) {
    const kept = await formerFiles(directory, pair);
    files.push(...kept, ...newFiles(pair));
    installed.push(
      installedOf(
        pair,
        kept.map(({ path }) => path),
      ),
    );
  }
  await makeFolder(directory);
  if (installed.some(({ keptFiles }) => keptFiles.length > 0)) await makeFormerFolder(directory);
  await writeFiles(files);
  for (const { source, files } of planned) {
    if (source !== 'request') continue;
    for (const path of [files.request, files.requestKey]) await rm(path, { force: true });
  }
  return { certificates: installed, authorityFile: options.isTrusted ? authorityPath(directory) : undefined };
}

function refusal(problems: readonly string[]): OperatorError {
  return new OperatorError([...problems, 'nothing was written'].join('\n'), ExitCode.Failed);
}

function authorityPath(directory: string): string {
  return join(directory, 'server-ca.crt');
}

async function readFolder(directory: string, { privateKeys }: Answer): Promise<FolderState> {
  const keys = new Map<string, GatewayKey>();
  const targets = gatewayFiles(directory);
  const add = (key: KeyObject, files: GatewayFiles, source: GatewayKey['source']): void => {
    keys.set(publicKeyFingerprint(createPublicKey(key)), { key, files, source });
  };
  const requests: string[] = [];
  const certificates: X509Certificate[] = [];
  for (const files of targets) {
    for (const [path, source] of [
      [files.privateKey, 'inUse'],
      [files.requestKey, 'request'],
    ] as const) {
      const file = await readKeyFile(path);
      if (typeof file === 'object') add(file.key, files, source);
      if (typeof file === 'object' && source === 'request') requests.push(files.request);
    }
  }
  for (const key of privateKeys) {
    const files = targets.find(({ keyType }) => (keyType === 'rsa') === (key.asymmetricKeyType === 'rsa'))!;
    // The key of a request stays that.
    if (!keys.has(publicKeyFingerprint(createPublicKey(key)))) add(key, files, 'given');
  }
  const known = [...targets.map(({ certificate }) => certificate), authorityPath(directory)];
  for (const path of await existingOf(known)) certificates.push(...readCertificates(path).certificates);
  return { keys, requests, certificates };
}

/** The certificates that belong to a key; of several for one key the one that lasts longest. */
function pairsOf({ certificates }: Answer, { keys, requests }: FolderState) {
  const pairs = new Map<string, { readonly leaf: X509Certificate; readonly gatewayKey: GatewayKey }>();
  for (const leaf of certificates) {
    const spki = publicKeyFingerprint(leaf.publicKey);
    const gatewayKey = keys.get(spki);
    const former = pairs.get(spki)?.leaf;
    if (gatewayKey === undefined) continue;
    if (former === undefined || validityOf(former).notAfter < validityOf(leaf).notAfter) {
      pairs.set(spki, { leaf, gatewayKey });
    }
  }
  if (pairs.size > 0) return [...pairs.values()];
  if (certificates.length === 0) {
    throw refusal(['the files hold no certificate; the CA sends one back for the request']);
  }
  const leaves = certificates.filter(({ ca }) => !ca);
  const waiting =
    requests.length === 0
      ? 'no request is waiting for an answer here: name its folder with --dir, or make one with "aegis pki request"'
      : `waiting for an answer is ${requests.join(' and ')}; was the certificate made for an earlier request?`;
  if (leaves.length === 0) {
    throw refusal([
      `there are only certificates of CAs (${certificates.map(subjectOf).join('; ')}); the answer to the request is missing`,
      ...(requests.length === 0 ? [waiting] : []),
    ]);
  }
  throw refusal([
    ...leaves.map((leaf) => `${subjectOf(leaf)} is for another key: ${publicKeyFingerprint(leaf.publicKey)}`),
    waiting,
  ]);
}

/** Those of the request, or of the certificate that is renewed with its key; undefined where there is nothing to compare. */
async function namesWanted(files: GatewayFiles, source: GatewayKey['source']): Promise<readonly string[]> {
  const [path] = await existingOf([source === 'request' ? files.request : files.certificate]);
  if (path === undefined || source === 'given') return [];
  return source === 'request'
    ? (await readRequestFile(path)).names
    : namesOf(readCertificates(path).certificates[0]);
}

interface PlannedPair extends GatewayKey {
  readonly ordered: OrderedChain;
}

/** The CA with its intermediates, beside those that were trusted before; a text says why there is none. */
function authorityFile(
  directory: string,
  ordered: readonly OrderedChain[],
  state: FolderState,
): FileToWrite | string {
  const path = authorityPath(directory);
  const trusted = new Map(
    state.certificates.filter(({ ca }) => ca).map((known) => [known.raw.toString('hex'), known]),
  );
  for (const { chain, root } of ordered) {
    if (root === undefined) {
      const issuer = formatName(decodeCertificate(chain.at(-1)!.raw).issuer);
      return `--trust: the certificate of the root CA ${quoteValue(issuer)} is missing; name its file, too`;
    }
    for (const authority of [...chain.slice(1), root]) trusted.set(authority.raw.toString('hex'), authority);
  }
  return { path, content: pemOf([...trusted.values()]), mode: PUBLIC_MODE };
}

/** Copies of the pair that is replaced, under its serial number. */
async function formerFiles(directory: string, { key, files, source }: PlannedPair): Promise<FileToWrite[]> {
  const former = await readKeyFile(files.privateKey);
  const [certificateFile] = await existingOf([files.certificate]);
  if (former !== 'missing' && certificateFile === undefined && source !== 'inUse') {
    throw refusal([`${files.privateKey} is a key without a certificate beside it; move it away`]);
  }
  if (certificateFile === undefined) return [];
  const { certificates, pem } = readCertificates(certificateFile);
  const [certificateCopy, keyCopy] = formerPaths(directory, files.fileName, certificates[0].serialNumber);
  const isKeyReplaced =
    typeof former === 'object' &&
    publicKeyFingerprint(createPublicKey(former.key)) !== publicKeyFingerprint(createPublicKey(key));
  return [
    { path: certificateCopy, content: `${pem}\n`, mode: PUBLIC_MODE },
    ...(isKeyReplaced ? [{ path: keyCopy, content: former.pem, mode: SECRET_MODE } as const] : []),
  ];
}

function newFiles({ key, files, source, ordered }: PlannedPair): FileToWrite[] {
  const content = key.export({ type: 'pkcs8', format: 'pem' });
  return [
    ...(source === 'inUse'
      ? []
      : [{ path: files.privateKey, content, mode: SECRET_MODE, keepsOwner: true } as const]),
    { path: files.certificate, content: pemOf(ordered.chain), mode: PUBLIC_MODE },
  ];
}

function installedOf({ files, ordered }: PlannedPair, keptFiles: readonly string[]): InstalledCertificate {
  const { chain, root } = ordered;
  const [leaf, ...intermediates] = chain;
  const isPss = chain.some(({ raw }) => decodeCertificate(raw).signatureAlgorithm === RSA_PSS);
  const { certificate: certificateFile, privateKey: privateKeyFile } = files;
  return {
    ...summarize(leaf, namesOf(leaf), { certificateFile, privateKeyFile }),
    fileName: files.fileName,
    intermediates: intermediates.map(({ raw }) => formatName(decodeCertificate(raw).subject)),
    root: formatName(
      root === undefined ? decodeCertificate(chain.at(-1)!.raw).issuer : decodeCertificate(root.raw).subject,
    ),
    isRootKnown: root !== undefined,
    keptFiles,
    warnings: isPss
      ? [
          'the CA signs with RSA-PSS, which older devices cannot check; AD CS does so with AlternateSignatureAlgorithm=1',
        ]
      : [],
  };
}
