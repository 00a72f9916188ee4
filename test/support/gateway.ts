/**
 * The gateway under test, in this process: started from a configuration as an operator would write it, on free
 * ports, with its audit events collected.
 */
import type { z } from 'zod';
import type { AuditEvent, AuditSink } from '../../src/audit/events';
import { configurationSchema } from '../../src/config/schema';
import { LocalPlaces } from '../../src/gateway/associationPlaces';
import { Gateway } from '../../src/gateway/gateway';
import type { ReloadOptions, ReloadResult } from '../../src/gateway/runningGateway';
import { withArchivesOverTls } from './archiveOverTls';
import { onCleanUp } from './cleanUp';
import { Changes, waitFor } from './waiting';

export type ConfigurationInput = z.input<typeof configurationSchema>;

/** The least that serves somebody: a plain listener, one archive, and CT1, which may ask for an echo. */
export function plainConfiguration(
  archivePort: number,
  ct1: Partial<ConfigurationInput['modalities'][string]> = {},
  rest: Partial<ConfigurationInput> = {},
): ConfigurationInput {
  return {
    listeners: [{ name: 'plain', host: '127.0.0.1', port: 0 }],
    upstreams: { ARCHIVE: { servers: [`127.0.0.1:${archivePort}`] } },
    modalities: {
      ct1: { callingAeTitle: 'CT1', from: '127.0.0.1', listeners: 'plain', allow: 'echo', ...ct1 },
    },
    ...rest,
  };
}

export class TestGateway implements AuditSink {
  readonly events: AuditEvent[] = [];
  readonly places: LocalPlaces;
  #gateway: Gateway | undefined;
  readonly #changes = new Changes();

  private constructor(places: LocalPlaces) {
    this.places = places;
  }

  static async start(input: ConfigurationInput, places = new LocalPlaces()): Promise<TestGateway> {
    const testGateway = new TestGateway(places);
    testGateway.#gateway = await Gateway.start(
      configurationSchema.parse(withArchivesOverTls(input)),
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
    return await this.gateway.reload(configurationSchema.parse(withArchivesOverTls(input)), options);
  }

  /** The port of a listener; of the only one without a name. */
  port(listener?: string): number {
    const found = this.gateway.addresses.find(({ name }) => listener === undefined || name === listener);
    if (found === undefined) throw new Error(`no listener ${listener}`);
    return found.port;
  }

  record(event: AuditEvent): void {
    this.events.push(event);
    this.#changes.announce();
  }

  /** The first event that agrees with `wanted` in every property, now or as soon as it comes. */
  event(wanted: Partial<AuditEvent>): Promise<AuditEvent> {
    return this.waitFor(
      () => `${JSON.stringify(wanted)} among ${JSON.stringify(this.events, null, 1)}`,
      () =>
        this.events.find((event) =>
          Object.entries(wanted).every(([key, value]) => event[key as keyof AuditEvent] === value),
        ),
    );
  }

  /** What `look` finds; it looks again after each event. */
  waitFor<T>(what: string | (() => string), look: () => T): Promise<Exclude<T, undefined | false>> {
    return this.#changes.waitFor(what, look);
  }

  /** Resolves once no connection is left. */
  async untilIdle(): Promise<void> {
    await waitFor('the end of every connection', () => this.gateway.connectionCount === 0);
  }
}
