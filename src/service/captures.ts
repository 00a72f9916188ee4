/**
 * The capture that an operator asked for: one at a time, bounded in time and size, written to the audit log. Makes the file
 * of what the processes record. Does not know who reads it, nor what may be shown: nothing else comes here.
 */
import { PassThrough } from 'node:stream';
import { version } from '../../package.json';
import type { CaptureControl, CaptureRequest } from '../admin/captureRoutes';
import type { AuditSink, ReloadRequester } from '../audit/events';
import { type CapturedBatch, INTERFACES, type RunningCapture } from '../capture/order';
import { interfaceBlock, sectionBlock, statisticsBlock, wholeBlocks } from '../capture/pcapng';
import type { RunningGateway } from '../gateway/runningGateway';
import type { Say } from './warnings';

/** What the reader has not taken yet. Beyond it batches are dropped, and counted: the relay never waits. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;
/** A block that says nothing new: connections that are silent for minutes are given up by clients and firewalls. */
const HEARTBEAT_MS = 60_000;
/** For the statistics, which come last. */
const END_BYTES = 256;

const COMMENT =
  'Recorded by the gateway behind TLS. Data sets, identifiers of queries, error comments and user identities are blanked: bytes that are not recorded were there, and their number is right. The port of the called side is shown as 104, which Wireshark takes for DICOM.';

interface Attached {
  readonly gateway: Pick<RunningGateway, 'taps'>;
  readonly audit: AuditSink;
}

export class Captures implements CaptureControl {
  readonly #say: Say;
  #attached: Attached | undefined;
  #running: Session | undefined;

  constructor(say: Say) {
    this.#say = say;
  }

  attach(attached: Attached): void {
    this.#attached = attached;
  }

  get modality(): string | undefined {
    return this.#running?.request.modality;
  }

  /** There must be none. The stream ends with the capture, and the capture with the stream. */
  async begin(request: CaptureRequest, requestedBy: ReloadRequester): Promise<PassThrough> {
    const session = new Session(request, (reason) => {
      if (this.#running === session) this.#running = undefined;
      const { bytes, packets, dropped, durationMs } = session;
      const lost = dropped === 0 ? '' : `, ${dropped} packets dropped`;
      this.#record('capture.ended', session, requestedBy, {
        detail: `${reason}; ${packets} packets${lost}`,
        bytes,
        durationMs,
      });
    });
    this.#running = session;
    const { side, forSeconds, maxBytes } = request;
    const legs = side === 'both' ? 'both sides' : `the side of the ${side}`;
    this.#record('capture.started', session, requestedBy, {
      detail: `${legs}, for ${forSeconds} s, at most ${maxBytes} bytes, without patient data`,
    });
    const { taps } = this.#attached!.gateway;
    try {
      session.start(await taps.begin(request, (batch) => session.take(batch)));
    } catch (error) {
      session.fail();
      throw error;
    }
    return session.stream;
  }

  /** Whether there was one. */
  async end(reason: string): Promise<boolean> {
    const session = this.#running;
    await session?.end(reason);
    return session !== undefined;
  }

  #record(
    event: 'capture.started' | 'capture.ended',
    { request: { modality } }: Session,
    requestedBy: ReloadRequester,
    facts: { readonly detail: string; readonly bytes?: number; readonly durationMs?: number },
  ): void {
    this.#attached?.audit.record({ event, outcome: 'info', modality, ...facts, requestedBy });
    this.#say(
      `${event === 'capture.started' ? 'captures' : 'captured'} ${JSON.stringify(modality)}: ${facts.detail}`,
    );
  }
}

class Session {
  readonly request: CaptureRequest;
  readonly stream = new PassThrough({ highWaterMark: MAX_QUEUED_BYTES });
  readonly #ended: (reason: string) => void;
  readonly #startedMs = performance.now();
  readonly #counts = INTERFACES.map(() => ({ received: 0, dropped: 0 }));
  readonly #timers: NodeJS.Timeout[] = [];
  #capture: RunningCapture | undefined;
  /** Batches that came before every process had begun. */
  #early = 0;
  /** Why it is to end. */
  #ending: string | undefined;
  #isOver = false;
  bytes = 0;

  constructor(request: CaptureRequest, ended: (reason: string) => void) {
    this.request = request;
    this.#ended = ended;
    this.#write(sectionBlock({ application: `Aegis ${version}`, comment: COMMENT }));
    const name = JSON.stringify(request.modality);
    this.#write(interfaceBlock('modality', `the leg of the modality ${name}`));
    this.#write(interfaceBlock('archive', `the leg of the archive, for the modality ${name}`));
    this.stream.once('close', () => void this.end('its reader went away'));
  }

  get packets(): number {
    return this.#counts.reduce((sum, { received, dropped }) => sum + received - dropped, 0);
  }

  get dropped(): number {
    return this.#counts.reduce((sum, { dropped }) => sum + dropped, 0);
  }

  get durationMs(): number {
    return Math.round(performance.now() - this.#startedMs);
  }

  start(capture: RunningCapture): void {
    this.#capture = capture;
    for (; this.#early > 0; this.#early -= 1) capture.confirm();
    if (this.#ending !== undefined) {
      void this.#finish(this.#ending);
      return;
    }
    const { forSeconds } = this.request;
    this.#timers.push(
      setTimeout(() => void this.end('its time is over'), forSeconds * 1000).unref(),
      setInterval(() => this.#writeStatistics(), HEARTBEAT_MS).unref(),
    );
  }

  /** It never began. */
  fail(): void {
    this.#ending ??= 'it could not begin';
    this.#isOver = true;
    this.stream.destroy();
    this.#ended(this.#ending);
  }

  take({ blocks, dropped }: CapturedBatch): void {
    if (this.#capture === undefined) this.#early += 1;
    else this.#capture.confirm();
    for (const [index, count] of dropped.entries()) {
      this.#counts[index]!.received += count;
      this.#counts[index]!.dropped += count;
    }
    const isFull = this.stream.destroyed || this.stream.writableLength > MAX_QUEUED_BYTES;
    const room = this.request.maxBytes - this.bytes - END_BYTES;
    let written = 0;
    for (const { end, packetOf } of wholeBlocks(blocks)) {
      const counts = this.#counts[packetOf ?? 0]!;
      counts.received += 1;
      if (isFull || end > room) counts.dropped += 1;
      else written = end;
    }
    this.#write(blocks.subarray(0, written));
    if (!isFull && written < blocks.length) void this.end('its size is reached');
  }

  /** Once; resolves when the file is whole. */
  async end(reason: string): Promise<void> {
    if (this.#ending !== undefined) return;
    this.#ending = reason;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#capture !== undefined) await this.#finish(reason);
  }

  async #finish(reason: string): Promise<void> {
    await this.#capture?.end();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writeStatistics();
    this.stream.end();
    this.#ended(reason);
  }

  #writeStatistics(): void {
    const nowMs = Date.now();
    for (const [index, counts] of this.#counts.entries()) this.#write(statisticsBlock(index, nowMs, counts));
  }

  #write(bytes: Buffer): void {
    if (bytes.length === 0 || this.stream.destroyed || this.stream.writableEnded) return;
    this.bytes += bytes.length;
    this.stream.write(bytes);
  }
}
