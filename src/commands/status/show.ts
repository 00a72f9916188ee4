/** The work of `aegis status`: asks a running gateway over its admin HTTP, once or again and again, and prints. */
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient, type AdminTarget, adminTargetAt, adminTargetOf } from '../../admin/adminClient';
import type { StatusReport } from '../../admin/statusReport';
import { ExitCode, OperatorError } from '../../errors';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { AlternateScreen } from '../../terminal/screen';
import { canOverwrite, displayRows, paint } from '../../text/display';
import { ConfigurationError } from '../../text/problems';
import { hangingLines } from '../../text/table';
import { formatTime, MAX_ROWS, statusReportText } from './text';

export interface StatusOptions extends GlobalOptions {
  readonly url?: string;
  /** Ask only for /healthz. */
  readonly alive?: boolean;
  /** Ask again after so many seconds. */
  readonly watch?: number;
}

export async function status(context: CommandContext, options: StatusOptions): Promise<void> {
  const target = options.url === undefined ? configuredTarget(options.config) : adminTargetAt(options.url);
  if (target === undefined) {
    throw new OperatorError(
      `${options.config} has no admin, so the gateway cannot be asked; add "admin": {} and restart it`,
    );
  }
  const client = new AdminClient(target);
  const { watch: seconds, json: isJson = false } = options;
  if (options.alive === true) {
    await client.health();
    context.exit(ExitCode.Done);
    context.print(isJson ? `${JSON.stringify({ isAlive: true })}\n` : `the gateway at ${client.url} runs\n`);
  } else if (seconds === undefined) {
    const report = await client.status();
    context.exit(exitCodeOf(report));
    context.print(isJson ? `${JSON.stringify(report, undefined, 2)}\n` : statusReportText(report));
  } else if (!isJson && canOverwrite()) await watchOnScreen(client, seconds, context);
  else await watchInLines(client, seconds, isJson, context);
}

function configuredTarget(file: string): AdminTarget | undefined {
  try {
    return adminTargetOf(file);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // A gateway that runs goes on with the configuration that it has.
    throw new OperatorError(
      `${error.message}\nuntil that is fixed, name the admin HTTP of the running gateway: --url http://127.0.0.1:9762`,
    );
  }
}

function exitCodeOf({ isReady }: StatusReport): ExitCode {
  return isReady ? ExitCode.Done : ExitCode.Failed;
}

interface Frame {
  readonly report: StatusReport;
  readonly now: Date;
  /** Since the frame before. */
  readonly rates: ReadonlyMap<string, number>;
}

/** Until Ctrl-C. A gateway that does not answer is reported, and asked again. */
async function watch(
  client: AdminClient,
  seconds: number,
  context: CommandContext,
  { show, fail }: { show(frame: Frame): void; fail(error: OperatorError): void },
): Promise<void> {
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  let last: Omit<Frame, 'rates'> | undefined;
  while (!ended.signal.aborted) {
    try {
      const report = await client.status();
      const now = new Date();
      context.exit(exitCodeOf(report));
      show({ report, now, rates: ratesOf(report, now, last) });
      last = { report, now };
    } catch (error) {
      if (!(error instanceof OperatorError)) throw error;
      context.exit(ExitCode.Failed);
      last = undefined;
      fail(error);
    }
    await delay(seconds * 1000, undefined, { signal: ended.signal }).catch(() => {});
  }
}

async function watchInLines(
  client: AdminClient,
  seconds: number,
  isJson: boolean,
  context: CommandContext,
): Promise<void> {
  await watch(client, seconds, context, {
    show: ({ report, now, rates }) =>
      context.print(isJson ? `${JSON.stringify(report)}\n` : `${statusReportText(report, now, { rates })}\n`),
    fail: ({ message }) => context.printError(`error: ${message}\n`),
  });
}

async function watchOnScreen(client: AdminClient, seconds: number, context: CommandContext): Promise<void> {
  let draw = () => {};
  const screen = new AlternateScreen(
    (text) => context.print(text),
    () => draw(),
  );
  const how = `every ${seconds} s; Ctrl-C ends`;
  const show = (lines: () => readonly string[]) => {
    draw = () => screen.draw(lines());
    draw();
  };
  try {
    await watch(client, seconds, context, {
      show: (frame) => show(() => fittedLines(frame, how)),
      fail: ({ message }) =>
        show(() => {
          const lines = message.split('\n').flatMap((line) => hangingLines(`error: ${line}`, 2));
          return [...lines, '', paint('heading', `asked ${how}`)];
        }),
    });
  } finally {
    screen.close();
  }
}

/** With fewer rows of each section where the window is low. */
function fittedLines({ report, now, rates }: Frame, how: string): string[] {
  for (let maxRows = MAX_ROWS; ; maxRows -= 1) {
    const text = statusReportText(report, now, { rates, maxRows });
    const lines = [
      ...text.split('\n').slice(0, -1),
      paint('heading', `${formatTime(now.toISOString())} UTC, ${how}`),
    ];
    if (maxRows === 1 || lines.length <= displayRows()) return lines;
  }
}

/** Bytes per second of each association that was open before, too. */
function ratesOf(
  { associations }: StatusReport,
  now: Date,
  last: Omit<Frame, 'rates'> | undefined,
): ReadonlyMap<string, number> {
  if (last === undefined) return new Map();
  const seconds = (now.getTime() - last.now.getTime()) / 1000;
  const bytesBefore = new Map(
    last.report.associations.map(({ connectionId, bytes }) => [connectionId, bytes]),
  );
  return new Map(
    associations.flatMap(({ connectionId, bytes }) => {
      const before = bytesBefore.get(connectionId);
      return before === undefined ? [] : [[connectionId, (bytes - before) / seconds] as const];
    }),
  );
}
