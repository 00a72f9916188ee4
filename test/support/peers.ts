/**
 * Owns which real programs a test suite needs, and what happens where they are missing: the suite is skipped,
 * and named at the end of the run by skippedPeersReporter.cjs, except in continuous integration, where it fails.
 */
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from '@jest/globals';
import { PROGRAM_PATH } from './processes';
import { canMount } from './smallDisk';

/** Program to the Debian package that has it; scripts/install-test-peers.sh installs these. */
export const packageByProgram = {
  Orthanc: 'orthanc',
  echoscu: 'dcmtk',
  storescu: 'dcmtk',
  findscu: 'dcmtk',
  movescu: 'dcmtk',
  getscu: 'dcmtk',
  storescp: 'dcmtk',
  dcmdump: 'dcmtk',
  dcmprscu: 'dcmtk',
  dcmprscp: 'dcmtk',
  dcmpsprt: 'dcmtk',
  haproxy: 'haproxy',
  'redis-server': 'redis-server',
  nginx: 'nginx-light',
  stunnel4: 'stunnel4',
  tshark: 'tshark',
  chromium: 'chromium',
  openssl: 'openssl',
  odil: 'odil',
  script: 'bsdutils',
  nmap: 'nmap',
  promtool: 'prometheus',
  python3: 'python3',
  rsyslogd: 'rsyslog',
  'lmnsd_gtls.so': 'rsyslog-gnutls',
  xmllint: 'libxml2-utils',
} as const;

export type PeerProgram = keyof typeof packageByProgram;

/** A suite that needs real programs. The title of a skipped one names the packages: the reporter reads it. */
export function describeWithPeers(programs: readonly PeerProgram[], title: string, suite: () => void): void {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) {
    describe(title, suite);
    return;
  }
  const packages = [...new Set(missing.map((program) => packageByProgram[program]))].join(', ');
  const titleWithPackages = `${title} [needs ${packages}]`;
  if (process.env.CI === 'true') {
    describe(titleWithPackages, () => {
      it('has the programs that it talks to', () => {
        throw new Error(`${missing.join(', ')} missing; install the Debian packages ${packages}`);
      });
    });
  } else {
    describe.skip(titleWithPackages, suite);
  }
}

function isInstalled(program: string): boolean {
  const isModule = program.endsWith('.so');
  const folders = isModule ? moduleFolders() : PROGRAM_PATH.split(delimiter);
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), isModule ? constants.R_OK : constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Of rsyslog: one for each architecture. */
function moduleFolders(): string[] {
  return readdirSync('/usr/lib').map((folder) => join('/usr/lib', folder, 'rsyslog'));
}

/** A suite that needs SmallDisk: skipped where no file system can be mounted. */
export function describeWithSmallDisk(title: string, suite: () => void): void {
  (canMount() ? describe : describe.skip)(title, suite);
}
