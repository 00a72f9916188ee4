/**
 * The archive of the demo: a real SCP (dcmjs-dimse) on the loopback address that stores every data set, byte for byte
 * as it came, in a Part 10 file. Counts what reaches it, so that a refusal can be shown to have stopped everything.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { data } from 'dcmjs';
import { type association, constants, Dataset, type requests, responses, Scp } from 'dcmjs-dimse';
import { isUid } from '../dimse/elementValues';
import type { PduSink } from '../pdu/pduSink';
import { PduReader } from '../pdu/reader';
import { IMPLEMENTATION_CLASS_UID } from '../pdu/types';

type PresentationContext = association.PresentationContext;

/** Of a file that is still being written. */
const UNFINISHED = '.part';

/** A data set on disk. */
interface StoredFile {
  readonly path: string;
  /** Preamble and file meta information; the data set begins behind them. */
  readonly headerBytes: number;
}

/** What came so far. */
export interface ArchiveCounts {
  readonly connections: number;
  /** P-DATA-TF PDUs: any part of any message. */
  readonly dataPdus: number;
}

export class DemoArchive {
  readonly #server: Server;
  readonly #files = new Map<string, StoredFile>();
  readonly #sockets = new Set<Socket>();
  #connections = 0;
  #dataPdus = 0;

  private constructor(folder: string) {
    // A server of our own, because that of dcmjs-dimse listens on every address of the machine.
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#connections += 1;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.#count(socket);
      new ArchiveScp(socket, folder, (sopInstanceUid, file) => this.#files.set(sopInstanceUid, file));
    });
  }

  /** Listens on a free port of 127.0.0.1 and stores into the folder, which exists. */
  static async start(folder: string): Promise<DemoArchive> {
    const archive = new DemoArchive(folder);
    archive.#server.listen(0, '127.0.0.1');
    await once(archive.#server, 'listening');
    return archive;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get counts(): ArchiveCounts {
    return { connections: this.#connections, dataPdus: this.#dataPdus };
  }

  /** Part 10 files, in the order in which they came first. */
  get storedFiles(): readonly string[] {
    return [...this.#files.values()].map(({ path }) => path);
  }

  /** SHA-256 of the data set as it is on disk; undefined where no such instance was stored. */
  async storedSha256(sopInstanceUid: string): Promise<string | undefined> {
    const file = this.#files.get(sopInstanceUid);
    if (file === undefined) return undefined;
    const bytes = await readFile(file.path);
    return createHash('sha256').update(bytes.subarray(file.headerBytes)).digest('hex');
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Walks the PDUs beside dcmjs-dimse, which reports whole messages only. */
  #count(socket: Socket): void {
    const ignore = () => {};
    const sink: PduSink = {
      pData: () => {
        this.#dataPdus += 1;
      },
      associate: ignore,
      associateRj: ignore,
      pdvStart: ignore,
      fragment: ignore,
      pdvEnd: ignore,
      releaseRq: ignore,
      releaseRp: ignore,
      abort: ignore,
    };
    const reader = new PduReader(sink, { maxPduLength: MAX_ARCHIVE_PDU_LENGTH });
    socket.on('data', (chunk) => reader.push(chunk));
  }
}

/** dcmjs-dimse announces at most 262144. */
const MAX_ARCHIVE_PDU_LENGTH = 262144;

/** One association. */
class ArchiveScp extends Scp {
  readonly #folder: string;
  readonly #stored: (sopInstanceUid: string, file: StoredFile) => void;
  readonly #socket: Socket;
  #file: StoredFile | undefined;

  constructor(socket: Socket, folder: string, stored: (sopInstanceUid: string, file: StoredFile) => void) {
    super(socket);
    this.#folder = folder;
    this.#stored = stored;
    this.#socket = socket;
  }

  /** Takes everything that is proposed: what comes here was allowed by the gateway. */
  override associationRequested(association: association.Association): void {
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      context.setResult(constants.PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }

  override cEchoRequest(
    request: requests.CEchoRequest,
    respond: (response: responses.CEchoResponse) => void,
  ): void {
    const response = responses.CEchoResponse.fromRequest(request);
    response.setStatus(constants.Status.Success);
    respond(response);
  }

  /** There is nothing to find; only a gateway that lets everything pass ever asks. */
  override cFindRequest(
    request: requests.CFindRequest,
    respond: (responses: responses.CFindResponse[]) => void,
  ): void {
    const response = responses.CFindResponse.fromRequest(request);
    response.setStatus(constants.Status.Success);
    respond([response]);
  }

  override cMoveRequest(
    request: requests.CMoveRequest,
    respond: (responses: responses.CMoveResponse[]) => void,
  ): void {
    const response = responses.CMoveResponse.fromRequest(request);
    response.setStatus(constants.Status.Success);
    respond([response]);
  }

  /**
   * dcmjs-dimse would read the data set and write it again, without private elements. Here its bytes go to disk as
   * they come. What it does not handle, several PDVs in a PDU, the gateway never sends. The file has its name when it is
   * complete: with `--keep`, people send the archive's own files to it, which are read meanwhile.
   */
  override createStoreWritableStream(
    context: PresentationContext,
    request: requests.CStoreRequest,
  ): Writable {
    const sopInstanceUid = request.getAffectedSopInstanceUid();
    // It becomes a file name, and not every peer that finds this port comes through the gateway.
    if (!isUid(sopInstanceUid)) throw new Error('the SOP instance UID is not a UID');
    const header = fileHeader(request.getAffectedSopClassUid(), sopInstanceUid, context);
    const path = join(this.#folder, `${sopInstanceUid}.dcm`);
    this.#file = { path, headerBytes: header.length };
    const stream = createWriteStream(path + UNFINISHED, { mode: 0o600 });
    stream.on('error', () => this.#socket.destroy());
    stream.write(header);
    return stream;
  }

  override createDatasetFromStoreWritableStream(
    stream: Writable,
    _context: PresentationContext,
    callback: (dataset: Dataset) => void,
  ): void {
    // The stream was ended; the answer waits until everything is on disk.
    stream.once('finish', () => void this.#keep().then(() => callback(new Dataset({}))));
  }

  async #keep(): Promise<void> {
    if (this.#file === undefined) return;
    const { path } = this.#file;
    await rename(path + UNFINISHED, path).catch(() => this.#socket.destroy());
  }

  override cStoreRequest(
    request: requests.CStoreRequest,
    respond: (response: responses.CStoreResponse) => void,
  ): void {
    if (this.#file !== undefined) this.#stored(request.getAffectedSopInstanceUid(), this.#file);
    const response = responses.CStoreResponse.fromRequest(request);
    response.setStatus(constants.Status.Success);
    respond(response);
  }

  /** A-ABORT: close at once (PS3.8 §9.2, AA-3). */
  override abort(): void {
    this.#socket.destroy();
  }
}

function fileHeader(sopClassUid: string, sopInstanceUid: string, context: PresentationContext): Buffer {
  const uid = (value: string) => ({ vr: 'UI', Value: [value] });
  const part10 = new data.DicomDict({
    '00020001': { vr: 'OB', Value: [new Uint8Array([0, 1]).buffer] },
    '00020002': uid(sopClassUid),
    '00020003': uid(sopInstanceUid),
    '00020010': uid(context.getAcceptedTransferSyntaxUid() ?? ''),
    '00020012': uid(IMPLEMENTATION_CLASS_UID),
  });
  return Buffer.from(part10.write());
}
