/** Certificates, lists, requests and PKCS#12 in PEM or DER: what comes from peers, and what operators have at hand. */

import { OperatorError } from '../../src/errors';
import { decodeCertificate } from '../../src/x509/certificate';
import { decodeCertificationRequest } from '../../src/x509/certificationRequest';
import { decodeDer, isShortestForm } from '../../src/x509/der';
import {
  criticalExtensionsOf,
  extendedKeyUsagesOf,
  keyUsagesOf,
  subjectNamesOf,
} from '../../src/x509/extensions';
import { commonNamesOf, formatName } from '../../src/x509/names';
import { derOf, encodePem, pemBlocks } from '../../src/x509/pem';
import { decodePkcs7, decodePkcs12, isPkcs12, MAX_ROUNDS, roundsOf } from '../../src/x509/pkcs12';
import {
  decodeRevocationList,
  isRevoked,
  revocationListNumber,
  revocationsOf,
} from '../../src/x509/revocationList';
import { scopeOf } from '../../src/x509/revocationTrust';
import { Finding, type FuzzTarget, unlessRefused } from './target';
import { x509Seeds } from './x509Seeds';

const seeds = Object.values(x509Seeds).map((base64) => Buffer.from(base64, 'base64'));

function checkX509(input: Buffer): void {
  unlessRefused([RangeError], () => {
    const { extensions, issuer, subject } = decodeCertificate(input);
    commonNamesOf(subject);
    formatName(issuer);
    keyUsagesOf(extensions);
    extendedKeyUsagesOf(extensions);
    subjectNamesOf(extensions);
  });
  unlessRefused([RangeError], () => decodeCertificationRequest(input));
  const list = unlessRefused([RangeError], () => decodeRevocationList(input));
  if (list !== undefined) {
    unlessRefused([RangeError], () => scopeOf(list));
    unlessRefused([RangeError], () => revocationListNumber(list));
    unlessRefused([RangeError], () => criticalExtensionsOf(list.extensions));
    const revocations = unlessRefused([RangeError], () => revocationsOf(list)) ?? [];
    for (const { serialNumber } of revocations) {
      if (!isRevoked(list, serialNumber)) throw new Finding(`${serialNumber} is on the list and not revoked`);
    }
  }
  const value = unlessRefused([RangeError], () => decodeDer(input));
  if (value !== undefined) unlessRefused([RangeError], () => isShortestForm(value));
  decodePkcs7(input);
}

export const x509Target: FuzzTarget = {
  name: 'x509',
  invariant: 'a RangeError or a value; what is on a list is revoked',
  seeds,
  check: checkX509,
};

export const pemTarget: FuzzTarget = {
  name: 'pem',
  invariant: 'a RangeError or blocks, each with the bytes that were written',
  seeds: [
    ...seeds.slice(0, 2).map((der) => encodePem('CERTIFICATE', der)),
    `text\n${encodePem('X509 CRL', Buffer.from('abc'))}more\n${encodePem('PRIVATE KEY', Buffer.from('key'))}`,
  ].map((text) => Buffer.from(text)),
  words: ['-----', '-----BEGIN ', '-----END ', 'CERTIFICATE', '=', '\r\n', 'EC PARAMETERS', '-'],
  check(input) {
    const blocks = unlessRefused([RangeError], () => pemBlocks(input.toString('latin1')));
    for (const block of blocks ?? []) {
      const der = derOf(block);
      const [again] = pemBlocks(encodePem(block.label, der));
      if (again?.label !== block.label || !derOf(again).equals(der))
        throw new Finding('another block when written');
    }
  },
};

/** Below those that are taken and last for seconds. */
const MAX_FUZZED_ROUNDS = 10_000;

export const pkcs12Target: FuzzTarget = {
  name: 'pkcs12',
  invariant: 'an OperatorError or the contents, in a time that the file does not choose',
  seeds: [Buffer.from(x509Seeds.pkcs12, 'base64')],
  // Its key is derived in JavaScript.
  maxInputMs: 500,
  check(input) {
    if (!isPkcs12(input)) return;
    const rounds = roundsOf(input);
    if (rounds > MAX_FUZZED_ROUNDS && rounds <= MAX_ROUNDS) return;
    const contents = unlessRefused([OperatorError], () => decodePkcs12(input, 'secret'));
    if (contents !== undefined && rounds > MAX_ROUNDS) throw new Finding(`it is read with ${rounds} rounds`);
  },
};
