/**
 * What the numbers were measured on, and with what: they mean nothing without it.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import type { Peer } from '../peers/peer';
import { programVersion } from '../peers/programVersion';
import { REPOSITORY } from '../repository';

/** Facts in words, in the order of the report. */
export type Facts = readonly (readonly [what: string, value: string])[];

export async function describeMachine(peers: readonly Peer[]): Promise<Facts> {
  const gigabytes = Math.round(totalmem() / 1024 ** 3);
  const versions = await Promise.all(
    peers
      // Titles of one product in two settings have a comma.
      .filter(({ name, title }) => name !== 'none' && !(name.startsWith('aegis') && title.includes(',')))
      .map(async (peer) => [peer.title, (await peer.version()) ?? ''] as const),
  );
  const dcmtk = await programVersion('storescp', '--version');
  const orthanc = await programVersion('Orthanc', '--version');
  return [
    ['Date', new Date().toISOString().slice(0, 10)],
    ['Commit', commit()],
    ['Machine', `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} processors, ${gigabytes} GB`],
    ['System', `${distribution()}, Linux ${release()}`],
    ['Node', `${process.version}, OpenSSL ${process.versions.openssl}`],
    ['DCMTK (storescu, storescp)', dcmtk ?? 'not installed'],
    ['Orthanc', orthanc ?? 'not installed'],
    ...versions.filter(([title]) => !title.startsWith('Orthanc')),
  ];
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?(.+?)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

function commit(): string {
  const git = (...words: string[]) =>
    execFileSync('git', words, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const isChanged = git('status', '--porcelain', '--untracked-files=no', 'src').trim() !== '';
    return git('rev-parse', '--short', 'HEAD').trim() + (isChanged ? ', with changes' : '');
  } catch {
    return 'unknown';
  }
}
