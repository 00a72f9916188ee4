/**
 * Which permission a request needs, by its command field and SOP class (PS3.4). Knows nobody's permissions.
 */
import type { CommandPermission } from '../config/schema';
import { CommandField } from './commands';

const MODALITY_WORKLIST_FIND = '1.2.840.10008.5.1.4.31';
/** PS3.4 Annex J. The well-known instance too: peers that confuse the two mean the same service. */
const storageCommitment: ReadonlySet<string> = new Set(['1.2.840.10008.1.20.1', '1.2.840.10008.1.20.1.1']);
/** PS3.4 Annex F: the step itself, Retrieve, Notification. */
const performedProcedureStep: ReadonlySet<string> = new Set([
  '1.2.840.10008.3.1.2.3.3',
  '1.2.840.10008.3.1.2.3.4',
  '1.2.840.10008.3.1.2.3.5',
]);
/** PS3.4 Annex CC: Push, Watch, Pull, Event and Query are the numbers that follow. */
const UNIFIED_PROCEDURE_STEP_PREFIX = '1.2.840.10008.5.1.4.34.6.';

export function isUnifiedProcedureStep(sopClassUid: string): boolean {
  return sopClassUid.startsWith(UNIFIED_PROCEDURE_STEP_PREFIX);
}

/**
 * The permission that a request needs. undefined: no permission opens it, so it is never allowed (print, unknown
 * commands). C-CANCEL and responses have none of their own either: they belong to an operation that was decided.
 */
export function permissionFor(commandField: number, sopClassUid: string): CommandPermission | undefined {
  switch (commandField) {
    case CommandField.CEchoRq:
      return 'echo';
    case CommandField.CStoreRq:
      return 'store';
    case CommandField.CMoveRq:
      return 'move';
    case CommandField.CGetRq:
      return 'get';
    case CommandField.CFindRq:
      if (sopClassUid === MODALITY_WORKLIST_FIND) return 'findWorklist';
      return isUnifiedProcedureStep(sopClassUid) ? 'ups' : 'find';
    case CommandField.NEventReportRq:
    case CommandField.NGetRq:
    case CommandField.NSetRq:
    case CommandField.NActionRq:
    case CommandField.NCreateRq:
    case CommandField.NDeleteRq:
      return normalizedPermission(sopClassUid);
    default:
      return undefined;
  }
}

function normalizedPermission(sopClassUid: string): CommandPermission | undefined {
  if (storageCommitment.has(sopClassUid)) return 'storageCommitment';
  if (performedProcedureStep.has(sopClassUid)) return 'mpps';
  return isUnifiedProcedureStep(sopClassUid) ? 'ups' : undefined;
}
