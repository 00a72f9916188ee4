/**
 * Preloaded into `node` (--require): what Windows lacks is missing. Its platform, no users and groups, no /proc, and no
 * signals but those that end a process. Paths stay those of this machine.
 */
'use strict';
const fs = require('node:fs');

Object.defineProperty(process, 'platform', { value: 'win32' });
for (const name of ['getuid', 'geteuid', 'getgid', 'getegid', 'getgroups', 'setuid', 'setgid']) {
  Object.defineProperty(process, name, { value: undefined });
}

// As libuv: 0 looks, three end the process whatever it handles, all others do not exist.
const { kill } = process;
process.kill = (pid, signal) => {
  if (signal === 0) return kill.call(process, pid, 0);
  if (['SIGTERM', 'SIGINT', 'SIGKILL', undefined].includes(signal)) return kill.call(process, pid, 'SIGKILL');
  throw Object.assign(new Error('kill ENOSYS'), { code: 'ENOSYS', syscall: 'kill' });
};

for (const name of ['openSync', 'readFileSync', 'readdirSync', 'readlinkSync', 'statSync', 'existsSync']) {
  const read = fs[name];
  fs[name] = (path, ...rest) =>
    read(typeof path === 'string' && path.startsWith('/proc/') ? '/not-on-windows' : path, ...rest);
}

// Node.js calls this of each socket that one process hands to another. No other system has it.
const { TCP } = process.binding('tcp_wrap');
TCP.prototype.setSimultaneousAccepts = () => 0;
