/**
 * Owns PKCS#10 certification requests (RFC 2986) for tests: good ones and every kind of bad one, with node:crypto and
 * our own DER, so that what reads them cannot share a mistake with what made them.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';
import {
  bitString,
  explicit,
  implicit,
  integer,
  nothing,
  objectIdentifier,
  octetString,
  pem,
  sequence,
  set,
  utf8String,
} from './der';

export const oid = {
  sha1WithRsa: '1.2.840.113549.1.1.5',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  ecdsaWithSha1: '1.2.840.10045.4.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  ecdsaWithSha384: '1.2.840.10045.4.3.3',
  ecdsaWithSha512: '1.2.840.10045.4.3.4',
} as const;

export interface TestRequestOptions {
  /** Default one: `ct1`. */
  readonly commonNames?: readonly string[];
  /** DNS names and IPv4 addresses. */
  readonly names?: readonly string[];
  /** Further GeneralNames, encoded. */
  readonly furtherNames?: readonly Buffer[];
  /** Further extensions that are asked for, encoded. */
  readonly extensions?: readonly Buffer[];
  /** Further attributes, encoded. */
  readonly attributes?: readonly Buffer[];
  /** Default: ECDSA P-256, made on the spot. */
  readonly key?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly digest?: 'sha1' | 'sha256' | 'sha384' | 'sha512';
  /** Default: the one that fits key and digest `sha256`. */
  readonly signatureAlgorithm?: string;
  /** Signs with another key than the one that the request is for. */
  readonly signedBy?: KeyObject;
}

export interface TestRequest {
  readonly der: Buffer;
  readonly pem: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export function certificationRequest(options: TestRequestOptions = {}): TestRequest {
  const { publicKey, privateKey } = options.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const generalNames = [...(options.names ?? []).map(generalName), ...(options.furtherNames ?? [])];
  const extensions = [
    ...(generalNames.length === 0 ? [] : [requestedExtension('2.5.29.17', sequence(...generalNames))]),
    ...(options.extensions ?? []),
  ];
  const attributes = [
    ...(extensions.length === 0 ? [] : [attribute('1.2.840.113549.1.9.14', sequence(...extensions))]),
    ...(options.attributes ?? []),
  ];
  const toBeSigned = sequence(
    integer('00'),
    sequence(...(options.commonNames ?? ['ct1']).map(commonName)),
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(0, Buffer.concat(attributes)),
  );
  const isRsa = publicKey.asymmetricKeyType === 'rsa';
  const algorithm = options.signatureAlgorithm ?? (isRsa ? oid.sha256WithRsa : oid.ecdsaWithSha256);
  const signature = sign(options.digest ?? 'sha256', toBeSigned, options.signedBy ?? privateKey);
  const request = sequence(
    toBeSigned,
    sequence(objectIdentifier(algorithm), ...(isRsa ? [nothing()] : [])),
    bitString(signature),
  );
  return { der: request, pem: pem('CERTIFICATE REQUEST', request), publicKey, privateKey };
}

function commonName(name: string): Buffer {
  return set(sequence(objectIdentifier('2.5.4.3'), utf8String(name)));
}

export function requestedExtension(id: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(id), octetString(value));
}

export function attribute(id: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(id), set(value));
}

function generalName(name: string): Buffer {
  return isIPv4(name)
    ? implicit(7, Buffer.from(name.split('.').map(Number)))
    : implicit(2, Buffer.from(name));
}

/** rfc822Name, which no TLS peer has. */
export function emailName(text: string): Buffer {
  return implicit(1, Buffer.from(text));
}

/** The same DER in a longer form than DER allows: the length of the outer SEQUENCE in one byte more. */
export function inBer(request: Buffer): Buffer {
  const headerLength = 2 + (request[1]! & 0x7f);
  const content = request.subarray(headerLength);
  return Buffer.concat([Buffer.of(0x30, 0x83, 0, content.length >> 8, content.length & 0xff), content]);
}
