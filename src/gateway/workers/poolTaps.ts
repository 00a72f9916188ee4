/**
 * One capture over all workers: each records its own associations, and the primary puts the packets together. A worker
 * that dies takes with it what it had not handed on. Does not know what is recorded.
 */
import type { CapturedBatch, CaptureOrder, CaptureSource, RunningCapture } from '../../capture/order';
import type { FromWorker, ToWorker } from './messages';
import type { PoolMember } from './poolMember';

/** A person waits for the capture to begin, or to end. A worker that is so late hangs, and is not waited for. */
const MAX_ANSWER_MS = 2000;

interface Running {
  readonly order: CaptureOrder;
  deliver(batch: CapturedBatch): void;
  /** Whose batches were delivered and are not confirmed, the oldest first. */
  readonly delivered: PoolMember[];
}

export class PoolTaps implements CaptureSource {
  readonly #members: ReadonlyMap<number, PoolMember>;
  #running: Running | undefined;

  constructor(members: ReadonlyMap<number, PoolMember>) {
    this.#members = members;
  }

  async begin(order: CaptureOrder, deliver: (batch: CapturedBatch) => void): Promise<RunningCapture> {
    const running: Running = { order, deliver, delivered: [] };
    this.#running = running;
    await this.#ask({ kind: 'capture', order }, 'captureBegun');
    return {
      confirm: () => this.#confirm(running),
      end: async () => {
        if (this.#running !== running) return;
        await this.#ask({ kind: 'endCapture' }, 'captureEnded');
        this.#running = undefined;
      },
    };
  }

  /** A worker that was started. */
  joined(member: PoolMember): void {
    member.worker.on('message', (message: FromWorker) => {
      if (message.kind === 'captured') this.#captured(member, message);
    });
    if (this.#running !== undefined) member.send({ kind: 'capture', order: this.#running.order });
  }

  #captured(member: PoolMember, { blocks, dropped }: Extract<FromWorker, { kind: 'captured' }>): void {
    if (this.#running === undefined) return;
    this.#running.delivered.push(member);
    this.#running.deliver({ blocks: Buffer.from(blocks, 'base64'), dropped });
  }

  /** Batches are taken in the order in which they were delivered. */
  #confirm({ delivered }: Running): void {
    const taken = delivered.shift();
    taken?.send({ kind: 'captureTaken' });
  }

  async #ask(message: ToWorker, answer: FromWorker['kind']): Promise<void> {
    const members = [...this.#members.values()];
    await Promise.all(
      members.map(async (member) => {
        const answered = answerOf(member, answer);
        member.send(message);
        await answered;
      }),
    );
  }
}

/** Resolves also where the worker has died, or is late. */
function answerOf({ worker }: PoolMember, kind: FromWorker['kind']): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(deadline);
      worker.off('message', received).off('exit', done);
      resolve();
    };
    const received = (message: FromWorker) => {
      if (message.kind === kind) done();
    };
    const deadline = setTimeout(done, MAX_ANSWER_MS);
    worker.on('message', received).on('exit', done);
  });
}
