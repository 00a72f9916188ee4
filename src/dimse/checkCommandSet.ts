/**
 * What each command must carry and where it belongs (PS3.7 §9.3, §10.3), checked on a decoded command set. Knows no
 * bytes, no policy, no state of an association.
 */
import { type CommandSet, CommandSetError, hex, incomplete, malformed } from './commandSet';
import {
  CommandField,
  commandName,
  hasDataSet,
  isBoundToContext,
  isKnownRequest,
  isResponse,
  RESPONSE_BIT,
  requestRules,
} from './commands';
import { isUid } from './elementValues';
import { isUnifiedProcedureStep, permissionFor } from './permissions';

const responseElements = ['MessageIDBeingRespondedTo', 'Status'] as const;
const uidElements = [
  'AffectedSOPClassUID',
  'RequestedSOPClassUID',
  'AffectedSOPInstanceUID',
  'RequestedSOPInstanceUID',
] as const;

/**
 * Checks that a command has what the standard asks of it (PS3.7 §9.3, §10.3) and belongs on a presentation context
 * with this abstract syntax. Throws CommandSetError. A request that the standard does not define passes if it can
 * be answered, which takes a MessageID.
 */
export function checkCommandSet(set: CommandSet, abstractSyntax: string): void {
  const field = set.CommandField;
  if (isResponse(field)) {
    const request = field & ~RESPONSE_BIT;
    if (!isKnownRequest(request) || request === CommandField.CCancelRq) {
      throw malformed(`command field ${hex(field)}H is a response, but its request does not exist`);
    }
    checkElements(set, `${commandName(field)}-RSP`, responseElements);
    return;
  }
  const rules = requestRules(field);
  if (rules === undefined) {
    checkElements(set, `command ${hex(field)}H`, ['MessageID']);
    return;
  }
  const name = `${rules.name}-RQ`;
  checkElements(set, name, rules.elements);
  checkUids(set, name);
  if (rules.dataSet === 'required' && !hasDataSet(set)) {
    throw malformed(`${name} has no data set, but must have one`);
  }
  if (rules.dataSet === 'forbidden' && hasDataSet(set)) {
    throw malformed(`${name} has a data set, but must have none`);
  }
  checkContext(set, name, abstractSyntax);
}

function checkElements(set: CommandSet, name: string, keywords: readonly (keyof CommandSet)[]): void {
  for (const keyword of keywords) {
    if (set[keyword] === undefined || set[keyword] === '') throw incomplete(name, keyword);
  }
}

function checkUids(set: CommandSet, name: string): void {
  for (const keyword of uidElements) {
    const uid = set[keyword];
    if (uid !== undefined && uid !== '' && !isUid(uid))
      throw malformed(`${name} has a ${keyword} that is not a UID`);
  }
  const { AffectedSOPClassUID: affected, RequestedSOPClassUID: requested } = set;
  if (affected && requested && affected !== requested) {
    // Which of them the archive goes by would be a guess.
    throw malformed(`${name} names two SOP classes, AffectedSOPClassUID and RequestedSOPClassUID`);
  }
}

/**
 * Policy goes by the SOP class, an archive perhaps by the context: a request must not name one service and use
 * another. C-services name the very class of their context, UPS any class of UPS (PS3.4 §CC.3.1). N-services may
 * differ within one permission: print names the film box on the context of its meta class.
 */
function checkContext(set: CommandSet, name: string, abstractSyntax: string): void {
  const field = set.CommandField;
  const sopClass = set.AffectedSOPClassUID || set.RequestedSOPClassUID || '';
  // C-CANCEL names no class: it goes by the operation.
  if (sopClass === abstractSyntax || field === CommandField.CCancelRq) return;
  const permission = permissionFor(field, sopClass);
  const isSameService = isBoundToContext(field)
    ? isUnifiedProcedureStep(sopClass) && isUnifiedProcedureStep(abstractSyntax)
    : permission !== undefined && permission === permissionFor(field, abstractSyntax);
  if (isSameService) return;
  throw new CommandSetError(
    'command-set-sop-class-mismatch',
    `${name} names SOP class ${sopClass}, which does not belong on its presentation context`,
  );
}
