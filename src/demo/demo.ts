/**
 * The demo: starts the site, plays the scenes one after the other, and compares what came of each with what has to.
 * Prints nothing.
 */
import { log } from 'dcmjs-dimse';
import { makeInstances } from './instances';
import { makeScenes, type Reach, type Scene, type SceneOutcome } from './scenes';
import { type DemoModalities, DemoSite, demoModalities } from './site';

export interface DemoRow {
  readonly sent: string;
  readonly isOk: boolean;
  readonly outcome: SceneOutcome;
  /** What may differ from system to system and is not compared, e.g. which TLS alert came. */
  readonly wireDetail?: string;
  readonly expected: SceneOutcome;
}

export interface DemoResult {
  /** Whether every scene was played and went as it has to. */
  readonly isOk: boolean;
  readonly rows: readonly DemoRow[];
  /** Scenes that an interruption left out. */
  readonly notPlayed: number;
  readonly instances: {
    readonly count: number;
    readonly bytes: number;
    /** How many are on disk exactly as they were sent. */
    readonly equal: number;
  };
  readonly durationMs: number;
}

export interface DemoOptions {
  /** Default: those for which the scenes are written. */
  readonly modalities?: DemoModalities;
  /** One line for each thing that is done before the scenes. */
  tell(progress: string): void;
  /** A scene begins: what is sent in it. */
  playing?(sent: string): void;
  /** Ends the demo after the scene that is being played. */
  readonly signal?: AbortSignal;
  /** Called with the result while everything still runs; the demo ends when it resolves. */
  finished?(result: DemoResult, site: DemoSite): Promise<void>;
  /** Leave the temporary folder. */
  readonly keepsFiles?: boolean;
}

export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  log.setLevel('silent');
  const { modalities = demoModalities, tell, keepsFiles = false } = options;
  const startedMs = performance.now();
  const site = await DemoSite.start(modalities, tell);
  try {
    const result = await playScenes(site, options, startedMs);
    await options.finished?.(result, site);
    return result;
  } finally {
    await site.stop();
    if (!keepsFiles) await site.removeFiles();
  }
}

async function playScenes(site: DemoSite, options: DemoOptions, startedMs: number): Promise<DemoResult> {
  options.tell('making DICOM instances');
  const instances = makeInstances();
  const scenes = await makeScenes(site, instances);
  const rows: DemoRow[] = [];
  for (const scene of scenes) {
    if (options.signal?.aborted === true) break;
    options.playing?.(scene.sent);
    rows.push(await play(scene, site));
  }
  const stored = rows.filter(({ outcome }) => outcome.archive === 'stored');
  return {
    isOk: rows.length === scenes.length && rows.every(({ isOk }) => isOk),
    rows,
    notPlayed: scenes.length - rows.length,
    instances: {
      count: instances.length,
      bytes: instances.reduce((total, { dataSet }) => total + dataSet.length, 0),
      equal: stored.length,
    },
    durationMs: Math.round(performance.now() - startedMs),
  };
}

async function play(scene: Scene, site: DemoSite): Promise<DemoRow> {
  const { sent, expected, instance } = scene;
  const { archive, trail } = site;
  const before = archive.counts;
  const start = trail.length;
  const wire = await scene.act();
  const audit = await trail.find(expected.audit, start);
  const { connections, dataPdus } = archive.counts;
  const storedSha256 = instance && (await archive.storedSha256(instance.sopInstanceUid));
  let reach: Reach = 'message';
  if (storedSha256 !== undefined)
    reach = storedSha256 === instance?.sha256 ? 'stored' : 'stored, but changed';
  else if (connections === before.connections) reach = 'nothing';
  else if (dataPdus === before.dataPdus) reach = 'association only';
  const outcome = { wire: wire.text, audit, archive: reach };
  const isOk = (['wire', 'audit', 'archive'] as const).every((key) => outcome[key] === expected[key]);
  return { sent, isOk, outcome, expected, ...(wire.detail === undefined ? {} : { wireDetail: wire.detail }) };
}
