/**
 * The archives of the soak: a real Orthanc, and one of our own that counts, and misbehaves when it is asked to. Also the
 * workstation that C-MOVEs go to. Owns what they have stored; decides nothing about it.
 */
import type { Random } from '../fuzz/random';
import { CommandField, type CommandSet } from '../support/dicomBytes';
import type { Instance } from '../support/dicomFiles';
import { readPart10 } from '../support/dicomFiles';
import type { DicomMessage } from '../support/dicomReading';
import type { Orthanc } from '../support/orthanc';
import { type SpyConnection, SpyUpstream } from '../support/spyUpstream';
import { syntheticInstance } from '../support/syntheticInstances';
import { SopClass, TransferSyntax } from '../support/uids';
import type { Stored } from './ledger';

/** How a connection is ended; `silent`: it is not, and nothing more is read or written. */
export const HOWS = ['FIN', 'RST', 'A-ABORT', 'silence', 'rubbish'] as const;
export type How = (typeof HOWS)[number];

/** What the own archive does wrong. */
export type Mischief =
  | { readonly kind: 'ends'; readonly how: How }
  | { readonly kind: 'reads slowly' }
  | { readonly kind: 'answers late' }
  | { readonly kind: 'answers nothing' };

/** Somewhere in an association: its beginning, its commands, or inside of a data set. */
const ENDS_WITHIN_BYTES = [1, 300, 2000, 400_000] as const;
const SLOW_MS = 40;
const LATE_MS = 300;
/** A C-GET of the own archive brings so many, of this size. */
const MAX_PARTS = 3;
const PART_BYTES = 20_000;

export class OwnArchive {
  mischief: Mischief | undefined;
  readonly #random: Random;
  readonly #spy: SpyUpstream;
  #stored: Stored[] = [];
  /** Sub-operations of C-GETs, by what they must arrive as. */
  readonly sentByUid = new Map<string, string>();
  requests = 0;

  private constructor(random: Random, spy: SpyUpstream) {
    this.#random = random;
    this.#spy = spy;
  }

  static async start(random: Random): Promise<OwnArchive> {
    const spy = await SpyUpstream.start({ keepsBytes: false, maxPduLength: 65_536 });
    const archive = new OwnArchive(random, spy);
    spy.script = {
      onConnect: (connection) => archive.#connected(connection),
      onRequest: (connection, request) => archive.#requested(connection, request),
    };
    return archive;
  }

  get port(): number {
    return this.#spy.port;
  }

  /** What it has got whole since the last time, and then forgets. */
  take(): Stored[] {
    return this.#stored.splice(0);
  }

