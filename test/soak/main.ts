/**
 * `npm run soak`: load and faults for some minutes, and a report at the end, also on Ctrl-C. Exit code 0 where all was as it
 * should be, 1 where not, 2 for wrong arguments.
 */
import { parseArgs } from 'node:util';
import { ProgressLine } from '../../src/terminal/progress';
import { cleanUpAll } from '../support/cleanUp';
import { pause } from './pause';
import { reportOf } from './report';
import { Soak } from './soak';

const USAGE = `usage: npm run soak -- [--minutes N] [--seed N] [--workers N] [--node FILE] [--only TEXT]

  --minutes  how long; default 10
  --seed     repeats the order of the faults; default: another one each time
  --workers  of the gateway; default 2
  --node     the Node that runs the gateway; default this one
  --only     only faults whose names contain the text, such as "worker"

It needs Linux and Orthanc. As root it also pulls a cable and fills a disk; with libfaketime the clock jumps.
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
    },
  });
  const number = (name: 'minutes' | 'seed' | 'workers', isRight: (value: number) => boolean) => {
    const value = Number(values[name]);
    if (isRight(value)) return value;
    throw new Error(`--${name} "${values[name]}" is not accepted`);
  };
  return {
    minutes: number('minutes', (value) => value > 0),
    seed: number('seed', Number.isInteger),
    workers: number('workers', (value) => Number.isInteger(value) && value > 0),
    node: values.node,
    only: values.only,
  };
}

async function run({ minutes, seed, ...options }: Arguments): Promise<boolean> {
  const { stdout } = process;
  const fromMs = performance.now();
  const seconds = () => (performance.now() - fromMs) / 1000;
  let isInterrupted = false;
  const interrupt = () => {
    // The second time: at once, with nothing but the clean-up.
    if (isInterrupted) void cleanUpAll().finally(() => process.exit(1));
    isInterrupted = true;
    stdout.write('\nends after this round\n');
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  stdout.write(`soak of ${minutes} min, seed ${seed}, ${options.workers} workers, ${options.node}\n`);
  const soak = await Soak.open({ seed, ...options });
  const line = new ProgressLine((text) => void stdout.write(text), stdout.isTTY === true);
  const say = () => `${Math.round(seconds())} s, ${soak.progress}`;
  const ticker = stdout.isTTY
    ? setInterval(() => line.show(say().slice(0, stdout.columns - 1)), 500)
    : setInterval(() => stdout.write(`${say()}\n`), LINE_EVERY_MS);
  try {
    await soak.run(() => isInterrupted || seconds() >= minutes * 60);
  } finally {
    clearInterval(ticker);
    line.end();
  }
  const { text, isGood } = reportOf(soak, { seconds: seconds(), seed });
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
