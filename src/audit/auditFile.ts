/**
 * The audit log file as the audit log sees it: lines go in and, where the chain is on, each is linked to the one before.
 * Owns the watch over what was written: check-points, what the gateway remembers of the end, and whether the file is still
 * what it wrote. How lines get into a file is lineFile.ts's.
 */
import { countOf } from '../text/quote';
import { readSigningKey } from '../x509/tlsFiles';
import { broken, endOfRotated, startOfChain } from './chainStart';
import { readChainState, writeChainState } from './chainState';
import type { AuditEvent } from './events';
import { firstSeq, readChainEnd } from './fileEnds';
import { LineChain, MAX_UNSIGNED_LINES, signerOf } from './lineChain';
import { type FileChange, LineFile, type Rotation } from './lineFile';

/** What was written since is not missed where it is cut off while the gateway does not run. */
const REMEMBER_EVERY_MS = 10_000;
/** logrotate moves the file first and sends the signal when all files are done. */
const MAX_MOVED_LOOKS = 6;

export interface ChainOptions {
  /** File of the private key that signs check-points. */
  readonly key?: string | undefined;
  /** Between two check-points, where anything was written. */
  readonly everySeconds: number;
}

export interface AuditFileOptions {
  readonly rotate?: Rotation | undefined;
  readonly chain?: ChainOptions | undefined;
  readonly stateDirectory?: string | undefined;
}

export interface AuditFileEvents {
  say(message: string): void;
  /** A line about the log itself. */
  report(event: AuditEvent): void;
}

export class AuditFile {
  readonly #name: string;
  readonly #events: AuditFileEvents;
  readonly #file: LineFile;
  readonly #chain: LineChain | undefined;
  readonly #options: AuditFileOptions;
  /** What was found at the start, until it can be reported. */
  #findings: readonly AuditEvent[] = [];
  #timers: NodeJS.Timeout[] = [];
  #saving: Promise<void> | undefined;
  #savedSeq: number | undefined;
  #hasFailed = false;
  /** Looks at a file that is not at its name, one after the other. */
  #movedLooks = 0;
  /** The last line when the file was looked at last. */
  #lookedSeq: number;
  /** The last line of which a change was reported. */
  #changedSeq: number | undefined;

