/**
 * The program of a worker: one gateway whose audit lines, places and orders go through the primary. It ends when
 * the primary is gone, whatever happened to it.
 */
import { ExitCode, OperatorError } from '../../errors';
import { Gateway } from '../gateway';
import { settleHeap } from '../heap';
import type { Prepared } from '../openListeners';
import { RemotePlaces } from './remotePlaces';
import type { FromWorker, ToWorker } from './workerMessages';

let starting: Promise<Gateway> | undefined;
let gateway: Gateway | undefined;
let prepared: Prepared | undefined;
const places = new RemotePlaces(send);

function send(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
}

async function receive(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'start': {
      starting = Gateway.start(message.configuration, { record }, places);
      gateway = await starting;
      // The last resort, as in the process of `aegis start`.
      process.on('uncaughtException', ({ stack }) => {
        process.stderr.write(`aegis: a defect of the gateway, please report it: ${stack}\n`);
      });
      send({ kind: 'started', addresses: gateway.addresses, quickAck: gateway.quickAck.description });
      settleHeap();
      return;
    }
    case 'prepareReload':
      try {
        prepared = await (await started())?.prepareReload(message.configuration);
        send({ kind: 'reloadPrepared' });
      } catch (error) {
        send({ kind: 'reloadPrepared', error: error instanceof Error ? error.message : String(error) });
      }
      return;
    case 'endReload':
      if (message.isCommitted) prepared?.commit();
      else prepared?.abandon();
      prepared = undefined;
      send({
        kind: 'reloadEnded',
        addresses: gateway?.addresses ?? [],
        ended: message.isCommitted && message.enforce ? (gateway?.enforce() ?? 0) : 0,
      });
      return;
    case 'placeAnswer':
      places.answer(message.id, message.answer);
      return;
    case 'stop': {
      const running = await started();
      if (running === undefined) return;
      const isFirst = !running.isDraining;
      const { aborted } = await running.stop();
      if (isFirst) send({ kind: 'stopped', aborted }, () => process.exit(0));
    }
  }
}

/** What is asked for during the start waits for it; undefined where it fails, which ends the process. */
async function started(): Promise<Gateway | undefined> {
  return await starting?.catch(() => undefined);
}

/** The primary tells of the start and the stop of the whole, once. */
function record(event: Extract<FromWorker, { kind: 'audit' }>['event']): void {
  if (event.event !== 'gateway.started' && event.event !== 'gateway.stopped') send({ kind: 'audit', event });
}

process.on('message', (message: ToWorker) => {
  receive(message).catch((error: unknown) => {
    const exitCode = error instanceof OperatorError && error.exitCode === ExitCode.Usage ? 2 : 1;
    const text =
      error instanceof OperatorError ? error.message : error instanceof Error ? error.stack : undefined;
    send({ kind: 'failed', message: text ?? String(error), exitCode }, () => process.exit(1));
  });
});
// Ctrl-C in a terminal reaches every process of the group; the primary says what is to be done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
