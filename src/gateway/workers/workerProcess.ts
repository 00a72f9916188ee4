/**
 * The program of a worker: one gateway whose audit lines, places and orders go through the primary. It ends when the
 * primary is gone, whatever the reason, and writes the lines that the primary can no longer write. Knows no other worker.
 */
import { writeLastLines } from '../../audit/lastLines';
import type { CaptureOrder, RunningCapture } from '../../capture/order';
import type { Configuration } from '../../config/schema';
import { ExitCode, OperatorError } from '../../errors';
import { InheritedSockets } from '../../net/inheritedSockets';
import type { AssociationPlace, AssociationPlaces, PlaceAnswer, PlaceRequest } from '../associationPlaces';
import { type DisclosureSink, wantedDisclosures } from '../dataSetTap';
import { Gateway } from '../gateway';
import { settleHeap } from '../heap';
import type { Prepared } from '../openListeners';
import type { Asked } from '../sharedPlaces';
import { AuditPipe } from './auditPipe';
import type { FromWorker, ToWorker } from './messages';

/**
 * The places of associations as a worker sees them: the primary keeps them, for all workers together. A request
 * and its answer take a tenth of a millisecond on the pipe.
 */
class RemotePlaces implements AssociationPlaces {
  readonly #waiting = new Map<number, (answer: PlaceAnswer) => void>();
  readonly #askedById = new Map<number, Asked>();
  #lastId = 0;

  request(
    request: PlaceRequest,
    answered: (answer: PlaceAnswer) => void,
    asked: Asked = () => {},
  ): AssociationPlace {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#waiting.set(id, answered);
    this.#askedById.set(id, asked);
    send({ kind: 'placeRequest', id, request });
    let isFree = false;
    return {
      arrived: (server) => {
        if (!isFree) send({ kind: 'serverAnswered', id, server });
      },
      failed: (server, detail) => {
        if (!isFree) send({ kind: 'serverFailed', id, server, detail });
      },
      free: () => {
        if (isFree) return;
        isFree = true;
        this.#waiting.delete(id);
        this.#askedById.delete(id);
        send({ kind: 'placeFreed', id });
      },
    };
  }

  /** The primary's answer. A request that nobody waits for was freed in the meantime. */
  answer(id: number, answer: PlaceAnswer): void {
    const answered = this.#waiting.get(id);
    this.#waiting.delete(id);
    answered?.(answer);
  }

  asked(id: number, held: number): void {
    this.#askedById.get(id)?.(held);
  }
}

let starting: Promise<Gateway> | undefined;
let gateway: Gateway | undefined;
let prepared: Prepared | undefined;
/** The last one that was asked for. It begins after a moment, and an end that is asked for meanwhile waits for that. */
let capture: Promise<RunningCapture | undefined> = Promise.resolve(undefined);
/** Once what was prepared counts. */
let wantsNext: DisclosureSink['wants'] = 'nothing';
const places = new RemotePlaces();
const audit = new AuditPipe((events, disclosed) => send({ kind: 'audit', events, disclosed }));
/** How to write lines when the primary is gone. */
let auditOptions: Configuration['audit'] | undefined;

/** In order: what was recorded before goes first. */
function send(message: FromWorker, sent?: () => void): void {
  if (message.kind !== 'audit') audit.flush();
  if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
}

async function receive(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'start': {
      auditOptions = message.configuration.audit;
      audit.wants = wantedDisclosures(message.configuration);
      starting = Gateway.start(message.configuration, audit, places, {
        locks: message.locks,
        imposed: (penalty) => send({ kind: 'penaltyImposed', penalty }),
        disclosures: audit,
        sockets: new InheritedSockets(message.sockets),
      });
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
        wantsNext = wantedDisclosures(message.configuration);
        prepared = await (await started())?.prepareReload(message.configuration);
        send({ kind: 'reloadPrepared' });
      } catch (error) {
        send({ kind: 'reloadPrepared', error: error instanceof Error ? error.message : String(error) });
      }
      return;
    case 'endReload':
      if (message.isCommitted) {
        prepared?.commit();
        audit.wants = wantsNext;
      } else prepared?.abandon();
      prepared = undefined;
      send({
        kind: 'reloadEnded',
        addresses: gateway?.addresses ?? [],
        ended: message.isCommitted && message.enforce ? (gateway?.enforce() ?? 0) : 0,
      });
      return;
    case 'heartbeat':
      send({ kind: 'heartbeat' });
      return;
    case 'retire': {
      const retired = (await started())?.retire();
      send({ kind: 'heartbeat' });
      await retired;
      send({ kind: 'stopped', aborted: (await gateway?.stop())?.aborted ?? 0 }, () => process.exit(0));
      return;
    }
    case 'auditWritten':
      audit.written(message.count);
      return;
    case 'lock':
      send({ kind: 'locked', ended: (await (await started())?.lock(message.locks))?.ended ?? 0 });
      return;
    case 'logBlocked':
      audit.logBlocked(message.isBlocked);
      return;
    case 'placeAnswer':
      places.answer(message.id, message.answer);
      return;
    case 'tellProgress':
      send({ kind: 'progress', associations: (await gateway?.progress(message.wanted)) ?? [] });
      return;
    case 'penalty':
      (await started())?.penalties.take(message.penalty);
      return;
    case 'placeAsked':
      places.asked(message.id, message.held);
      return;
    case 'capture':
      capture = beginCapture(message.order);
      await capture;
      send({ kind: 'captureBegun' });
      return;
    case 'captureTaken':
      (await capture)?.confirm();
      return;
    case 'endCapture':
      await (await capture)?.end();
      send({ kind: 'captureEnded' });
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

async function beginCapture(order: CaptureOrder): Promise<RunningCapture | undefined> {
  return await (await started())?.taps.begin(order, ({ blocks, dropped }) =>
    send({ kind: 'captured', blocks: blocks.toString('base64'), dropped }),
  );
}

/** Messages during the start wait for it; undefined where it fails, which ends the process. */
async function started(): Promise<Gateway | undefined> {
  return await starting?.catch(() => undefined);
}

function ignore(): void {}

// As in cli.ts: without a reader, each failed write would be reported by another one.
process.stderr.on('error', ignore);
// node:cluster ends a worker as soon as the primary is gone.
process.on('exit', () => {
  if (process.connected || auditOptions === undefined) return;
  writeLastLines(audit.unwritten, auditOptions, (text) => void process.stderr.write(`aegis: ${text}\n`));
});
process.on('message', (message: ToWorker) => {
  receive(message).catch((error: unknown) => {
    const exitCode = error instanceof OperatorError && error.exitCode === ExitCode.Usage ? 2 : 1;
    const text =
      error instanceof OperatorError ? error.message : error instanceof Error ? error.stack : undefined;
    send({ kind: 'failed', message: text ?? String(error), exitCode }, () => process.exit(1));
  });
});
// Ctrl-C in a terminal reaches every process of the group. The primary decides what happens. SIGBREAK: Windows.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) process.on(signal, () => {});
