/**
 * Owns folders of a CA for tests: made once for a test file, because the key of a CA takes long to find, and copied
 * for each test.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll } from '@jest/globals';
import type { CertificateAuthority } from '../../src/pki/authority';
import { createFolder, openFolder } from '../../src/pki/folder';
import { temporaryFolder } from './processes';

export interface AuthorityFolder {
  readonly directory: string;
  readonly authority: CertificateAuthority;
}

async function noPassphrase() {
  return undefined;
}

/** Call at the top of a test file; `fill` issues what every test finds in its folder. */
export function authorityFolders(
  fill: (folder: AuthorityFolder) => Promise<unknown> = async () => undefined,
): () => Promise<AuthorityFolder> {
  let template: string;
  beforeAll(async () => {
    template = join(temporaryFolder(), 'template');
    await createFolder(template, {});
    await fill({ directory: template, authority: await openFolder(template, noPassphrase) });
  });
  return async () => {
    const directory = join(temporaryFolder(), 'pki');
    cpSync(template, directory, { recursive: true });
    return { directory, authority: await openFolder(directory, noPassphrase) };
  };
}
