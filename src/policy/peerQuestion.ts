/**
 * Makes a question to explain.ts out of what a person names of a peer: fills in what was left out, and notes each
 * assumption. For `aegis explain` and for the tests in a configuration. Reads no file and decides nothing.
 */
import { CommandField, commandFieldOf } from '../dimse/commands';
import { sopClassUid } from '../dimse/sopClasses';
import { APPLICATION_CONTEXT_NAME } from '../pdu/types';
import { canonicalAddress, parseAddress } from '../text/addresses';
import { aeTitleKey } from '../text/aeTitle';
import { nearestOf, quoteChoices, quoteValue } from '../text/quote';
import type { AssociationRequest, CommandRequest } from './decide';
import { type CompiledListener, type CompiledModality, EGRESS_LISTENER, type Policy } from './policy';
import { describeUnknownSopClass } from './sopClassMatcher';

/** As `aegis explain` takes it. */
export interface PeerQuestion {
  readonly calling: string;
  readonly called: string;
  readonly from: string;
  readonly listener?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly sopClass?: string | undefined;
  readonly moveDestination?: string | undefined;
}

export interface PreparedQuestion {
  readonly association: AssociationRequest;
  readonly listener: CompiledListener;
  readonly commands: readonly CommandRequest[];
  /** What was assumed, in words. */
  readonly notes: readonly string[];
}

/** A part of the question makes no sense. The message goes on from the name of that part. */
export class QuestionError extends Error {
  readonly part: keyof PeerQuestion;

  constructor(part: keyof PeerQuestion, message: string) {
    super(message);
    this.part = part;
  }
}

/** How the one who asks names a part of the question, for the notes. */
export type NameOfPart = (part: keyof PeerQuestion) => string;

