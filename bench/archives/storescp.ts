/**
 * Debian's storescp, which writes every instance to disk: as it is delivered, or with TCP_NODELAY=1 in its environment.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { CleanUp } from '../cleanUp';
import { freePort, startServer, temporaryFolder } from '../processes';
import type { Archive } from './archive';

export async function startStorescp(
  cleanUp: CleanUp,
  environment: Readonly<Record<string, string>>,
): Promise<Archive> {
  const folder = join(temporaryFolder(cleanUp), 'received');
  mkdirSync(folder);
  const port = await freePort();
  const programArguments = ['--aetitle', 'ORTHANC', '--output-directory', folder, String(port)];
  await startServer(cleanUp, port, 'storescp', programArguments, { environment });
  return {
    port,
    isSink: false,
    forget: async () => {
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
    },
  };
}
