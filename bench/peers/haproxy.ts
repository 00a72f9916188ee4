/**
 * HAProxy in TCP mode: terminates TLS, demands a client certificate, passes TCP on.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startServer, temporaryFolder } from '../processes';
import type { Peer } from './peer';
import { programVersion } from './programVersion';

export const haproxy: Peer = {
  name: 'haproxy',
  title: 'HAProxy',
  version: () => programVersion('haproxy', '-v'),
  async start(cleanUp, { archive, certificates, keyType = 'rsa', workers = 1 }) {
    const configurationFile = join(temporaryFolder(cleanUp), 'haproxy.cfg');
    const port = await freePort();
    const tls = `ssl crt ${certificates.server[keyType].bothFile} ca-file ${certificates.caFile} verify required`;
    const lines = [
      'global',
      `  nbthread ${workers}`,
      '  maxconn 4096',
      '  ssl-default-bind-options ssl-min-ver TLSv1.2',
      'defaults',
      '  mode tcp',
      '  timeout connect 10s',
      '  timeout client 10m',
      '  timeout server 10m',
      'listen dicom',
      `  bind 127.0.0.1:${port} ${tls}`,
      `  server archive 127.0.0.1:${archive.port}`,
    ];
    writeFileSync(configurationFile, `${lines.join('\n')}\n`);
    const programArguments = ['-db', '-q', '-f', configurationFile];
    const { program, startMs } = await startServer(cleanUp, port, 'haproxy', programArguments);
    return { port, isTls: true, pid: program.pid, startMs, archive };
  },
};
