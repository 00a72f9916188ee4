/**
 * What goes wrong in the soak, one kind after the other: each begins, lasts, and is undone. Says what it may harm, so that
 * everything else can be held to go well. Checks nothing.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import type { Random } from '../fuzz/random';
import { onCleanUp } from '../support/cleanUp';
import { writePart10 } from '../support/dicomFiles';
import { PROGRAM_PATH, temporaryFolder } from '../support/processes';
import { ctInstance, HOWS, type Mischief } from './archives';
import type { Hospital } from './hospital';
import type { Harm } from './ledger';
import type { Modalities } from './modalities';
import { pause } from './pause';

export interface Scene {
  readonly hospital: Hospital;
  readonly modalities: Modalities;
  readonly random: Random;
  /** Faults last a second at most. */
  readonly isShort: boolean;
}

export interface Fault {
  readonly name: string;
  readonly harms: Harm;
  /** The gateway is killed: it cannot report how associations ended. */
  readonly kills?: true;
  /** The short version leaves it out: other tests have it in every phase, or it takes long. */
  readonly isLong?: boolean;
  /** Why it cannot happen here; undefined where it can. */
  readonly missing?: (scene: Scene, workers: number) => string | undefined;
  /** Begins, lasts and is undone. */
  readonly happen: (scene: Scene) => Promise<void>;
}

const MIN_MS = 300;
const MAX_MS = 3000;
const SHORT_MS = 1000;
/** Longer than every timer of the gateway that watches a peer. */
const LONG_MS = 11_000;
/** Sends for longer than the cable is pulled out. */
const LINK_BYTES = 4_000_000;
/** What a process needs beyond what it has open, and what is not enough for the load. */
const FEW_DESCRIPTORS = 4;
const HOUR_SECONDS = 3600;

function aWhile({ random, isShort }: Scene): Promise<void> {
  return pause(MIN_MS + random.below((isShort ? SHORT_MS : MAX_MS) - MIN_MS));
}

/** Sometimes longer than the timers, sometimes not. */
function longOrShort(scene: Scene): Promise<void> {
  return !scene.isShort && scene.random.below(3) === 0 ? pause(LONG_MS) : aWhile(scene);
}

function mischief(name: string, what: Mischief, harms: Harm = 'ARCHIVE'): Fault {
  return {
    name: `archive ${name}`,
    harms,
    isLong: what.kind === 'answers nothing' || (what.kind === 'ends' && what.how !== 'silence'),
    happen: async (scene) => {
      scene.hospital.archive.mischief = what;
      await longOrShort(scene);
      scene.hospital.archive.mischief = undefined;
    },
  };
}

function workerFault(name: string, happen: (scene: Scene, pid: number) => Promise<void>): Fault {
  return {
    name,
    harms: 'all',
    missing: (_scene, workers) => (workers > 1 ? undefined : 'there are no workers'),
    happen: (scene) => happen(scene, scene.random.pick(scene.hospital.gateway.workers)),
  };
}

