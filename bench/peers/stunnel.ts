/**
 * stunnel: terminates TLS, demands a client certificate, passes TCP on. A thread for each connection.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startServer, temporaryFolder } from '../processes';
import type { Peer } from './peer';
import { programVersion } from './programVersion';

export const stunnel: Peer = {
  name: 'stunnel',
  title: 'stunnel',
  version: () => programVersion('stunnel4', '-version'),
  async start(cleanUp, { archive, certificates, keyType = 'rsa' }) {
    const configurationFile = join(temporaryFolder(cleanUp), 'stunnel.conf');
    const port = await freePort();
    const server = certificates.server[keyType];
    const lines = [
      'foreground = yes',
      'pid =',
      'syslog = no',
      'debug = err',
      'socket = l:TCP_NODELAY=1',
      'socket = r:TCP_NODELAY=1',
      'sslVersionMin = TLSv1.2',
      '[dicom]',
      `accept = 127.0.0.1:${port}`,
      `connect = 127.0.0.1:${archive.port}`,
      `cert = ${server.certificateFile}`,
      `key = ${server.privateKeyFile}`,
      `CAfile = ${certificates.caFile}`,
      'verifyChain = yes',
    ];
    writeFileSync(configurationFile, `${lines.join('\n')}\n`);
    const { program, startMs } = await startServer(cleanUp, port, 'stunnel4', [configurationFile]);
    return { port, isTls: true, pid: program.pid, startMs, archive };
  },
};
