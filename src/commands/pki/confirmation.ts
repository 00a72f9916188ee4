/** Asks somebody at the terminal for a decision. */
import { createInterface } from 'node:readline';

/** Anything but yes is no; so is the end of input (Ctrl-D). */
export function askYesOrNo(question: string): Promise<boolean> {
  return new Promise((resolve) => {
    process.stderr.write(question);
    const lines = createInterface({ input: process.stdin, terminal: false });
    lines.once('line', (line) => {
      resolve(/^\s*y(es)?\s*$/i.test(line));
      lines.close();
    });
    lines.once('close', () => {
      process.stderr.write('\n');
      resolve(false);
    });
  });
}
