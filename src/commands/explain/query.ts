/**
 * Makes a question to the policy from the options of `aegis explain`: reads the certificate, fills in what was left out,
 * and notes each assumption. Decides nothing.
 */

import type { Configuration } from '../../config/schema';
import { CommandField, commandFieldOf } from '../../dimse/commands';
import { sopClassUid } from '../../dimse/sopClasses';
import { transferSyntaxKeyword } from '../../dimse/transferSyntaxes';
import { OperatorError } from '../../errors';
import { APPLICATION_CONTEXT_NAME } from '../../pdu/types';
import { peerCertificate, untrustedCertificate } from '../../policy/certificate';
import { type CommandRequest, decideUntrusted } from '../../policy/decide';
import type { ExplainedCommand, ExplainQuery } from '../../policy/explain';
import {
  type CompiledListener,
  type CompiledModality,
  EGRESS_LISTENER,
  type Policy,
} from '../../policy/policy';
import { describeUnknownSopClass } from '../../policy/sopClassMatcher';
import type { GlobalOptions } from '../../terminal/command';
import { canonicalAddress, parseAddress } from '../../text/addresses';
import { aeTitleKey } from '../../text/aeTitle';
import { nearestOf, quoteChoices, quoteValue } from '../../text/quote';
import { certificateRefusal, ownRefusal } from '../../x509/certificateTrust';
import { readCertificates, readCrl } from '../../x509/tlsFiles';
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
  const sourceAddress = canonicalAddress(options.from);
  if (sourceAddress === undefined) {
    throw new OperatorError(
      `--from ${quoteValue(options.from)} is not an IP address; host names are not accepted`,
    );
  }
  const notes: string[] = [];
  const listener = chooseListener(options, policy, notes);
  const association = {
    listener: listener.name,
    sourceAddress,
    protocolVersion: 1,
    applicationContextName: APPLICATION_CONTEXT_NAME,
    callingAeTitle: options.calling,
    calledAeTitle: options.called,
  };
  const commands = [...requestedCommands(options, notes), ...storeOfFile(options, notes)];
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

/** The one that was named, or one that the entries of this AE title may use, with TLS if there is one. */
function chooseListener(options: ExplainOptions, policy: Policy, notes: string[]): CompiledListener {
  const all = [...policy.listenerByName.values()];
  if (isForEgress(options, policy, notes)) return EGRESS;
  if (options.listener !== undefined) {
    const named = policy.listenerByName.get(options.listener);
    if (named !== undefined) return named;
    const names = [...all.map(({ name }) => name), ...(policy.egress === undefined ? [] : [EGRESS_LISTENER])];
    const accepted = quoteChoices(names);
    throw new OperatorError(
      `--listener ${quoteValue(options.listener)} is not a listener; accepted is ${accepted}`,
    );
  }
  const entries = entriesInQuestion(options, policy);
  const usable = all.filter(({ name }) => entries.some((entry) => entry.listeners.has(name)));
  const pool = usable.length > 0 ? usable : all;
  const withTls = pool.filter(({ isTls }) => isTls);
  const [chosen, ...others] = withTls.length > 0 ? withTls : pool;
  if (chosen === undefined) throw new OperatorError('the configuration has no listener');
  if (all.length > 1) {
    const choice =
      others.length === 0 ? '' : `; ${quoteChoices(others.map(({ name }) => name))} would fit too`;
    notes.push(`listener ${quoteValue(chosen.name)} is assumed${choice}; --listener names another`);
  }
  return chosen;
}

const EGRESS: CompiledListener = { name: EGRESS_LISTENER, isTls: false, requiresCertificate: false };

/** Without --listener: an archive's AE title that no modality has. */
function isForEgress(options: ExplainOptions, { egress, ...policy }: Policy, notes: string[]): boolean {
  if (egress === undefined) return false;
  if (options.listener !== undefined) return options.listener === EGRESS_LISTENER;
  const key = aeTitleKey(options.calling, policy.strictAeTitles);
  const isModality = key !== undefined && policy.entriesByCallingAeTitle.has(key);
  if (isModality || !egress.callingAeTitles.has(options.calling)) return false;
  notes.push(`an archive is calling, so ${EGRESS_LISTENER} is assumed; --listener names another`);
  return true;
}

