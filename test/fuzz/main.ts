/**
 * `npm run fuzz`: takes turns between the targets for as long as it was asked to, and reports. Exit code 0: no findings;
 * 1: at least one; 2: wrong usage.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Corpus, repeatCommand } from './corpus';
import { Coverage } from './coverage';
import { Crash, checkInput, expectSoon, Fuzzing } from './fuzz';
import type { FuzzTarget } from './target';
import { targets } from './targets';
import { Watchdog } from './watchdog';

const HELP = `npm run fuzz -- [--minutes N] [--target NAME] [--seed N] [--file FILE]

  --minutes N     how long, for all targets together; default 1
  --target NAME   this target only; may be given again
  --seed N        begins with the same inputs as the run that printed it
  --file FILE     runs one input, such as a crash, and nothing else
  --corpus DIR    where inputs and crashes are kept; default fuzz-corpus

Targets:
${targets.map(({ name, invariant }) => `  ${name.padEnd(15)} ${invariant}`).join('\n')}
`;
/** Where the compiled source is: dist-fuzz. */
const ROOT = join(__dirname, '..', '..');
/** Of one target, before it is the turn of the next. */
const MAX_TURN_MS = 5_000;
/** Each target has at least so many turns, so that growing memory is seen. */
const MIN_TURNS = 3;

function readOptions() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      target: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string' },
      file: { type: 'string' },
      corpus: { type: 'string', default: 'fuzz-corpus' },
      help: { type: 'boolean', default: false },
    },
  });
  const minutes = Number(values.minutes);
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  if (!(minutes > 0) || !Number.isInteger(seed)) throw new RangeError('--minutes and --seed are numbers');
  const chosen = values.target.map((name) => {
    const found = targets.find((target) => target.name === name);
    if (found === undefined) throw new RangeError(`there is no target "${name}"`);
    return found;
  });
  return { ...values, minutes, seed, chosen: chosen.length === 0 ? targets : chosen };
}

type Options = ReturnType<typeof readOptions>;

async function repeatFile(file: string, chosen: readonly FuzzTarget[]): Promise<number> {
  const [target] = chosen;
  if (target === undefined || chosen.length !== 1) throw new RangeError('--file needs one --target');
  const input = readFileSync(file);
  try {
    await checkInput(target, input);
    await expectSoon(target, input);
  } catch (error) {
    process.stdout.write(`${target.name}: ${(error as Error).message}\n`);
    return 1;
  } finally {
    await target.close?.();
  }
  process.stdout.write(`${target.name}: ${input.length} bytes end as they have to\n`);
  return 0;
}

async function run({ minutes, seed, corpus: folder, chosen }: Options): Promise<number> {
  const corpus = new Corpus(folder);
  const coverage = new Coverage(ROOT);
  const watchdog = new Watchdog(
    folder,
    chosen.map(({ name }) => name),
  );
  const observer = {
    begins: (target: FuzzTarget, input: Buffer) => {
      last = { target, input };
      watchdog.begins(target, input);
    },
    keeps: ({ name }: FuzzTarget, input: Buffer) => corpus.keep(name, input),
  };
  let last: { target: FuzzTarget; input: Buffer } | undefined;
  const crashes: string[] = [];
  const report = (error: unknown, target: FuzzTarget) => {
    const what = (error as Error).stack ?? String(error);
    const input = error instanceof Crash ? error.input : (last?.input ?? Buffer.alloc(0));
    const file = corpus.keepCrash(target.name, input, error instanceof Crash ? error.message : what);
    crashes.push(`${target.name}: ${what.split('\n')[0]}\n  ${repeatCommand(target.name, file)}`);
    process.stdout.write(`CRASH ${crashes.at(-1)}\n`);
  };
  process.on('uncaughtException', (error) => {
    report(error, last?.target ?? chosen[0]!);
    process.exit(1);
  });
  const end = performance.now() + minutes * 60_000;
  const turnMs = Math.min(MAX_TURN_MS, (minutes * 60_000) / (chosen.length * MIN_TURNS));
  process.stdout.write(`--seed ${seed}, ${minutes} minutes, ${chosen.length} targets\n`);
  const all = chosen.map(
    (target, index) =>
      new Fuzzing(target, seed + index, { coverage, observer, corpus: corpus.inputsOf(target.name) }),
  );
  const running = new Set(all);
  while (performance.now() < end && running.size > 0) {
    for (const fuzzing of running) {
      if (performance.now() >= end) break;
      try {
        await fuzzing.runFor(Math.min(turnMs, end - performance.now()));
      } catch (error) {
        report(error, fuzzing.target);
        running.delete(fuzzing);
      }
      watchdog.rest();
      process.stdout.write(`${line(fuzzing)}\n`);
    }
  }
  for (const { target } of all) await target.close?.();
  await watchdog.close();
  coverage.close();
  printReport(all, crashes);
  return crashes.length === 0 ? 0 : 1;
}

function line({ target, inputs, elapsedMs, newBlocks, corpusSize, grownBytes }: Fuzzing): string {
  const perSecond = Math.round((inputs * 1000) / Math.max(1, elapsedMs));
  return [
    target.name.padEnd(15),
    `${String(inputs).padStart(9)} inputs`,
    `${String(perSecond).padStart(6)}/s`,
    `${String(newBlocks).padStart(4)} new blocks`,
    `corpus ${String(corpusSize).padStart(4)}`,
    `memory ${(grownBytes / 1024).toFixed(0).padStart(6)} KB`,
  ].join('  ');
}

function printReport(all: readonly Fuzzing[], crashes: readonly string[]): void {
  const inputs = all.reduce((total, fuzzing) => total + fuzzing.inputs, 0);
  const rss = `RSS ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB`;
  const lines = [
    '',
    ...all.map(line),
    '',
    `${inputs} inputs, ${crashes.length} findings, ${rss}`,
    ...crashes,
    '',
  ];
  process.stdout.write(lines.join('\n'));
}

async function main(): Promise<number> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  return options.file === undefined ? await run(options) : await repeatFile(options.file, options.chosen);
}

void main().then((exitCode) => {
  process.exitCode = exitCode;
});
