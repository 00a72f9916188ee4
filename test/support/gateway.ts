/**
 * The gateway under test, in this process: started from a configuration as an operator would write it, on free
 * ports, with its audit events collected.
 */
import type { z } from 'zod';
import type { AuditEvent, AuditSink } from '../../src/audit/events';
import { configurationSchema } from '../../src/config/schema';
import { LocalPlaces } from '../../src/gateway/associationPlaces';
import { Gateway, type ReloadOptions, type ReloadResult } from '../../src/gateway/gateway';
import { onCleanUp } from './cleanUp';

export type ConfigurationInput = z.input<typeof configurationSchema>;

/** Long enough for a busy machine, short enough to say soon that something never happens. */
const DEADLINE_MS = 10_000;

export class TestGateway implements AuditSink {
  readonly events: AuditEvent[] = [];
  readonly places = new LocalPlaces();
  #gateway: Gateway | undefined;
  #waiting: (() => void)[] = [];

  static async start(input: ConfigurationInput): Promise<TestGateway> {
    const testGateway = new TestGateway();
    testGateway.#gateway = await Gateway.start(
      configurationSchema.parse(input),
      testGateway,
      testGateway.places,
    );
    onCleanUp(async () => {
      const stopping = testGateway.gateway.stop();
      // A second call cuts the drain short: a test that failed half-way has associations left.
      void testGateway.gateway.stop();
      await stopping;
    });
    return testGateway;
  }

  get gateway(): Gateway {
    if (this.#gateway === undefined) throw new Error('the gateway has not started');
    return this.#gateway;
  }

  async reload(input: ConfigurationInput, options?: ReloadOptions): Promise<ReloadResult> {
    return await this.gateway.reload(configurationSchema.parse(input), options);
  }

  /** The port of a listener; of the only one without a name. */
  port(listener?: string): number {
    const found = this.gateway.addresses.find(({ name }) => listener === undefined || name === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  record(event: AuditEvent): void {
    this.events.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** The first event that agrees with `wanted` in every property, now or as soon as it comes. */
  async event(wanted: Partial<AuditEvent>): Promise<AuditEvent> {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      const found = this.events.find((event) =>
        Object.entries(wanted).every(([key, value]) => event[key as keyof AuditEvent] === value),
      );
      if (found !== undefined) return found;
      const restMs = deadline - Date.now();
      if (restMs <= 0) {
        throw new Error(`no event ${JSON.stringify(wanted)} among ${JSON.stringify(this.events, null, 1)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, restMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}