/** Those with this AE title at this address, or else all with this AE title. */
function entriesInQuestion({ calling, from }: ExplainOptions, policy: Policy): readonly CompiledModality[] {
  const key = aeTitleKey(calling, policy.strictAeTitles);
  const entries = key === undefined ? undefined : policy.entriesByCallingAeTitle.get(key);
  const address = parseAddress(from);
  if (entries === undefined || address === undefined) return [];
  const atAddress = [...entries.modalitiesByAddress.covering(address)];
  return atAddress.length > 0 ? atAddress : entries.modalities;
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
  const trust = {
    trustedCertificates: (tls?.trustedCertificates ?? []).flatMap(
      (file) => readCertificates(file).certificates,
    ),
    revocationLists: (tls?.crl ?? []).flatMap(readCrl),
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

/** What --command accepts, with the SOP class that the command is used with most. */
const usualSopClasses: ReadonlyMap<string, string> = new Map([
  ['c-echo', 'Verification'],
  ['c-store', 'CTImageStorage'],
  ['c-find', 'StudyRootQueryRetrieveInformationModelFind'],
  ['c-move', 'StudyRootQueryRetrieveInformationModelMove'],
  ['c-get', 'StudyRootQueryRetrieveInformationModelGet'],
  ['n-event-report', 'StorageCommitmentPushModel'],
  ['n-get', 'UnifiedProcedureStepPush'],
  ['n-set', 'ModalityPerformedProcedureStep'],
  ['n-action', 'StorageCommitmentPushModel'],
  ['n-create', 'ModalityPerformedProcedureStep'],
  ['n-delete', 'BasicFilmSession'],
]);

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

function requestedCommands(options: ExplainOptions, notes: string[]): CommandRequest[] {
  const names = (options.command ?? []).map((name) => name.toLowerCase());
  if (options.sopClass !== undefined && names.length === 0 && options.file === undefined) {
    throw new OperatorError('--sop-class needs a command that uses it, such as --command c-store');
  }
  if (options.moveDestination !== undefined && !names.includes('c-move')) {
    throw new OperatorError('--move-destination needs --command c-move');
  }
  return names.map((name) => {
    const spelling = name.toUpperCase();
    const usualSopClass = usualSopClasses.get(name) ?? unknownCommand(name);
    const commandField = commandFieldOf(spelling) ?? unknownCommand(name);
    if (options.sopClass === undefined) {
      notes.push(`SOP class ${usualSopClass} is assumed for ${spelling}; --sop-class names another`);
    }
    const request = { commandField, sopClassUid: sopClassOf(options.sopClass ?? usualSopClass) };
    if (commandField !== CommandField.CMoveRq) return request;
    const moveDestination = options.moveDestination ?? options.calling;
    if (options.moveDestination === undefined) {
      notes.push(
        `${spelling} to ${quoteValue(moveDestination)} is assumed; --move-destination names another`,
      );
    }
    return { ...request, moveDestination };
  });
}

function unknownCommand(name: string): never {
  const names = [...usualSopClasses.keys()];
  // People leave out the service: "store" for c-store.
  const meant = names.find((known) => known.slice('c-'.length) === name) ?? nearestOf(name, names);
  const hint = meant === undefined ? `accepted are ${names.join(', ')}` : `did you mean ${meant}?`;
  throw new OperatorError(`--command ${quoteValue(name)} is not a DIMSE request; ${hint}`);
}

function sopClassOf(text: string): string {
  const uid = sopClassUid(text);
  if (uid !== undefined) return uid;
  const problem = describeUnknownSopClass(text, 'accepted are UIDs and keywords of PS3.6');
  throw new OperatorError(`--sop-class ${problem}`);
}
