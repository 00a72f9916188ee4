/**
 * The response with which the gateway itself refuses a request, in place of the archive (PS3.7 §9.3, §10.3). Does
 * not decide what is refused, nor with which status.
 */
import type { CommandSet } from './commandSet';
import { NO_DATA_SET, RESPONSE_BIT, Status } from './commands';
import { MAX_LO_LENGTH } from './elementValues';

/** Statuses whose responses carry no Error Comment (PS3.7 §C.5). */
const statusesWithoutComment: ReadonlySet<number> = new Set([
  Status.DuplicateInvocation,
  Status.UnrecognizedOperation,
  Status.MistypedArgument,
]);

/**
 * Refuses a request: no data set, its message ID answered, its SOP class and instance echoed as the Affected ones,
 * also where an N-service named them as Requested (PS3.7 Tables 10.3-1 to 10.3-12). The comment is cut to what VR
 * LO takes. Needs a MessageID, which checkCommandSet has seen to; C-CANCEL has none and is never answered.
 */
export function refusalResponse(request: CommandSet, status: number, errorComment?: string): CommandSet {
  if (request.MessageID === undefined)
    throw new TypeError('a request without a MessageID cannot be answered');
  const sopClass = request.AffectedSOPClassUID || request.RequestedSOPClassUID;
  const sopInstance = request.AffectedSOPInstanceUID || request.RequestedSOPInstanceUID;
  const comment = statusesWithoutComment.has(status) ? '' : commentText(errorComment ?? '');
  return {
    ...(sopClass ? { AffectedSOPClassUID: sopClass } : {}),
    CommandField: request.CommandField | RESPONSE_BIT,
    MessageIDBeingRespondedTo: request.MessageID,
    CommandDataSetType: NO_DATA_SET,
    Status: status,
    ...(comment ? { ErrorComment: comment } : {}),
    ...(sopInstance ? { AffectedSOPInstanceUID: sopInstance } : {}),
    ...(request.EventTypeID === undefined ? {} : { EventTypeID: request.EventTypeID }),
    ...(request.ActionTypeID === undefined ? {} : { ActionTypeID: request.ActionTypeID }),
  };
}

/** The default repertoire only, whatever character set the data sets use (PS3.7 Annex E). */
function commentText(text: string): string {
  return text
    .replace(/[^\x20-\x7e]/g, '?')
    .replaceAll('\\', '/')
    .slice(0, MAX_LO_LENGTH)
    .trimEnd();
}