/** `--sop-class`, as `aegis explain` takes it. */
export function optionOf(part: keyof PeerQuestion): string {
  return `--${part.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Throws QuestionError. */
export function prepareQuestion(
  policy: Policy,
  question: PeerQuestion,
  nameOf: NameOfPart = optionOf,
): PreparedQuestion {
  const sourceAddress = canonicalAddress(question.from);
  if (sourceAddress === undefined) {
    throw new QuestionError(
      'from',
      `${quoteValue(question.from)} is not an IP address; host names are not accepted`,
    );
  }
  const notes: string[] = [];
  const listener = chooseListener(question, policy, notes, nameOf);
  return {
    association: {
      listener: listener.name,
      sourceAddress,
      protocolVersion: 1,
      applicationContextName: APPLICATION_CONTEXT_NAME,
      callingAeTitle: question.calling,
      calledAeTitle: question.called,
    },
    listener,
    commands: requestedCommands(question, notes, nameOf),
    notes,
  };
}

/** The one that was named, or one that the entries of this AE title may use, with TLS if there is one. */
function chooseListener(
  question: PeerQuestion,
  policy: Policy,
  notes: string[],
  nameOf: NameOfPart,
): CompiledListener {
  const all = [...policy.listenerByName.values()];
  if (isForEgress(question, policy, notes, nameOf)) return EGRESS;
  if (question.listener !== undefined) {
    const named = policy.listenerByName.get(question.listener);
    if (named !== undefined) return named;
    const names = [...all.map(({ name }) => name), ...(policy.egress === undefined ? [] : [EGRESS_LISTENER])];
    const accepted = quoteChoices(names);
    throw new QuestionError(
      'listener',
      `${quoteValue(question.listener)} is not a listener; accepted is ${accepted}`,
    );
  }
  const entries = entriesInQuestion(question, policy);
  const usable = all.filter(({ name }) => entries.some((entry) => entry.listeners.has(name)));
  const pool = usable.length > 0 ? usable : all;
  const withTls = pool.filter(({ isTls }) => isTls);
  const [chosen, ...others] = withTls.length > 0 ? withTls : pool;
  if (chosen === undefined) throw new QuestionError('listener', 'is missing: the configuration has none');
  if (all.length > 1) {
    const choice =
      others.length === 0 ? '' : `; ${quoteChoices(others.map(({ name }) => name))} would fit too`;
    notes.push(
      `listener ${quoteValue(chosen.name)} is assumed${choice}; ${nameOf('listener')} names another`,
    );
  }
  return chosen;
}

const EGRESS: CompiledListener = { name: EGRESS_LISTENER, isTls: false, requiresCertificate: false };

/** Without a listener: an archive's AE title that no modality has. */
function isForEgress(
  { listener, calling }: PeerQuestion,
  { egress, ...policy }: Policy,
  notes: string[],
  nameOf: NameOfPart,
): boolean {
  if (egress === undefined) return false;
  if (listener !== undefined) return listener === EGRESS_LISTENER;
  const key = aeTitleKey(calling, policy.strictAeTitles);
  const isModality = key !== undefined && policy.entriesByCallingAeTitle.has(key);
  if (isModality || !egress.callingAeTitles.has(calling)) return false;
  notes.push(`an archive is calling, so ${EGRESS_LISTENER} is assumed; ${nameOf('listener')} names another`);
  return true;
}

/** Those with this AE title at this address, or else all with this AE title. */
function entriesInQuestion({ calling, from }: PeerQuestion, policy: Policy): readonly CompiledModality[] {
  const key = aeTitleKey(calling, policy.strictAeTitles);
  const entries = key === undefined ? undefined : policy.entriesByCallingAeTitle.get(key);
  const address = parseAddress(from);
  if (entries === undefined || address === undefined) return [];
  const atAddress = [...entries.modalitiesByAddress.covering(address)];
  return atAddress.length > 0 ? atAddress : entries.modalities;
}

/** The commands that can be asked about, with the SOP class that each is used with most. */
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

function requestedCommands(question: PeerQuestion, notes: string[], nameOf: NameOfPart): CommandRequest[] {
  const names = (question.command ?? []).map((name) => name.toLowerCase());
  if (question.sopClass !== undefined && names.length === 0) {
    throw new QuestionError('sopClass', 'needs a command that uses it, such as c-store');
  }
  if (question.moveDestination !== undefined && !names.includes('c-move')) {
    throw new QuestionError('moveDestination', 'needs the command c-move');
  }
  return names.map((name) => {
    const fault = commandFault(name);
    if (fault !== undefined) throw new QuestionError('command', fault);
    const spelling = name.toUpperCase();
    const usualSopClass = usualSopClasses.get(name)!;
    const commandField = commandFieldOf(spelling)!;
    if (question.sopClass === undefined) {
      notes.push(
        `SOP class ${usualSopClass} is assumed for ${spelling}; ${nameOf('sopClass')} names another`,
      );
    }
    const request = { commandField, sopClassUid: sopClassOf(question.sopClass ?? usualSopClass) };
    if (commandField !== CommandField.CMoveRq) return request;
    const moveDestination = question.moveDestination ?? question.calling;
    if (question.moveDestination === undefined) {
      notes.push(
        `${spelling} to ${quoteValue(moveDestination)} is assumed; ${nameOf('moveDestination')} names another`,
      );
    }
    return { ...request, moveDestination };
  });
}

/** What is wrong with the name of a command, or undefined. */
export function commandFault(text: string): string | undefined {
  const name = text.toLowerCase();
  if (usualSopClasses.has(name)) return undefined;
  const names = [...usualSopClasses.keys()];
  // People leave out the service: "store" for c-store.
  const meant = names.find((known) => known.slice('c-'.length) === name) ?? nearestOf(name, names);
  const hint = meant === undefined ? `accepted are ${names.join(', ')}` : `did you mean ${meant}?`;
  return `${quoteValue(text)} is not a DIMSE request; ${hint}`;
}

function sopClassOf(text: string): string {
  const uid = sopClassUid(text);
  if (uid === undefined) throw new QuestionError('sopClass', sopClassFault(text));
  return uid;
}

/** What is wrong with a text that is not a SOP class. */
export function sopClassFault(text: string): string {
  return describeUnknownSopClass(text, 'accepted are UIDs and keywords of PS3.6');
}