  /** Throws OperatorError if the file cannot be opened, or the key cannot be used. */
  constructor(name: string, options: AuditFileOptions, events: AuditFileEvents) {
    this.#name = name;
    this.#options = options;
    this.#events = events;
    this.#file = new LineFile(name, options.rotate, {
      say: events.say,
      resumed: (count, since, why) =>
        events.report(gapEvent(count, since, `${count} lines are not in the audit log file: ${why}`)),
      found: (change) => this.#found(change),
    });
    this.#chain = this.#openChain(options);
    this.#lookedSeq = this.#chain?.head.seq ?? 0;
  }

  get isTaking(): boolean {
    return this.#file.isTaking;
  }

  set rotation(rotation: Rotation | undefined) {
    this.#file.rotation = rotation;
  }

  /** Returns the lines as they are in the file. What it did not take stays as it was. */
  write(events: readonly AuditEvent[], lines: readonly string[]): readonly string[] {
    if (this.#chain === undefined) {
      this.#file.append(bytesOf(lines));
      return lines;
    }
    const linked = this.#chain.link(lines, (index) => events[index]!.event === 'audit.checkpoint');
    const cut = this.#file.append(bytesOf(linked));
    if (cut === undefined) {
      this.#chain.written(linked);
      if (this.#chain.unsigned >= MAX_UNSIGNED_LINES) this.#signIfDue();
      return linked;
    }
    this.#chain.cut(linked, cut.lines, cut.rest);
    return [...linked.slice(0, cut.lines), ...lines.slice(cut.lines)];
  }

  /**
   * Remembers that the gateway runs, before its first line: a gateway that is killed next must not leave a line behind an
   * orderly stop. What was found stays to be found until it is reported.
   */
  async prepare(): Promise<void> {
    if (this.#chain !== undefined && this.#findings.length === 0) await this.#remember(false);
  }

  /** Reports what was found at the start, and watches from now on. Writes nothing before: the start may yet fail. */
  watch(): void {
    for (const event of this.#findings) this.#events.report(event);
    this.#findings = [];
    if (this.#chain === undefined || this.#timers.length > 0) return;
    const every = (ms: number, work: () => void) => setInterval(work, ms).unref();
    this.#timers = [
      every(REMEMBER_EVERY_MS, () => this.#look()),
      ...(this.#chain.signs
        ? [every(this.#options.chain!.everySeconds * 1000, () => this.#signIfDue())]
        : []),
    ];
    void this.#remember(false);
  }

  reopen(): void {
    // A signal can come before the next look.
    if (this.#timers.length > 0) this.#inspect();
    this.#file.reopen();
    this.#movedLooks = 0;
  }

  /** A last look, and a last check-point where lines came since the one before. */
  signLast(): void {
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#timers.length > 0) this.#inspect();
    this.#signIfDue();
  }

  async close(): Promise<void> {
    if (this.#timers.length > 0) await this.#remember(true);
    this.#file.close();
  }

  #openChain({ chain, stateDirectory }: AuditFileOptions): LineChain | undefined {
    if (chain === undefined || !this.#file.isRegular) return undefined;
    const signer = chain.key === undefined ? undefined : signerOf(readSigningKey(chain.key));
    const remembered = stateDirectory === undefined ? undefined : readChainState(stateDirectory, this.#name);
    const { head, text, findings } = startOfChain(this.#name, remembered);
    this.#findings = findings;
    for (const { detail } of findings) this.#events.say(`warning: ${detail}`);
    this.#file.isSynced = true;
    return new LineChain(head, signer, text);
  }

  #signIfDue(): void {
    const { signs = false, unsigned = 0 } = this.#chain ?? {};
    if (!signs || unsigned === 0 || !this.isTaking) return;
    const detail = `signs the ${countOf(unsigned, 'line')} before it`;
    this.#events.report({ event: 'audit.checkpoint', outcome: 'info', detail, count: unsigned });
  }

  #look(): void {
    this.#inspect();
    void this.#remember(false);
  }

  #inspect(): void {
    const { lastLine, head } = this.#chain!;
    try {
      if (lastLine !== undefined) this.#file.inspect(lastLine);
      this.#lookedSeq = head.seq;
    } catch (error) {
      this.#events.say(`the audit log file cannot be looked at: ${(error as Error).message}`);
    }
  }

  #found(change: FileChange): void {
    if (this.#chain === undefined) return;
    const event = this.#describe(change, this.#chain.head.seq);
    if (event === undefined) return;
    this.#events.say(`warning: ${event.detail}`);
    this.#events.report(event);
  }

  #describe(change: FileChange, seq: number): AuditEvent | undefined {
    switch (change) {
      case 'deleted':
        return broken(`it was deleted; lines go on into a new one behind number ${seq}`);
      case 'longer':
        return broken(`something was added behind number ${seq}`);
      case 'changed':
        if (this.#changedSeq === seq) return undefined;
        this.#changedSeq = seq;
        return broken(`number ${seq}, its last line, is not as it was written`);
      case 'moved':
        this.#movedLooks += 1;
        return this.#movedLooks === MAX_MOVED_LOOKS
          ? broken(`it was moved or replaced, and no SIGHUP came; lines go on into the moved one`)
          : undefined;
      case 'shorter':
        return this.#describeShorter(seq);
    }
  }

  /** logrotate's copytruncate copies the file and empties it. What was written between these two is lost. */
  #describeShorter(seq: number): AuditEvent | undefined {
    const first = firstSeq(this.#name);
    if (first !== undefined && first <= this.#lookedSeq) {
      return broken(`it was cut off; the last line was number ${seq}`);
    }
    const last = (first ?? seq + 1) - 1;
    const copied = endOfRotated(this.#name, seq)?.link.seq ?? 0;
    if (copied === last) {
      const isWhole = first === undefined || readChainEnd(this.#name, seq)?.link.seq === seq;
      return isWhole ? undefined : broken(`it was cut off; the last line was number ${seq}`);
    }
    const beside =
      copied === 0 ? 'no copy of it is beside it' : `what is beside it ends with number ${copied}`;
    return broken(`it was cut or emptied, and ${beside}; the last line was number ${last}`, last - copied);
  }

  /** One at a time; where one is under way, the next look is soon enough, and the last one waits. */
  async #remember(isClosed: boolean): Promise<void> {
    if (isClosed) await this.#saving;
    if (this.#saving === undefined) {
      this.#saving = this.#save(isClosed).finally(() => {
        this.#saving = undefined;
      });
    }
    await this.#saving;
  }

  /** What is remembered is on the disk before: after a power failure, the file must not seem to have lost lines. */
  async #save(isClosed: boolean): Promise<void> {
    const { stateDirectory } = this.#options;
    const { head } = this.#chain!;
    if (stateDirectory === undefined || (head.seq === this.#savedSeq && !isClosed)) return;
    try {
      await this.#file.sync();
      await writeChainState(stateDirectory, { file: this.#name, ...head, isClosed });
      this.#savedSeq = head.seq;
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) {
        this.#events.say(
          `warning: the end of the audit log file cannot be remembered, so nobody will notice if it is cut off: ${(error as Error).message}`,
        );
      }
      this.#hasFailed = true;
    }
  }
}

export function gapEvent(count: number, since: Date, detail: string): AuditEvent {
  return { event: 'audit.resumed', outcome: 'failed', detail, count, since: since.toISOString() };
}

function bytesOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1');
}
