/**
 * Tells what the data set of a C-STORE would meet: the checks of dataSetChecks.ts, asked about a file. It decides
 * nothing itself. Names elements, and never their values.
 */
import { commandName } from '../dimse/commands';
import { type DataSetChecks, type DataSetDenial, StoredDataSet } from './dataSetChecks';
import type { CommandRequest } from './decide';
import type { ExplainedCheck } from './explain';
import { wireAnswer } from './reasons';
import { formatWireAnswer } from './wireAnswer';

/** What a file has of the C-STORE that it would make. */
export interface DataSetOfFile {
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** Its first bytes, at least as many as are looked at. */
  readonly start: Buffer;
  /** There are no more. */
  readonly isWhole: boolean;
}

type Step = Omit<ExplainedCheck, 'gate'>;

const UID_CHECK = 'data set: class, instance';
const RULES_CHECK = 'data set: storeRules';

/** One step for each of the two checks, where they are on. */
export function dataSetSteps(
  checks: DataSetChecks | undefined,
  { commandField, sopClassUid }: CommandRequest,
  { start, isWhole, ...instance }: DataSetOfFile,
  isReached: boolean,
): readonly Step[] {
  const notLookedAt: Step = { check: UID_CHECK, outcome: 'passed', detail: 'dataSets is "off"' };
  if (checks === undefined) return [isReached ? notLookedAt : notReached(UID_CHECK)];
  const trace: string[] = [];
  const findings = isReached
    ? new StoredDataSet(checks, { sopClassUid, ...instance }).judge(start, isWhole, (words) =>
        trace.push(words),
      )
    : undefined;
  const hasRules = checks.rules !== undefined;
  if (findings === undefined) return [notReached(UID_CHECK), ...(hasRules ? [notReached(RULES_CHECK)] : [])];
  const { mismatch, ruled, notes } = findings;
  const same = notes.length === 0 ? 'as the command says' : notes.join('; ');
  const command = commandName(commandField);
  const uidStep =
    checks.mismatch === 'not looked at' ? notLookedAt : stepOf(UID_CHECK, mismatch, same, command);
  if (!hasRules) return [uidStep];
  const rulesStep =
    uidStep.outcome === 'failed'
      ? notReached(RULES_CHECK)
      : stepOf(RULES_CHECK, ruled, trace.join('; '), command);
  return [uidStep, rulesStep];
}

function notReached(check: string): Step {
  return { check, outcome: 'not-reached', detail: '' };
}

function stepOf(
  check: string,
  denial: DataSetDenial | undefined,
  detail: string,
  command: string | undefined,
): Step {
  if (denial === undefined) return { check, outcome: 'passed', detail };
  const { reason, isObserved, status } = denial;
  const words = check === RULES_CHECK ? detail : denial.detail;
  if (isObserved) return { check, outcome: 'would-deny', detail: words, reason };
  const answer = status === undefined ? wireAnswer(reason) : ({ kind: 'status', status } as const);
  return { check, outcome: 'failed', detail: words, reason, wireAnswer: formatWireAnswer(answer, command) };
}
