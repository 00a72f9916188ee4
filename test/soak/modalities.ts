/**
 * The load: modalities that come one after the other, each with an association of some commands of all kinds, allowed ones
 * and others, and go. Writes down what each sent and was answered. Knows no fault but its own going away.
 */
import { Random } from '../fuzz/random';
import { encodeElement, encodingOf, textValue, uidValue } from '../support/dataElements';
import {
  CommandField,
  type CommandSet,
  messagePdus,
  numberedRequest,
  proposedContext,
  RESPONSE_BIT,
  roleSelection,
} from '../support/dicomBytes';
import type { Instance } from '../support/dicomFiles';
import { RawScu } from '../support/rawScu';
import { syntheticInstance } from '../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../support/uids';
import { ctInstance, storeCommand } from './archives';
import type { Hospital } from './hospital';
import type { Association, Operation, Target } from './ledger';
import { pause } from './pause';

/** Modalities at the same time. */
const AT_ONCE = 8;
const MAX_COMMANDS = 6;
const MAX_PAUSE_MS = 60;
/** Of the pixels: most are CT slices. The large one takes several turns of everything. */
const PIXEL_BYTES = [2, 2000, 16_384, 131_072, 524_288, 524_288, 524_288] as const;
const LARGE_PIXEL_BYTES = 12_000_000;
const CONTEXT = { echo: 1, ct: 3, mr: 5, find: 7, move: 9, get: 11, commitment: 13 } as const;
const IMPLICIT = [TransferSyntax.ImplicitVrLittleEndian];
const EXPLICIT = [TransferSyntax.ExplicitVrLittleEndian];
const contexts = [
  proposedContext(CONTEXT.echo, SopClass.Verification, IMPLICIT),
  proposedContext(CONTEXT.ct, SopClass.CTImageStorage, EXPLICIT),
  proposedContext(CONTEXT.mr, SopClass.MRImageStorage, EXPLICIT),
  proposedContext(CONTEXT.find, SopClass.StudyRootFind, IMPLICIT),
  proposedContext(CONTEXT.move, SopClass.StudyRootMove, IMPLICIT),
  proposedContext(CONTEXT.get, SopClass.StudyRootGet, IMPLICIT),
];
const commitment = proposedContext(CONTEXT.commitment, SopClass.StorageCommitmentPushModel, IMPLICIT);

interface Request {
  readonly kind: string;
  readonly contextId: number;
  readonly command: CommandSet;
  readonly dataSet?: Buffer;
  readonly instance?: Instance;
  /** Default success. */
  readonly expected?: number;
}

/** How a modality goes away in the middle of a message. */
const vanishings = ['FIN', 'RST', 'A-ABORT', 'silence', 'half-close'] as const;

export class Modalities {
  readonly #hospital: Hospital;
  readonly #random: Random;
  associations: Association[] = [];
  /** What a C-GET brought that nobody sent. */
  faults: string[] = [];
  areVanishing = false;
  /** Answered operations of the whole soak, by kind. */
  readonly counts = new Map<string, { sent: number; answered: number }>();
  #visits = 0;
  #running: Promise<unknown> | undefined;
  #isOver = false;

  constructor(hospital: Hospital, seed: number) {
    this.#hospital = hospital;
    this.#random = new Random(seed);
  }

  start(): void {
    this.#isOver = false;
    this.#running = Promise.all(Array.from({ length: AT_ONCE }, () => this.#visitUntilOver()));
  }

  /** Resolves when the last one has gone. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** What was sent since the last time. */
  take(): { readonly associations: Association[]; readonly faults: string[] } {
    const taken = { associations: this.associations, faults: this.faults };
    this.associations = [];
    this.faults = [];
    return taken;
  }

