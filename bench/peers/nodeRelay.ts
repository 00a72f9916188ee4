/**
 * Relays that run on the same Node as Aegis: the naive way (dimseRelayProcess.ts), and Node without anything
 * (plainRelayProcess.ts).
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
  start: starting('dimseRelayProcess.js'),
};

export const plainRelay: Peer = {
  name: 'plain-relay',
  title: 'a relay of 40 lines on the same Node',
  version: async () => process.version,
  start: starting('plainRelayProcess.js'),
};

function starting(file: string): Peer['start'] {
  return async (cleanUp, { archive, certificates, keyType = 'rsa' }) => {
    const port = await freePort();
    const server = certificates.server[keyType];
    const { program, startMs } = await startServer(cleanUp, port, process.execPath, [
      join(__dirname, file),
      String(port),
      String(archive.port),
      server.certificateFile,
      server.privateKeyFile,
      certificates.caFile,
    ]);
    return { port, isTls: true, pid: program.pid, startMs, archive };
  };
}
