/**
 * Somebody at a terminal who answers each question of a command in this process, one after the other, or types freely.
 */
import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { jest } from '@jest/globals';

export interface Terminal {
  readonly keyboard: PassThrough;
  /** What is left to be answered. */
  answers: string[];
  /** Everything that was shown on stderr, without the movements of the cursor. */
  readonly asked: string;
  /** Puts the real terminal back. */
  close(): void;
}

export function openTerminal(): Terminal {
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!;
  const { isTTY } = process.stderr;
  const resizeListeners = process.stderr.listeners('resize');
  const keyboard = new PassThrough();
  Object.assign(keyboard, { isTTY: true });
  Object.defineProperty(process, 'stdin', { ...stdin, get: () => keyboard });
  process.stderr.isTTY = true;
  let asked = '';
  const terminal = {
    keyboard,
    answers: [] as string[],
    get asked() {
      return stripVTControlCharacters(asked);
    },
    close: () => {
      writing.mockRestore();
      // Questions that a test leaves open listen on, and all tests of this process share the stream.
      for (const listener of process.stderr.listeners('resize')) {
        if (!resizeListeners.includes(listener)) process.stderr.off('resize', listener as () => void);
      }
      Object.defineProperty(process, 'stdin', stdin);
      process.stderr.isTTY = isTTY;
    },
  };
  const writing = jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    asked += String(text);
    // One answer to each question.
    if (/: $/.test(String(text)) && terminal.answers.length > 0)
      setImmediate(() => keyboard.write(`${terminal.answers.shift()}\n`));
    return true;
  });
  return terminal;
}
