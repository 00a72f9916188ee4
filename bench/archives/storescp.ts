/**
 * Debian's storescp as it is delivered: with Nagle's algorithm, and every instance written to disk.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanUp } from '../cleanUp';
import { freePort, startServer, temporaryFolder } from '../processes';
import type { Archive } from './archive';

export async function startStorescp(cleanUp: CleanUp): Promise<Archive> {
  const folder = join(temporaryFolder(cleanUp), 'received');
  mkdirSync(folder);
  const port = await freePort();
  await startServer(cleanUp, port, 'storescp', [
    '--aetitle',
    'ORTHANC',
    '--output-directory',
    folder,
    String(port),
  ]);
  return {
    port,
    isSink: false,
    forget: async () => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    },
  };
}
