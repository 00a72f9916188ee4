/**
 * Makes a question to the policy from the options of `aegis explain`: reads the certificate, fills in what was left out,
 * and notes each assumption. Decides nothing.
 */

import type { Configuration } from '../../config/schema';
import { CommandField } from '../../dimse/commands';
import { transferSyntaxKeyword } from '../../dimse/transferSyntaxes';
import { OperatorError } from '../../errors';
import { peerCertificate, untrustedCertificate } from '../../policy/certificate';
import { decideUntrusted } from '../../policy/decide';
import type { ExplainedCommand, ExplainQuery } from '../../policy/explain';
import { optionOf, type PreparedQuestion, prepareQuestion, QuestionError } from '../../policy/peerQuestion';
import type { CompiledListener, Policy } from '../../policy/policy';
import type { GlobalOptions } from '../../terminal/command';
import { quoteValue } from '../../text/quote';
import { certificateRefusal, ownRefusal } from '../../x509/certificateTrust';
import { listFilesOf, readLists } from '../../x509/revocationSources';
import { readCertificates } from '../../x509/tlsFiles';
import { readImageFile } from './imageFile';

/** As the command line gives them. */
export interface ExplainOptions extends GlobalOptions {
  readonly calling: string;
  readonly called: string;
  readonly from: string;
  readonly certificate?: string;
  readonly listener?: string;
  readonly command?: readonly string[];
  readonly sopClass?: string;
  readonly moveDestination?: string;
  readonly file?: string;
}

export interface PreparedQuery {
  readonly query: ExplainQuery;
  /** What was assumed or ignored, in words. */
  readonly notes: string[];
}

/** Throws OperatorError (exit code 2) where an option makes no sense. */
export function prepareQuery(
  options: ExplainOptions,
  policy: Policy,
  configuration: Configuration,
): PreparedQuery {
  const fileNotes: string[] = [];
  const storeOfImage = storeOfFile(options, fileNotes);
  const prepared = prepareWithOptions(policy, options);
  const { association, listener } = prepared;
  const commands = [...prepared.commands, ...storeOfImage];
  const notes = [...prepared.notes, ...fileNotes];
  if (options.certificate === undefined) return { query: { association, commands }, notes };
  const shown = showCertificate(options.certificate, listener, policy, configuration, notes);
  return {
    query: {
      association: { ...association, certificate: shown.certificate },
      commands,
      ...(shown.refusal === undefined ? {} : { certificateRefusal: shown.refusal }),
    },
    notes,
  };
}

function prepareWithOptions(policy: Policy, options: ExplainOptions): PreparedQuestion {
  try {
    return prepareQuestion(policy, options);
  } catch (error) {
    if (!(error instanceof QuestionError)) throw error;
    throw new OperatorError(`${optionOf(error.part)} ${error.message}`);
  }
}

function showCertificate(
  file: string,
  listener: CompiledListener,
  policy: Policy,
  configuration: Configuration,
  notes: string[],
) {
  const { certificates } = readCertificates(file);
  const certificate = peerCertificate(certificates[0]);
  if (!listener.requiresCertificate) {
    notes.push(`the certificate is not looked at: listener ${quoteValue(listener.name)} asks for none`);
    return { certificate, refusal: undefined };
  }
  const tls = configuration.listeners.find(({ name }) => name === listener.name)?.tls;
  const listFiles = tls === undefined ? [] : listFilesOf(tls);
  const trust = {
    trustedCertificates: (tls?.trustedCertificates ?? []).flatMap(
      (file) => readCertificates(file).certificates,
    ),
    revocationLists: listFiles.flatMap(readLists),
    needsLists: listFiles.length > 0,
  };
  const now = new Date();
  const refusal = certificateRefusal(certificates, trust, now);
  if (refusal !== 'certificate-untrusted' || !decideUntrusted(policy, certificate).allowed) {
    return { certificate, refusal };
  }
  return {
    certificate: untrustedCertificate(certificates[0]),
    refusal: ownRefusal(certificates[0], trust, now)?.reason,
  };
}

/** The C-STORE that a sender would make of the file. */
function storeOfFile({ file, command = [], sopClass }: ExplainOptions, notes: string[]): ExplainedCommand[] {
  if (file === undefined) return [];
  if (
    command.some((name) => /^(c-)?store$/i.test(name)) ||
    (sopClass !== undefined && command.length === 0)
  ) {
    throw new OperatorError(
      '--file is a C-STORE with the SOP class of the file; leave out --command c-store and --sop-class',
    );
  }
  const { sopClassUid, dataSet } = readImageFile(file);
  const syntax = transferSyntaxKeyword(dataSet.transferSyntaxUid) ?? dataSet.transferSyntaxUid;
  notes.push(`the file is taken as it is, in ${syntax}; senders may convert it`);
  return [{ commandField: CommandField.CStoreRq, sopClassUid, dataSet }];
}
