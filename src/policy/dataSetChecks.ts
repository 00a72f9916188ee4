/**
 * What the data set of a C-STORE must say before the message goes on: the SOP class and instance of its command, since
 * archives file an image by its data set, and what the rules of the entry want. Decides on the beginning of the data set
 * as it comes; keeps nothing of it.
 */

import type { CommandSet } from '../dimse/commandSet';
import { CommandField, hasDataSet } from '../dimse/commands';
import {
  type DataSetReader,
  MAX_START_BYTES,
  SOP_CLASS_UID,
  SOP_INSTANCE_UID,
  tagText,
  type WantedElements,
} from '../dimse/dataSetStart';
import { dataSetReader } from '../dimse/deflatedStart';
import { trim } from '../dimse/elementTexts';
import { isUid } from '../dimse/elementValues';
import { encodingOf, transferSyntaxKeyword } from '../dimse/transferSyntaxes';
import type { ReasonCode } from './reasons';
import type { StoreRules } from './storeRules';

/** How the data sets that one side sends are judged. Where nothing is judged, there is none of it. */
export interface DataSetChecks {
  /** What becomes of a data set of another class or instance than its command. */
  readonly mismatch: 'refused' | 'passed on' | 'not looked at';
  /** Undefined: every image is allowed. */
  readonly rules: StoreRules | undefined;
  readonly wanted: WantedElements;
}

export type DataSetDecision =
  | { readonly allowed: true; readonly wouldDeny?: ReasonCode; readonly detail?: string }
  | {
      readonly allowed: false;
      readonly reason: ReasonCode;
      readonly detail: string;
      /** In place of that of the reason. */
      readonly status?: number;
    };

/** Why one of the two checks does not like the data set. */
export interface DataSetDenial {
  readonly reason: 'data-set-mismatch' | 'store-rule';
  readonly isObserved: boolean;
  readonly detail: string;
  readonly status?: number;
}

/** What both checks say. */
export interface DataSetFindings {
  readonly mismatch: DataSetDenial | undefined;
  readonly ruled: DataSetDenial | undefined;
  /** What is odd and passes. */
  readonly notes: readonly string[];
}

/** What the command set says, and how the data set is encoded. */
interface StoredInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

const uids = [SOP_CLASS_UID, SOP_INSTANCE_UID];

/** Undefined where nothing is looked at. `isObserved`: the entry is in observe mode, and that counts here. */
export function dataSetChecks(
  dataSets: 'verify' | 'observe' | 'off',
  isObserved: boolean,
  rules?: StoreRules,
): DataSetChecks | undefined {
  if (dataSets === 'off' && rules === undefined) return undefined;
  // For the rules too: bytes in which they are found are a data set.
  const tags = new Set([...uids, ...(rules?.tags ?? [])]);
  return {
    mismatch:
      dataSets === 'off' ? 'not looked at' : isObserved || dataSets === 'observe' ? 'passed on' : 'refused',
    rules,
    wanted: { tags, required: uids, last: Math.max(...tags) },
  };
}

/** The data set of this request; undefined where it is not looked at. */
export function storedDataSet(
  checks: DataSetChecks | undefined,
  request: CommandSet,
  transferSyntaxUid: string | undefined,
): StoredDataSet | undefined {
  const { CommandField: field, AffectedSOPClassUID = '', AffectedSOPInstanceUID = '' } = request;
  if (checks === undefined || field !== CommandField.CStoreRq || !hasDataSet(request)) return undefined;
  return new StoredDataSet(checks, {
    sopClassUid: AffectedSOPClassUID,
    sopInstanceUid: AffectedSOPInstanceUID,
    transferSyntaxUid: transferSyntaxUid ?? '',
  });
}

/** The data set of one C-STORE. */
export class StoredDataSet {
  readonly #checks: DataSetChecks;
  readonly #instance: StoredInstance;
  readonly #reader: DataSetReader;

  constructor(checks: DataSetChecks, instance: StoredInstance) {
    this.#checks = checks;
    this.#instance = instance;
    this.#reader = dataSetReader(instance.transferSyntaxUid, checks.wanted);
  }

  /** `bytes` is all that has come of it. Undefined: more is needed, which is never so where it `isWhole`. */
  decide(bytes: Buffer, isWhole: boolean): DataSetDecision | undefined {
    const findings = this.judge(bytes, isWhole);
    if (findings === undefined) return undefined;
    const denials = [findings.mismatch, findings.ruled].filter((denial) => denial !== undefined);
    const denial = denials.find(({ isObserved }) => !isObserved);
    if (denial !== undefined) {
      const { isObserved: _enforced, ...refusal } = denial;
      return { allowed: false, ...refusal };
    }
    const notes = [...denials.map(({ detail }) => detail), ...findings.notes];
    const [observed] = denials;
    return {
      allowed: true,
      ...(observed === undefined ? {} : { wouldDeny: observed.reason }),
      ...(notes.length === 0 ? {} : { detail: notes.join('; ') }),
    };
  }

