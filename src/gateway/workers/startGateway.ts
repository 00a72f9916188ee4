/** One gateway in this process, or several in workers: what `workers` of the configuration asks for. */
import { availableParallelism } from 'node:os';
import type { AuditSink } from '../../audit/events';
import type { Configuration } from '../../config/schema';
import { Gateway, type RunningGateway } from '../gateway';

/** How many processes do the work; 1 is this one. */
export function workerCount({ workers }: Configuration): number {
  return workers === 'auto' ? availableParallelism() : workers;
}

/**
 * `workerDied` is told, in words, of a worker that ended without being asked to.
 *
 * @throws OperatorError where the configuration cannot be used or a port cannot be had; nothing listens then
 */
export async function startGateway(
  configuration: Configuration,
  audit: AuditSink,
  workerDied: (message: string) => void,
): Promise<RunningGateway> {
  const count = workerCount(configuration);
  if (count === 1) return await Gateway.start(configuration, audit);
  const { WorkerPool } = await import('./workerPool');
  return await WorkerPool.start(configuration, count, audit, workerDied);
}
