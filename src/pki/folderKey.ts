/**
 * Private keys that lie in the folder of a CA, beside their certificates. Reads them; changes nothing.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { ExitCode, OperatorError } from '../errors';
import { readText } from '../files/read';
import { FileError } from '../files/systemErrors';
import { isEncryptedKey } from './authority';

/** `encrypted`: we write none such, so it is the device's own. */
export type KeyFile = { readonly pem: string; readonly key: KeyObject } | 'encrypted' | 'missing';

/** Throws OperatorError where there is a file that is no private key. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  let pem: string;
  try {
    pem = readText(path);
  } catch (cause) {
    if (cause instanceof FileError && cause.code === 'ENOENT') return 'missing';
    throw cause;
  }
  if (isEncryptedKey(pem)) return 'encrypted';
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    throw new OperatorError(`${path} holds no private key; move it away`, ExitCode.Failed);
  }
}
