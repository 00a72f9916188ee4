/**
 * The programs that docs/migrating.md leads away from: how each runs in the foreground with the block that the page
 * shows, and how it reads its file again. Starts nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PeerProgram } from './peers';

/** Debian builds it as a module of its own (libnginx-mod-stream); others build it in. */
const NGINX_STREAM = '/usr/lib/nginx/modules/ngx_stream_module.so';

/** One of the programs that are replaced, run as its documentation says. */
interface OldProxy {
  /** The heading in docs/migrating.md. */
  readonly heading: string;
  readonly language: string;
  readonly program: PeerProgram;
  /** What a file needs around the block of the page to run in the foreground, from a folder of its own. */
  whole(block: string, folder: string): string;
  programArguments(file: string, folder: string): string[];
  readonly reloadSignal: NodeJS.Signals;
}

export const oldProxies: readonly OldProxy[] = [
  {
    heading: 'stunnel',
    language: 'ini',
    program: 'stunnel4',
    whole: (block) => `foreground = yes\npid =\nsyslog = no\n${block}`,
    programArguments: (file) => [file],
    reloadSignal: 'SIGHUP',
  },
  {
    heading: 'nginx',
    language: 'nginx',
    program: 'nginx',
    whole: (block, folder) =>
      [
        existsSync(NGINX_STREAM) ? `load_module ${NGINX_STREAM};` : '',
        `daemon off; pid ${join(folder, 'nginx.pid')}; error_log stderr error;`,
        'events { worker_connections 1024; }',
        block,
      ].join('\n'),
    programArguments: (file, folder) => ['-p', folder, '-e', 'stderr', '-c', file],
    reloadSignal: 'SIGHUP',
  },
  {
    heading: 'HAProxy',
    language: 'haproxy',
    program: 'haproxy',
    whole: (block) => block,
    // Master and worker, as the units of the distributions run it: without a master there is no reload.
    programArguments: (file) => ['-W', '-f', file],
    reloadSignal: 'SIGUSR2',
  },
];