  async #visitUntilOver(): Promise<void> {
    while (!this.#isOver) {
      await this.visit(this.#random.pick(NAMES), this.#random.pick(TARGETS));
      await pause(this.#random.below(MAX_PAUSE_MS));
    }
  }

  /** Whether one of each kind can do all that it may, at both archives. */
  async areServed(): Promise<boolean> {
    const visits = TARGETS.flatMap((target) => NAMES.map((name) => this.visit(name, target, true)));
    const associations = await Promise.all(visits);
    return associations.every(({ isStranger, trouble }) => isStranger || trouble === undefined);
  }

  /** `isProbe`: one command, and it stays until it is answered. */
  async visit(name: (typeof NAMES)[number], target: Target, isProbe = false): Promise<Association> {
    this.#visits += 1;
    // Each has an address of its own, so that the log says which association a line belongs to.
    const localAddress = `127.${1 + ((this.#visits >> 16) % 250)}.${(this.#visits >> 8) & 255}.${this.#visits & 255}`;
    const isTls = name === 'ct1' || name === 'ws1';
    let scu: RawScu;
    const association: Association = {
      key: localAddress,
      modality: name,
      target,
      operations: [],
      answer: 'none',
      hasVanished: false,
      isStranger: name === 'stranger',
    };
    this.associations.push(association);
    try {
      scu = await this.#connect(localAddress, isTls);
    } catch (error) {
      association.trouble = `cannot connect: ${(error as Error).message}`;
      return association;
    }
    Object.assign(association, { key: `${localAddress}:${scu.socket.localPort}` });
    try {
      await this.#converse(scu, association, isProbe ? 1 : 1 + this.#random.below(MAX_COMMANDS), isProbe);
    } catch (error) {
      association.trouble ??= (error as Error).message;
    }
    if (!association.hasVanished) scu.socket.destroy();
    return association;
  }

  #connect(localAddress: string, isTls: boolean): Promise<RawScu> {
    const { ports, certificates } = this.#hospital;
    const { cert, key } = certificates.client;
    return RawScu.connect({
      port: isTls ? ports.tls : ports.plain,
      localAddress,
      ...(isTls ? { tls: { ca: certificates.ca.cert, cert, key } } : {}),
    });
  }

  async #converse(scu: RawScu, association: Association, count: number, isProbe: boolean): Promise<void> {
    const { modality, target } = association;
    const answer = await scu.associate({
      calling: modality.toUpperCase(),
      called: target,
      contexts: target === 'ARCHIVE' ? [...contexts, commitment] : contexts,
      maxPduLength: this.#random.pick([0, 4096, 16_384, 131_072]),
      userItems: modality === 'ws1' ? [roleSelection(SopClass.CTImageStorage, 0, 1)] : [],
    });
    if (answer.kind === 'accepted' || answer.kind === 'rejected') association.answer = answer.kind;
    if (answer.kind !== 'accepted') {
      association.trouble = JSON.stringify(answer);
      return;
    }
    const vanishesAt = this.areVanishing && !isProbe ? this.#random.below(2 * count) : count;
    for (let at = 0; at < count; at += 1) {
      const request = this.#request(modality, target);
      if (at === vanishesAt) {
        await this.#vanish(scu, association, request);
        return;
      }
      await this.#ask(scu, association, request);
      if (!isProbe) await pause(this.#random.below(MAX_PAUSE_MS));
    }
    await scu.release();
  }

