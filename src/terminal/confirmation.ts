/** Asks somebody at the terminal for a decision. */
import { createInterface } from 'node:readline';
import { OperatorError } from '../errors';

/** Anything but yes is no. Throws OperatorError on Ctrl-C and Ctrl-D. */
export function askYesOrNo(question: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    process.stderr.write(question);
    const lines = createInterface({ input: process.stdin, terminal: false });
    // Without it, Ctrl-C would end the process without a word.
    const end = () => lines.close();
    process.once('SIGINT', end);
    lines.once('line', (line) => {
      resolve(/^\s*y(es)?\s*$/i.test(line));
      lines.close();
    });
    lines.once('close', () => {
      process.off('SIGINT', end);
      process.stderr.write('\n');
      reject(new OperatorError('nothing was entered; nothing was written'));
    });
  });
}
