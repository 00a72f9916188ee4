/**
 * What the data set of a C-STORE must say before the message goes on: the SOP class and instance of its command. An archive
 * files an image by its data set, so without this a permitted command could carry any other object. Decides on the
 * beginning of the data set as it comes; keeps nothing of it.
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
import { isUid } from '../dimse/elementValues';
import { transferSyntaxKeyword } from '../dimse/transferSyntaxes';
import type { ReasonCode } from './reasons';

/** How the data sets that one side sends are judged. Where nothing is judged, there is none of it. */
export interface DataSetChecks {
  /** What would be refused is passed on. */
  readonly isObserved: boolean;
  readonly wanted: WantedElements;
}

export type DataSetDecision =
  | { readonly allowed: true; readonly wouldDeny?: ReasonCode; readonly detail?: string }
  | { readonly allowed: false; readonly reason: ReasonCode; readonly detail: string };

/** What the command set says, and how the data set is encoded. */
interface StoredInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

const required = [SOP_CLASS_UID, SOP_INSTANCE_UID];
const wanted: WantedElements = { tags: new Set(required), required, last: SOP_INSTANCE_UID };

/** Undefined where nothing is looked at. `isObserved`: the entry is in observe mode, and that counts here. */
export function dataSetChecks(
  dataSets: 'verify' | 'observe' | 'off',
  isObserved: boolean,
): DataSetChecks | undefined {
  return dataSets === 'off' ? undefined : { isObserved: isObserved || dataSets === 'observe', wanted };
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
    const reading = this.#reader.read(bytes, isWhole);
    if (reading === 'more') return undefined;
    const isUnreadable = reading === 'unreadable';
    // Of what is short enough to be seen whole, it is known in the end whether it could say anything to anybody.
    if (isUnreadable && !isWhole && bytes.length < MAX_START_BYTES) return undefined;
    const isSilent = isUnreadable && isWhole && !this.#reader.couldHold(bytes);
    const mismatch = isUnreadable && !isSilent ? this.#unreadable() : this.#mismatch();
    if (mismatch === undefined) {
      const notes = [...(isSilent ? [this.#unreadable()] : []), ...this.#notes()];
      return notes.length === 0 ? { allowed: true } : { allowed: true, detail: notes.join('; ') };
    }
    return this.#checks.isObserved
      ? { allowed: true, wouldDeny: 'data-set-mismatch', detail: mismatch }
      : { allowed: false, reason: 'data-set-mismatch', detail: mismatch };
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
    const uid = bytes.replace(/[\0 ]+$/, '');
    if (uid === expected) return undefined;
    return `${name} ${tagText(tag)} of the data set is ${uidText(uid)}, of the command ${uidText(expected)}`;
  }

  #notes(): readonly string[] {
    const missing = required.filter((tag) => this.#reader.value(tag) === undefined).map(tagText);
    const unknown = required.filter((tag) => this.#reader.value(tag)?.representation === 'UN').map(tagText);
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