  async #ask(scu: RawScu, association: Association, request: Request): Promise<void> {
    const operation = this.#note(association, scu.nextMessageId, request);
    const before = scu.peerRequests.length;
    const responses = await scu.request(request.contextId, request.command, request.dataSet);
    operation.status = responses.at(-1)!.command.Status!;
    this.#count(request.kind).answered += 1;
    for (const { command, sha256 } of scu.peerRequests.slice(before)) {
      if (command.CommandField !== CommandField.CStoreRq) continue;
      const uid = command.AffectedSOPInstanceUID!;
      const { keptByUid, archive } = this.#hospital;
      if ((keptByUid.get(uid) ?? archive.sentByUid.get(uid)) !== sha256) {
        this.faults.push(`${association.key}: a C-GET brought other bytes of ${uid}`);
      }
      archive.sentByUid.delete(uid);
    }
    if (request.kind !== 'N-ACTION') return;
    // The report of a storage commitment follows on the same association.
    const report = await scu.readMessage();
    await scu.send(
      ...messagePdus(report.contextId, {
        ...report.command,
        CommandField: CommandField.NEventReportRq | RESPONSE_BIT,
        MessageIDBeingRespondedTo: report.command.MessageID,
        MessageID: undefined,
        CommandDataSetType: 0x0101,
        Status: 0,
      }),
    );
  }

  #note(association: Association, messageId: number, { kind, expected = 0, instance }: Request): Operation {
    const operation: Operation = {
      messageId,
      kind,
      expected,
      ...(instance === undefined
        ? {}
        : { instance: { uid: instance.sopInstanceUid, sha256: instance.sha256 } }),
    };
    association.operations.push(operation);
    this.#count(kind).sent += 1;
    return operation;
  }

  #count(kind: string): { sent: number; answered: number } {
    const count = this.counts.get(kind) ?? { sent: 0, answered: 0 };
    this.counts.set(kind, count);
    return count;
  }

  /** Sends a part of the request, none or all of it, and goes. Nobody waits for what silence brings. */
  async #vanish(scu: RawScu, association: Association, request: Request): Promise<void> {
    const how = this.#random.pick(vanishings);
    const messageId = scu.nextMessageId;
    const operation = this.#note(association, messageId, request);
    const { contextId, command, dataSet, kind } = request;
    const bytes = Buffer.concat(
      messagePdus(contextId, numberedRequest(messageId, command, dataSet !== undefined), dataSet, 4096),
    );
    // A modality that has sent all may close its side, and is still answered. Sub-operations would need an answer of its own.
    if (how === 'half-close' && kind !== 'C-GET' && kind !== 'N-ACTION') {
      await scu.send(bytes);
      scu.end();
      operation.status = (await scu.readResponses(messageId)).at(-1)!.command.Status!;
      this.#count(kind).answered += 1;
      return;
    }
    association.hasVanished = true;
    await scu.send(bytes.subarray(0, this.#random.pick([0, this.#random.below(bytes.length), bytes.length])));
    if (how === 'FIN') scu.socket.destroy();
    else if (how === 'RST') scu.reset();
    else if (how === 'A-ABORT') await scu.abort();
    else if (how === 'half-close') scu.end();
  }

  #request(modality: string, target: Target): Request {
    const of = REQUESTS[modality as keyof typeof REQUESTS] ?? [];
    const kind = this.#random.pick(of);
    switch (kind) {
      case 'store':
        return this.#store(ctInstance(this.#pixelBytes()));
      case 'store of another class': {
        const instance = mrInstance();
        return {
          ...this.#store(instance),
          kind: 'C-STORE of a refused class',
          contextId: CONTEXT.mr,
          expected: 0x0122,
        };
      }
      case 'store of other bytes': {
        const instance = ctInstance(2000);
        const command = { ...storeCommand(instance), AffectedSOPInstanceUID: `${instance.sopInstanceUid}.1` };
        const refused = { ...instance, sopInstanceUid: command.AffectedSOPInstanceUID };
        return { ...this.#store(refused), kind: 'C-STORE of another instance', command, expected: 0xa900 };
      }
      case 'refused store':
        return { ...this.#store(ctInstance(20_000)), kind: 'C-STORE refused', expected: 0x0124 };
      case 'find':
        return find('C-FIND');
      case 'refused find':
        return { ...find('C-FIND refused'), expected: 0x0124 };
      case 'get':
        return {
          kind: 'C-GET',
          contextId: CONTEXT.get,
          command: {
            CommandField: CommandField.CGetRq,
            AffectedSOPClassUID: SopClass.StudyRootGet,
            Priority: 0,
          },
          dataSet: this.#kept(),
        };
      case 'move':
        return this.#move('C-MOVE', 'WS1');
      case 'refused move':
        return { ...this.#move('C-MOVE refused', 'ELSEWHERE'), expected: 0xa801 };
      case 'commit':
        if (target === 'ORTHANC') return ECHO;
        return {
          kind: 'N-ACTION',
          contextId: CONTEXT.commitment,
          command: {
            CommandField: CommandField.NActionRq,
            RequestedSOPClassUID: SopClass.StorageCommitmentPushModel,
            RequestedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
            ActionTypeID: 1,
          },
          dataSet: Buffer.alloc(100),
        };
      default:
        return ECHO;
    }
  }

  #pixelBytes(): number {
    return this.#random.below(40) === 0 ? LARGE_PIXEL_BYTES : this.#random.pick(PIXEL_BYTES);
  }

  #store(instance: Instance): Request {
    return {
      kind: 'C-STORE',
      contextId: CONTEXT.ct,
      command: storeCommand(instance),
      dataSet: instance.dataSet,
      instance,
    };
  }

  #move(kind: string, destination: string): Request {
    return {
      kind,
      contextId: CONTEXT.move,
      command: {
        CommandField: CommandField.CMoveRq,
        AffectedSOPClassUID: SopClass.StudyRootMove,
        Priority: 0,
        MoveDestination: destination,
      },
      dataSet: this.#kept(),
    };
  }

  /** Names the instances that stay in Orthanc. */
  #kept(): Buffer {
    return identifier('IMAGE', [...this.#hospital.keptByUid.keys()]);
  }
}