  /** What the gateway sent that does not parse. Forgets connections that are over. */
  failures(): string[] {
    return takeFailures(this.#spy);
  }

  get openConnections(): number {
    return this.#spy.connections.filter(({ closed }) => closed === undefined).length;
  }

  #connected(connection: SpyConnection): void {
    const { mischief } = this;
    if (mischief === undefined || this.#random.below(2) === 0) return;
    const { socket } = connection;
    if (mischief.kind === 'reads slowly') {
      const timer = setInterval(() => {
        connection.stopReading();
        setTimeout(() => connection.resumeReading(), this.#random.below(SLOW_MS));
      }, SLOW_MS);
      socket.once('close', () => clearInterval(timer));
    } else if (mischief.kind === 'ends') {
      let left = this.#random.below(this.#random.pick(ENDS_WITHIN_BYTES));
      const count = (chunk: Buffer) => {
        left -= chunk.length;
        if (left > 0) return;
        socket.off('data', count);
        end(connection, mischief.how);
      };
      if (left === 0) end(connection, mischief.how);
      else socket.on('data', count);
    }
  }

  #requested(connection: SpyConnection, request: DicomMessage): void {
    this.requests += 1;
    const { CommandField: field, AffectedSOPInstanceUID: uid } = request.command;
    if (field === CommandField.CStoreRq) this.#stored.push({ uid: uid!, sha256: request.sha256! });
    if (this.mischief?.kind === 'answers nothing') return;
    const answer = () => void this.#answer(connection, request);
    if (this.mischief?.kind === 'answers late') setTimeout(answer, this.#random.below(LATE_MS));
    else answer();
  }

  async #answer(connection: SpyConnection, request: DicomMessage): Promise<void> {
    if (connection.closed !== undefined) return;
    const { CommandField: field } = request.command;
    if (field === CommandField.CFindRq) {
      for (let count = this.#random.below(20); count > 0; count -= 1) {
        connection.respond(request, { Status: 0xff00 }, this.#random.bytes(200));
      }
    } else if (field === CommandField.CGetRq) {
      for (let count = 1 + this.#random.below(MAX_PARTS); count > 0; count -= 1)
        await this.#sendPart(connection);
    }
    connection.respond(request);
    if (field === CommandField.NActionRq)
      void connection.request(request.contextId, REPORT, Buffer.alloc(100));
  }

  /** On the context that the modality proposed for what it gets. */
  async #sendPart(connection: SpyConnection): Promise<void> {
    const instance = ctInstance(PART_BYTES);
    this.sentByUid.set(instance.sopInstanceUid, instance.sha256);
    const context = connection.associateRq!.contexts.find(
      ({ abstractSyntax }) => abstractSyntax === SopClass.CTImageStorage,
    );
    await connection.request(context!.id, storeCommand(instance), instance.dataSet);
  }
}

const REPORT: CommandSet = {
  CommandField: CommandField.NEventReportRq,
  AffectedSOPClassUID: SopClass.StorageCommitmentPushModel,
  AffectedSOPInstanceUID: '1.2.840.10008.1.20.1.1',
  EventTypeID: 1,
};

function end(connection: SpyConnection, how: How): void {
  if (how === 'FIN') connection.end();
  else if (how === 'RST') connection.reset();
  else if (how === 'A-ABORT') connection.abort();
  else if (how === 'silence') connection.stopReading();
  else {
    connection.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    connection.end();
  }
}

export function takeFailures(spy: SpyUpstream): string[] {
  const failures = spy.connections.flatMap((connection) => connection.failures.splice(0));
  const open = spy.connections.filter(({ closed }) => closed === undefined);
  spy.connections.splice(0, spy.connections.length, ...open);
  return failures.map(({ message }) => message);
}

export function ctInstance(pixelBytes: number): Instance {
  return syntheticInstance('ct', SopClass.CTImageStorage, TransferSyntax.ExplicitVrLittleEndian, {
    pixelBytes,
  });
}

export function storeCommand({ sopClassUid, sopInstanceUid }: Instance): CommandSet {
  return {
    CommandField: CommandField.CStoreRq,
    AffectedSOPClassUID: sopClassUid,
    AffectedSOPInstanceUID: sopInstanceUid,
    Priority: 0,
  };
}

/** What a real Orthanc has stored, beyond what stays there for queries. */
export class OrthancStorage {
  readonly #orthanc: Orthanc;
  readonly #stays = new Set<string>();

  constructor(orthanc: Orthanc) {
    this.#orthanc = orthanc;
  }

  /** From now on, everything that it has stays. */
  async keep(): Promise<void> {
    for (const id of await this.#ids()) this.#stays.add(id);
  }

  /** Everything else, which it then forgets. */
  async take(): Promise<Stored[]> {
    const ids = (await this.#ids()).filter((id) => !this.#stays.has(id));
    const taken: Stored[] = [];
    for (const id of ids) {
      const { sopInstanceUid: uid, sha256 } = readPart10(id, await this.#orthanc.file(id));
      taken.push({ uid, sha256 });
    }
    if (ids.length > 0) await this.#orthanc.forget(ids);
    return taken;
  }

  async #ids(): Promise<string[]> {
    return (await this.#orthanc.get('/instances')) as string[];
  }
}
