/**
 * Does the jobs of the load process, and times them: see jobs.ts for what each one is.
 */
import { CommandField, messagePdus, numberedRequest, responseTo } from '../../test/support/dicomBytes';
import { SopClass } from '../../test/support/uids';
import { findIdentifier, getIdentifier } from '../wire/identifiers';
import { storeRequest } from '../wire/instances';
import { ContextId, LoadAssociation } from './association';
import { crowd } from './crowd';
import type { LoadJob, LoadResult, LoadTarget } from './jobs';
import { pairs } from './pairs';

/** Associations are opened by as many at a time, so that no listen queue runs over. */
const OPENING_CONCURRENCY = 8;

const ECHO_RQ = Buffer.concat(
  messagePdus(
    ContextId.verification,
    numberedRequest(
      1,
      { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification },
      false,
    ),
  ),
);
const idle: LoadAssociation[] = [];

export function runJob(job: LoadJob): Promise<LoadResult> {
  switch (job.kind) {
    case 'store':
      return store(job);
    case 'echo':
      return withAssociation(job.target, (association) => echoAgain(association, job.count));
    case 'associate':
      return associateAgain(job);
    case 'openIdle':
      return openIdle(job.target, job.count);
    case 'closeIdle':
      return timed(async () => {
        await Promise.all(idle.splice(0).map((association) => association.release()));
        return {};
      });
    case 'find':
      return withAssociation(job.target, (association) => findAgain(association, job.count));
    case 'get':
      return withAssociation(job.target, (association) => timed(() => get(association)));
    case 'crowd':
      return timed(() => crowd(job.target, job.forMs));
    case 'pairs':
      return timed(() => pairs(job));
  }
}

type Counted = Partial<Omit<LoadResult, 'seconds'>>;

async function timed(work: () => Promise<Counted>): Promise<LoadResult> {
  const from = performance.now();
  const counted = await work();
  const seconds = (performance.now() - from) / 1000;
  return { seconds, dataSetBytes: 0, answers: 0, latenciesMs: [], ...counted };
}

async function withAssociation(
  target: LoadTarget,
  work: (association: LoadAssociation) => Promise<LoadResult>,
): Promise<LoadResult> {
  const association = await LoadAssociation.open(target);
  try {
    const result = await work(association);
    await association.release();
    return result;
  } finally {
    association.destroy();
  }
}

async function store(job: LoadJob & { kind: 'store' }): Promise<LoadResult> {
  const associations = job.areOpen ? idle.splice(0) : await openMany(job.target, job.associations);
  const { maxPduLength } = associations[0]!;
  const request = storeRequest(ContextId.ctImageStorage, 1, job.instanceBytes, maxPduLength);
  const latenciesMs: number[] = [];
  const result = await timed(async () => {
    await Promise.all(
      associations.map(async (association) => {
        for (let stored = 0; stored < job.instancesEach; stored += 1) {
          const from = performance.now();
          for (const bytes of request.writes) await association.write(bytes);
          await succeeded(association);
          latenciesMs.push(performance.now() - from);
        }
      }),
    );
    const answers = job.associations * job.instancesEach;
    return { answers, dataSetBytes: answers * request.dataSetBytes, latenciesMs };
  });
  latenciesMs.sort((one, other) => one - other);
  await Promise.all(associations.map((association) => association.release()));
  return result;
}

/** The status of a response; anything but success means that the numbers are worth nothing. */
export async function succeeded(association: LoadAssociation): Promise<void> {
  const { command } = await association.nextMessage();
  if (command.Status !== 0) throw new Error(`a response has status ${command.Status?.toString(16)}`);
}

export async function echo(association: LoadAssociation): Promise<void> {
  await association.write(ECHO_RQ);
  await succeeded(association);
}

async function echoAgain(association: LoadAssociation, count: number): Promise<LoadResult> {
  const warmUp = Math.ceil(count / 10);
  for (let done = 0; done < warmUp; done += 1) await echo(association);
  const latenciesMs: number[] = [];
  return timed(async () => {
    for (let done = 0; done < count; done += 1) {
      const from = performance.now();
      await echo(association);
      latenciesMs.push(performance.now() - from);
    }
    return { answers: count, latenciesMs: ascending(latenciesMs) };
  });
}

function ascending(numbers: readonly number[]): number[] {
  return [...numbers].sort((one, other) => one - other);
}

function associateAgain(job: LoadJob & { kind: 'associate' }): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let started = 0;
  const worker = async () => {
    while (started < job.count) {
      started += 1;
      const from = performance.now();
      const association = await LoadAssociation.open(job.target);
      await echo(association);
      await association.release();
      latenciesMs.push(performance.now() - from);
    }
  };
  return timed(async () => {
    await Promise.all(Array.from({ length: job.concurrency }, worker));
    return { answers: latenciesMs.length, latenciesMs: ascending(latenciesMs) };
  });
}

async function openMany(target: LoadTarget, count: number): Promise<LoadAssociation[]> {
  const opened: LoadAssociation[] = [];
  let started = 0;
  const worker = async () => {
    while (started < count) {
      started += 1;
      opened.push(await LoadAssociation.open(target));
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, OPENING_CONCURRENCY) }, worker));
  return opened;
}

function openIdle(target: LoadTarget, count: number): Promise<LoadResult> {
  return timed(async () => {
    idle.push(...(await openMany(target, count)));
    return { answers: count };
  });
}

const FIND_RQ = Buffer.concat(
  messagePdus(
    ContextId.find,
    numberedRequest(
      1,
      { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind, Priority: 0 },
      true,
    ),
    findIdentifier,
  ),
);

/** Resolves with the number of answers, the last one too. */
export async function find(association: LoadAssociation): Promise<number> {
  await association.write(FIND_RQ);
  for (let answers = 1; ; answers += 1) {
    if ((await association.nextMessage()).command.Status === 0) return answers;
  }
}

async function findAgain(association: LoadAssociation, count: number): Promise<LoadResult> {
  return timed(async () => {
    let answers = 0;
    for (let done = 0; done < count; done += 1) answers += await find(association);
    return { answers };
  });
}

// Not the message ID of the C-STORE requests that come back on the same association.
const GET_RQ = Buffer.concat(
  messagePdus(
    ContextId.get,
    numberedRequest(
      100,
      { CommandField: CommandField.CGetRq, AffectedSOPClassUID: SopClass.StudyRootGet, Priority: 0 },
      true,
    ),
    getIdentifier,
  ),
);

/** One C-GET; what it brings is answered and dropped. */
export async function get(association: LoadAssociation): Promise<Counted> {
  let dataSetBytes = 0;
  let answers = 0;
  await association.write(GET_RQ);
  for (;;) {
    const message = await association.nextMessage();
    if (message.command.CommandField === CommandField.CStoreRq) {
      answers += 1;
      dataSetBytes += message.dataSetBytes;
      const response = messagePdus(message.contextId, responseTo(message.command));
      await association.write(Buffer.concat(response));
    } else if (message.command.Status === 0) {
      return { answers, dataSetBytes };
    }
  }
}
