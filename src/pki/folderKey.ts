/**
 * Private keys that lie in the folder of a CA, beside their certificates. Reads them; changes nothing.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ExitCode, OperatorError } from '../errors';
import { fileError } from '../files/atomicFiles';
import { isEncryptedKey } from './authority';

/** `encrypted`: we write none such, so it is the device's own. */
export type KeyFile = { readonly pem: string; readonly key: KeyObject } | 'encrypted' | 'missing';

/** Throws OperatorError where there is a file that is no private key. */
export async function readKeyFile(path: string): Promise<KeyFile> {
  let pem: string;
  try {
    pem = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw fileError('read', cause, path);
  }
  if (isEncryptedKey(pem)) return 'encrypted';
  try {
    return { pem, key: createPrivateKey(pem) };
  } catch {
    throw new OperatorError(`${path} holds no private key; move it away`, ExitCode.Failed);
  }
}