export const allFaults: readonly Fault[] = [
  {
    name: 'Orthanc killed',
    harms: 'ORTHANC',
    happen: async (scene) => {
      await scene.hospital.orthanc.kill();
      await aWhile(scene);
      await scene.hospital.orthanc.restart();
    },
  },
  {
    name: 'Orthanc restarted',
    harms: 'ORTHANC',
    isLong: true,
    happen: async ({ hospital: { orthanc } }) => {
      await orthanc.stop();
      await orthanc.restart();
    },
  },
  {
    name: 'Orthanc frozen',
    harms: 'ORTHANC',
    happen: async (scene) => {
      const { orthanc } = scene.hospital;
      orthanc.signal('SIGSTOP');
      await longOrShort(scene);
      orthanc.signal('SIGCONT');
    },
  },
  ...HOWS.map((how) => mischief(`ends connections by ${how}`, { kind: 'ends', how })),
  mischief('reads slowly', { kind: 'reads slowly' }, 'none'),
  mischief('answers late', { kind: 'answers late' }, 'none'),
  mischief('answers nothing', { kind: 'answers nothing' }),
  {
    name: 'modalities vanish',
    harms: 'none',
    happen: async (scene) => {
      scene.modalities.areVanishing = true;
      await pause(scene.isShort ? SHORT_MS : MAX_MS);
      scene.modalities.areVanishing = false;
    },
  },
  {
    name: 'link of a modality down',
    harms: 'none',
    missing: ({ hospital }) => (hospital.link === undefined ? 'no network namespace can be made' : undefined),
    happen: linkDown,
  },
  {
    name: 'disk full',
    harms: 'none',
    missing: ({ hospital }) => (hospital.disk === undefined ? 'no file system can be mounted' : undefined),
    happen: async (scene) => {
      scene.hospital.disk!.fill(scene.random.below(3));
      await aWhile(scene);
      scene.hospital.disk!.free();
    },
  },
  {
    name: 'descriptors exhausted',
    harms: 'all',
    happen: async (scene) => {
      const { gateway } = scene.hospital;
      const pid = scene.random.pick([gateway.pid, ...gateway.workers]);
      const [soft, hard] = limitOf(pid);
      setLimit(pid, openFiles(pid) + FEW_DESCRIPTORS, hard);
      await aWhile(scene);
      setLimit(pid, soft, hard);
    },
  },
  {
    name: 'clock jumps',
    harms: 'none',
    missing: ({ hospital }) =>
      hospital.clockFile === undefined ? 'libfaketime is not installed' : undefined,
    happen: async (scene) => {
      for (const seconds of [HOUR_SECONDS, -HOUR_SECONDS, 0]) {
        writeFileSync(scene.hospital.clockFile!, `${seconds < 0 ? '' : '+'}${seconds}\n`);
        // libfaketime looks at it once a second.
        await pause(1500);
      }
    },
  },
  {
    name: 'reader of the log hangs',
    harms: 'none',
    happen: async (scene) => {
      const goOn = scene.hospital.gateway.holdStdout();
      await aWhile(scene);
      goOn();
    },
  },
  workerFault('worker killed', async (scene, pid) => {
    process.kill(pid, 'SIGKILL');
    await aWhile(scene);
    await scene.hospital.gateway.allWorkers();
  }),
  workerFault('worker frozen', async (scene, pid) => {
    process.kill(pid, 'SIGSTOP');
    await longOrShort(scene);
    process.kill(pid, 'SIGCONT');
  }),
  {
    name: 'gateway killed',
    harms: 'all',
    kills: true,
    happen: async ({ hospital: { gateway } }) => {
      await gateway.stop('SIGKILL');
      await gateway.start();
    },
  },
  {
    name: 'reloads',
    harms: 'none',
    happen: async (scene) => {
      const { gateway, configuration } = scene.hospital;
      for (let count = 0; count < 5; count += 1) {
        const isBroken = scene.random.below(3) === 0;
        writeFileSync(
          gateway.configurationFile,
          isBroken ? '{ "listeners": [' : JSON.stringify(configuration),
        );
        const before = endedReloads(scene);
        gateway.signal('SIGHUP');
        await gateway.until('the end of a reload', () => endedReloads(scene) > before);
      }
      writeFileSync(gateway.configurationFile, JSON.stringify(configuration));
    },
  },
  {
    name: 'drained and started again',
    harms: 'all',
    happen: async ({ hospital: { gateway } }) => {
      await gateway.stop('SIGTERM');
      await gateway.start();
    },
  },
];

function endedReloads({ hospital: { gateway } }: Scene): number {
  return gateway.countOf('configuration.reloaded') + gateway.countOf('configuration.rejected');
}

/** A real storescu, behind a cable that is pulled out while it sends. */
async function linkDown(scene: Scene): Promise<void> {
  const { link, ports, linkShaByUid } = scene.hospital;
  const instance = ctInstance(LINK_BYTES);
  linkShaByUid.set(instance.sopInstanceUid, instance.sha256);
  const file = writePart10(temporaryFolder(), instance);
  const sender = spawn(
    'ip',
    [
      'netns',
      'exec',
      link!.namespace,
      'storescu',
      '--aetitle',
      'US1',
      '--call',
      scene.random.pick(['ORTHANC', 'ARCHIVE']),
    ].concat(['--required', '--repeat', '500', link!.gatewayAddress, String(ports.link), file]),
    { stdio: 'ignore', env: { ...process.env, PATH: PROGRAM_PATH } },
  );
  const closed = once(sender, 'close');
  const forget = onCleanUp(() => void sender.kill('SIGKILL'));
  await pause(300 + scene.random.below(500));
  link!.down();
  await longOrShort(scene);
  link!.up();
  sender.kill('SIGKILL');
  await closed;
  forget();
}

function limitOf(pid: number): [number, number] {
  const { stdout } = spawnSync('prlimit', [
    '--pid',
    String(pid),
    '--nofile',
    '--noheadings',
    '--output',
    'SOFT,HARD',
  ]);
  const [soft, hard] = stdout.toString().trim().split(/\s+/).map(Number);
  return [soft!, hard!];
}

function setLimit(pid: number, soft: number, hard: number): void {
  spawnSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:${hard}`]);
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
