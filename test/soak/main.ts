/**
 * `npm run soak`: load and faults for some minutes, or load and take-overs, and a report at the end, also on Ctrl-C. Exit code
 * 0 where all was as it should be, 1 where not, 2 for wrong arguments.
 */
import { parseArgs } from 'node:util';
import { ProgressLine } from '../../src/terminal/progress';
import { cleanUpAll } from '../support/cleanUp';
import { pause } from './pause';
import { type Report, reportOf } from './report';
import { Soak } from './soak';
import { TakeOverRun } from './takeOvers';

const USAGE = `usage: npm run soak -- [--minutes N] [--seed N] [--workers N] [--node FILE] [--only TEXT]
       npm run soak -- --take-overs N [--associations N] [--per-second N] [--workers N]

  --minutes  how long; default 10
  --seed     repeats the order of the faults; default: another one each time
  --workers  of the gateway; default 2
  --node     the Node that runs the gateway; default this one
  --only     only faults whose names contain the text, such as "worker"

  --take-overs    in place of faults: so many processes take over, one from the other, under steady load
  --associations  of the load, first in the clear, then so many with TLS; default 10000
  --per-second    that begin; default 50

It needs Linux; with faults, also Orthanc. As root it also pulls a cable and fills a disk; with libfaketime the clock jumps.
Ctrl-C ends it with the report so far.

Exit codes: 0 all is as it should be, 1 something was found, 2 wrong arguments.
`;
const LINE_EVERY_MS = 10_000;
/** What has not ended by then, ends with this process. */
const CLEAN_UP_MS = 30_000;

interface Arguments {
  readonly minutes: number;
  readonly seed: number;
  readonly workers: number;
  readonly node: string;
  readonly only: string;
  /** 0: faults instead. */
  readonly takeOvers: number;
  readonly associations: number;
  readonly perSecond: number;
}

/** What runs, whichever it is. */
interface Work {
  readonly progress: string;
  run(isOver: () => boolean): Promise<void>;
  report(): Report;
}

function parse(programArguments: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...programArguments],
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 0x7fffffff) },
      workers: { type: 'string', default: '2' },
      node: { type: 'string', default: process.execPath },
      only: { type: 'string', default: '' },
      'take-overs': { type: 'string', default: '0' },
      associations: { type: 'string', default: '10000' },
      'per-second': { type: 'string', default: '50' },
    },
  });
  const number = (
    name: Exclude<keyof typeof values, 'node' | 'only'>,
    isRight: (value: number) => boolean,
  ) => {
    const value = Number(values[name]);
    if (isRight(value)) return value;
    throw new Error(`--${name} "${values[name]}" is not accepted`);
  };
  const isCount = (value: number) => Number.isInteger(value) && value > 0;
  return {
    minutes: number('minutes', (value) => value > 0),
    seed: number('seed', Number.isInteger),
    workers: number('workers', isCount),
    node: values.node,
    only: values.only,
    takeOvers: number('take-overs', (value) => value === 0 || isCount(value)),
    associations: number('associations', isCount),
    perSecond: number('per-second', (value) => value > 0),
  };
}

async function openSoak({ minutes, seed, workers, node, only }: Arguments, fromMs: number): Promise<Work> {
  process.stdout.write(`soak of ${minutes} min, seed ${seed}, ${workers} workers, ${node}\n`);
  const soak = await Soak.open({ seed, workers, node, only });
  const seconds = () => (performance.now() - fromMs) / 1000;
  return {
    get progress() {
      return soak.progress;
    },
    run: (isOver) => soak.run(() => isOver() || seconds() >= minutes * 60),
    report: () => reportOf(soak, { seconds: seconds(), seed }),
  };
}

function openTakeOvers({ takeOvers, associations, perSecond, workers }: Arguments): Work {
  process.stdout.write(`${takeOvers} take-overs, ${perSecond} associations a second, ${workers} workers\n`);
  const runs: TakeOverRun[] = [];
  return {
    get progress() {
      return runs.at(-1)?.progress ?? 'starting';
    },
    run: async (isOver) => {
      for (const isTls of [false, true]) {
        if (isOver()) return;
        const run = await TakeOverRun.open({ takeOvers, associations, perSecond, workers, isTls });
        runs.push(run);
        await run.run(isOver);
      }
    },
    report: () => ({
      text: runs.map(({ report }) => report).join('\n'),
      isGood: runs.every(({ findings }) => findings.length === 0),
    }),
  };
}

async function run(options: Arguments): Promise<boolean> {
  const { stdout } = process;
  const fromMs = performance.now();
  let isInterrupted = false;
  const interrupt = () => {
    // The second time: at once, with nothing but the clean-up.
    if (isInterrupted) void cleanUpAll().finally(() => process.exit(1));
    isInterrupted = true;
    stdout.write('\nends when what is under way has ended\n');
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const work = options.takeOvers > 0 ? openTakeOvers(options) : await openSoak(options, fromMs);
  const line = new ProgressLine((text) => void stdout.write(text), stdout.isTTY === true);
  const say = () => `${Math.round((performance.now() - fromMs) / 1000)} s, ${work.progress}`;
  const ticker = stdout.isTTY
    ? setInterval(() => line.show(say().slice(0, stdout.columns - 1)), 500)
    : setInterval(() => stdout.write(`${say()}\n`), LINE_EVERY_MS);
  try {
    await work.run(() => isInterrupted);
  } finally {
    clearInterval(ticker);
    line.end();
  }
  const { text, isGood } = work.report();
  stdout.write(`\n${text}`);
  return isGood;
}

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    return;
  }
  let programArguments: Arguments;
  try {
    programArguments = parse(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n\n${USAGE}`);
    process.exitCode = 2;
    return;
  }
  let exitCode = 1;
  try {
    exitCode = (await run(programArguments)) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
  }
  await Promise.race([cleanUpAll(), pause(CLEAN_UP_MS)]);
  process.exit(exitCode);
}

main().catch((error: Error) => {
  process.stderr.write(`error: ${error.message}\n`);
  process.exit(1);
});
