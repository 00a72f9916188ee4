/**
 * Long work that Ctrl-C may end, but only where nothing is half done. Knows nothing of the work.
 */
import { ExitCode, OperatorError } from '../errors';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Hands the work a signal that Ctrl-C aborts. What the work does not look at runs to its end. */
export async function whileInterruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new AbortController();
  const interrupt = (): void =>
    interruption.abort(new OperatorError('interrupted; nothing was written', ExitCode.Failed));
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(interruption.signal);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}
