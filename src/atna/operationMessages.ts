/**
 * Messages of what was asked and answered on associations: queries, and transfers, which are added up for each study
 * until the association ends. Knows of patients what was disclosed, and forgets it with the message.
 */
import type { AuditEvent } from '../audit/events';
import { statusClass } from '../dimse/commands';
import type { DataSetFacts } from '../dimse/dataSetFacts';
import { sopClassUid } from '../dimse/sopClasses';
import type { Disclosure } from '../gateway/dataSetTap';
import { type AuditMessage, type MessageObject, type Participant, UNKNOWN } from './auditMessage';
import { endpointsOf } from './endpoints';

/** An association that reaches it has the messages of its oldest study written early. */
const MAX_STUDIES = 200;
/** More than the gateway has: it bounds what stays where an end is never reported. */
const MAX_ASSOCIATIONS = 10_000;

type Counts = Map<string, number>;

/** Instances of one study that go one way on one association. */
interface Transfer {
  /** An event of it: all have the same ends. */
  readonly event: AuditEvent;
  readonly isFromUpstream: boolean;
  readonly objects: readonly MessageObject[];
  readonly studyId: string;
  readonly succeeded: Counts;
  readonly failed: Counts;
}

export class OperationMessages {
  readonly #write: (message: AuditMessage) => void;
  readonly #transfersByConnection = new Map<string, Map<string, Transfer>>();
  /** Of the event that comes next. */
  #disclosure: Disclosure | undefined;

  constructor(write: (message: AuditMessage) => void) {
    this.#write = write;
  }

  disclose(disclosure: Disclosure): void {
    this.#disclosure = disclosure;
  }

  record(event: AuditEvent): void {
    const { connectionId } = event;
    if (connectionId === undefined) return;
    const disclosure = this.#disclosure?.connectionId === connectionId ? this.#disclosure : undefined;
    this.#disclosure = undefined;
    if (event.event === 'association.released' || event.event === 'association.aborted') {
      this.#end(connectionId);
    } else if (event.event === 'command.completed') {
      this.#completed(connectionId, event, disclosure);
    }
  }

  /** All that is added up. */
  close(): void {
    for (const connectionId of [...this.#transfersByConnection.keys()]) this.#end(connectionId);
  }

  #completed(connectionId: string, event: AuditEvent, disclosure: Disclosure | undefined): void {
    const facts = disclosure?.facts?.unseal();
    if (event.command === 'C-FIND') this.#write(queryMessage(event, facts));
    if (event.command === 'C-STORE') this.#store(connectionId, event, disclosure, facts);
    const { completed = 0, failed = 0 } = disclosure ?? {};
    // What a C-GET sends comes as C-STOREs on the same association; a C-MOVE sends on others.
    const isOnItsOwn =
      event.command === 'C-MOVE' ||
      (event.command === 'C-GET' && hasFailed(event) && completed + failed === 0);
    if (isOnItsOwn) this.#retrieve(event, facts, completed, failed);
  }

  #store(
    connectionId: string,
    event: AuditEvent,
    disclosure: Disclosure | undefined,
    facts: DataSetFacts | undefined,
  ): void {
    const transfers = this.#transfersOf(connectionId);
    const isFromUpstream = disclosure?.isFromUpstream ?? false;
    const [studyId = UNKNOWN] = facts?.studyInstanceUids ?? [];
    const key = JSON.stringify([isFromUpstream, studyId, facts?.patientId]);
    let transfer = transfers.get(key);
    if (transfer === undefined) {
      if (transfers.size >= MAX_STUDIES) this.#endFirst(transfers);
      transfer = {
        event,
        isFromUpstream,
        objects: [patientObject(facts)],
        studyId,
        succeeded: new Map(),
        failed: new Map(),
      };
      transfers.set(key, transfer);
      const one = new Map([[sopClassOf(event), 1]]);
      this.#write(transferMessage('BeginTransferring', transfer, one, 'success', startOf(event)));
    }
    const counts = hasFailed(event) ? transfer.failed : transfer.succeeded;
    const sopClass = sopClassOf(event);
    counts.set(sopClass, (counts.get(sopClass) ?? 0) + 1);
  }

