/**
 * `npm run bench`: the same work through each peer in turn, in front of the same archive; results.md and its charts at the
 * end. Everything that it starts, it ends, also on Ctrl-C.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { makeCertificates } from './certificates';
import { CleanUp } from './cleanUp';
import { LoadGenerator } from './load/loadGenerator';
import type { Table } from './measure';
import { type Options, parseOptions, usage } from './options';
import { allPeers } from './peers/all';
import type { Peer } from './peers/peer';
import { isInstalled, temporaryFolder } from './processes';
import { formatBarChart } from './report/barChart';
import { chartFile, formatLineChart } from './report/lineChart';
import { describeMachine } from './report/machine';
import { type Duration, formatMarkdown } from './report/markdown';
import { judge } from './targets';
import { allWorkloads } from './workloads/all';
import type { Bench } from './workloads/workload';

const BARS_OF = 'ct-storescp';

function say(text: string): void {
  void process.stdout.write(text);
}

async function main(): Promise<void> {
  const names = allWorkloads.map(({ name }) => name);
  if (process.argv.includes('--help')) {
    say(usage(names));
    return;
  }
  const options = parseOptions(process.argv.slice(2), names);
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc and runs on Linux only');
  const cleanUp = new CleanUp();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      say(`\n${signal}: stopping what was started\n`);
      void cleanUp.run().finally(() => process.exit(128 + constants.signals[signal]));
    });
  }
  try {
    await run(options, cleanUp);
  } finally {
    await cleanUp.run();
  }
}

async function run(options: Options, cleanUp: CleanUp): Promise<void> {
  const from = performance.now();
  const notes = options.isQuick ? ['Made with --quick: the numbers mean nothing.'] : [];
  const peers = await availablePeers(options, notes);
  const bench: Bench = {
    peers,
    attacks: options.attacks,
    against: options.against,
    works: options.works,
    rounds: options.rounds,
    isQuick: options.isQuick,
    certificates: await makeCertificates(temporaryFolder(cleanUp)),
    load: new LoadGenerator(cleanUp),
    say,
  };
  say(`peers: ${peers.map(({ title }) => title).join(' · ')}\n`);
  const durations: Duration[] = [];
  const tables = await runWorkloads(options, bench, cleanUp, notes, durations);
  const facts = await describeMachine(peers);
  writeResults(
    options.output,
    formatMarkdown({ facts, tables, verdicts: judge(tables), notes, durations }),
    tables,
  );
  const seconds = secondsSince(from);
  say(`\n${seconds} s; results in ${relative(process.cwd(), options.output) || '.'}\n`);
}

async function availablePeers(options: Options, notes: string[]): Promise<Peer[]> {
  const available: Peer[] = [];
  for (const peer of allPeers.filter(({ name }) => options.peers?.includes(name) ?? true)) {
    if ((await peer.version()) === undefined)
      notes.push(`${peer.title}: not installed, or this version has it not.`);
    else available.push(peer);
  }
  return available;
}

async function runWorkloads(
  options: Options,
  bench: Bench,
  cleanUp: CleanUp,
  notes: string[],
  durations: Duration[],
): Promise<Table[]> {
  const tables: Table[] = [];
  for (const workload of allWorkloads.filter(
    ({ name, isOnRequest }) => options.only?.includes(name) ?? !isOnRequest,
  )) {
    const missing = workload.needs.filter((program) => !isInstalled(program));
    if (missing.length > 0) {
      notes.push(`${workload.name}: needs ${missing.join(', ')}.`);
      continue;
    }
    say(`\n${workload.name}\n`);
    const from = performance.now();
    const ending = cleanUp.nested();
    try {
      tables.push(...[await workload.run(bench, ending)].flat());
    } catch (error) {
      notes.push(`${workload.name}: failed: ${(error as Error).message}`);
      say(`  failed: ${(error as Error).message}\n`);
    } finally {
      await ending.run();
      durations.push({ workload: workload.name, seconds: secondsSince(from) });
      say(`  ${durations.at(-1)!.seconds} s\n`);
    }
  }
  return tables;
}

function secondsSince(fromMs: number): number {
  return Math.round((performance.now() - fromMs) / 1000);
}

/** Charts only where there is something to draw. */
function writeResults(folder: string, markdown: string, tables: readonly Table[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'results.md'), markdown);
  const measured = tables.filter(({ rows }) => rows.some(({ samples }) => samples.length > 0));
  const bars = measured.find(({ name }) => name === BARS_OF);
  if (bars !== undefined) writeFileSync(join(folder, 'results.svg'), formatBarChart(bars));
  for (const chart of measured.flatMap((table) => table.chart ?? [])) {
    const file = join(folder, chartFile(chart));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, formatLineChart(chart));
  }
}

main().catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exitCode = 1;
});
