/**
 * Where passphrases and passwords come from: a file, the environment, the terminal or chance. Never from an argument,
 * which every user of the machine can read in the list of processes.
 */
import { randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { OperatorError } from '../errors';
import { readText } from '../files/read';

/**
 * The secret in `file`, else in the environment variable `variable`, else undefined. One line break at the end does not
 * belong to it. Throws OperatorError when it is empty: that is a mistake.
 */
export async function readSecret(
  what: string,
  file: string | undefined,
  variable: string,
): Promise<string | undefined> {
  const text =
    file === undefined
      ? process.env[variable]
      : readText(file, { missing: `name the file that holds the ${what}, or set ${variable} instead` });
  if (text === undefined) return undefined;
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') {
    throw new OperatorError(`the ${what} in ${file ?? `the variable ${variable}`} is empty`);
  }
  return secret;
}

/** Whether a person is at the terminal to answer. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on the terminal without showing what is typed. Throws OperatorError on Ctrl-C and Ctrl-D. */
export function askSecret(question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: process.stdin, output: silence, terminal: true });
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

/** Without characters that look alike, because a person types it into a device. */
const PASSWORD_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Five groups of four characters, 99 bits: out of reach even for the weak key derivation of PKCS#12. */
export function generatePassword(): string {
  const group = () =>
    Array.from({ length: 4 }, () => PASSWORD_ALPHABET[randomInt(PASSWORD_ALPHABET.length)]).join('');
  return Array.from({ length: 5 }, group).join('-');
}
