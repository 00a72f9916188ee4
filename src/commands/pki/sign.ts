/**
 * `aegis pki sign`: issues a certificate for a request of a device that has made its key itself. Shows the request
 * before anything is signed, and asks where a person is at the terminal.
 */
import { ExitCode, OperatorError } from '../../errors';
import { authorityFiles } from '../../pki/folder';
import type { WrittenCertificates } from '../../pki/folderCertificates';
import { planSigning, readRequestFile, type SigningPlan, signAsPlanned } from '../../pki/folderRequests';
import { describeNameOfOther } from '../../pki/issuedLog';
import type { Purpose } from '../../pki/leafCertificates';
import type { CommandContext } from '../../terminal/command';
import { canAsk, confirm } from '../../terminal/questions';
import { safeLines } from '../../text/quote';
import { describeKey } from '../../x509/algorithms';
import type { CertificationRequest } from '../../x509/certificationRequest';
import { publicKeyFingerprint } from '../../x509/fingerprints';
import { describe, entryLines, row, rows, stillAccepted } from './reportText';
import { type FolderOptions, notAfterOf, openAuthority, print } from './verb';

export interface SignOptions extends FolderOptions {
  readonly as?: string;
  readonly name?: string[];
  readonly purpose: Purpose;
  readonly days?: number;
  readonly yes?: boolean;
  readonly force?: boolean;
}

export async function signRequest(
  context: CommandContext,
  options: SignOptions,
  file: string,
): Promise<void> {
  const request = await readRequestFile(file);
  const plan = await planSigning(options.dir, request, {
    name: options.as,
    names: options.name,
    purpose: options.purpose,
    force: options.force,
  });
  context.printError(reportRequest(file, request, plan));
  // Without a terminal there is no one to ask: the person who wrote the command has decided.
  if (options.yes !== true && canAsk() && !(await confirm('sign it', 'n'))) {
    throw new OperatorError('declined; nothing was signed', ExitCode.Failed);
  }
  const authority = await openAuthority(options, context);
  const written = await signAsPlanned(options.dir, authority, plan, notAfterOf(options));
  print(context, options, written, () => reportSigned(options, plan, written));
}

function reportRequest(file: string, request: CertificationRequest, plan: SigningPlan): string {
  return safeLines([
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

function reportSigned({ dir, config }: SignOptions, plan: SigningPlan, written: WrittenCertificates): string {
  const [summary] = written.certificates;
  return safeLines([
    ...describe(`${plan.purpose} certificate "${plan.name}"`, summary!),
    ...rows('replaced', written.replacedFiles),
    ...stillAccepted(dir, written),
    '',
    'next:',
    `  copy ${summary!.certificateFile} to the device that made the request, and ${authorityFiles(dir).certificate} as the CA that it trusts`,
    ...(plan.purpose === 'client' ? entryLines(config, summary!) : []),
  ]);
}
