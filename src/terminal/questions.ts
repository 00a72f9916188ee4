/**
 * Questions to whoever sits at the terminal: on stderr, so that stdout keeps what was asked for. Knows nothing of what
 * is asked.
 */
import { createInterface, type Interface } from 'node:readline/promises';
import { OperatorError } from '../errors';

/** `undefined`: the answer is good. A text says what is wrong with it, and it is asked for again. */
export type Check = (answer: string) => string | undefined;

export class Questions {
  readonly #lines: Interface;
  readonly #ended: Promise<never>;

  constructor() {
    this.#lines = createInterface({ input: process.stdin, output: process.stderr });
    this.#ended = new Promise((_resolve, reject) => {
      // Ctrl-C, Ctrl-D, or the end of what stdin is.
      this.#lines.once('close', () => {
        // The message gets a line of its own, not the one of the question.
        process.stderr.write('\n');
        reject(new OperatorError('nothing was entered; nothing was written'));
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** An empty answer stands for `byDefault`, which is shown in brackets. */
  async ask(question: string, byDefault: string, check: Check): Promise<string> {
    const prompt = byDefault === '' ? `${question}: ` : `${question} [${byDefault}]: `;
    for (;;) {
      const answer = (await this.#line(prompt)).trim() || byDefault;
      const problem = check(answer);
      if (problem === undefined) return answer;
      process.stderr.write(`  ${problem}\n`);
    }
  }

  async confirm(question: string): Promise<boolean> {
    const answer = await this.ask(`${question} (y/n)`, 'y', (text) =>
      /^(y|yes|n|no)$/i.test(text) ? undefined : 'answer y or n',
    );
    return /^y/i.test(answer);
  }

  /** Before anybody else reads from the terminal. */
  close(): void {
    this.#lines.removeAllListeners('close');
    this.#lines.close();
  }

  #line(prompt: string): Promise<string> {
    return Promise.race([this.#lines.question(prompt), this.#ended]);
  }
}
