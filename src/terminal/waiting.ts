/**
 * What a command waits for right now, and for how long, in a line that writes over itself and is gone in the end. On a
 * terminal only. Ctrl-C takes the line away before it ends the process.
 */
import { canOverwrite, displayColumns, paint } from '../text/display';

/** What takes less need not be announced. */
const FIRST_AFTER_MS = 200;
const EVERY_MS = 100;
const SPINNER = ['|', '/', '-', '\\'];
const CLEAR_LINE = '\r\x1b[K';

export class WaitingLine {
  readonly #write: (text: string) => void;
  readonly #isShown = canOverwrite();
  #text = '';
  #startedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #turns = 0;

  /** `endsOnInterrupt`: false where the command itself listens for Ctrl-C. */
  constructor(write: (text: string) => void, endsOnInterrupt = true) {
    this.#write = write;
    if (this.#isShown && endsOnInterrupt) process.once('SIGINT', this.#interrupted);
  }

  /** From now on this is waited for. `text` is escaped. */
  waitFor(text: string): void {
    if (!this.#isShown) return;
    this.stop();
    this.#text = text;
    this.#startedMs = performance.now();
    this.#timer = setTimeout(this.#draw, FIRST_AFTER_MS);
  }

  /** Before something else is written. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#turns > 0) this.#write(CLEAR_LINE);
    this.#turns = 0;
  }

  /** For good. */
  end(): void {
    this.stop();
    process.off('SIGINT', this.#interrupted);
  }

  readonly #draw = (): void => {
    const elapsed = `${((performance.now() - this.#startedMs) / 1000).toFixed(1)} s`;
    const line = `${SPINNER[this.#turns % SPINNER.length]} ${this.#text}  ${elapsed}`;
    this.#write(`${CLEAR_LINE}${paint('heading', line.slice(0, displayColumns() - 1))}`);
    this.#turns += 1;
    this.#timer = setTimeout(this.#draw, EVERY_MS);
  };

  /** The signal ends the process, so that the shell sees what did: 130. */
  readonly #interrupted = (): void => {
    this.stop();
    process.kill(process.pid, 'SIGINT');
  };
}
