/**
 * The naive way, as a process: see dimseRelayProcess.ts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startServer } from '../processes';
import { REPOSITORY } from '../repository';
import type { Peer } from './peer';

export const dimseRelay: Peer = {
  name: 'dcmjs-dimse',
  title: 'dcmjs-dimse, store and forward',
  version: async () => {
    const manifest = join(REPOSITORY, 'node_modules/dcmjs-dimse/package.json');
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  },
  async start(cleanUp, { archive, certificates, keyType = 'rsa' }) {
    const port = await freePort();
    const server = certificates.server[keyType];
    const { program, startMs } = await startServer(cleanUp, port, process.execPath, [
      join(__dirname, 'dimseRelayProcess.js'),
      String(port),
      String(archive.port),
      server.certificateFile,
      server.privateKeyFile,
      certificates.caFile,
    ]);
    return { port, isTls: true, pid: program.pid, startMs, archive };
  },
};
