/**
 * Looks on while messages pass, for DICOM audit messages: which side asked, and where patients may be named, what the
 * beginning of the data set says. Stands in front of a half of the relay only where such messages are wanted. Everything
 * is passed on before it is looked at, and nothing is changed or held back.
 */
import { GatheredBytes } from '../association/gatheredBytes';
import type { MessageReceiver, Verdict } from '../association/messageFlow';
import type { AcceptedContexts } from '../association/negotiation';
import type { Configuration } from '../config/schema';
import type { CommandSet } from '../dimse/commandSet';
import type { RefusedRequestError } from '../dimse/commandSetError';
import { CommandField } from '../dimse/commands';
import {
  type DataSetFacts,
  type FactsReading,
  queryReading,
  SealedFacts,
  studyReading,
} from '../dimse/dataSetFacts';
import type { Operation, OutstandingOperations } from './operations';

/** What is known of an operation beside its audit line. It goes another way than that, and reaches no log. */
export interface Disclosure {
  readonly connectionId: string;
  /** The side that was dialled asked for it: a C-STORE of a C-GET. */
  readonly isFromUpstream: boolean;
  /** Of a C-MOVE or C-GET: instances, as its final response counts them. */
  readonly completed?: number | undefined;
  readonly failed?: number | undefined;
  readonly facts?: SealedFacts | undefined;
}

/** Where it goes, each right before the audit event `command.completed` of its operation. */
export interface DisclosureSink {
  /** What it takes at present. */
  readonly wants: 'nothing' | 'operations' | 'patients';
  disclose(disclosure: Disclosure): void;
}

/** A half of the relay, as far as it is needed here. */
interface Half extends Required<MessageReceiver> {
  readonly requested: OutstandingOperations;
}

export class DataSetTap implements MessageReceiver {
  readonly #half: Half;
  readonly #contexts: AcceptedContexts;
  readonly #isFromUpstream: boolean;
  readonly #readsPatients: boolean;
  #request: CommandSet | undefined;
  #operation: Operation | undefined;
  #reading: FactsReading | undefined;
  /** What has come of the data set, where the first piece was not enough. */
  #gathered: GatheredBytes | undefined;

  constructor(half: Half, contexts: AcceptedContexts, isFromUpstream: boolean, readsPatients: boolean) {
    this.#half = half;
    this.#contexts = contexts;
    this.#isFromUpstream = isFromUpstream;
    this.#readsPatients = readsPatients;
  }

  command(contextId: number, command: CommandSet): Verdict {
    this.#request = command;
    const verdict = this.#half.command(contextId, command);
    this.#reading =
      this.#readsPatients && verdict !== 'drop' ? this.#readingOf(contextId, command) : undefined;
    if (verdict === 'forward') this.#begun();
    return verdict;
  }

  look(bytes: Buffer, isWhole: boolean): Verdict {
    const verdict = this.#half.look(bytes, isWhole);
    if (verdict === 'forward') this.#begun();
    return verdict;
  }

  refusedRequest(contextId: number, refusal: RefusedRequestError): void {
    this.#half.refusedRequest(contextId, refusal);
  }

  dataSetFragment(contextId: number, bytes: Buffer): void {
    this.#half.dataSetFragment(contextId, bytes);
    if (this.#reading !== undefined) this.#read(this.#reading, bytes);
  }

  dataSetEnd(contextId: number): void {
    this.#half.dataSetEnd(contextId);
    if (this.#reading !== undefined) this.#take(this.#reading, this.#gathered?.view ?? NOTHING, true);
  }

  messageEnd(dataSetBytes: number): void {
    this.#request = undefined;
    this.#operation = undefined;
    this.#stop();
    this.#half.messageEnd(dataSetBytes);
  }

  #readingOf(contextId: number, { CommandField: field }: CommandSet): FactsReading | undefined {
    const transferSyntaxUid = this.#contexts.get(contextId)?.transferSyntax ?? '';
    if (field === CommandField.CFindRq) return queryReading(transferSyntaxUid);
    const hasStudy =
      field === CommandField.CStoreRq || field === CommandField.CGetRq || field === CommandField.CMoveRq;
    return hasStudy ? studyReading(transferSyntaxUid) : undefined;
  }

  /** A response begins no operation, and its message ID is that of another message. */
  #begun(): void {
    const { MessageID, CommandField: field } = this.#request!;
    this.#operation = this.#half.requested.of(MessageID);
    if (this.#operation === undefined || this.#operation.request.CommandField !== field) return;
    this.#operation.disclosed = { isFromUpstream: this.#isFromUpstream };
  }

  #read(reading: FactsReading, bytes: Buffer): void {
    if (this.#gathered === undefined) {
      this.#take(reading, bytes, false);
      if (this.#reading === undefined) return;
      this.#gathered = new GatheredBytes(reading.maxBytes);
      this.#gathered.add(bytes);
      return;
    }
    this.#gathered.add(bytes);
    this.#take(reading, this.#gathered.view, false);
  }

  #take(reading: FactsReading, bytes: Buffer, isWhole: boolean): void {
    const facts = factsIn(reading, bytes, isWhole);
    if (facts === undefined) return;
    this.#stop();
    if (this.#operation?.disclosed === undefined) return;
    this.#operation.disclosed = { ...this.#operation.disclosed, facts: new SealedFacts(facts) };
  }

  #stop(): void {
    this.#reading = undefined;
    this.#gathered = undefined;
  }
}

const NOTHING = Buffer.alloc(0);

/** The data set has passed: a defect of the reading must not end the association. */
function factsIn(reading: FactsReading, bytes: Buffer, isWhole: boolean): DataSetFacts | undefined {
  try {
    return reading.read(bytes, isWhole);
  } catch {
    return { studyInstanceUids: [] };
  }
}

/** What the DICOM audit messages of this configuration need. */
export function wantedDisclosures({ audit: { syslog, atna } }: Configuration): DisclosureSink['wants'] {
  if (syslog === undefined || atna === undefined) return 'nothing';
  return atna.patients ? 'patients' : 'operations';
}