  /** The same without a decision. `passed` gets the words of each rule that does not match. */
  judge(bytes: Buffer, isWhole: boolean, passed?: (words: string) => void): DataSetFindings | undefined {
    const reading = this.#reader.read(bytes, isWhole);
    if (reading === 'more') return undefined;
    const isUnreadable = reading === 'unreadable';
    // Of what is short enough to be seen whole, it is known in the end whether it could say anything to anybody.
    if (isUnreadable && !isWhole && bytes.length < MAX_START_BYTES) return undefined;
    const isSilent = isUnreadable && isWhole && !this.#reader.couldHold(bytes);
    const { rules } = this.#checks;
    return {
      ...this.#uidFindings(isUnreadable, isSilent),
      ruled: rules === undefined ? undefined : this.#ruled(rules, isUnreadable, passed),
    };
  }

  #uidFindings(isUnreadable: boolean, isSilent: boolean): Pick<DataSetFindings, 'mismatch' | 'notes'> {
    const { mismatch, rules } = this.#checks;
    if (mismatch === 'not looked at') return { mismatch: undefined, notes: [] };
    // What is wrong behind the UIDs was met by the rules alone, and it is theirs to refuse it.
    const isForRules = rules !== undefined && uids.every((tag) => this.#reader.value(tag) !== undefined);
    const detail = isUnreadable && !isSilent && !isForRules ? this.#unreadable() : this.#mismatch();
    if (detail === undefined) {
      return { mismatch: undefined, notes: [...(isSilent ? [this.#unreadable()] : []), ...this.#notes()] };
    }
    return {
      mismatch: { reason: 'data-set-mismatch', isObserved: mismatch === 'passed on', detail },
      notes: [],
    };
  }

  #ruled(
    rules: StoreRules,
    isUnreadable: boolean,
    passed?: (words: string) => void,
  ): DataSetDenial | undefined {
    const { isBigEndian } = encodingOf(this.#instance.transferSyntaxUid);
    const { allows, words, status } = isUnreadable
      ? rules.undecidable(this.#unreadable())
      : rules.judge(this.#reader, isBigEndian, passed);
    passed?.(words);
    if (allows) return undefined;
    return { reason: 'store-rule', isObserved: rules.isObserved, detail: words, status };
  }

  #unreadable(): string {
    const { transferSyntaxUid } = this.#instance;
    const encoding = transferSyntaxKeyword(transferSyntaxUid) ?? transferSyntaxUid;
    return `the data set cannot be read as ${encoding}: ${this.#reader.fault}`;
  }

  #mismatch(): string | undefined {
    const { sopClassUid, sopInstanceUid } = this.#instance;
    return (
      this.#difference(SOP_CLASS_UID, 'SOP Class UID', sopClassUid) ??
      this.#difference(SOP_INSTANCE_UID, 'SOP Instance UID', sopInstanceUid)
    );
  }

  /** Undefined too where the element is missing: nothing is claimed then, and archives refuse it or take the command's. */
  #difference(tag: number, name: string, expected: string): string | undefined {
    const value = this.#reader.value(tag);
    if (value === undefined) return undefined;
    const { representation, bytes } = value;
    // As UN, its bytes are the same for all who read it.
    if (bytes === undefined || !['', 'UI', 'UN'].includes(representation)) {
      return `${name} ${tagText(tag)} of the data set is not a UI`;
    }
    const uid = trim(bytes, '', '\0 ');
    if (uid === expected) return undefined;
    return `${name} ${tagText(tag)} of the data set is ${uidText(uid)}, of the command ${uidText(expected)}`;
  }

  #notes(): readonly string[] {
    const missing = uids.filter((tag) => this.#reader.value(tag) === undefined).map(tagText);
    const unknown = uids.filter((tag) => this.#reader.value(tag)?.representation === 'UN').map(tagText);
    return [
      ...(unknown.length === 0 ? [] : [`${unknown.join(' and ')} of the data set is UN, not UI`]),
      ...(missing.length === 0 ? [] : [`the data set lacks ${missing.join(' and ')}`]),
      ...this.#reader.oddities,
    ];
  }
}

/** What is not a UID may be a name: it is never shown. */
function uidText(uid: string): string {
  if (uid === '') return 'empty';
  return isUid(uid) ? uid : 'not a UID';
}
