/**
 * The load processes, seen from the benchmark. One where the work is one association; two where it is many, so that
 * the load is not what limits it on a machine with processors to spare.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { CleanUp } from '../cleanUp';
import type { LoadJob, LoadResult } from './jobs';

/** On a machine that does nothing else, no job takes a tenth of this. A peer that hangs must not hang the benchmark. */
const JOB_DEADLINE_MS = 240_000;
const PROCESSES = 2;

type Answer = { readonly result: LoadResult } | { readonly error: string };

export class LoadGenerator {
  readonly #children: (ChildProcess | undefined)[] = [];

  readonly #cleanUp: CleanUp;

  constructor(cleanUp: CleanUp) {
    this.#cleanUp = cleanUp;
  }

  /** Rejects where a peer refuses, aborts, or does not answer in time. */
  run(job: LoadJob): Promise<LoadResult> {
    return this.#runOn(0, job);
  }

  /** The same job, each half of it in a process of its own; resolves with the sum of both. */
  async runInTwo(halfOfIt: LoadJob): Promise<LoadResult> {
    const halves = Array.from({ length: PROCESSES }, (_, index) => this.#runOn(index, halfOfIt));
    const results = await Promise.all(halves);
    const sum = (key: 'dataSetBytes' | 'answers') => results.reduce((total, each) => total + each[key], 0);
    return {
      seconds: Math.max(...results.map(({ seconds }) => seconds)),
      dataSetBytes: sum('dataSetBytes'),
      answers: sum('answers'),
      latenciesMs: results.flatMap(({ latenciesMs }) => latenciesMs).sort((one, other) => one - other),
    };
  }

  async #runOn(index: number, job: LoadJob): Promise<LoadResult> {
    const child = this.#children[index] ?? this.#start();
    this.#children[index] = child;
    const answer = await answerOf(child, job);
    if ('result' in answer) return answer.result;
    // Whatever it still has open belongs to a job that failed; the next one gets a new process.
    this.#children[index] = undefined;
    child.kill('SIGKILL');
    throw new Error(answer.error);
  }

  #start(): ChildProcess {
    const child = fork(join(__dirname, 'loadProcess.js'), [], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#cleanUp.add(() => void child.kill('SIGKILL'));
    return child;
  }
}

function answerOf(child: ChildProcess, job: LoadJob): Promise<Answer> {
  return new Promise((resolve) => {
    const settle = (answer: Answer) => {
      clearTimeout(timer);
      child.off('message', settle);
      child.off('exit', ended);
      resolve(answer);
    };
    const ended = () => settle({ error: 'the load process ended' });
    const timer = setTimeout(
      () => settle({ error: `no end after ${JOB_DEADLINE_MS / 1000} s` }),
      JOB_DEADLINE_MS,
    );
    child.on('message', settle);
    child.on('exit', ended);
    child.send(job);
  });
}
