/**
 * The work of `aegis capture`: asks the running gateway, writes what it sends to a new file, and says what is in it. Never
 * writes over a file. Knows nothing of packets.
 */
import { rm } from 'node:fs/promises';
import type { ReloadRequester } from '../audit/events';
import { type CapturedSide, MAX_CAPTURE_SECONDS } from '../capture/order';
import { wholeBlocks } from '../capture/pcapng';
import { ExitCode, OperatorError } from '../errors';
import { fileError } from '../files/systemErrors';
import { openNew } from '../files/write';
import type { CommandContext, GlobalOptions } from '../terminal/command';
import { ProgressLine } from '../terminal/progress';
import { systemUser } from '../terminal/systemUser';
import { spanOption } from '../text/moments';
import { countOf, escapeUnsafe, quoteValue } from '../text/quote';
import { askedGateway } from './askedGateway';

interface CaptureOptions extends GlobalOptions {
  readonly modality?: string;
  readonly for: string;
  readonly side: CapturedSide;
  readonly maxBytes: number;
  readonly stop?: boolean;
  readonly url?: string;
}

/** What came, as blocks of pcapng. */
interface Received {
  packets: number;
  bytes: number;
}

export async function recordCapture(
  context: CommandContext,
  options: CaptureOptions,
  file: string | undefined,
): Promise<void> {
  const client = askedGateway(options);
  if (options.stop === true) {
    await client.endCapture();
    show(context, options, { stopped: true }, 'the capture is stopped');
    return;
  }
  const { modality, side, maxBytes } = options;
  if (modality === undefined || file === undefined) {
    throw new OperatorError('name the modality and a file: aegis capture --modality NAME FILE.pcapng');
  }
  const forSeconds = spanOption('--for', options.for) / 1000;
  if (forSeconds > MAX_CAPTURE_SECONDS) {
    throw new OperatorError(`--for ${quoteValue(options.for)} is longer than an hour; accepted is up to 1h`);
  }
  const account = systemUser();
  const requester: ReloadRequester = {
    by: 'admin',
    command: 'capture',
    ...(account === undefined ? {} : { systemUser: account }),
  };
  const output = await openOutput(file);
  const aborted = new AbortController();
  const request = { modality, side, forSeconds, maxBytes };
  const chunks = await client.capture(request, requester, aborted.signal).catch(async (error) => {
    await output.discard();
    throw error;
  });
  context.printError(`recording ${quoteValue(modality)} for ${forSeconds} s; Ctrl-C ends it early\n`);
  const interrupt = () => void client.endCapture().catch(() => aborted.abort());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  const progress = new ProgressLine((text) => context.printError(text), process.stderr.isTTY);
  const startedMs = performance.now();
  let received: Received;
  try {
    received = await receive(chunks, output, ({ packets }) => {
      const seconds = Math.round((performance.now() - startedMs) / 1000);
      progress.show(`${seconds} of ${forSeconds} s: ${countOf(packets, 'packet')}`);
    });
  } finally {
    progress.end();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    // Where the file cannot be written, the gateway need not go on.
    aborted.abort();
    await output.close();
  }
  if (file === '-') return;
  const { packets, bytes } = received;
  const words = `${escapeUnsafe(file)}: ${countOf(packets, 'packet')}, ${bytes} bytes`;
  show(context, options, { file, packets, bytes }, words);
  if (packets === 0) {
    context.printError(
      `warning: ${quoteValue(modality)} had no association in that time; "aegis status" shows whether it connects\n`,
    );
  }
}

export interface Output {
  write(bytes: Uint8Array): Promise<void>;
  /** Cuts off what is behind, where the disk took a part of it. */
  cut(length: number): Promise<void>;
  close(): Promise<void>;
  /** Nothing came. */
  discard(): Promise<void>;
}

const STANDARD_OUTPUT: Output = {
  write: (bytes) =>
    new Promise((resolve, reject) => {
      process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
    }),
  cut: async () => {},
  close: async () => {},
  discard: async () => {},
};

/** Only where there is no such file. */
async function openOutput(file: string): Promise<Output> {
  if (file === '-') return STANDARD_OUTPUT;
  const failed = (cause: unknown): never => {
    throw fileError('write', cause, file);
  };
  const handle = await openNew(file);
  return {
    write: (bytes) => handle.writeFile(bytes).catch(failed),
    cut: (length) => handle.truncate(length),
    close: () => handle.close(),
    discard: async () => {
      await handle.close();
      await rm(file, { force: true });
    },
  };
}

/** Only whole blocks are written: a file that ends inside one cannot be opened. */
export async function receive(
  chunks: AsyncIterable<Uint8Array>,
  output: Output,
  came: (received: Received) => void,
): Promise<Received> {
  const received = { packets: 0, bytes: 0 };
  let waiting = Buffer.alloc(0);
  try {
    for await (const chunk of chunks) {
      waiting = Buffer.concat([waiting, chunk]);
      let whole = 0;
      let packets = 0;
      for (const { end, packetOf } of wholeBlocks(waiting)) {
        whole = end;
        if (packetOf !== undefined) packets += 1;
      }
      await output.write(waiting.subarray(0, whole)).catch(async (error: unknown) => {
        await output.cut(received.bytes);
        throw error;
      });
      received.bytes += whole;
      received.packets += packets;
      waiting = waiting.subarray(whole);
      came(received);
    }
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `the gateway broke the capture off after ${countOf(received.packets, 'packet')}; what came is in the file`,
      ExitCode.Failed,
    );
  }
  return received;
}

function show(context: CommandContext, { json }: GlobalOptions, facts: object, words: string): void {
  context.print(json === true ? `${JSON.stringify(facts)}\n` : `${words}\n`);
}
