/**
 * The raw sink, seen from the benchmark: see rawSinkProcess.ts.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { CleanUp } from '../cleanUp';
import type { Archive } from './archive';
import type { RawSinkOptions } from './rawSinkProcess';

export async function startRawSink(
  cleanUp: CleanUp,
  { findAnswers = 0, studyInstances = 0, studyInstanceBytes = 0 }: Partial<RawSinkOptions> = {},
): Promise<Archive> {
  const options: RawSinkOptions = { findAnswers, studyInstances, studyInstanceBytes };
  const child = fork(join(__dirname, 'rawSinkProcess.js'), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  cleanUp.add(() => void child.kill('SIGKILL'));
  const [port] = (await once(child, 'message')) as [number];
  return { port, isSink: true, forget: async () => {} };
}