  #retrieve(event: AuditEvent, facts: DataSetFacts | undefined, completed: number, failed: number): void {
    const studies =
      facts === undefined || facts.studyInstanceUids.length === 0 ? [UNKNOWN] : facts.studyInstanceUids;
    const [studyId = UNKNOWN, ...others] = studies;
    const objects = [...others.map((id) => studyObject(id, new Map())), patientObject(facts)];
    const transfer = { event, isFromUpstream: true, objects, studyId };
    const count = (instances: number) => new Map([['', instances]]);
    this.#write(
      transferMessage('BeginTransferring', transfer, count(completed + failed), 'success', startOf(event)),
    );
    if (completed > 0 || !hasFailed(event)) {
      this.#write(transferMessage('InstancesTransferred', transfer, count(completed), 'success'));
    }
    if (failed > 0 || hasFailed(event)) {
      this.#write(transferMessage('InstancesTransferred', transfer, count(failed), 'minor'));
    }
  }

  #transfersOf(connectionId: string): Map<string, Transfer> {
    const known = this.#transfersByConnection.get(connectionId);
    if (known !== undefined) return known;
    if (this.#transfersByConnection.size >= MAX_ASSOCIATIONS) {
      const [first] = this.#transfersByConnection.keys();
      this.#end(first!);
    }
    const transfers = new Map<string, Transfer>();
    this.#transfersByConnection.set(connectionId, transfers);
    return transfers;
  }

  #end(connectionId: string): void {
    const transfers = this.#transfersByConnection.get(connectionId);
    this.#transfersByConnection.delete(connectionId);
    while (transfers !== undefined && transfers.size > 0) this.#endFirst(transfers);
  }

  #endFirst(transfers: Map<string, Transfer>): void {
    const [first] = transfers;
    if (first === undefined) return;
    const [key, transfer] = first;
    transfers.delete(key);
    const { succeeded, failed } = transfer;
    if (succeeded.size > 0) {
      this.#write(transferMessage('InstancesTransferred', transfer, succeeded, 'success'));
    }
    if (failed.size > 0) this.#write(transferMessage('InstancesTransferred', transfer, failed, 'minor'));
  }
}

function queryMessage(event: AuditEvent, facts: DataSetFacts | undefined): AuditMessage {
  const isEgress = event.direction === 'egress';
  const { modality, archive } = endpointsOf(event);
  const asks: Participant = { ...(isEgress ? archive : modality), isRequestor: true, role: 'Source' };
  const answers: Participant = { ...(isEgress ? modality : archive), role: 'Destination' };
  return {
    event: 'Query',
    action: 'E',
    time: startOf(event),
    outcome: hasFailed(event) ? 'minor' : 'success',
    participants: [asks, answers],
    objects: [
      {
        kind: 'query',
        sopClassUid: sopClassOf(event) || UNKNOWN,
        query: facts?.query,
        transferSyntaxUid: facts?.transferSyntaxUid,
      },
    ],
  };
}

function transferMessage(
  name: 'BeginTransferring' | 'InstancesTransferred',
  { event, isFromUpstream, objects, studyId }: Omit<Transfer, 'succeeded' | 'failed'>,
  counts: ReadonlyMap<string, number>,
  outcome: AuditMessage['outcome'],
  time = new Date().toISOString(),
): AuditMessage {
  const isToArchive = event.direction !== 'egress' && !isFromUpstream;
  return {
    event: name,
    // Whether the archive had them before, the gateway cannot know.
    action: name === 'BeginTransferring' ? 'E' : isToArchive ? 'C' : 'R',
    time,
    outcome,
    participants: transferParticipants(event, isFromUpstream),
    objects: [studyObject(studyId, counts), ...objects],
  };
}

/** The one that asked is the requestor: the sender of a C-STORE, and who retrieves. */
function transferParticipants(event: AuditEvent, isFromUpstream: boolean): readonly Participant[] {
  const { modality, archive } = endpointsOf(event);
  const isEgress = event.direction === 'egress';
  const [calling, called] = isEgress ? [archive, modality] : [modality, archive];
  const asks = { ...calling, isRequestor: true };
  if (!isFromUpstream)
    return [
      { ...asks, role: 'Source' },
      { ...called, role: 'Destination' },
    ];
  const { moveDestination } = event;
  if (moveDestination === undefined || moveDestination === calling.userId) {
    return [
      { ...called, role: 'Source' },
      { ...asks, role: 'Destination' },
    ];
  }
  const destination = { userId: moveDestination, aeTitles: [moveDestination] };
  return [{ ...called, role: 'Source' }, { ...destination, role: 'Destination' }, asks];
}

function studyObject(id: string, instancesBySopClass: ReadonlyMap<string, number>): MessageObject {
  return { kind: 'study', id, instancesBySopClass };
}

/** PS3.15 has it mandatory. */
function patientObject(facts: DataSetFacts | undefined): MessageObject {
  return { kind: 'patient', id: facts?.patientId ?? UNKNOWN, name: facts?.patientName ?? UNKNOWN };
}

/** Events name a class by its keyword. '' for what is not a UID. */
function sopClassOf({ sopClass = '' }: AuditEvent): string {
  return sopClassUid(sopClass) ?? '';
}

function hasFailed({ outcome, status }: AuditEvent): boolean {
  return outcome === 'failed' || (status !== undefined && statusClass(Number(status)) === 'failure');
}

function startOf({ durationMs = 0 }: AuditEvent): string {
  return new Date(Date.now() - durationMs).toISOString();
}
