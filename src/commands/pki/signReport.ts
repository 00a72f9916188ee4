/** What `aegis pki sign` shows of a request before, and says of the certificate after it signed. */

import { authorityFiles } from '../../pki/folder';
import type { WrittenCertificates } from '../../pki/folderRecord';
import type { SigningPlan } from '../../pki/folderRequests';
import { describeNameOfOther } from '../../pki/namesOfOthers';
import { describeKey } from '../../x509/algorithms';
import type { CertificationRequest } from '../../x509/certificationRequest';
import { publicKeyFingerprint } from '../../x509/fingerprints';
import { describe, replaced, row, rows, stillAccepted, text } from './reportText';

export function reportRequest(file: string, request: CertificationRequest, plan: SigningPlan): string {
  return text([
    `certification request ${file}`,
    row('subject', request.subject === '' ? 'none' : request.subject),
    ...rows('asks for', request.names),
    row('key', `${describeKey(request.publicKey)}, signed with ${request.signatureAlgorithm}`),
    row('public key', publicKeyFingerprint(request.publicKey)),
    ...rows('ignored', request.furtherWishes),
    'the certificate will be',
    row('name', plan.name),
    ...rows('names', plan.names),
    row('purpose', plan.purpose === 'client' ? 'TLS client and server, as modalities are' : 'TLS server'),
    ...plan.namesOfOthers.map((other) => `warning: ${describeNameOfOther(other)}`),
  ]);
}

export function reportSigned(
  directory: string,
  configuration: string,
  plan: SigningPlan,
  written: WrittenCertificates,
): string {
  const [summary] = written.certificates;
  const { certificate } = authorityFiles(directory);
  return text([
    ...describe(`${plan.purpose} certificate "${plan.name}"`, summary!),
    ...replaced(written.replacedFiles),
    ...stillAccepted(directory, written),
    '',
    'next:',
    `  copy ${summary!.certificateFile} to the device that made the request, and ${certificate} as the CA that it trusts`,
    ...(plan.purpose === 'client'
      ? [
          `  in the entry of the modality in ${configuration}`,
          `    "certificate": ${JSON.stringify(summary!.spkiFingerprint)}`,
        ]
      : []),
  ]);
}
