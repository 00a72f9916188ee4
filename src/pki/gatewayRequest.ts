/**
 * Requests for certificates of the gateway from a CA that is not ours: makes the key and the request (PKCS#10). The key
 * waits beside the request until the answer is installed, so that the pair in use goes on serving. Knows nothing of the
 * answer: gatewayAnswer.ts does.
 */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OperatorError } from '../errors';
import { existingOf, PUBLIC_MODE, SECRET_MODE, writeFiles } from '../files/write';
import { describeKey, type KeyType, type RequestKey } from '../x509/algorithms';
import { encodeCertificationRequest } from '../x509/certificationRequest';
import { publicKeyFingerprint } from '../x509/fingerprints';
import { findReplaced, makeFolder, pemPaths } from './folder';
import { SERVER_TARGETS } from './folderCertificates';
import { keyUsageFor } from './leafCertificates';
import { parseSubject, parseSubjectNames } from './subjectNames';

/** Files of the pair of this type: what is in use, and the request with its key that wait for an answer. */
export interface GatewayFiles {
  readonly fileName: string;
  readonly certificate: string;
  readonly privateKey: string;
  readonly request: string;
  readonly requestKey: string;
}

/** RSA first. */
export function gatewayFiles(directory: string): (GatewayFiles & { readonly keyType: KeyType })[] {
  return SERVER_TARGETS.map(({ keyType, fileName }) => {
    const [certificate, privateKey] = pemPaths(directory, fileName);
    const request = join(directory, `${fileName}.csr`);
    return { keyType, fileName, certificate, privateKey, request, requestKey: `${request}.key` };
  });
}

export interface RequestOptions {
  /** DNS names and IP addresses that modalities dial. */
  readonly names: readonly string[];
  readonly key: RequestKey;
  /** Further parts of the subject, such as `O=Example Hospital`. */
  readonly subject: readonly string[];
  readonly force?: boolean | undefined;
}

export interface WrittenRequest {
  readonly requestFile: string;
  readonly privateKeyFile: string;
  /** `C=CH, O=Example Hospital, CN=aegis.hospital.example`. */
  readonly subject: string;
  readonly names: readonly string[];
  readonly key: string;
  readonly spkiFingerprint: string;
  readonly replacedFiles: readonly string[];
  /** A pair of this type that is in use, and stays so until the answer is installed. */
  readonly inUse: string | undefined;
}

const generateKeys = promisify(generateKeyPair);

/** Makes key and request. Throws OperatorError where one is waiting for its answer and `force` is not set. */
export async function writeGatewayRequest(
  directory: string,
  options: RequestOptions,
): Promise<WrittenRequest> {
  const names = parseSubjectNames(options.names);
  const [commonName = names[0]] = names.filter((name) => name.length <= 64);
  if (commonName === undefined) {
    throw new OperatorError(
      '--name is missing: the DNS name or IP address that modalities dial; repeat it for each further one',
    );
  }
  const subject = parseSubject(options.subject, commonName);
  const isRsa = options.key.startsWith('rsa-');
  const files = gatewayFiles(directory).find(({ keyType }) => (keyType === 'rsa') === isRsa)!;
  const replacedFiles = await findReplaced(
    [files.request, files.requestKey],
    options.force,
    `a request is out for this key: install what the CA sends back with "aegis pki install", or begin again with --force, which makes that answer worthless`,
  );
  const privateKey = await generateKey(options.key);
  const publicKey = createPublicKey(privateKey);
  const request = encodeCertificationRequest(
    { subject, names, keyUsage: keyUsageFor(publicKey), extendedKeyUsage: ['serverAuth'] },
    privateKey,
  );
  await makeFolder(directory);
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await writeFiles([
    { path: files.requestKey, content: privateKeyPem, mode: SECRET_MODE },
    { path: files.request, content: request, mode: PUBLIC_MODE },
  ]);
  return {
    requestFile: files.request,
    privateKeyFile: files.requestKey,
    subject: subject.map(([name, value]) => `${name}=${value}`).join(', '),
    names,
    key: describeKey(publicKey),
    spkiFingerprint: publicKeyFingerprint(publicKey),
    replacedFiles,
    inUse: (await existingOf([files.certificate]))[0],
  };
}

async function generateKey(key: RequestKey): Promise<KeyObject> {
  const [algorithm, size = ''] = key.split('-');
  const { privateKey } =
    algorithm === 'rsa'
      ? await generateKeys('rsa', { modulusLength: Number(size) })
      : await generateKeys('ec', { namedCurve: size.replace('p', 'P-') });
  return privateKey;
}
