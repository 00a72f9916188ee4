/**
 * What each command must carry and where it belongs (PS3.7 §9.3, §10.3), checked on a decoded command set. Knows no
 * bytes, no policy, no state of an association.
 */
import { absence, type CommandSet, incomplete } from './commandSet';
import { type CommandSetError, hex, malformed, RefusedRequestError } from './commandSetError';
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
import { isSuccession } from './sopClasses';

const responseElements = ['MessageIDBeingRespondedTo', 'Status'] as const;
/**
 * Checks that a command has what the standard asks of it (PS3.7 §9.3, §10.3) and belongs on a presentation context with
 * this abstract syntax. Throws RefusedRequestError for a request that can be refused alone, else CommandSetError. A request
 * that the standard does not define passes if it can be answered, which takes a MessageID.
 */
export function checkCommandSet(set: CommandSet, abstractSyntax: string): void {
  const field = set.CommandField;
  if (isResponse(field)) {
    const request = field & ~RESPONSE_BIT;
    if (!isKnownRequest(request) || request === CommandField.CCancelRq) {
      throw malformed(`command field ${hex(field)}H is a response, but its request does not exist`);
    }
    requireElements(set, `${commandName(field)}-RSP`, responseElements);
    return;
  }
  const rules = requestRules(field);
  const name = rules === undefined ? `command ${hex(field)}H` : `${rules.name}-RQ`;
  // A cancel has no ID of its own, and no response: it is refused without one.
  if (field !== CommandField.CCancelRq) requireElements(set, name, ['MessageID']);
  if (rules === undefined) return;
  const absent = rules.elements.find((keyword) => isAbsent(set, keyword));
  if (absent !== undefined) throw refused(set, absence(name, absent));
  if (rules.dataSet === 'required' && !hasDataSet(set)) {
    throw refused(set, `${name} has no data set, but must have one`);
  }
  if (rules.dataSet === 'forbidden' && hasDataSet(set)) {
    throw refused(set, `${name} has a data set, but must have none`);
  }
  checkSopClass(set, name, abstractSyntax);
}

function refused(set: CommandSet, message: string): CommandSetError {
  return new RefusedRequestError({ code: 'command-set-refused', message }, set);
}

function isAbsent(set: CommandSet, keyword: keyof CommandSet): boolean {
  return set[keyword] === undefined || set[keyword] === '';
}

function requireElements(set: CommandSet, name: string, keywords: readonly (keyof CommandSet)[]): void {
  for (const keyword of keywords) if (isAbsent(set, keyword)) throw incomplete(name, keyword);
}

/**
 * Policy goes by the SOP class, an archive perhaps by the context: a request must not name one service and use
 * another. C-services name the very class of their context, UPS any class of UPS (PS3.4 §CC.3.1). A C-STORE may name the
 * retired class of its context, or its successor: policy is then asked about both. N-services may differ within one
 * permission: print names the film box on the context of its meta class.
 */
function checkSopClass(set: CommandSet, name: string, abstractSyntax: string): void {
  const { CommandField: field, AffectedSOPClassUID: affected, RequestedSOPClassUID: requested } = set;
  for (const uid of [affected, requested]) {
    if (uid && uid !== abstractSyntax && !isUid(uid)) {
      const message = `${name} names a SOP class that is not a UID`;
      throw new RefusedRequestError({ code: 'sop-class-uid-invalid', message }, set);
    }
  }
  if (affected && requested && affected !== requested) {
    // Which of them the archive goes by would be a guess.
    throw refused(set, `${name} names two SOP classes, AffectedSOPClassUID and RequestedSOPClassUID`);
  }
  const sopClass = affected || requested || '';
  // C-CANCEL names no class: it goes by the operation.
  if (sopClass === abstractSyntax || field === CommandField.CCancelRq) return;
  const permission = permissionFor(field, sopClass);
  const isSameService = isBoundToContext(field)
    ? (isUnifiedProcedureStep(sopClass) && isUnifiedProcedureStep(abstractSyntax)) ||
      (field === CommandField.CStoreRq && isSuccession(sopClass, abstractSyntax))
    : permission !== undefined && permission === permissionFor(field, abstractSyntax);
  if (isSameService) return;
  const message = `${name} names SOP class ${sopClass}, which does not belong on its presentation context`;
  throw new RefusedRequestError({ code: 'command-set-sop-class-mismatch', message }, set);
}
