/**
 * A view that is drawn in place on the alternate screen of the terminal, as `top` is. Whatever ends the process, the
 * terminal is put back. Knows nothing of what is drawn.
 */
import { displayRows } from '../text/display';
import { countOf } from '../text/quote';

/** Alternate screen (xterm 1049), no cursor, and lines that are cut at the edge, not wrapped. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
/** At its beginning: at the edge it would take away the last character. */
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export class AlternateScreen {
  readonly #write: (text: string) => void;
  /** Draws again: the window changed its size, or came back. */
  readonly #redraw: () => void;
  #isOpen = false;

  constructor(write: (text: string) => void, redraw: () => void) {
    this.#write = write;
    this.#redraw = redraw;
    process.stdout.on('resize', this.#redraw);
    process.on('exit', this.#leave);
    // Before Node prints the stack, which has to stay.
    process.on('uncaughtExceptionMonitor', this.#leave);
    process.on('SIGTSTP', this.#suspend);
    process.on('SIGCONT', this.#redraw);
  }

  /** The first line stays; what is too much for the height is left out at the end, and counted. */
  draw(lines: readonly string[]): void {
    const rows = displayRows();
    const isTooHigh = lines.length > rows;
    const shown = isTooHigh
      ? [...lines.slice(0, rows - 1), `${countOf(lines.length - rows + 1, 'line')} more in a higher window`]
      : lines;
    const enter = this.#isOpen ? '' : ENTER;
    this.#isOpen = true;
    this.#write(`${enter}${HOME}${shown.map((line) => `${CLEAR_LINE}${line}`).join('\r\n')}${CLEAR_BELOW}`);
  }

  close(): void {
    this.#leave();
    process.stdout.off('resize', this.#redraw);
    process.off('exit', this.#leave).off('uncaughtExceptionMonitor', this.#leave);
    process.off('SIGTSTP', this.#suspend).off('SIGCONT', this.#redraw);
  }

  readonly #leave = (): void => {
    if (this.#isOpen) this.#write(LEAVE);
    this.#isOpen = false;
  };

  /** Ctrl-Z. */
  readonly #suspend = (): void => {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  };
}
