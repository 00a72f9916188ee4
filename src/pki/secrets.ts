/**
 * Where passphrases and passwords come from: a file, the environment or chance. Never from an argument,
 * which every user of the machine can read in the list of processes.
 */
import { randomInt } from 'node:crypto';
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

/** Without characters that look alike, because a person types it into a device. */
const PASSWORD_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';

/** Five groups of four characters, 99 bits: out of reach even for the weak key derivation of PKCS#12. */
export function generatePassword(): string {
  const group = () =>
    Array.from({ length: 4 }, () => PASSWORD_ALPHABET[randomInt(PASSWORD_ALPHABET.length)]).join('');
  return Array.from({ length: 5 }, group).join('-');
}
