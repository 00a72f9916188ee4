/**
 * nginx stream: terminates TLS, demands a client certificate, passes TCP on.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startServer, temporaryFolder } from '../processes';
import type { Peer } from './peer';
import { programVersion } from './programVersion';

/** Debian builds it as a module of its own (libnginx-mod-stream); others build it in. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';

export const nginx: Peer = {
  name: 'nginx',
  title: 'nginx stream',
  version: () => programVersion('nginx', '-v'),
  async start(cleanUp, { archive, certificates, keyType = 'rsa', workers = 1 }) {
    const folder = temporaryFolder(cleanUp);
    const port = await freePort();
    const server = certificates.server[keyType];
    const configurationFile = join(folder, 'nginx.conf');
    const lines = [
      ...(existsSync(STREAM_MODULE) ? [`load_module ${STREAM_MODULE};`] : []),
      'daemon off;',
      `worker_processes ${workers};`,
      `pid ${join(folder, 'nginx.pid')};`,
      'error_log stderr error;',
      'worker_rlimit_nofile 16384;',
      'events { worker_connections 8192; }',
      'stream {',
      '  server {',
      `    listen 127.0.0.1:${port} ssl;`,
      '    tcp_nodelay on;',
      `    ssl_certificate ${server.certificateFile};`,
      `    ssl_certificate_key ${server.privateKeyFile};`,
      `    ssl_client_certificate ${certificates.caFile};`,
      '    ssl_verify_client on;',
      '    ssl_protocols TLSv1.2 TLSv1.3;',
      `    proxy_pass 127.0.0.1:${archive.port};`,
      '    proxy_timeout 10m;',
      '  }',
      '}',
    ];
    writeFileSync(configurationFile, `${lines.join('\n')}\n`);
    const { program, startMs } = await startServer(cleanUp, port, 'nginx', [
      '-p',
      folder,
      '-e',
      'stderr',
      '-c',
      configurationFile,
    ]);
    return { port, isTls: true, pid: program.pid, startMs, archive };
  },
};
