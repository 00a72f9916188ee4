/**
 * The work of `aegis alerts test`: sends one alert through each channel, with the code of the gateway, and prints each step.
 * Needs no running gateway. What a channel is belongs to alerts/.
 */
import { testAlert } from '../../alerts/alert';
import { type Delivery, deliveriesOf } from '../../alerts/alerts';
import { waitingOf } from '../../alerts/channel';
import { messageOf } from '../../alerts/message';
import { loadConfiguration } from '../../config/load';
import { ExitCode, OperatorError } from '../../errors';
import type { CommandContext, GlobalOptions } from '../../terminal/command';
import { WaitingLine } from '../../terminal/waiting';
import { displayColumns, paint } from '../../text/display';
import { escapeUnsafe, quoteChoices, quoteValue } from '../../text/quote';
import { wrapped } from '../../text/table';

interface Step {
  readonly ok: boolean;
  readonly name: string;
  readonly text: string;
  readonly durationMs: number;
}

/** Where the text of a step begins. */
const TEXT_COLUMN = 32;

export async function testAlerts(
  context: CommandContext,
  { config, json }: GlobalOptions,
  channel: string | undefined,
): Promise<void> {
  const deliveries = chosenDeliveries(config, channel);
  const results: { channel: string; ok: boolean; steps: readonly Step[] }[] = [];
  for (const delivery of deliveries) {
    const steps = await deliver(delivery, json === true ? undefined : context.print);
    results.push({ channel: delivery.name, ok: steps.every(({ ok }) => ok), steps });
  }
  const isOk = results.every(({ ok }) => ok);
  if (json === true) context.print(`${JSON.stringify({ ok: isOk, channels: results }, undefined, 2)}\n`);
  context.exit(isOk ? ExitCode.Done : ExitCode.Failed);
}

/** Throws OperatorError where there is none. */
function chosenDeliveries(file: string, channel: string | undefined): Delivery[] {
  const { alerts } = loadConfiguration(file).configuration;
  if (alerts === undefined) {
    throw new OperatorError(
      `${file} has no "alerts", so nobody gets an alert; docs/alerts.md shows how to begin`,
    );
  }
  const deliveries = deliveriesOf(alerts);
  const chosen = deliveries.filter(({ name }) => channel === undefined || name === channel);
  if (chosen.length > 0) return chosen;
  const names = quoteChoices(deliveries.map(({ name }) => name));
  throw new OperatorError(`${quoteValue(channel)} is not a channel of "alerts"; accepted is ${names}`);
}

async function deliver(
  delivery: Delivery,
  print: ((text: string) => void) | undefined,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  const waiting = print === undefined ? undefined : new WaitingLine(print);
  let beganMs = performance.now();
  const stepped = (ok: boolean) => (name: string, text: string) => {
    const nowMs = performance.now();
    const step = { ok, name, text, durationMs: Math.round((nowMs - beganMs) * 10) / 10 };
    beganMs = nowMs;
    steps.push(step);
    waiting?.stop();
    print?.(`${stepLines(step).join('\n')}\n`);
    waiting?.waitFor('answer');
  };
  print?.(`${escapeUnsafe(delivery.title)}\n`);
  waiting?.waitFor('answer');
  try {
    const now = new Date();
    await delivery.deliver(messageOf([waitingOf(testAlert, now)], 0, now, true), stepped(true));
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    stepped(false)('delivery', error.message);
  } finally {
    waiting?.end();
  }
  return steps;
}

function stepLines({ ok, name, text, durationMs }: Step): string[] {
  const state = ok ? paint('ok', 'ok    ') : paint('refused', 'failed');
  const time = `${durationMs.toFixed(1)} ms`.padStart(10);
  const [first = '', ...rest] = wrapped(
    escapeUnsafe(text),
    Math.max(displayColumns() - TEXT_COLUMN, TEXT_COLUMN),
  );
  return [
    `  ${state}  ${name.padEnd(9)} ${time}  ${first}`,
    ...rest.map((line) => `${' '.repeat(TEXT_COLUMN)}${line}`),
  ];
}
