/**
 * Questions to the person at the terminal. They go to stderr, so that stdout holds nothing but the result. Knows nothing
 * of what is asked.
 */
import { createInterface as createSilentInterface } from 'node:readline';
import { createInterface, type Interface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { OperatorError } from '../errors';

/** Whether a person is at the terminal to answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** `undefined`: the answer is good. A text says what is wrong with it, and the question is asked again. */
export type Check = (answer: string) => string | undefined;

export class Questions {
  readonly #lines: Interface;
  readonly #ended: Promise<never>;
  // Without it, a SIGINT would end the process without a word.
  readonly #interrupt = (): void => this.#lines.close();

  constructor() {
    this.#lines = createInterface({ input: process.stdin, output: process.stderr });
    process.once('SIGINT', this.#interrupt);
    this.#ended = new Promise((_resolve, reject) => {
      // Ctrl-C, Ctrl-D, or the end of the input.
      this.#lines.once('close', () => {
        process.off('SIGINT', this.#interrupt);
        // The message gets a line of its own, not the one of the question.
        process.stderr.write('\n');
        reject(new OperatorError('nothing was entered; nothing was written'));
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** An empty answer stands for `byDefault`, which is shown in brackets. Throws OperatorError on Ctrl-C and Ctrl-D. */
  async ask(question: string, byDefault: string, check: Check): Promise<string> {
    const prompt = byDefault === '' ? `${question}: ` : `${question} [${byDefault}]: `;
    for (;;) {
      const line = await Promise.race([this.#lines.question(prompt), this.#ended]);
      const answer = line.trim() || byDefault;
      const problem = check(answer);
      if (problem === undefined) return answer;
      process.stderr.write(`  ${problem}\n`);
    }
  }

  /** Anything but yes is no; an empty answer is `byDefault`. Throws OperatorError on Ctrl-C and Ctrl-D. */
  async confirm(question: string, byDefault: 'y' | 'n' = 'y'): Promise<boolean> {
    const answer = await this.ask(`${question} (y/n)`, byDefault, () => undefined);
    return /^y(es)?$/i.test(answer);
  }

  /** Before somebody else reads from the terminal. */
  close(): void {
    process.off('SIGINT', this.#interrupt);
    this.#lines.removeAllListeners('close');
    this.#lines.close();
  }
}

/** One question on its own. Anything but yes is no. */
export async function confirm(question: string, byDefault: 'y' | 'n' = 'y'): Promise<boolean> {
  const questions = new Questions();
  try {
    return await questions.confirm(question, byDefault);
  } finally {
    questions.close();
  }
}

/** Asks on the terminal without showing what is typed. Throws OperatorError on Ctrl-C and Ctrl-D. */
export function askSecret(question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createSilentInterface({ input: process.stdin, output: silence, terminal: true });
    process.stderr.write(question);
    lines.once('line', (line) => {
      resolve(line);
      lines.close();
    });
    lines.once('close', () => {
      process.stderr.write('\n');
      reject(new OperatorError('nothing was entered; nothing was written'));
    });
  });
}
