/** What the audit log says of a command: pure. Nothing of a data set, and no text that may be a name. */
import type { CommandSet } from '../dimse/commandSet';
import { commandName, formatStatus } from '../dimse/commands';
import { isUid } from '../dimse/elementValues';
import { sopClassKeyword } from '../dimse/sopClasses';
import type { Operation } from './operations';

/** A text that is not a UID may be a name: it is never logged. */
function loggableInstance(request: CommandSet): string | undefined {
  const sopInstance = request.AffectedSOPInstanceUID ?? request.RequestedSOPInstanceUID;
  return sopInstance !== undefined && (sopInstance === '' || isUid(sopInstance)) ? sopInstance : undefined;
}

/** What was odd about a message and was passed on all the same. */
export function deviationsOf({ request, hasOddDataSet, detail }: Operation): string | undefined {
  const sopInstance = request.AffectedSOPInstanceUID || request.RequestedSOPInstanceUID;
  const notes = detail === undefined ? [] : [detail];
  if (sopInstance && !isUid(sopInstance)) notes.push('the SOP instance UID is not a UID');
  if (hasOddDataSet === true) notes.push('a data set had an odd number of bytes and got one NUL more');
  return notes.length === 0 ? undefined : notes.join('; ');
}

export function commandFacts(
  request: CommandSet,
  status: number | undefined,
  bytes: number,
  durationMs?: number,
) {
  const sopClassUid = request.AffectedSOPClassUID ?? request.RequestedSOPClassUID;
  return {
    command: commandName(request.CommandField),
    sopClass: sopClassUid === undefined ? undefined : (sopClassKeyword(sopClassUid) ?? sopClassUid),
    sopInstance: loggableInstance(request),
    messageId: request.MessageID,
    moveDestination: request.MoveDestination,
    status: status === undefined ? undefined : formatStatus(status),
    bytes,
    durationMs,
  };
}