const TARGETS = ['ORTHANC', 'ARCHIVE'] as const;
const NAMES = ['ct1', 'ct1', 'ws1', 'us1', 'old1', 'stranger'] as const;
/** What each of them does; its entry in the configuration decides which of it is refused. */
const REQUESTS = {
  ct1: [
    'store',
    'store',
    'store',
    'store',
    'echo',
    'commit',
    'refused find',
    'store of another class',
    'store of other bytes',
  ],
  ws1: ['find', 'get', 'move', 'echo', 'refused move'],
  us1: ['store', 'store', 'find', 'echo'],
  old1: ['echo', 'refused store', 'refused find'],
  stranger: [],
} as const;

const ECHO: Request = {
  kind: 'C-ECHO',
  contextId: CONTEXT.echo,
  command: { CommandField: CommandField.CEchoRq, AffectedSOPClassUID: SopClass.Verification },
};

function find(kind: string): Request {
  return {
    kind,
    contextId: CONTEXT.find,
    command: { CommandField: CommandField.CFindRq, AffectedSOPClassUID: SopClass.StudyRootFind, Priority: 0 },
    dataSet: identifier('STUDY', []),
  };
}

function mrInstance(): Instance {
  return syntheticInstance('mr', SopClass.MRImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
    pixelBytes: 20_000,
  });
}

/** A query for the study that all synthetic instances are of, or for some of them. */
function identifier(level: string, sopInstanceUids: readonly string[]): Buffer {
  const element = (group: number, number: number, representation: string, value: Buffer) =>
    encodeElement(encodingOf(TransferSyntax.ImplicitVrLittleEndian), group, number, representation, value);
  const root = '1.2.826.0.1.3680043.9.9999';
  return Buffer.concat([
    ...(sopInstanceUids.length === 0
      ? []
      : [element(0x0008, 0x0018, 'UI', uidValue(sopInstanceUids.join('\\')))]),
    element(0x0008, 0x0052, 'CS', textValue(level)),
    element(0x0020, 0x000d, 'UI', uidValue(`${root}.3.1`)),
    ...(sopInstanceUids.length === 0 ? [] : [element(0x0020, 0x000e, 'UI', uidValue(`${root}.3.2`))]),
  ]);
}
